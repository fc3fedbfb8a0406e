"""Screens of every size."""

import pytest

from tests.browser.conftest import OpenSignIn
from tests.site import Site

SCREENS = {
    "smallest phone": (320, 568),
    "phone": (390, 844),
    "phone on its side": (844, 390),
    "tablet": (768, 1024),
    "low window": (1280, 540),
    "desk": (1440, 900),
}
# Seven pixels for a module of the usual code, which phones read from an arm's length.
LEAST_PX = 200
OVERHANG = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
async def test_code_is_in_sight_without_scrolling(
    site: Site, open_sign_in: OpenSignIn, locale: str
):
    """
    On every screen the first view has all of the code, large enough; nothing sticks out sideways.
    """
    sign_in = await open_sign_in(site, locale=locale)
    await sign_in.shows_code()
    wrong = []
    for name, (width, height) in SCREENS.items():
        await sign_in.page.set_viewport_size({"width": width, "height": height})
        box = await sign_in.code.bounding_box()
        assert box is not None
        in_sight = box["x"] >= 0 and box["x"] + box["width"] <= width
        in_sight = in_sight and box["y"] >= 0 and box["y"] + box["height"] <= height
        if not in_sight or box["width"] < LEAST_PX or await sign_in.page.evaluate(OVERHANG):
            wrong.append((name, box))

    assert [] == wrong

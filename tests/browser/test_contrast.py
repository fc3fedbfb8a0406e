"""Visitors whose system sets the colours, or who asked for more contrast."""

from typing import Any

import pytest
from playwright.async_api import FloatRect, Locator, expect

from tests.browser.axe import violations
from tests.browser.complaints import Complaints
from tests.browser.conftest import OpenSignIn
from tests.browser.pages import SignIn
from tests.browser.qr_reader import read_png
from tests.browser.tour import OFFLINE, Tour
from tests.site import Site

LOOKS = [
    pytest.param({"forced_colors": "active", "color_scheme": "light"}, id="forced light"),
    pytest.param({"forced_colors": "active", "color_scheme": "dark"}, id="forced dark"),
    pytest.param({"contrast": "more", "color_scheme": "dark"}, id="more contrast, dark"),
]
# Of WCAG 2.2, 1.4.11: what one must see to use a page.
LEAST_CONTRAST = 3
# How far the colour that a property paints is from the ground behind the element.
CONTRAST = """(element, property) => {
    const luminance = (text) => {
        const [red, green, blue] = text.match(/[\\d.]+/g).slice(0, 3).map((part) => {
            const share = part / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const isSeen = (colour) => !/^rgba.*, 0\\)$/.test(colour);
    let ground = element.parentElement;
    while (!isSeen(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement;
    const pair = [getComputedStyle(element)[property], getComputedStyle(ground).backgroundColor];
    const [low, high] = pair.map(luminance).sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
}"""


async def contrast(element: Locator, painted: str) -> float:
    """Return the contrast of what a property of *element* paints to what is behind it."""
    found: float = await element.evaluate(CONTRAST, painted)
    return found


async def keyboard_is_seen(element: Locator) -> bool:
    """Move the keyboard to *element*; tell whether that is to be seen."""
    await element.focus()
    await element.page.keyboard.press("Shift+Tab")
    await element.page.keyboard.press("Tab")
    await expect(element).to_be_focused()
    outline = await element.evaluate("(element) => getComputedStyle(element).outline")
    seen = await contrast(element, "outlineColor") >= LEAST_CONTRAST
    return seen and "solid" in outline and "0px" not in outline


async def edge_is_light(sign_in: SignIn) -> bool:
    """Tell whether the whole quiet zone of the code is light."""
    box = await sign_in.code.bounding_box()
    assert box is not None
    rows = read_png(await sign_in.page.screenshot(clip=FloatRect(**box)))
    # The corners of the square are round, so each side is looked at in its middle.
    depth, third = 4, len(rows) // 3
    sides = [row[third:-third] for row in (*rows[1:depth], *rows[-depth:-1])]
    sides += [row[1:depth] + row[-depth:-1] for row in rows[third:-third]]
    return all(value > 250 for side in sides for value in side)


@pytest.mark.parametrize("look", LOOKS)
async def test_every_state_can_be_seen(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints, look: dict[str, Any]
):
    """
    The code stays dark on light; the ring, the pictures, the buttons and the keyboard are seen.
    """
    complaints.expect(*OFFLINE)
    sign_in = await open_sign_in("about:", "blank", clock=True, **look)
    page = sign_in.page
    ring, picture = page.locator("[data-part=ring]"), page.locator("[data-part=picture]")
    found: dict[str, Any] = {}
    async for state in Tour(site, sign_in).states():
        found[state] = await violations(page)
        if state == "waiting":
            assert (await sign_in.read_code()).startswith("http")
            assert await edge_is_light(sign_in)
            assert await contrast(ring, "stroke") >= LEAST_CONTRAST
            assert await keyboard_is_seen(sign_in.password_fold)
        elif state == "choose":
            assert await contrast(sign_in.numbers.first, "borderTopColor") >= LEAST_CONTRAST
            assert await keyboard_is_seen(sign_in.numbers.first)
            pressed = sign_in.numbers.nth(1)
            await pressed.evaluate("(button) => button.setAttribute('aria-pressed', 'true')")
            ground = await pressed.evaluate("(button) => getComputedStyle(button).backgroundColor")
            await expect(sign_in.numbers.first).not_to_have_css("background-color", ground)
        elif state == "bind_required":
            field = sign_in.bind_form.locator("[name=password]")
            assert await contrast(field, "borderTopColor") >= LEAST_CONTRAST
            assert await keyboard_is_seen(field)
            button = sign_in.bind_form.locator("[type=submit]")
            painted = "borderTopColor" if "forced_colors" in look else "backgroundColor"
            assert await contrast(button, painted) >= LEAST_CONTRAST
            assert await keyboard_is_seen(button)
        else:
            assert await contrast(picture, "stroke") >= LEAST_CONTRAST

    assert {state: [] for state in found} == found

"""Visitors who asked for less motion, and those who did not."""

from tests.browser.complaints import Complaints
from tests.browser.conftest import OpenSignIn
from tests.browser.tour import OFFLINE, Tour
from tests.site import Site

# Keeps the names of what moves. A change that waits and then takes no time is no motion.
WATCH = """
    window.moved = new Set();
    window.look = () => {
        for (const { effect, animationName, transitionProperty } of document.getAnimations()) {
            if (effect.getComputedTiming().activeDuration) moved.add(animationName ?? transitionProperty);
        }
        return [...moved];
    };
    for (const name of ["animationstart", "transitionrun"]) addEventListener(name, look, true);
"""  # noqa: E501


# What moves inside a picture is out of sight of `getAnimations`.
IN_PICTURES = """[...document.querySelectorAll(".sprite *")]
    .map((element) => getComputedStyle(element).animationName)
    .filter((name) => name !== "none")"""


async def moved(site: Site, open_sign_in: OpenSignIn, motion: str) -> dict[str, list[str]]:
    """Return what has moved on the sign-in page by each of its states, and moves in pictures."""
    sign_in = await open_sign_in("about:", "blank", clock=True, reduced_motion=motion)
    page = sign_in.page
    await page.add_init_script(WATCH)
    found: dict[str, list[str]] = {}
    async for state in Tour(site, sign_in).states():
        found[state] = await page.evaluate("look()")
        await page.evaluate("moved.clear()")
    found["pictures"] = await page.evaluate(IN_PICTURES)
    await page.context.close()
    await site.all_gone()
    return found


async def test_nothing_moves_for_who_asked_for_that(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    No animation and no transition runs in any state. For everybody else some do, and then rest.
    """
    complaints.expect(*OFFLINE)
    calm = await moved(site, open_sign_in, "reduce")
    lively = await moved(site, open_sign_in, "no-preference")

    assert {state: [] for state in calm} == calm
    assert {"breathe", "draw"} == set(lively["pictures"])
    assert "arrive" in lively["scanned"]
    assert not {"breathe", "draw"} & set(lively["waiting"])

"""The way from navigation to the first code: what waits for what. How long it takes is measured
by `benchmarks/first_code.py`."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Page, Route

from tests.browser.conftest import NewContext, OpenSignIn
from tests.browser.pages import SignIn, frames_sent
from tests.site import Site

# Playwright's own way to wait compiles a text, which the page's policy forbids.
EARLY_SOCKET_HAS = """(found) => new Promise((tell) => {
    const has = {
        code: (socket) => socket?.heard.length > 0,
        ended: (socket) => socket.readyState === WebSocket.CLOSED,
    }[found];
    const look = () => has(window.earlySocket) ? tell() : setTimeout(look, 5);
    look();
})"""
# What nobody needs before the code has come.
ALL_ELSE = re.compile(r"/(?!early_socket)[\w-]+\.(css|m?js)$")
LIFE_MS = 180_000


@pytest.fixture
async def sign_in(open_sign_in: OpenSignIn) -> SignIn:
    """A page that is opened nowhere yet; tests can put its time forward."""
    return await open_sign_in("about:", "blank", clock=True)


async def open_without_the_rest(page: Page, site: Site) -> Callable[[], set[str]]:
    """Open the sign-in page until it was told a code; return what lets its modules and styles come.

    That returns which they are.
    """
    may_come = asyncio.Event()
    held: set[str] = set()

    async def hold(route: Route) -> None:
        held.add(route.request.url.rpartition("/")[2])
        await may_come.wait()
        await route.continue_()

    def let_come() -> set[str]:
        may_come.set()
        return held

    await page.route(ALL_ELSE, hold)
    await page.goto(site.base_url, wait_until="commit")
    await page.evaluate(EARLY_SOCKET_HAS, "code")
    return let_come


async def test_code_waits_for_no_module(site: Site, sign_in: SignIn):
    """
    The page has its code before the first module or style is there, and asks for no other.
    """
    sent = frames_sent(sign_in.page)
    let_come = await open_without_the_rest(sign_in.page, site)
    state = await sign_in.main.get_attribute("data-state")

    held = let_come()

    await sign_in.shows_code()
    assert "loading" == state
    assert {"styles.css", "login.js"} <= held
    assert [['{"type":"get_qr","data":{}}']] == sent
    assert await sign_in.page.evaluate("window.earlySocket === undefined")


async def test_page_that_comes_back_says_so_at_once(site: Site, sign_in: SignIn):
    """
    The first question after a reload is for the code of before, and the only one.
    """
    await sign_in.page.goto(site.base_url)
    ticket = await sign_in.shows_code()
    sent = frames_sent(sign_in.page)

    await sign_in.page.reload()

    assert ticket == await sign_in.shows_code()
    ((frame,),) = sent
    assert re.fullmatch(r'\{"type":"get_qr","data":\{"resume":"[^"]+"\}\}', frame)


async def test_code_that_waited_for_modules_has_less_time_left(site: Site, sign_in: SignIn):
    """
    The ring ends with the code, which began before it was shown.
    """
    clock = sign_in.page.clock
    let_come = await open_without_the_rest(sign_in.page, site)
    await clock.fast_forward(LIFE_MS // 2)
    let_come()
    await sign_in.shows_code()

    await clock.fast_forward(LIFE_MS // 4)

    ring = sign_in.page.locator("[data-part=ring]")
    offset = await ring.evaluate("({ style }) => Number(style.strokeDashoffset)")
    assert 1 + offset == pytest.approx(0.5, abs=0.04)


async def test_early_socket_that_was_lost_is_replaced(site: Site, sign_in: SignIn):
    """
    One that has ended before the page could use it is as good as none.
    """
    let_come = await open_without_the_rest(sign_in.page, site)
    await sign_in.page.evaluate("window.earlySocket.close()")
    await sign_in.page.evaluate(EARLY_SOCKET_HAS, "ended")

    let_come()

    await sign_in.shows_code()


async def test_page_names_everything_that_it_needs(site: Site, new_context: NewContext):
    """
    No script is found only when another one was read: the page itself names both, once each.
    """
    context = await new_context()
    sign_in = SignIn(await context.new_page())
    network = await context.new_cdp_session(sign_in.page)
    asked: dict[str, str] = {}
    twice: list[str] = []

    def sent(event: dict[str, Any]) -> None:
        url = event["request"]["url"]
        if url in asked:
            twice.append(url)
        asked[url] = event["initiator"]["type"]

    network.on("Network.requestWillBeSent", sent)
    await network.send("Network.enable")
    await sign_in.page.goto(site.base_url)
    await sign_in.shows_code()
    scripts = {url: by for url, by in asked.items() if re.search(r"\.m?js$", url)}

    assert {"early_socket.js", "login.js"} == {url.rpartition("/")[2] for url in scripts}
    assert {"parser"} == set(scripts.values())
    assert [] == twice

"""The way from navigation to the first code: what waits for what. How long it takes is measured
by `benchmarks/first_code.py`."""

import asyncio
import re
from typing import Any

from playwright.async_api import Page, Route, WebSocket

from tests.browser.conftest import NewContext, OpenSignIn
from tests.browser.pages import SignIn
from tests.site import Site

# What draws the page, and what nobody needs before it is drawn.
DRAWS = re.compile(r"/(styles\.css|login\.js|attempt_view\.js|code\.js|lean-qr\.mjs|forms\.js)$")

# Playwright's own way to wait compiles a text, which the page's policy forbids.
EARLY_SOCKET_IS = """(state) => new Promise((tell) => {
    const isSo = () => window.earlySocket?.readyState === WebSocket[state];
    const look = () => isSo() ? tell() : setTimeout(look, 5);
    look();
})"""
MODULES = re.compile(r"/(?!early_socket)\w+\.js$")


async def test_socket_waits_for_nothing_that_draws(site: Site, open_sign_in: OpenSignIn):
    """
    The code has come before the first of what draws it is there, and then it is shown.
    """
    sign_in = await open_sign_in("about:", "blank")
    page = sign_in.page
    may_come = asyncio.Event()
    held: set[str] = set()

    async def hold(route: Route) -> None:
        held.add(route.request.url.rpartition("/")[2])
        await may_come.wait()
        await route.continue_()

    await page.route(DRAWS, hold)
    async with page.expect_websocket() as socket:
        await page.goto(site.base_url, wait_until="commit")
    frame = await (await socket.value).wait_for_event("framereceived")
    state = await sign_in.main.get_attribute("data-state")
    may_come.set()

    assert '"type":"qr"' in str(frame)
    assert "loading" == state
    assert {"styles.css", "login.js", "lean-qr.mjs"} <= held
    await sign_in.shows_code()


async def open_without_modules(page: Page, site: Site) -> asyncio.Event:
    """Open the sign-in page until its early socket is open; no module comes before the event."""
    may_come = asyncio.Event()

    async def hold(route: Route) -> None:
        await may_come.wait()
        await route.continue_()

    await page.route(MODULES, hold)
    await page.goto(site.base_url, wait_until="commit")
    await page.evaluate(EARLY_SOCKET_IS, "OPEN")
    return may_come


async def test_handshake_waits_for_no_module(site: Site, open_sign_in: OpenSignIn):
    """
    The socket is open before the first module is there, and it is the one that the page then uses.
    """
    sign_in = await open_sign_in("about:", "blank")
    page = sign_in.page
    sockets = list[WebSocket]()
    page.on("websocket", lambda socket: sockets.append(socket))  # noqa: PLW0108, it has to be a function

    modules_may_come = await open_without_modules(page, site)
    modules_may_come.set()

    await sign_in.shows_code()
    assert 1 == len(sockets)
    assert await page.evaluate("window.earlySocket === undefined")


async def test_early_socket_that_was_lost_is_replaced(site: Site, open_sign_in: OpenSignIn):
    """
    One that has ended before the page could use it is as good as none.
    """
    sign_in = await open_sign_in("about:", "blank")
    page = sign_in.page
    modules_may_come = await open_without_modules(page, site)
    await page.evaluate("window.earlySocket.close()")
    await page.evaluate(EARLY_SOCKET_IS, "CLOSED")
    modules_may_come.set()

    await sign_in.shows_code()


async def test_page_names_everything_that_it_needs(site: Site, new_context: NewContext):
    """
    No script is found only when another one was read: the page itself names all, once each.
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

    assert len(scripts) > 1
    assert {"parser"} == set(scripts.values())
    assert [] == twice

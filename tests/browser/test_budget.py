"""What the sign-in page costs, and whom it talks to."""

from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, Request

from tests.browser.conftest import NewContext, OpenPhone, OpenSignIn
from tests.browser.pages import SignIn
from tests.site import OPENID, Site

MOST_BYTES = 45 * 1024
# Runs before the page's own scripts: notes violations of the policy, and when the code is painted.
WATCH = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation",
        (event) => violations.push(`${event.violatedDirective} ${event.blockedURI}`));
    new MutationObserver((_, observer) => {
        if (!document.querySelector("[data-state=waiting]")) return;
        observer.disconnect();
        requestAnimationFrame(() => { window.codeAtMs = performance.now(); });
    }).observe(document, { subtree: true, attributes: true, childList: true });
"""


def origins(context: BrowserContext) -> set[str]:
    """Return the set that the origins of all requests to come will be in."""
    found: set[str] = set()

    def note(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme != "data":
            found.add(f"{parts.scheme}://{parts.netloc}")

    context.on("request", note)
    context.on("page", lambda page: page.on("websocket", lambda socket: found.add(socket.url[:-3])))
    return found


async def test_pages_ask_nobody_but_their_own_site(
    site: Site, new_context: NewContext, open_phone: OpenPhone
):
    """
    From the code to the user page, no request goes to anybody else, and no policy is violated.
    """
    context = await new_context()
    await context.add_init_script(WATCH)
    asked = origins(context)
    sign_in = SignIn(await context.new_page())
    answer = await sign_in.page.goto(site.base_url)
    await site.sandbox.phone.scan(ticket=await sign_in.shows_code(), openid=OPENID)
    await sign_in.reach("bind_required")
    violated = await sign_in.page.evaluate("violations")
    await sign_in.bind("alice")
    await sign_in.arrives("/user")
    violated += await sign_in.page.evaluate("violations")

    assert answer is not None
    policy = await answer.header_value("Content-Security-Policy") or ""
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert [] == violated
    assert {site.base_url, site.base_url.replace("http", "ws", 1)} == asked


async def test_sign_in_page_is_light(site: Site, new_context: NewContext):
    """
    Everything that is transferred until the code is there, headers and socket included, is small.
    """
    context = await new_context()
    await context.add_init_script(WATCH)
    sign_in = SignIn(await context.new_page())
    network = await context.new_cdp_session(sign_in.page)
    transferred: list[float] = []

    def finished(event: dict[str, Any]) -> None:
        transferred.append(event["encodedDataLength"])

    def framed(event: dict[str, Any]) -> None:
        transferred.append(len(event["response"]["payloadData"]))

    network.on("Network.loadingFinished", finished)
    network.on("Network.webSocketFrameReceived", framed)
    await network.send("Network.enable")
    await sign_in.page.goto(site.base_url)
    await sign_in.shows_code()
    code_at_ms = await sign_in.page.evaluate("codeAtMs")

    print(f"code after {code_at_ms:.0f} ms, {sum(transferred) / 1024:.1f} KB")  # noqa: T201
    assert sum(transferred) < MOST_BYTES


async def test_second_visit_loads_nothing_but_the_page(site: Site, open_sign_in: OpenSignIn):
    """
    Scripts and styles of a release are kept by the browser for good.
    """
    sign_in = await open_sign_in(site)
    await sign_in.shows_code()
    await sign_in.page.goto(f"{site.base_url}/?again")
    await sign_in.shows_code()
    sizes: dict[str, int] = await sign_in.page.evaluate(
        "Object.fromEntries(performance.getEntriesByType('resource')"
        ".map(({ name, transferSize }) => [name, transferSize]))"
    )
    loaded = {name for name, size in sizes.items() if size and not name.startswith("data:")}

    assert set() == loaded
    assert any(name.endswith("/login.js") for name in sizes)


async def test_user_page_is_fetched_while_its_visitor_binds(site: Site, open_sign_in: OpenSignIn):
    """
    Once a scan has come the page loads what comes next, which then loads no module anew.
    """
    sign_in = await open_sign_in(site)
    ticket = await sign_in.shows_code()
    async with sign_in.page.expect_request_finished(
        lambda request: request.url.endswith("/user.js")
    ):
        await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await sign_in.bind("alice")
    await sign_in.arrives("/user")

    sizes = await sign_in.page.evaluate(
        """() => performance.getEntriesByType("resource")
            .filter(({ name }) => name.endsWith(".js")).map(({ transferSize }) => transferSize)"""
    )
    assert {0} == set(sizes)

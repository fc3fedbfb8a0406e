"""One Chromium for the run, a fresh profile for each test, an ear for what browsers complain of."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from tests.browser.chromium import launch
from tests.browser.complaints import Complaints
from tests.browser.pages import Phone, SignIn
from tests.faults.proxy import Proxy, open_proxy
from tests.site import Site, open_site

# Machines that run tests may be busy; a test that passes never waits that long.
PATIENCE_MS = 15_000

# Without motion, because nobody watches, and what is drawn costs time.
USUAL = {"locale": "zh-CN", "reduced_motion": "reduce"}

expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder; file by file they go to the one browser or the other."""
    ours = [item for item in items if Path(__file__).parent in item.path.parents]
    files = sorted({item.path for item in ours})
    for item in ours:
        item.add_marker(pytest.mark.browser)
        item.add_marker(pytest.mark.xdist_group(f"browser {files.index(item.path) % 2}"))


class StartSite(Protocol):
    """`await start_site(pool={"size": 1})`: a running site; it ends with the test."""

    async def __call__(self, *, at: str | None = None, **sections: Any) -> Site:
        """Start a site with the settings in *sections*, on the store *at* an address."""


class Way:
    """A site, and the network between it and browsers, which a test may break."""

    def __init__(self, site: Site, network: Proxy) -> None:
        self.site = site
        self.network = network
        self.url = f"http://127.0.0.1:{network.port}"


class NewContext(Protocol):
    """`await new_context(locale="en-US")`: a browser profile of its own."""

    async def __call__(self, **options: Any) -> BrowserContext:
        """Make a profile with Playwright's *options*."""


class OpenSignIn(Protocol):
    """`await open_sign_in(site)`: the sign-in page in a profile of its own."""

    async def __call__(
        self, site: Site | str, path: str = "/", *, clock: bool = False, **options: Any
    ) -> SignIn:
        """Open the page at *path* of a site; *clock* lets tests put its time forward."""


class OpenPhone(Protocol):
    """`await open_phone(site)`: the virtual phone."""

    async def __call__(self, site: Site, beside: SignIn | None = None, **options: Any) -> Phone:
        """Open the phone in a second tab *beside* a page, or in a profile of its own."""


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser."""
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        yield browser
        await browser.close()


@pytest.fixture
def complaints() -> Complaints:
    """What the browsers of this test complain of; `expect` what is meant to happen."""
    return Complaints()


@pytest.fixture
async def start_site(store_url: str, folder: Path) -> AsyncIterator[StartSite]:
    """Starts sites."""
    async with AsyncExitStack() as stack:

        async def start(*, at: str | None = None, **sections: Any) -> Site:
            return await stack.enter_async_context(open_site(at or store_url, folder, **sections))

        yield start


@pytest.fixture
async def site(start_site: StartSite) -> Site:
    """A site with default settings and the account alice."""
    site = await start_site()
    await site.add_account("alice")
    return site


@pytest.fixture
async def network() -> AsyncIterator[Proxy]:
    """A network that leads nowhere yet."""
    async with open_proxy("") as proxy:
        yield proxy


@pytest.fixture
async def way(network: Proxy, start_site: StartSite) -> Way:
    """A site behind that network."""
    site = await start_site(server={"public_url": f"http://127.0.0.1:{network.port}"})
    network.target = ("127.0.0.1", int(site.base_url.rpartition(":")[2]))
    return Way(site, network)


@pytest.fixture
async def new_context(
    chromium: Browser, complaints: Complaints, start_site: StartSite
) -> AsyncIterator[NewContext]:
    """Makes profiles, closed before the sites end; fails the test on what they complained of."""
    contexts: list[BrowserContext] = []

    async def make(**options: Any) -> BrowserContext:
        context = await chromium.new_context(**(USUAL | options))
        context.set_default_timeout(PATIENCE_MS)
        complaints.listen(context)
        contexts.append(context)
        return context

    yield make
    await asyncio.gather(*(context.close() for context in contexts))
    assert [] == complaints.unexpected()
    assert [] == complaints.missing()


@pytest.fixture
def open_sign_in(new_context: NewContext) -> OpenSignIn:
    """Opens sign-in pages."""

    async def open_(
        site: Site | str, path: str = "/", *, clock: bool = False, **options: Any
    ) -> SignIn:
        context = await new_context(**options)
        if clock:
            await context.clock.install()
        sign_in = SignIn(await context.new_page())
        origin = site if isinstance(site, str) else site.base_url
        await sign_in.page.goto(origin + path)
        return sign_in

    return open_


@pytest.fixture
def open_phone(new_context: NewContext) -> OpenPhone:
    """Opens virtual phones."""

    async def open_(site: Site, beside: SignIn | None = None, **options: Any) -> Phone:
        context = beside.page.context if beside else await new_context(**options)
        phone = Phone(await context.new_page())
        await phone.page.goto(f"{site.sandbox.base_url}/phone")
        return phone

    return open_

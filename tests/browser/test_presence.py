"""Pages that nobody looks at, and visitors who come back to them."""

from playwright.async_api import BrowserContext, Page

from tests.browser.complaints import Complaints
from tests.browser.conftest import NewContext, StartSite
from tests.browser.pages import SignIn

# A page that comes into view asks whether its visitor has signed in elsewhere.
SIGNED_OUT = r"status of 401 .*/session"
# Headless Chromium takes every page for visible, so the browser's answer is given for it.
VISIBILITY = """
    let visibility = sessionStorage.getItem("visibility") ?? "visible";
    Object.defineProperty(document, "visibilityState", { get: () => visibility });
    window.show = (state) => {
        visibility = state;
        document.dispatchEvent(new Event("visibilitychange"));
    };
"""


async def open_tab(context: BrowserContext, url: str, *, hidden: bool = False) -> Page:
    """Open a tab that is told whether somebody looks at it."""
    page = await context.new_page()
    await page.add_init_script(VISIBILITY)
    if hidden:
        await page.add_init_script("show('hidden')")
    await page.goto(url)
    return page


async def test_hidden_page_spends_no_codes(
    start_site: StartSite, new_context: NewContext, complaints: Complaints
):
    """
    A code that runs out while nobody looks is not replaced before somebody does.
    """
    complaints.expect(SIGNED_OUT)
    site = await start_site(pool={"ticket_seconds": 1})
    sign_in = SignIn(await open_tab(await new_context(), site.base_url))
    ticket = await sign_in.shows_code()
    await sign_in.page.evaluate("show('hidden')")
    await sign_in.reach("expired")
    await sign_in.page.evaluate("show('visible')")

    assert ticket != await sign_in.shows_another_code(than=ticket)


async def test_page_that_is_opened_in_the_background_waits_to_be_seen(
    start_site: StartSite, new_context: NewContext, complaints: Complaints
):
    """
    A tab that is opened behind others asks for its code when it comes into view.
    """
    complaints.expect(SIGNED_OUT)
    site = await start_site()
    sign_in = SignIn(await open_tab(await new_context(), site.base_url, hidden=True))
    await sign_in.reach("loading")
    assert not site.resources.context.sockets.open
    await sign_in.page.evaluate("show('visible')")

    await sign_in.shows_code()


async def test_page_that_comes_into_view_follows_a_sign_in_elsewhere(
    start_site: StartSite, new_context: NewContext
):
    """
    Who signed in in another tab finds the first one signed in too.
    """
    site = await start_site()
    await site.add_account("alice")
    context = await new_context()
    first = SignIn(await open_tab(context, site.base_url))
    await first.shows_code()
    await first.page.evaluate("show('hidden')")
    second = SignIn(await open_tab(context, site.base_url))
    await second.sign_in("alice")
    await second.arrives("/user")
    await first.page.evaluate("show('visible')")

    await first.arrives("/user")

"""The browser's buttons: back and forward, to pages that it loads again or has kept."""

from playwright.async_api import Page, expect

from tests.browser.complaints import Complaints
from tests.browser.conftest import OpenSignIn
from tests.browser.pages import SignIn
from tests.browser.test_presence import SIGNED_OUT
from tests.site import OPENID, Site

# Chromium keeps no page that says `no-store`. Others may, and tell the page so when it is back.
COME_BACK = "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"


async def press(page: Page, button: str) -> None:
    """Press the browser's button *back* or *forward*."""
    await (page.go_back() if button == "back" else page.go_forward())


async def test_buttons_lead_to_what_is_true_now(site: Site, open_sign_in: OpenSignIn):
    """
    Back to the same code; signed in, never to a code; signed out, never to the account.
    """
    sign_in = await open_sign_in(site)
    page = sign_in.page
    ticket = await sign_in.shows_code()
    await page.goto(f"{site.sandbox.base_url}/phone")
    await press(page, "back")
    assert ticket == await sign_in.shows_code()

    await sign_in.sign_in("alice")
    await sign_in.arrives("/user")
    await page.get_by_role("link", name="English").click()
    await sign_in.arrives("/user?lang=en")
    await press(page, "back")
    await sign_in.arrives("/user")
    await press(page, "forward")
    await sign_in.arrives("/user?lang=en")
    await expect(page.get_by_test_id("username")).to_have_text("alice")

    await sign_in.sign_out()
    ticket = await sign_in.shows_code()
    await press(page, "back")
    await sign_in.arrives("/?next=/user")
    assert ticket == await sign_in.shows_code()
    assert "alice" not in await page.content()
    await press(page, "forward")
    await sign_in.arrives("/")
    await site.sandbox.phone.scan(ticket=await sign_in.shows_code(), openid=OPENID)
    await sign_in.reach("bind_required")


async def test_kept_sign_in_page_learns_what_it_has_missed(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    A page whose socket died while it was kept asks anew when it is back, and shows the outcome.
    """
    complaints.expect(SIGNED_OUT)
    sign_in = await open_sign_in(site)
    await sign_in.shows_code()
    async with sign_in.page.expect_websocket() as another:
        await sign_in.page.evaluate(COME_BACK)
    async with (await another.value).expect_event("framereceived"):
        pass
    tab = SignIn(await sign_in.page.context.new_page())
    await tab.page.goto(site.base_url)
    await tab.sign_in("alice")
    await tab.arrives("/user")
    await sign_in.page.evaluate(COME_BACK)

    await sign_in.arrives("/user")


async def test_kept_user_page_shows_nothing_of_an_account_that_signed_out(
    site: Site, open_sign_in: OpenSignIn
):
    """
    The page is loaded again when it is back, and is the sign-in page then.
    """
    sign_in = await open_sign_in(site)
    await sign_in.sign_in("alice")
    await sign_in.arrives("/user")
    await expect(sign_in.page.get_by_test_id("sessions")).to_be_visible()
    await sign_in.page.context.clear_cookies()
    await sign_in.page.evaluate(COME_BACK)

    await sign_in.arrives("/?next=/user")
    assert "alice" not in await sign_in.page.content()

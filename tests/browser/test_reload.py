"""Reloads, new tabs, and the browser's buttons."""

from playwright.async_api import expect

from tests.browser.conftest import OpenPhone, OpenSignIn
from tests.browser.pages import SignIn, frames_sent
from tests.site import OPENID, Site


async def test_reload_keeps_the_code(site: Site, open_sign_in: OpenSignIn):
    """
    A reloaded page shows the same code, and a scan of it arrives.
    """
    sign_in = await open_sign_in(site)
    ticket = await sign_in.shows_code()
    await sign_in.page.reload()

    assert ticket == await sign_in.shows_code()
    await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await sign_in.reach("bind_required")


async def test_reload_keeps_the_bind_form(site: Site, open_sign_in: OpenSignIn):
    """
    A scan is not lost by a reload: the form is there again and binds.
    """
    sign_in = await open_sign_in(site)
    await site.sandbox.phone.scan(ticket=await sign_in.shows_code(), openid=OPENID)
    await sign_in.reach("bind_required")
    await sign_in.page.reload()
    await sign_in.bind("alice")

    await sign_in.arrives("/user")


async def test_new_tab_gets_a_code_of_its_own(site: Site, open_sign_in: OpenSignIn):
    """
    Two tabs of one browser are two attempts; a scan changes only the one that was scanned.
    """
    sign_in = await open_sign_in(site)
    first = await sign_in.shows_code()
    tab = SignIn(await sign_in.page.context.new_page())
    await tab.page.goto(site.base_url)
    second = await tab.shows_code()
    await site.sandbox.phone.scan(ticket=second, openid=OPENID)
    await tab.reach("bind_required")

    assert first != second
    assert first == await sign_in.shows_code()


async def test_back_button_shows_a_code_that_works(site: Site, open_sign_in: OpenSignIn):
    """
    A visitor who left the page and comes back with the browser's button can scan.
    """
    sign_in = await open_sign_in(site)
    await sign_in.shows_code()
    await sign_in.page.goto(f"{site.sandbox.base_url}/phone")
    await sign_in.page.go_back()
    ticket = await sign_in.shows_code()
    await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await sign_in.reach("bind_required")


async def test_language_switch_keeps_the_code(site: Site, open_sign_in: OpenSignIn):
    """
    The page follows the browser's language; the switch changes it and nothing else.
    """
    sign_in = await open_sign_in(site, "/?next=/user%3Fa%3D1")
    ticket = await sign_in.shows_code()
    await expect(sign_in.page.locator("html")).to_have_attribute("lang", "zh-CN")
    await sign_in.page.get_by_role("link", name="English").click()
    await expect(sign_in.page.locator("html")).to_have_attribute("lang", "en")
    await expect(sign_in.status).to_contain_text("Scan with WeChat")

    assert ticket == await sign_in.shows_code()
    await expect(sign_in.main).to_have_attribute("data-next", "/user?a=1")


async def test_signed_in_tab_takes_the_other_along(
    site: Site, open_sign_in: OpenSignIn, open_phone: OpenPhone
):
    """
    Who is signed in already is not asked to scan: the sign-in page leads on.
    """
    sign_in = await open_sign_in(site)
    await sign_in.sign_in("alice")
    await sign_in.arrives("/user")
    await sign_in.page.goto(site.base_url)

    await sign_in.arrives("/user")


async def test_duplicated_tab_takes_the_attempt_over(site: Site, open_sign_in: OpenSignIn):
    """
    The tab whose attempt is continued by another says so; "use this page" begins anew there.
    """
    sign_in = await open_sign_in(site)
    ticket = await sign_in.shows_code()
    # As browsers do when a tab is duplicated, this copies the session storage.
    async with sign_in.page.expect_popup() as opened:
        await sign_in.page.evaluate("void window.open('/')")
    copy = SignIn(await opened.value)

    assert ticket == await copy.shows_code()
    await sign_in.reach("superseded")
    await sign_in.ask_again()
    assert ticket != await sign_in.shows_another_code(than=ticket)
    await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await copy.reach("bind_required")
    await sign_in.reach("waiting")


async def test_attempt_that_was_begun_anew_goes_to_the_duplicated_tab(
    site: Site, open_sign_in: OpenSignIn
):
    """
    That a tab has just come back to its attempt before does not let it ask for the next one again.
    """
    sign_in = await open_sign_in(site)
    sent = frames_sent(sign_in.page)
    ticket = await sign_in.shows_code()
    await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await sign_in.reach("bind_required")
    await sign_in.page.reload()
    await sign_in.reach("bind_required")
    await sign_in.page.locator("[data-part=start-over]").click()
    another = await sign_in.shows_another_code(than=ticket)
    before = [list(frames) for frames in sent]
    async with sign_in.page.expect_popup() as opened:
        await sign_in.page.evaluate("void window.open('/')")
    copy = SignIn(await opened.value)

    await sign_in.reach("superseded")
    assert another == await copy.shows_code()
    assert before == sent

"""Names and replies that are markup: shown as they are written, on every page and the phone."""

from playwright.async_api import expect

from tests.browser.conftest import OpenPhone, OpenSignIn, StartSite

MARKUP = """<img src=x onerror="document.title='taken'"><b>{{7*7}}</b>'">"""
CLEAN = "() => !document.querySelector('img[src=x]') && document.title !== 'taken'"


async def test_markup_in_a_name_is_text_on_the_user_page(
    start_site: StartSite, open_sign_in: OpenSignIn
):
    """
    A user name runs nothing and makes no element, wherever it is shown.
    """
    site = await start_site()
    await site.add_account(MARKUP)
    sign_in = await open_sign_in(site)
    await sign_in.sign_in(MARKUP)
    await sign_in.arrives()

    await expect(sign_in.page.get_by_test_id("username")).to_have_text(MARKUP)
    assert await sign_in.page.evaluate(CLEAN)


async def test_markup_in_a_reply_is_text_on_the_virtual_phone(
    start_site: StartSite, open_sign_in: OpenSignIn, open_phone: OpenPhone
):
    """
    Neither the site's name nor its own words become part of the phone's page.
    """
    name = MARKUP[:30] + "</b>"
    words = f"{MARKUP} {{site}} ]]></Content>".replace("{{7*7}}", "{{{{7*7}}}}")
    site = await start_site(phone={"site_name": name, "texts": {"bind": words}})
    sign_in = await open_sign_in(site)
    ticket = await sign_in.shows_code()
    phone = await open_phone(site, sign_in)

    await phone.scan(ticket)

    await expect(phone.replies.last).to_contain_text(f"{MARKUP} {name} ]]></Content>")
    assert await phone.page.evaluate(CLEAN)
    await sign_in.reach("bind_required")

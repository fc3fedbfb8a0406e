"""The whole job in a real browser: two tabs, one of them a phone."""

from playwright.async_api import expect

from tests.browser.conftest import OpenPhone, OpenSignIn
from tests.site import Site


async def test_story_of_a_new_user_ends_signed_in_and_the_next_scan_is_enough(
    site: Site, open_sign_in: OpenSignIn, open_phone: OpenPhone
):
    """
    A WeChat user scans, binds an account once, signs out, and is signed in by the next scan.
    """
    sign_in = await open_sign_in(site, reduced_motion="no-preference")
    phone = await open_phone(site, beside=sign_in)
    await sign_in.remember()
    await phone.pick_user("小明")
    await phone.scan(await sign_in.shows_code())
    first_reply = await phone.last_reply()
    await sign_in.reach("bind_required")
    stayed = await sign_in.remembers()
    await sign_in.bind("alice")
    await sign_in.arrives("/user")
    await expect(sign_in.page.get_by_test_id("username")).to_have_text("alice")

    await sign_in.sign_out()
    await phone.scan(await sign_in.shows_code())
    await sign_in.arrives("/user")
    await expect(phone.replies).to_have_count(2)

    assert stayed
    assert "还没有绑定" in first_reply
    assert "登录成功" in await phone.last_reply()
    await expect(sign_in.page.get_by_test_id("wechat-state")).to_have_attribute(
        "data-bound", "true"
    )


async def test_story_of_a_sign_in_that_is_taken_back(
    site: Site, open_sign_in: OpenSignIn, open_phone: OpenPhone
):
    """
    Who has scanned a code that he should not have writes T, and that browser is signed out.
    """
    sign_in = await open_sign_in(site)
    phone = await open_phone(site, beside=sign_in)
    await phone.pick_user("小明")
    await phone.scan(await sign_in.shows_code())
    await sign_in.reach("bind_required")
    await sign_in.bind("alice")
    await sign_in.arrives("/user")

    told = await phone.last_reply()
    await phone.write("t")
    await expect(phone.replies).to_have_count(2)
    await sign_in.page.reload()
    await sign_in.arrives("/?next=/user")

    assert "浏览器：" in told
    assert "已撤销" in await phone.last_reply()
    account = await site.resources.directory.by_username("alice")
    assert account
    assert not account.wechat_bound


async def test_story_of_a_new_follower_goes_through_the_follow_sheet(
    site: Site, open_sign_in: OpenSignIn, open_phone: OpenPhone
):
    """
    Somebody who does not follow the account yet is asked to, and the page then carries on.
    """
    sign_in = await open_sign_in(site)
    phone = await open_phone(site, beside=sign_in)
    await phone.pick_user("小刚")
    await phone.scan(await sign_in.shows_code())
    await expect(phone.follow).to_be_visible()
    await sign_in.reach("waiting")
    await phone.follow.click()
    await sign_in.bind("alice")
    await sign_in.arrives("/user")

    assert "还没有绑定" in await phone.last_reply()
    await expect(phone.notes).to_have_text(["你扫了一个码", "你关注了该服务号"])


async def test_link_to_the_phone_brings_the_code_along(site: Site, open_sign_in: OpenSignIn):
    """
    The sign-in page's link opens the virtual phone with this page's code chosen.
    """
    sign_in = await open_sign_in(site)
    ticket = await sign_in.shows_code()
    async with sign_in.page.context.expect_page() as opened:
        await sign_in.page.locator("[data-part=sandbox-phone]").click()
    phone = await opened.value

    chosen = phone.locator(f'[data-testid=code-item][data-ticket="{ticket}"]')
    await expect(chosen).to_have_attribute("aria-pressed", "true")
    await phone.get_by_test_id("scan").click()
    await sign_in.reach("bind_required")


async def test_code_on_the_screen_says_what_the_phone_needs(site: Site, open_sign_in: OpenSignIn):
    """
    Read from its pixels, the drawn code is the address that WeChat gave for this page.
    """
    sign_in = await open_sign_in(site)
    ticket = await sign_in.shows_code()
    code = site.sandbox.platform.codes.by_ticket(ticket)

    assert code is not None
    assert code.url == await sign_in.code.get_attribute("data-url")
    assert code.url == await sign_in.read_code()


async def test_code_in_dark_mode_keeps_its_light_quiet_zone(site: Site, open_sign_in: OpenSignIn):
    """
    A dark page shows the same dark-on-light code: phones cannot read it otherwise.
    """
    sign_in = await open_sign_in(site, color_scheme="dark")
    await sign_in.shows_code()

    assert await sign_in.code.get_attribute("data-url") == await sign_in.read_code()


async def test_code_on_a_phone_is_a_picture_to_keep(site: Site, open_sign_in: OpenSignIn):
    """
    A phone gets pixels, which it can save to its album and scan from there.
    """
    sign_in = await open_sign_in(
        site, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True
    )
    await sign_in.shows_code()

    assert await sign_in.code.get_attribute("data-url") == await sign_in.read_code()
    assert (await sign_in.code.get_attribute("src") or "").startswith("data:image/png;")

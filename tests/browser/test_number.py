"""Picking the number that the phone shows."""

import re

from playwright.async_api import expect

from tests.browser.conftest import OpenPhone, OpenSignIn, StartSite
from tests.browser.pages import Phone, SignIn

NUMBER = re.compile(r"选择数字 (\d+)")


async def asked(sign_in: SignIn, phone: Phone, *, replies: int = 1) -> str:
    """Scan the page's code with the phone of 小明; return the number that the phone shows."""
    await phone.pick_user("小明")
    await phone.scan(await sign_in.shows_code())
    await sign_in.reach("scanned")
    await expect(sign_in.numbers).to_have_count(3)
    await expect(phone.replies).to_have_count(replies)
    found = NUMBER.search(await phone.last_reply())
    assert found
    return found[1]


async def test_right_number_signs_in(
    start_site: StartSite, open_sign_in: OpenSignIn, open_phone: OpenPhone
):
    """
    The number on the phone is among the three; picking it leads on.
    """
    site = await start_site(login={"confirmation": "number"})
    await site.add_account("alice")
    sign_in = await open_sign_in(site)
    phone = await open_phone(site, beside=sign_in)
    number = await asked(sign_in, phone)
    await sign_in.choose(number)
    await sign_in.bind("alice")
    await sign_in.arrives("/user")

    await sign_in.sign_out()
    number = await asked(sign_in, phone, replies=2)
    await sign_in.choose(number)
    await sign_in.arrives("/user")


async def test_wrong_number_signs_nobody_in(start_site: StartSite, open_sign_in: OpenSignIn):
    """
    Another number ends the attempt; the visitor gets a new code when he asks for it.
    """
    site = await start_site(login={"confirmation": "number"})
    sign_in = await open_sign_in(site)
    ticket = await sign_in.shows_code()
    done = await site.sandbox.phone.scan(ticket=ticket)
    await sign_in.reach("scanned")
    right = NUMBER.search(done.reply or "")
    assert right
    await sign_in.choose_other(right[1])
    await sign_in.reach("denied")
    await expect(sign_in.status).to_contain_text("选的数字不对")
    await sign_in.ask_again()

    assert ticket != await sign_in.shows_another_code(than=ticket)


async def test_number_that_nobody_picks_in_time_is_told_as_such(
    start_site: StartSite, open_sign_in: OpenSignIn
):
    """
    Who hesitates for too long is not told that the number was wrong.
    """
    site = await start_site(login={"confirmation": "number", "choose_seconds": 0.5})
    sign_in = await open_sign_in(site)
    await site.sandbox.phone.scan(ticket=await sign_in.shows_code())
    await sign_in.reach("denied")

    await expect(sign_in.status).to_contain_text("时间到了")
    await expect(sign_in.retry).to_be_visible()


async def test_refusal_on_the_phone_is_told_at_once(
    start_site: StartSite, open_sign_in: OpenSignIn
):
    """
    Who answers N on the phone sees the page leave its question, with a plain sentence.
    """
    site = await start_site(login={"confirmation": "number"})
    sign_in = await open_sign_in(site)
    done = await site.sandbox.phone.scan(ticket=await sign_in.shows_code())
    await sign_in.reach("scanned")

    await site.sandbox.phone.message(done.openid, "N")
    await sign_in.reach("denied")

    await expect(sign_in.status).to_contain_text("手机上拒绝了")
    await expect(sign_in.retry).to_be_visible()


async def test_second_scan_is_told_at_once(start_site: StartSite, open_sign_in: OpenSignIn):
    """
    When somebody else scans the code too, the page says so and offers a new one.
    """
    site = await start_site(login={"confirmation": "number"})
    sign_in = await open_sign_in(site)
    ticket = await sign_in.shows_code()
    await site.sandbox.phone.scan(ticket=ticket)
    await sign_in.reach("scanned")

    await site.sandbox.phone.scan(ticket=ticket, openid="oSomebodyElse000000000000000")
    await sign_in.reach("denied")

    await expect(sign_in.status).to_contain_text("又被扫了一次")

"""Every state of every page, as axe-core sees it: both languages and themes, high contrast."""

import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.axe import violations
from tests.browser.complaints import Complaints
from tests.browser.conftest import OpenPhone, OpenSignIn, StartSite
from tests.browser.pages import Phone, SignIn
from tests.site import PASSWORD, Site

THEMES = [
    pytest.param({"locale": "zh-CN", "color_scheme": "light"}, id="zh light"),
    pytest.param({"locale": "en-US", "color_scheme": "dark"}, id="en dark"),
]
LOOKS = [
    *THEMES,
    pytest.param({"locale": "en-US", "contrast": "more"}, id="en high contrast"),
]
# A page is cut off this long before it says so.
LONGER_THAN_A_BLIP_MS = 2_000
CREATE = "/cgi-bin/qrcode/create"


class Walk:
    """A visitor who looks at each state on his way."""

    def __init__(self, sign_in: SignIn) -> None:
        self.sign_in = sign_in
        self.found: dict[str, list[str]] = {}

    async def look(self, name: str) -> None:
        """Note what is wrong with the page in the state of that *name*."""
        wrong = await violations(self.sign_in.page)
        if wrong:
            self.found[name] = wrong

    async def scan(self, site: Site) -> str:
        """Scan the page's code; return the number that the phone shows."""
        done = await site.sandbox.phone.scan(ticket=await self.sign_in.shows_code())
        await self.sign_in.reach("scanned")
        number = re.search(r"选择数字 (\d+)", done.reply or "")
        assert number
        return number[1]


@pytest.mark.parametrize("look", LOOKS)
async def test_states_of_the_sign_in_page_are_accessible(
    start_site: StartSite, open_sign_in: OpenSignIn, complaints: Complaints, look: dict[str, Any]
):
    """
    From the first code to the last word, no state has a violation.
    """
    complaints.expect("status of 401")
    site = await start_site(login={"confirmation": "number"})
    await site.add_account("alice")
    sign_in = await open_sign_in(site, **look)
    walk = Walk(sign_in)
    await sign_in.shows_code()
    await walk.look("waiting")
    await sign_in.password_fold.click()
    await walk.look("password form")

    number = await walk.scan(site)
    await walk.look("choose")
    await sign_in.choose_other(number)
    await sign_in.reach("denied")
    await walk.look("denied")

    await sign_in.ask_again()
    number = await walk.scan(site)
    await sign_in.choose(number)
    await sign_in.reach("bind_required")
    await walk.look("bind form")
    await sign_in.bind("alice", "wrong")
    await expect(sign_in.bind_form.get_by_role("alert")).not_to_be_empty()
    await walk.look("bind form with an error")

    site.sandbox.platform.fail(CREATE, status=502, times=None)
    await sign_in.page.locator("[data-part=start-over]").click()
    await sign_in.reach("busy")
    await walk.look("busy")

    # An answer without content keeps the browser where it is.
    await sign_in.page.route("**/user", lambda route: route.fulfill(status=204))
    await sign_in.sign_in("alice", PASSWORD)
    await sign_in.reach("success")
    await walk.look("success")

    assert {} == walk.found


@pytest.mark.parametrize("look", THEMES)
async def test_states_without_a_server_are_accessible(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints, look: dict[str, Any]
):
    """
    Cut off, taken over, not found: no violation either.
    """
    complaints.expect("ERR_INTERNET_DISCONNECTED", "status of 404")
    sign_in = await open_sign_in(site, clock=True, **look)
    walk = Walk(sign_in)
    await sign_in.shows_code()
    async with sign_in.page.expect_popup() as opened:
        await sign_in.page.evaluate("void window.open('/')")
    copy = Walk(SignIn(await opened.value))
    await sign_in.reach("superseded")
    await walk.look("superseded")

    await copy.sign_in.shows_code()
    await copy.sign_in.page.context.set_offline(True)
    for socket in list(site.resources.context.sockets.open):
        socket.close()
    await site.all_gone()
    await copy.sign_in.page.clock.fast_forward(LONGER_THAN_A_BLIP_MS)
    await copy.sign_in.reach("offline")
    await copy.look("offline")
    await copy.sign_in.page.context.set_offline(False)
    await sign_in.page.goto(f"{site.base_url}/nothing")
    await walk.look("not found")

    assert {} == walk.found | copy.found


@pytest.mark.parametrize("look", THEMES)
async def test_user_page_is_accessible(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints, look: dict[str, Any]
):
    """
    Free, with a code, linked, about to be unlinked with a wrong password: no violation.
    """
    complaints.expect("status of 401")
    sign_in = await open_sign_in(site, "/?next=/user", **look)
    walk = Walk(sign_in)
    await sign_in.sign_in("alice")
    await sign_in.arrives("/user")
    await walk.look("free")
    await sign_in.page.get_by_test_id("bind-start").click()
    ticket = await sign_in.shows_code()
    await walk.look("code")
    await site.sandbox.phone.scan(ticket=ticket)
    form = sign_in.page.get_by_test_id("unbind-form")
    await sign_in.page.locator("[data-part=unbind] summary").click()
    await walk.look("linked")
    await form.locator("[name=password]").fill("wrong")
    await form.get_by_role("button").click()
    await expect(form.get_by_role("alert")).not_to_be_empty()
    await walk.look("wrong password")

    assert {} == walk.found


@pytest.mark.parametrize("look", THEMES)
async def test_phone_page_is_accessible(
    site: Site,
    open_sign_in: OpenSignIn,
    open_phone: OpenPhone,
    look: dict[str, Any],
):
    """
    The virtual phone with a code waiting, with its follow sheet, and with a reply: no violation.
    """
    sign_in = await open_sign_in(site, **look)
    ticket = await sign_in.shows_code()
    phone: Phone = await open_phone(site, beside=sign_in)
    walk = Walk(SignIn(phone.page))
    await expect(phone.codes).to_have_count(1)
    await walk.look("waiting")
    await phone.pick_user("小刚")
    await phone.scan(ticket)
    await expect(phone.follow).to_be_visible()
    await walk.look("follow sheet")
    await phone.follow.click()
    await phone.last_reply()
    await walk.look("reply")

    assert {} == walk.found

"""Every state of every page, as axe-core sees it: both languages and themes."""

import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.axe import violations
from tests.browser.complaints import Complaints
from tests.browser.conftest import OpenPhone, OpenSignIn, StartSite
from tests.browser.pages import Phone, SignIn
from tests.browser.tour import OFFLINE, STATES, Tour
from tests.site import PASSWORD, Site

THEMES = [
    pytest.param({"locale": "zh-CN", "color_scheme": "light"}, id="zh light"),
    pytest.param({"locale": "en-US", "color_scheme": "dark"}, id="en dark"),
]
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

    async def look_in_both_themes(self, name: str) -> None:
        """Note what is wrong in light and in dark."""
        await self.sign_in.page.emulate_media(color_scheme="light")
        await self.look(f"{name}, light")
        await self.sign_in.page.emulate_media(color_scheme="dark")
        await self.look(f"{name}, dark")

    async def scan(self, site: Site) -> str:
        """Scan the page's code; return the number that the phone shows."""
        done = await site.sandbox.phone.scan(ticket=await self.sign_in.shows_code())
        await self.sign_in.reach("scanned")
        number = re.search(r"选择数字 (\d+)", done.reply or "")
        assert number
        return number[1]


@pytest.mark.parametrize("look", THEMES)
async def test_steps_of_a_sign_in_are_accessible(
    start_site: StartSite, open_sign_in: OpenSignIn, complaints: Complaints, look: dict[str, Any]
):
    """
    From the first code to the last word, forms with errors too: no violation.
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


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
async def test_every_state_is_accessible_in_both_themes(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints, locale: str
):
    """
    Loading, waiting, asked, bound, refused, cut off, not found: no violation, light or dark.
    """
    complaints.expect(*OFFLINE, "status of 404")
    sign_in = await open_sign_in("about:", "blank", clock=True, locale=locale)
    walk = Walk(sign_in)
    seen = []
    async for state in Tour(site, sign_in).states():
        seen.append(state)
        await walk.look_in_both_themes(state)
    await sign_in.page.goto(f"{site.base_url}/nothing")
    await walk.look_in_both_themes("not found")

    assert {} == walk.found
    assert set(STATES) == set(seen)


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

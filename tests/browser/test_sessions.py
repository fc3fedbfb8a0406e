"""The list of browsers on the user page: what it says, and what can be ended there."""

import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.axe import violations
from tests.browser.complaints import Complaints
from tests.browser.conftest import OpenSignIn
from tests.browser.pages import SignIn
from tests.site import PASSWORD, Site

OVERHANG = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"
)


class UserPage(SignIn):
    """The user page with its list."""

    def __init__(self, sign_in: SignIn) -> None:
        super().__init__(sign_in.page)
        self.rows = self.page.get_by_test_id("session")
        self.end_others = self.page.get_by_test_id("end-others")
        self.note = self.page.locator("[data-part=sessions-note]")

    async def end(self, row: int) -> None:
        """End the session in a row, by the keyboard."""
        button = self.rows.nth(row).get_by_test_id("end-session")
        await button.focus()
        await button.press("Enter")


async def open_user_page(open_sign_in: OpenSignIn, site: Site, **options: Any) -> UserPage:
    """Sign in as alice in a browser of its own."""
    sign_in = await open_sign_in(site, "/?next=/user", **options)
    await sign_in.sign_in("alice")
    await sign_in.arrives()
    return UserPage(sign_in)


async def test_browser_that_is_ended_elsewhere_is_signed_out(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    The list names both; the other one's page notices with the next thing that is done on it.
    """
    complaints.expect("status of 401")
    here = await open_user_page(open_sign_in, site)
    other = await open_user_page(open_sign_in, site, user_agent=WINDOWS)
    await here.page.reload()
    await expect(here.rows).to_have_count(2)
    await expect(here.rows.nth(0)).to_contain_text("本浏览器")
    await expect(here.rows.nth(0).get_by_role("button")).to_be_hidden()
    await expect(here.rows.nth(1)).to_contain_text(
        re.compile(r"^\s*Chrome · Windows\s+密码\s+登录：刚刚\s+退出\s*$"), use_inner_text=True
    )

    await here.end(1)
    await expect(here.note).to_have_text("那个浏览器已退出登录。")
    await expect(here.note).to_be_focused()
    await expect(here.rows).to_have_count(1)
    await expect(here.end_others).to_be_hidden()

    await other.end(1)
    await other.arrives("/?next=/user")


async def test_all_other_browsers_are_signed_out_at_once(site: Site, open_sign_in: OpenSignIn):
    """
    One button, and only this browser is left, also after a reload.
    """
    others = [await open_user_page(open_sign_in, site) for _ in range(2)]
    here = await open_user_page(open_sign_in, site)
    await expect(here.rows).to_have_count(3)

    await here.end_others.click()
    await expect(here.note).to_have_text("其他浏览器都已退出登录。")
    await here.page.reload()
    await expect(here.rows).to_have_count(1)

    for other in others:
        await other.page.reload()
        await other.arrives("/?next=/user")


async def test_list_follows_a_change_of_rights(site: Site, open_sign_in: OpenSignIn):
    """
    A scan that links WeChat gives this browser a new session, and the list says of what kind.
    """
    here = await open_user_page(open_sign_in, site)
    await expect(here.rows).to_contain_text(["密码"])
    await here.page.get_by_test_id("bind-start").click()
    await site.sandbox.phone.scan(ticket=await here.shows_code())

    await expect(here.rows).to_contain_text(["微信扫码"])


@pytest.mark.parametrize(
    "look",
    [
        pytest.param({"locale": "zh-CN", "color_scheme": "light"}, id="zh light"),
        pytest.param({"locale": "en-US", "color_scheme": "dark"}, id="en dark"),
    ],
)
async def test_list_is_accessible_on_every_screen(
    site: Site, open_sign_in: OpenSignIn, look: dict[str, Any]
):
    """
    No violation, and nothing sticks out sideways, from the smallest phone to a desk.
    """
    visitor = site.visitor()
    visitor.http.headers["User-Agent"] = WINDOWS
    await visitor.post("/login", username="alice", password=PASSWORD)
    here = await open_user_page(open_sign_in, site, **look)
    await expect(here.rows).to_have_count(2)

    found = await violations(here.page)
    for width in (320, 390, 768, 1280):
        await here.page.set_viewport_size({"width": width, "height": 700})
        found += [f"{width} px"] if await here.page.evaluate(OVERHANG) else []

    assert [] == found

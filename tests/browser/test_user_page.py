"""The user page: linking WeChat, taking it off, signing out."""

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.complaints import Complaints
from tests.browser.conftest import NewContext, OpenSignIn, StartSite
from tests.browser.pages import SignIn
from tests.browser.test_lost_answers import LOST, lose_answers
from tests.site import OPENID, OTHER_OPENID, PASSWORD, Site

LINKED = "微信已绑定。下次扫一扫就能登录。"
UNLINKED = "已解除绑定。密码仍然可以登录。"
REPLACED = "已换成新的微信。下次用它扫一扫。"


class UserPage(SignIn):
    """The user page, signed in."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.state: Locator = page.get_by_test_id("wechat-state")
        self.note = page.locator("[data-part=note]")
        self.start = page.get_by_test_id("bind-start")
        self.wechats = page.get_by_test_id("wechat")
        self.replace_form = page.get_by_test_id("replace-form")
        self.unbind_form = page.get_by_test_id("unbind-form")

    async def is_bound(self) -> None:
        """Wait until the page says that WeChat is linked."""
        await expect(self.state).to_have_attribute("data-bound", "true")

    async def is_free(self) -> None:
        """Wait until the page says that WeChat is not linked."""
        await expect(self.state).to_have_attribute("data-bound", "false")

    async def link(self) -> str:
        """Ask for a code to link WeChat; return its ticket."""
        await self.start.click()
        return await self.shows_code()

    async def says(self, words: str) -> None:
        """Wait until the page, which may come anew, says what was done."""
        await expect(self.note).to_have_text(words)

    async def unlink(self, password: str) -> None:
        """Ask to take WeChat off, with a password."""
        if not await self.unbind_form.is_visible():
            await self.page.locator("[data-part=unbind] summary").click()
        await self.unbind_form.locator("[name=password]").fill(password)
        await self.unbind_form.get_by_role("button").click()


@pytest.fixture
async def user_page(site: Site, new_context: NewContext) -> UserPage:
    """The page of alice, who is signed in."""
    visitor = site.visitor()
    assert 200 == (await visitor.post("/login", username="alice", password=PASSWORD))[0]
    session = visitor.cookie(site.settings.session.cookie_name) or ""
    context = await new_context()
    await context.add_cookies(
        [{"name": site.settings.session.cookie_name, "value": session, "url": site.base_url}]
    )
    page = await context.new_page()
    await page.goto(f"{site.base_url}/user")
    return UserPage(page)


async def bind(site: Site, username: str, openid: str) -> None:
    """Bind a WeChat user to an account, elsewhere."""
    visitor = site.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()
    await site.sandbox.phone.scan(ticket=code["ticket"], openid=openid)
    token = (await page.expect("bind_required"))["bind_token"]
    proof = {"bind_token": token, "username": username, "password": PASSWORD}
    assert 200 == (await visitor.post("/user/bind", **proof))[0]


async def test_scan_on_the_user_page_links_wechat(site: Site, user_page: UserPage):
    """
    Signed in, a scan is all it takes to link; the page says so and stays linked.
    """
    await user_page.is_free()
    await site.sandbox.phone.scan(ticket=await user_page.link(), openid=OPENID)
    await user_page.is_bound()
    await user_page.says(LINKED)
    await user_page.page.reload()

    await user_page.is_bound()


async def test_linking_succeeds_though_its_answer_was_lost(
    site: Site, user_page: UserPage, complaints: Complaints
):
    """
    The session that the visitor had is over by then, and the page comes back for the new one.
    """
    statuses = await lose_answers(user_page.page, "/user/bind")
    complaints.expect(LOST)
    await site.sandbox.phone.scan(ticket=await user_page.link(), openid=OPENID)
    await user_page.is_bound()
    await user_page.page.reload()

    await user_page.is_bound()
    assert [200] == statuses


async def test_unlinking_asks_for_the_password(
    site: Site, user_page: UserPage, complaints: Complaints
):
    """
    A wrong password changes nothing and is told; the right one takes WeChat off.
    """
    complaints.expect("status of 401")
    await bind(site, "alice", OPENID)
    await user_page.page.reload()
    await user_page.unlink("wrong")
    error = user_page.unbind_form.get_by_role("alert")
    await expect(error).to_have_text("密码不对，请再试一次。")
    await user_page.is_bound()
    await user_page.unlink(PASSWORD)
    await user_page.is_free()
    await user_page.page.reload()

    await user_page.is_free()


async def test_wechat_can_be_linked_again_after_it_was_taken_off(site: Site, user_page: UserPage):
    """
    Linking, unlinking and linking work one after the other.
    """
    await site.sandbox.phone.scan(ticket=await user_page.link(), openid=OPENID)
    await user_page.says(LINKED)
    await user_page.unlink(PASSWORD)
    await user_page.says(UNLINKED)
    await user_page.is_free()
    await site.sandbox.phone.scan(ticket=await user_page.link(), openid=OTHER_OPENID)

    await user_page.is_bound()


async def test_wechat_of_another_account_is_not_taken_away(site: Site, user_page: UserPage):
    """
    A scan by a WeChat user who has an account is told plainly, and changes nothing.
    """
    await site.add_account("bob")
    await bind(site, "bob", OPENID)
    await site.sandbox.phone.scan(ticket=await user_page.link(), openid=OPENID)
    await expect(user_page.note).to_have_text("这个微信已经属于另一个账号，没有作任何改动。")

    await user_page.is_free()
    await expect(user_page.start).to_be_visible()


async def test_account_with_another_wechat_is_told_at_the_bind_form(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    A second WeChat user cannot bind to an account that has one; the form says what to do.
    """
    complaints.expect("status of 409")
    await bind(site, "alice", OPENID)
    sign_in = await open_sign_in(site)
    await site.sandbox.phone.scan(ticket=await sign_in.shows_code(), openid=OTHER_OPENID)
    await sign_in.bind("alice")

    await expect(sign_in.bind_form.get_by_role("alert")).to_contain_text("已经绑定了别的微信")


async def test_wechat_is_replaced_with_the_password(
    site: Site, user_page: UserPage, complaints: Complaints
):
    """
    The new WeChat scans, the password is asked for until it is right; then the new one signs in.
    """
    complaints.expect("status of 401")
    await bind(site, "alice", OPENID)
    await user_page.page.reload()
    await user_page.page.get_by_test_id("replace-start").click()
    await site.sandbox.phone.scan(ticket=await user_page.shows_code(), openid=OTHER_OPENID)
    form, password = user_page.replace_form, user_page.replace_form.locator("[name=password]")
    await expect(password).to_be_focused()
    await password.fill("wrong")
    await password.press("Enter")
    await expect(form.get_by_role("alert")).to_have_text("密码不对，请再试一次。")
    await password.fill(PASSWORD)
    await password.press("Enter")

    await user_page.says(REPLACED)
    alice = await site.resources.directory.by_openid(OTHER_OPENID)
    assert alice is not None
    assert await site.resources.directory.by_openid(OPENID) is None


async def test_each_of_several_wechats_is_listed_and_taken_off_by_itself(
    start_site: StartSite, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    Another is added until there are as many as may be; the one that is taken off is the one named.
    """
    complaints.expect("status of 409")
    site = await start_site(accounts={"wechat_per_account": 2})
    await site.add_account("alice")
    await bind(site, "alice", OPENID)
    page = (await open_sign_in(site, "/?next=/user")).page
    await SignIn(page).sign_in("alice")
    user_page = UserPage(page)
    await site.sandbox.phone.scan(ticket=await user_page.link(), openid=OPENID)
    await user_page.says("这个微信已经绑定到这个账号了。")
    await site.sandbox.phone.scan(ticket=await user_page.link(), openid=OTHER_OPENID)
    await user_page.says(LINKED)
    await expect(user_page.wechats).to_have_count(2)
    await expect(user_page.start).to_have_count(0)
    second = user_page.wechats.nth(1)
    await second.locator("summary").click()
    await second.locator("[name=password]").fill(PASSWORD)
    await second.locator("[name=password]").press("Enter")

    await user_page.says(UNLINKED)
    await expect(user_page.wechats).to_have_count(1)
    assert await site.resources.directory.by_openid(OPENID)


async def test_generated_name_is_changed_on_the_page(
    start_site: StartSite, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    A taken name is told at the form; another is taken, and the form goes.
    """
    complaints.expect("status of 409")
    site = await start_site(login={"auto_register": True})
    await site.add_account("alice")
    sign_in = await open_sign_in(site, "/?next=/user")
    await site.sandbox.phone.scan(ticket=await sign_in.shows_code(), openid=OPENID)
    await sign_in.arrives("/user")
    form = sign_in.page.get_by_test_id("name-form")
    await form.locator("[name=username]").fill("ALICE")
    await form.get_by_role("button").click()
    await expect(form.get_by_role("alert")).to_have_text("这个名字已经有人用了，换一个试试。")
    await form.locator("[name=username]").fill("小红")
    await form.get_by_role("button").click()

    await expect(sign_in.page.get_by_test_id("username")).to_have_text("小红")
    await expect(form).to_have_count(0)


async def test_times_are_in_the_visitors_zone(site: Site, new_context: NewContext):
    """
    What happened lately is told by how long ago it was, the rest by the hour of the visitor's day.
    """
    visitor = site.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)
    await site.resources.directory.bind(OPENID, 1, 1_700_000_000)
    await site.resources.context.journal.settled()
    context = await new_context(locale="en-US", timezone_id="America/New_York")
    name = site.settings.session.cookie_name
    await context.add_cookies(
        [{"name": name, "value": visitor.cookie(name) or "", "url": site.base_url}]
    )
    page = await context.new_page()
    await page.goto(f"{site.base_url}/user")

    await expect(page.get_by_test_id("activity").locator("time")).to_have_text("just now")
    linked = page.get_by_test_id("wechat").locator("time")
    await expect(linked).to_have_text("Nov 14, 2023, 5:13\u202fPM")


async def test_code_on_the_user_page_can_be_put_away(user_page: UserPage):
    """
    Who changes his mind closes the code, and may ask for another one.
    """
    await user_page.link()
    await user_page.page.locator("[data-part=close]").click()
    await expect(user_page.code).to_be_hidden()
    await expect(user_page.start).to_be_focused()

    await user_page.link()


async def test_sign_out_ends_the_session(site: Site, user_page: UserPage):
    """
    After signing out the user page is behind the sign-in page again.
    """
    await user_page.sign_out()
    await user_page.page.goto(f"{site.base_url}/user")

    await user_page.arrives("/?next=/user")


async def test_session_that_ended_elsewhere_leads_to_the_sign_in_page(
    site: Site, user_page: UserPage, complaints: Complaints
):
    """
    A user page that is signed out in another tab leads to the way in when it is used.
    """
    complaints.expect("status of 401")
    await bind(site, "alice", OPENID)
    await user_page.page.reload()
    tab = UserPage(await user_page.page.context.new_page())
    await tab.page.goto(f"{site.base_url}/user")
    await tab.sign_out()
    await user_page.unlink(PASSWORD)

    await user_page.arrives("/?next=/user")

"""Signing in on WeChat's own pages, in a real browser; and what phones outside WeChat are told."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser.axe import violations
from tests.browser.complaints import Complaints
from tests.browser.conftest import NewContext, OpenSignIn, StartSite
from tests.browser.pages import SignIn
from tests.browser.qr_reader import read_code
from tests.server.web import DESK, INSIDE, PHONE, WEBSITE
from tests.site import Site

HAND: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True}
HAND["has_touch"] = True
OURS = (
    ("inside", INSIDE, "/"),
    ("desk", DESK, "/?error=wechat_refused"),
    ("phone", PHONE, "/"),
    ("gone", INSIDE, "/login/wechat/callback?code=x&state=y"),
    ("outside", PHONE, "/login/wechat"),
)
THEIRS = (("at wechat", INSIDE, "/login/wechat"), ("at wechat on a desk", DESK, "/login/wechat"))
ENGLISH_DARK = {"locale": "en-US", "color_scheme": "dark"}


@pytest.fixture
async def site(start_site: StartSite) -> Site:
    """A site with a website app and the account alice."""
    site = await start_site(wechat=WEBSITE)
    await site.add_account("alice")
    return site


def addresses(context: BrowserContext) -> list[str]:
    """Return the list that all addresses that are asked for will be in."""
    found: list[str] = []
    context.on("request", lambda request: found.append(request.url))
    return found


async def agree(sign_in: SignIn, name: str = "小明", *, answer: str = "allow") -> None:
    """Go to WeChat's page, pick who holds the phone, and answer."""
    await sign_in.page.get_by_test_id("web-login").click()
    await sign_in.page.get_by_test_id("user-picker").select_option(label=name)
    await sign_in.page.get_by_test_id(answer).click()


async def test_visitor_inside_wechat_taps_binds_once_and_taps_again(
    site: Site, open_sign_in: OpenSignIn
):
    """
    Inside WeChat a tap is enough, after the first one has bound an account.
    """
    sign_in = await open_sign_in(site, "/?next=/user%3Ffrom=wechat", user_agent=INSIDE, **HAND)
    seen = addresses(sign_in.page.context)
    await expect(sign_in.password_form).to_be_hidden()
    await agree(sign_in)
    await sign_in.reach("bind_required")
    begins = sign_in.page.locator("script[data-resume]")
    resume = await begins.get_attribute("data-resume") or "-"
    await expect(sign_in.page.get_by_test_id("web-login")).to_be_hidden()
    await sign_in.bind("alice")
    await sign_in.arrives("/user?from=wechat")
    await sign_in.sign_out()

    await agree(sign_in)
    await sign_in.arrives("/user")

    await expect(sign_in.page.get_by_test_id("username")).to_have_text("alice")
    assert [] == [url for url in seen if resume.partition(".")[2] in url]


async def test_bind_form_after_web_login_outlives_a_reload(site: Site, open_sign_in: OpenSignIn):
    """
    The form comes back with its page, and still binds.
    """
    sign_in = await open_sign_in(site, user_agent=INSIDE, **HAND)
    await agree(sign_in)
    await sign_in.reach("bind_required")
    await sign_in.page.reload()

    await sign_in.bind("alice")
    await sign_in.arrives("/user")


async def test_visitor_on_a_desk_refuses_and_then_agrees(site: Site, open_sign_in: OpenSignIn):
    """
    Whoever refuses at WeChat is told so, with the code and the button at hand.
    """
    sign_in = await open_sign_in(site, "/?next=/user%3Fx=1", user_agent=DESK)
    await sign_in.shows_code()
    await agree(sign_in, answer="refuse")
    await expect(sign_in.page.get_by_test_id("web-login-refused")).to_be_visible()
    await sign_in.shows_code()

    await agree(sign_in)
    await sign_in.bind("alice")
    await sign_in.arrives("/user?x=1")


async def test_page_inside_wechat_shows_the_button_before_the_code(
    site: Site, open_sign_in: OpenSignIn
):
    """
    The button comes first, and the code is in the first view all the same.
    """
    sign_in = await open_sign_in(site, user_agent=INSIDE, **HAND)
    await sign_in.shows_code()
    button = await sign_in.page.get_by_test_id("web-login").bounding_box()
    code = await sign_in.code.bounding_box()

    assert button is not None
    assert code is not None
    assert button["y"] + button["height"] < code["y"]
    assert code["y"] + code["height"] < HAND["viewport"]["height"]


async def test_phone_outside_wechat_can_save_the_code(
    site: Site, open_sign_in: OpenSignIn, folder: Path
):
    """
    What the link saves is the picture of this page's code, as another phone would read it.
    """
    sign_in = await open_sign_in(site, user_agent=PHONE, **HAND)
    await sign_in.shows_code()
    await expect(sign_in.main.get_by_text("把本页地址发到微信里打开")).to_be_visible()
    async with sign_in.page.expect_download() as started:
        await sign_in.page.get_by_test_id("save-code").click()
    download = await started.value
    await download.save_as(folder / "code.png")

    assert download.suggested_filename.endswith(".png")
    assert await sign_in.code.get_attribute("data-url") == read_code(
        (folder / "code.png").read_bytes()
    )


async def test_page_inside_wechat_says_how_to_use_the_code(site: Site, open_sign_in: OpenSignIn):
    """
    WeChat's browser cannot download, and nobody scans the own screen: its menu reads the code.
    """
    sign_in = await open_sign_in(site, user_agent=INSIDE, **HAND)
    await sign_in.shows_code()

    await expect(sign_in.page.get_by_test_id("save-code")).to_be_hidden()
    await expect(sign_in.status).to_have_text(
        re.compile("长按二维码登录.*识别图中的二维码", re.DOTALL)
    )
    await expect(sign_in.main.get_by_text("正在用手机")).to_be_hidden()


async def test_web_login_works_without_scripts(site: Site, new_context: NewContext):
    """
    A known visitor gets in by links and forms alone.
    """
    user = next(iter(site.sandbox.platform.users))
    account = await site.resources.directory.register(user.openid)
    context = await new_context(user_agent=INSIDE, java_script_enabled=False, **HAND)
    sign_in = SignIn(await context.new_page())
    await sign_in.page.goto(site.base_url)
    await agree(sign_in, user.name)

    await sign_in.arrives("/user")
    await expect(sign_in.page.get_by_test_id("username")).to_have_text(account.username)


async def test_way_back_that_is_over_leads_on(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    The page that says so has a button that starts again.
    """
    complaints.expect("410")
    sign_in = await open_sign_in(
        site, "/login/wechat/callback?code=x&state=y", user_agent=INSIDE, **HAND
    )
    await sign_in.page.get_by_test_id("web-login-again").click()

    await expect(sign_in.page.get_by_test_id("oauth-form")).to_be_visible()


@pytest.mark.parametrize(
    ("look", "pages", "status"),
    [
        pytest.param({"color_scheme": "light"}, OURS[::2] + THEIRS, "404", id="zh light"),
        pytest.param(ENGLISH_DARK, OURS[1::2], "410", id="en dark"),
    ],
)
async def test_pages_of_web_login_are_accessible(
    site: Site,
    open_sign_in: OpenSignIn,
    complaints: Complaints,
    look: dict[str, Any],
    pages: tuple[tuple[str, str, str], ...],
    status: str,
):
    """
    Button, note, hint, WeChat's page and what goes wrong: axe-core finds nothing.
    """
    complaints.expect(status)
    found = {}
    for name, agent, path in pages:
        sign_in = await open_sign_in(
            site, path, user_agent=agent, **look, **({} if agent == DESK else HAND)
        )
        if path.startswith("/?") or path == "/":
            await sign_in.shows_code()
        wrong = await violations(sign_in.page)
        if wrong:
            found[name] = wrong

    assert {} == found

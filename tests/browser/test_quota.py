"""Codes that are spent wisely: on visitors who are there, and slowly when they run low."""

from typing import Any

import pytest
from msgspec.structs import replace
from playwright.async_api import expect

from login import CloseCode
from store import connect
from tests.browser.axe import violations
from tests.browser.complaints import Complaints
from tests.browser.conftest import NewContext, OpenSignIn, StartSite
from tests.browser.pages import SignIn
from tests.browser.test_layout import OVERHANG
from tests.browser.test_presence import SIGNED_OUT, VISIBILITY, open_tab
from tests.site import OPENID, Site
from tests.time_machine import TimeMachine
from wechat import Limits

CREATE = "/cgi-bin/qrcode/create"
SOON = {"ticket_seconds": 1}
# Nothing but the reserve from the first code on, and enough of it.
LOW = {"daily_codes": 10**9, "reserve_percent": 100}
LOOKS = [
    pytest.param({"locale": "zh-CN"}, "今天的二维码快用完了", "约 ", id="zh light"),
    pytest.param(
        {"locale": "en-US", "color_scheme": "dark"}, "running low", "in about ", id="en dark"
    ),
]
LONGER_THAN_A_HIDDEN_PAGE_STAYS_AWAY_MS = 20_000
# As when a visitor leaves for another tab before the socket is open.
HIDE_WHILE_CONNECTING = """
    const { WebSocket } = window;
    window.WebSocket = class extends WebSocket {
        constructor(...address) {
            super(...address);
            window.WebSocket = WebSocket;
            show("hidden");
        }
    };
"""


def asked(site: Site) -> int:
    """Return how many codes WeChat counts today."""
    return site.sandbox.platform.quotas.used(CREATE)


async def lose_attempts(site: Site) -> None:
    """Let the store lose the records of all attempts."""
    redis = site.settings.redis
    async with connect(redis.url, redis.key_prefix) as store:
        for key in await store.redis.keys(store.key("attempt", "*")):
            await store.redis.delete(key)


async def let_pass(site: Site, seconds: float) -> None:
    """Let time pass in the site's store."""
    redis = site.settings.redis
    async with connect(redis.url, redis.key_prefix) as store:
        await TimeMachine(store).forward(seconds)


async def look_for_faults(sign_in: SignIn) -> list[Any]:
    """Return what is wrong with how the page looks, and by how much it is too wide."""
    return [await violations(sign_in.page), await sign_in.page.evaluate(OVERHANG)]


# ---- few codes left


@pytest.mark.parametrize(("look", "says", "wait"), LOOKS)
async def test_page_says_that_codes_run_low_waits_for_a_click_and_then_its_turn(
    start_site: StartSite, open_sign_in: OpenSignIn, look: dict[str, Any], says: str, wait: str
):
    """
    In the reserve a new page has its code; who clicks for the next is told when, and it works.
    """
    site = await start_site(pool=SOON, wechat=LOW)
    sign_in = await open_sign_in(site, clock=True, **look)
    first = await sign_in.shows_code()
    await sign_in.page.mouse.move(10, 10)
    await sign_in.reach("idle")
    await expect(sign_in.status).to_contain_text(says)
    await let_pass(site, 60)
    await sign_in.ask_again()
    await sign_in.shows_another_code(than=first)
    await sign_in.reach("idle")
    await sign_in.page.set_viewport_size({"width": 320, "height": 568})
    found = await look_for_faults(sign_in)
    spent = asked(site)
    await sign_in.ask_again()
    await sign_in.reach("busy")
    await expect(sign_in.page.locator("[data-part=wait]")).to_contain_text(wait + "2 ")
    await expect(sign_in.retry).to_be_hidden()
    await expect(sign_in.password_form).to_be_visible()
    found += await look_for_faults(sign_in)
    site.resources.pool.rules = replace(site.resources.pool.rules, ticket_seconds=180)
    await let_pass(site, 120)
    await sign_in.page.clock.fast_forward(130_000)
    second = await sign_in.shows_code()
    await site.sandbox.phone.scan(ticket=second, openid=OPENID)
    await sign_in.reach("bind_required")

    assert 2 * [[], 0] == found
    assert (2, 3) == (spent, asked(site))


async def test_coming_into_view_is_no_click(
    start_site: StartSite, new_context: NewContext, complaints: Complaints
):
    """
    In the reserve a tab that is looked at again still waits until its visitor asks.
    """
    complaints.expect(SIGNED_OUT)
    site = await start_site(pool=SOON, wechat=LOW)
    sign_in = SignIn(await open_tab(await new_context(), site.base_url))
    await sign_in.shows_code()
    await sign_in.page.evaluate("show('hidden')")
    await sign_in.reach("idle")
    async with sign_in.page.expect_response("**/session"):
        await sign_in.page.evaluate("show('visible')")

    await expect(sign_in.retry).to_be_visible()
    assert 1 == asked(site)


async def test_used_up_codes_leave_the_password(start_site: StartSite, open_sign_in: OpenSignIn):
    """
    The page says that today's codes are gone and opens the password form; more codes end it.
    """
    site = await start_site(wechat={"daily_codes": 1})
    await (await open_sign_in(site)).shows_code()
    sign_in = await open_sign_in(site)
    await sign_in.reach("busy")
    await expect(sign_in.status).to_contain_text("今天的二维码已用完")
    await expect(sign_in.password_form).to_be_visible()
    spent = asked(site)
    site.resources.context.pages.client.budget.limits = Limits(daily_codes=2, reserve_percent=10)
    await sign_in.ask_again()
    await sign_in.shows_code()

    assert (1, 2) == (spent, asked(site))


# ---- nobody there


async def test_visitor_who_moves_need_not_click(start_site: StartSite, open_sign_in: OpenSignIn):
    """
    Who gave a sign of life during the last code gets the next one where others are asked.
    """
    site = await start_site(login={"refreshes": 0})
    sign_in = await open_sign_in(site)
    first = await sign_in.shows_code()
    await sign_in.page.mouse.move(10, 10)
    await lose_attempts(site)
    await site.resources.context.pages.sweep()
    second = await sign_in.shows_another_code(than=first)
    await lose_attempts(site)
    await site.resources.context.pages.sweep()

    await sign_in.reach("idle")
    assert second == await sign_in.code.get_attribute("data-ticket")
    assert 2 == asked(site)


async def test_hidden_page_that_lost_its_attempt_asks_for_nothing(
    start_site: StartSite, new_context: NewContext, complaints: Complaints
):
    """
    A tab behind others comes back after a restart; the code that it needs waits until it is seen.
    """
    complaints.expect(SIGNED_OUT)
    site = await start_site()
    context = await new_context()
    await context.clock.install()
    sign_in = SignIn(await open_tab(context, site.base_url))
    first = await sign_in.shows_code()
    await sign_in.page.evaluate("show('hidden')")
    await lose_attempts(site)
    for socket in list(site.resources.context.sockets.open):
        socket.close(CloseCode.RESTARTING, "restarting")
    await site.all_gone()
    await sign_in.page.clock.fast_forward(LONGER_THAN_A_HIDDEN_PAGE_STAYS_AWAY_MS)
    await sign_in.reach("expired")
    spent = asked(site)
    await sign_in.page.evaluate("show('visible')")
    await sign_in.shows_another_code(than=first)

    assert (1, 2) == (spent, asked(site))


async def test_page_that_is_left_while_it_connects_asks_for_nothing(
    start_site: StartSite, new_context: NewContext, complaints: Complaints
):
    """
    A first code is for a page that somebody sees when the socket is open.
    """
    complaints.expect(SIGNED_OUT)
    site = await start_site()
    page = await (await new_context()).new_page()
    await page.add_init_script(VISIBILITY + HIDE_WHILE_CONNECTING)
    async with page.expect_websocket() as opened:
        await page.goto(site.base_url)
    socket = await opened.value
    if not socket.is_closed():
        await socket.wait_for_event("close")
    spent = asked(site)
    await page.evaluate("show('visible')")
    await SignIn(page).shows_code()

    assert (0, 1) == (spent, asked(site))


async def test_reload_costs_no_code(site: Site, open_sign_in: OpenSignIn):
    """
    However often a page is reloaded, WeChat is asked for one code.
    """
    sign_in = await open_sign_in(site)
    ticket = await sign_in.shows_code()
    for _ in range(3):
        await sign_in.page.reload()
        assert ticket == await sign_in.shows_code()

    assert 1 == asked(site)

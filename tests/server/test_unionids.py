"""Unionids of the service account's users: heard after a scan, and of use on a desk."""

import time
from typing import Any

import pytest

from accounts import Identity
from tests.server.conftest import StartSite
from tests.server.pushing import scan
from tests.server.web import DESK, INSIDE, WEBSITE, come_in, leads_to
from tests.site import OPENID, OTHER_OPENID, Site, Visitor

BATCH = "/cgi-bin/user/info/batchget"


@pytest.fixture
async def site(start_site: StartSite) -> Site:
    """A site with a website app; the user `OPENID` follows its service account."""
    site = await start_site(wechat=WEBSITE)
    follow(site)
    return site


def follow(site: Site) -> None:
    """Let `OPENID` follow the account."""
    users = site.sandbox.platform.users
    users.follow(users.get_or_add(OPENID), scene=None)


def asked(site: Site) -> int:
    """Return how often WeChat was asked for unionids today."""
    return site.sandbox.platform.quotas.used(BATCH)


async def known_on_a_desk(site: Site) -> str:
    """Make an account of `OPENID`, whom the website app alone knows; return its name."""
    follow(site)
    web, wechat = site.sandbox.platform.oauth, site.settings.wechat
    user = site.sandbox.platform.users.get(OPENID)
    known = Identity(
        appid=wechat.open_appid,
        openid=web.openid_of(user, wechat.open_appid),
        unionid=web.unionid_of(user),
    )
    return (await site.resources.directory.register(known)).username


async def scan_and_settle(site: Site, visitor: Visitor) -> str:
    """Scan a code of *visitor*; return the phone's reply, when nothing is asked any more."""
    page = await visitor.open_page()
    reply = await scan(site, await page.get_qr())
    if site.resources.context.mailroom.unionids:
        await site.resources.context.mailroom.unionids.settled()
    return reply


async def test_who_scanned_is_known_on_a_desk(site: Site) -> None:
    """
    A scan is enough for WeChat's page on a desk to sign in the same account.
    """
    account = await site.resources.directory.register(OPENID)
    before = await come_in(site, site.visitor(), DESK)
    await scan_and_settle(site, site.visitor())
    visitor = site.visitor()

    after = await come_in(site, visitor, DESK)

    assert (302, "/") == leads_to(before)
    assert (302, "/user") == leads_to(after)
    assert account.username == (await visitor.request("GET", "/session"))[1]["username"]


async def test_who_came_on_a_desk_is_known_inside_wechat(site: Site) -> None:
    """
    A stranger to the service account is looked up before anything is asked of them.
    """
    await known_on_a_desk(site)

    assert (302, "/user") == leads_to(await come_in(site, site.visitor(), INSIDE))


@pytest.mark.parametrize("rules", [{}, {"confirmation": "number"}, {"auto_register": True}])
async def test_who_came_on_a_desk_is_known_by_the_first_scan(
    start_site: StartSite, rules: dict[str, Any]
) -> None:
    """
    A stranger's unionid is asked for before the answer: nobody binds or registers a second time.
    """
    site = await start_site(wechat=WEBSITE, login=rules)
    account = await known_on_a_desk(site)
    visitor = site.visitor()
    page = await visitor.open_page()
    reply = await scan(site, await page.get_qr())
    if "confirmation" in rules:
        await page.expect("scanned")
        await page.send("choose", number=int(reply.partition("选择数字 ")[2][:2]))
    code = (await page.expect("success"))["code"]

    answer = await visitor.post("/session", code=code)

    assert (200, account) == (answer[0], answer[1]["username"])


async def test_repeated_push_of_a_stranger_asks_once(site: Site) -> None:
    """
    The repeat is answered by what the first one led to, and WeChat is not asked again.
    """
    await known_on_a_desk(site)
    page = await site.visitor().open_page()
    code, at = await page.get_qr(), time.time()

    replies = {await scan(site, code, created_at=at) for _ in range(3)}

    assert 1 == len(replies)
    assert "登录成功" in replies.pop()
    assert 1 == asked(site)


async def test_stranger_whom_wechat_does_not_tell_soon_is_asked_to_bind(site: Site) -> None:
    """
    The phone is answered in time while WeChat is silent, and a later scan joins.
    """
    await known_on_a_desk(site)
    unionids = site.resources.context.mailroom.unionids
    assert unionids
    unionids.patience_seconds = 0.1
    site.sandbox.platform.fail(BATCH, delay=600)

    first = await scan_and_settle(site, site.visitor())
    unionids.patience_seconds = 2
    second = await scan_and_settle(site, site.visitor())

    assert "还没有绑定" in first
    assert "登录成功" in second


@pytest.mark.parametrize("errcode", [-1, 48001, 40003])
async def test_stranger_whom_wechat_refuses_to_tell_is_asked_to_bind(
    site: Site, errcode: int
) -> None:
    """
    Trouble with the unionid is no trouble of the scan.
    """
    await known_on_a_desk(site)
    site.sandbox.platform.fail(BATCH, errcode=errcode, times=2)

    assert "还没有绑定" in await scan_and_settle(site, site.visitor())


async def test_crowd_of_strangers_waits_for_no_unionid(site: Site) -> None:
    """
    While as many wait as may, the next are asked to bind at once.
    """
    await known_on_a_desk(site)
    unionids = site.resources.context.mailroom.unionids
    assert unionids
    unionids.most_waiting = 0

    assert "还没有绑定" in await scan_and_settle(site, site.visitor())
    assert 0 == asked(site)


async def test_scan_of_a_used_code_asks_nothing(site: Site) -> None:
    """
    Only a scan that may sign in is worth a call.
    """
    page = await site.visitor().open_page()
    code = await page.get_qr()
    await scan(site, code)
    before = asked(site)
    await scan(site, code, openid=OTHER_OPENID)

    assert (1, 1) == (before, asked(site))


async def test_scan_waits_for_no_unionid(site: Site) -> None:
    """
    The phone is answered and the page goes on while WeChat is silent about the user.
    """
    await site.resources.directory.register(OPENID)
    site.sandbox.platform.fail(BATCH, delay=600, times=None)
    page = await site.visitor().open_page()

    reply = await scan(site, await page.get_qr())

    assert "登录成功" in reply
    assert await page.expect("success")


@pytest.mark.parametrize("errcode", [-1, 48001, 45009, 40003])
async def test_refusal_to_tell_is_nobodys_trouble(site: Site, errcode: int) -> None:
    """
    A scan and a web login end as if nothing had been asked; the next scan asks again.
    """
    await site.resources.directory.register(OPENID)
    site.sandbox.platform.fail(BATCH, errcode=errcode, times=2)

    reply = await scan_and_settle(site, site.visitor())
    response = await come_in(site, site.visitor(), INSIDE)

    assert "登录成功" in reply
    assert (302, "/user") == leads_to(response)


async def test_unionid_is_asked_for_once(site: Site) -> None:
    """
    What is written down is not asked for again.
    """
    await site.resources.directory.register(OPENID)
    await scan_and_settle(site, site.visitor())
    site.sandbox.platform.fail(BATCH, errcode=-1)
    await scan_and_settle(site, site.visitor())

    assert [BATCH] == [fault.path for fault in site.sandbox.platform.faults]


async def test_nothing_is_asked_where_there_is_nothing_to_join(start_site: StartSite) -> None:
    """
    Without a website app a unionid is of no use, and WeChat is not asked.
    """
    site = await start_site()
    follow(site)
    await site.resources.directory.register(OPENID)
    site.sandbox.platform.fail(BATCH, errcode=-1)
    await scan_and_settle(site, site.visitor())

    assert site.resources.context.mailroom.unionids is None
    assert [BATCH] == [fault.path for fault in site.sandbox.platform.faults]

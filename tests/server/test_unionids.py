"""Unionids of the service account's users: heard after a scan, and of use on a desk."""

import pytest

from accounts import Identity
from tests.server.conftest import StartSite
from tests.server.pushing import scan
from tests.server.web import DESK, INSIDE, WEBSITE, come_in, leads_to
from tests.site import OPENID, Site, Visitor

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
    web, wechat = site.sandbox.platform.oauth, site.settings.wechat
    user = site.sandbox.platform.users.get(OPENID)
    known = Identity(
        appid=wechat.open_appid,
        openid=web.openid_of(user, wechat.open_appid),
        unionid=web.unionid_of(user),
    )
    await site.resources.directory.register(known)

    assert (302, "/user") == leads_to(await come_in(site, site.visitor(), INSIDE))


async def test_who_came_on_a_desk_is_known_by_the_second_scan(site: Site) -> None:
    """
    The first scan of a stranger asks WeChat, which nobody waits for.
    """
    web, wechat = site.sandbox.platform.oauth, site.settings.wechat
    user = site.sandbox.platform.users.get(OPENID)
    known = Identity(
        appid=wechat.open_appid,
        openid=web.openid_of(user, wechat.open_appid),
        unionid=web.unionid_of(user),
    )
    await site.resources.directory.register(known)

    first = await scan_and_settle(site, site.visitor())
    second = await scan_and_settle(site, site.visitor())

    assert "还没有绑定" in first
    assert "登录成功" in second


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

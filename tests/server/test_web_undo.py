"""Taking a web login back on the phone: it ends that session, and nothing else."""

import logging

import pytest

from accounts import Identity
from tests.server.conftest import StartSite
from tests.server.test_phone import signed_in
from tests.server.test_web_login import bind, signed_in_as
from tests.server.web import DESK, INSIDE, WEBSITE, come_in, get, leads_to, way_back
from tests.site import OPENID, OTHER_OPENID, Site, Visitor

UNDONE, NOTHING = "已撤销", "没有可以撤销"


@pytest.fixture
async def site(start_site: StartSite) -> Site:
    """A site with a website app, whose two users follow its service account."""
    site = await start_site(wechat=WEBSITE)
    for openid in (OPENID, OTHER_OPENID):
        await site.sandbox.phone.follow(openid)
    return site


def on_a_desk(site: Site, openid: str = OPENID) -> Identity:
    """Return a user as the website app knows them, without a unionid."""
    appid = site.settings.wechat.open_appid
    user = site.sandbox.platform.users.get_or_add(openid)
    return Identity(appid=appid, openid=site.sandbox.platform.oauth.openid_of(user, appid))


async def web_signed_in(site: Site, agent: str) -> Visitor:
    """Return a browser that WeChat's page signed in."""
    visitor = site.visitor()
    assert (302, "/user") == leads_to(await come_in(site, visitor, agent))
    return visitor


async def write(site: Site, word: str = "T", openid: str = OPENID) -> str:
    """Have a user write to the service account; return the answer."""
    return (await site.sandbox.phone.message(openid, word)).reply or ""


@pytest.mark.parametrize("agent", [INSIDE, DESK])
async def test_word_ends_the_session_that_web_login_began(site: Site, agent: str) -> None:
    """
    The last sign-in is over at once, the scan before it stays, and so does what is bound.
    """
    account = await site.resources.directory.register(OPENID)
    await site.resources.directory.bind(on_a_desk(site), account.id)
    before = await signed_in(site)
    browser = await web_signed_in(site, agent)

    text = await write(site)

    assert UNDONE in text
    assert "Chrome" in text or "WeChat" in text
    assert [account.username, None] == [await signed_in_as(each) for each in (before, browser)]
    assert await site.resources.directory.by_openid(OPENID)
    assert await site.resources.directory.recognise(on_a_desk(site))


async def test_scan_after_web_login_is_what_the_word_is_about(site: Site) -> None:
    """
    Of a web login and a later scan of one person, the scan is taken back.
    """
    account = await site.resources.directory.register(OPENID)
    web = await web_signed_in(site, INSIDE)
    scanned = await signed_in(site)

    assert UNDONE in await write(site)
    assert [account.username, None] == [await signed_in_as(each) for each in (web, scanned)]


async def test_word_of_another_person_ends_no_web_login(site: Site) -> None:
    """
    Neither a stranger's word nor that of a neighbour who signed in too.
    """
    account = await site.resources.directory.register(OPENID)
    await site.resources.directory.register(OTHER_OPENID)
    browser = await web_signed_in(site, INSIDE)

    assert NOTHING in await write(site, openid=OTHER_OPENID)
    assert account.username == await signed_in_as(browser)


async def test_web_login_of_nobody_the_service_account_knows_stays(site: Site) -> None:
    """
    An account that only the website app is bound to has nobody who could write.
    """
    account = await site.resources.directory.register(on_a_desk(site))
    browser = await web_signed_in(site, DESK)

    assert NOTHING in await write(site)
    assert account.username == await signed_in_as(browser)


async def test_binding_on_a_desk_is_taken_back_by_the_accounts_follower(site: Site) -> None:
    """
    What somebody has bound who knew the password is unbound, and the writer's own WeChat stays.
    """
    alice = await site.add_account("alice")
    await site.resources.directory.bind(OPENID, alice)
    thief = site.visitor()
    response = await come_in(site, thief, DESK, openid=OTHER_OPENID)
    assert 200 == (await bind(thief, response.headers["Location"], "alice"))[0]

    assert UNDONE in await write(site)
    assert await signed_in_as(thief) is None
    assert await site.resources.directory.recognise(on_a_desk(site, OTHER_OPENID)) is None
    assert await site.resources.directory.by_openid(OPENID)


async def test_request_that_is_repeated_after_the_word_signs_nobody_in(site: Site) -> None:
    """
    Going back to the address of the callback does not bring the session back.
    """
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    path = await way_back(site, visitor)
    await get(visitor, path)
    await write(site)

    again = await get(visitor, path)

    assert 410 == again.status
    assert await signed_in_as(visitor) is None


async def test_word_that_is_repeated_says_the_same_and_is_logged_once(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The second time there is nothing left to do, and the operator has read of it.
    """
    await site.resources.directory.register(OPENID)
    await web_signed_in(site, INSIDE)

    with caplog.at_level(logging.INFO, "login.second_thoughts"):
        texts = {await write(site) for _ in range(2)}

    assert 1 == len(texts)
    assert 1 == len([each for each in caplog.messages if each.startswith("taken back")])

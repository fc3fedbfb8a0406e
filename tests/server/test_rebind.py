"""Another WeChat in the place of one, several of one account, and each taken off by itself."""

import asyncio
from typing import Any

import pytest

from tests.server.conftest import StartSite
from tests.server.pushing import scan
from tests.server.test_bind import scanned
from tests.site import OPENID, OTHER_OPENID, PASSWORD, Site, Visitor

THIRD_OPENID = "o-third"
Answer = tuple[int, Any]


def outcome(answer: Answer) -> tuple[int, str]:
    """Return status and error code, "" when there is none."""
    status, body = answer
    return status, body.get("error", {}).get("code", "")


@pytest.fixture
async def alice(site: Site) -> Visitor:
    """The browser of alice, signed in by password; her WeChat is OPENID."""
    await site.add_account("alice")
    await site.resources.directory.bind(OPENID, 1)
    return await signed_in(site)


async def signed_in(site: Site, username: str = "alice") -> Visitor:
    """Return a browser that signs in by password."""
    visitor = site.visitor()
    assert 200 == (await visitor.post("/login", username=username, password=PASSWORD))[0]
    return visitor


async def by_scan(site: Site, openid: str = OPENID) -> Visitor:
    """Return a browser that signs in by a scan."""
    visitor = site.visitor()
    page = await visitor.open_page()
    await scan(site, await page.get_qr(), openid=openid)
    code = (await page.expect("success"))["code"]
    assert 200 == (await visitor.post("/session", code=code))[0]
    return visitor


async def is_in(visitor: Visitor) -> bool:
    """Tell whether the browser is signed in."""
    return 200 == (await visitor.request("GET", "/session"))[0]


async def bound(site: Site) -> set[str]:
    """Return which of the openids are bound to alice."""
    openids = (OPENID, OTHER_OPENID, THIRD_OPENID)
    return {each for each in openids if await site.resources.directory.holds(each, 1)}


async def replace(
    site: Site, visitor: Visitor, openid: str = OTHER_OPENID, **fields: Any
) -> Answer:
    """Scan with another WeChat in the browser, and put it in the place of the one that there is."""
    _, token = await scanned(site, visitor, openid)
    given = {"replace": True, "password": PASSWORD} | fields
    return await visitor.post("/user/bind", bind_token=token, **given)


async def test_wechat_is_replaced_and_what_came_from_it_ends(site: Site, alice: Visitor):
    """
    The new one counts, the old one does not; its sessions end, other passwords' stay, and the
    browser that asked goes on in another session.
    """
    old, other = await by_scan(site), await signed_in(site)
    before = alice.cookie(site.settings.session.cookie_name)

    assert (200, "") == outcome(await replace(site, alice))

    assert {OTHER_OPENID} == await bound(site)
    assert [True, False, True] == [await is_in(each) for each in (alice, old, other)]
    assert before != alice.cookie(site.settings.session.cookie_name)
    assert await is_in(await by_scan(site, OTHER_OPENID))


async def test_replacing_needs_the_password(site: Site, alice: Visitor):
    """
    A session alone replaces nothing: a wrong password is told, and the scan may be used again.
    """
    _, token = await scanned(site, alice, OTHER_OPENID)
    answers = [
        outcome(await alice.post("/user/bind", bind_token=token, replace=True, password=password))
        for password in ("", "wrong", PASSWORD)
    ]

    assert [(401, "bad_credentials"), (401, "bad_credentials"), (200, "")] == answers
    assert {OTHER_OPENID} == await bound(site)


async def test_five_wrong_passwords_kill_the_scan(site: Site, alice: Visitor):
    """
    The sixth try, with the right password, comes too late.
    """
    _, token = await scanned(site, alice, OTHER_OPENID)
    for _ in range(5):
        await alice.post("/user/bind", bind_token=token, replace=True, password="wrong")

    answer = await alice.post("/user/bind", bind_token=token, replace=True, password=PASSWORD)

    assert (410, "bind_token_gone") == outcome(answer)
    assert {OPENID} == await bound(site)


async def test_who_lost_the_old_wechat_replaces_it_without_a_session(site: Site, alice: Visitor):
    """
    User name and password after a scan are the same proof.
    """
    stranger = site.visitor()

    assert (200, "") == outcome(await replace(site, stranger, username="alice"))
    assert {OTHER_OPENID} == await bound(site)
    assert await is_in(stranger)


async def test_wechat_of_another_account_replaces_nothing(site: Site, alice: Visitor):
    """
    Whose it is, is told to who is signed in: another's, or his own; nothing changes.
    """
    await site.add_account("bob")
    await site.resources.directory.bind(OTHER_OPENID, 2)
    page = await alice.open_page("/user")
    codes = []
    for openid in (OTHER_OPENID, OPENID):
        await scan(site, await page.get_qr(), openid=openid)
        codes.append((await page.expect("success"))["code"])
        page = await alice.open_page("/user")

    answers = [
        outcome(await alice.post("/user/bind", bind_token=code, replace=True, password=PASSWORD))
        for code in codes
    ]

    assert [(409, "openid_taken"), (409, "wechat_own")] == answers
    assert {OPENID} == await bound(site)


async def test_account_without_a_password_keeps_its_wechat(start_site: StartSite):
    """
    Nobody could confirm that it is the owner who replaces it, or takes one of two off.
    """
    site = await start_site(login={"auto_register": True}, accounts={"wechat_per_account": 2})
    visitor = await by_scan(site)
    site.resources.rules.auto_register = False
    _, token = await scanned(site, visitor, OTHER_OPENID)
    refused = await visitor.post("/user/bind", bind_token=token, replace=True)
    added = await visitor.post("/user/bind", bind_token=token)
    first, _ = await site.resources.directory.wechats(1)

    assert (409, "password_needed") == outcome(refused)
    assert (200, "") == outcome(added)
    taken_off = await visitor.post("/user/unbind", password="", wechat=first.id)
    assert (409, "password_needed") == outcome(taken_off)
    assert (409, "last_way_in") == outcome(await visitor.post("/user/unbind", password=""))
    assert {OPENID, OTHER_OPENID} == await bound(site)


async def test_account_has_as_many_as_it_may(start_site: StartSite):
    """
    The second of two is bound beside the first; the third is told that there is no place.
    """
    site = await start_site(accounts={"wechat_per_account": 2})
    await site.add_account("alice")
    visitor = await signed_in(site)
    answers = []
    for openid in (OPENID, OTHER_OPENID, THIRD_OPENID):
        _, token = await scanned(site, visitor, openid)
        answers.append(outcome(await visitor.post("/user/bind", bind_token=token)))

    assert [(200, ""), (200, ""), (409, "wechat_limit")] == answers
    first, _ = await site.resources.directory.wechats(1)
    assert (200, "") == outcome(await replace(site, visitor, THIRD_OPENID, wechat=first.id))
    assert {OTHER_OPENID, THIRD_OPENID} == await bound(site)
    await visitor.post("/user/unbind", password=PASSWORD, wechat=first.id)  # gone: changes nothing
    assert {OTHER_OPENID, THIRD_OPENID} == await bound(site)


async def test_two_who_replace_at_once_have_one_winner(nodes: tuple[Site, Site]):
    """
    In two browsers on two nodes: one WeChat is bound in the end, and the other is told.
    """
    first, second = nodes
    await first.add_account("alice")
    await first.resources.directory.bind(OPENID, 1)
    (former,) = await first.resources.directory.wechats(1)
    one, other = await signed_in(first), await signed_in(second)

    answers = await asyncio.gather(
        replace(first, one, OTHER_OPENID, wechat=former.id),
        replace(second, other, THIRD_OPENID, wechat=former.id),
    )

    assert [(200, ""), (409, "account_taken")] == sorted(map(outcome, answers))
    assert 1 == len(await bound(first))


@pytest.mark.parametrize("fields", [{"replace": 1}, {"wechat": "1"}, {"wechat": True}])
async def test_fields_of_another_type_are_refused(site: Site, alice: Visitor, fields: Any):
    """
    What is no truth value, or no number, is not guessed at.
    """
    answer = await alice.post("/user/bind", bind_token="x", **fields)

    assert (400, "bad_request") == outcome(answer)


async def test_scan_that_signs_in_is_noted_as_the_last_use(site: Site, alice: Visitor):
    """
    The owner sees when a WeChat was used; openids are on no page.
    """
    (before,) = await site.resources.directory.wechats(1)
    await by_scan(site)
    await site.resources.errands.settled()

    (after,) = await site.resources.directory.wechats(1)

    assert before.last_used_at is None
    assert after.last_used_at is not None
    _, page = await alice.request("GET", "/user")
    assert OPENID not in page

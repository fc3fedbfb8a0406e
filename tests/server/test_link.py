"""Linking on the user page: a scan links to the account that is signed in, or is refused."""

import time
from typing import Any

import pytest

from tests.server.conftest import StartSite
from tests.server.pushing import scan
from tests.server.test_confirmation import NOT_ALLOWED, denials
from tests.site import OPENID, OTHER_OPENID, PASSWORD, Page, Site, Visitor

LINKS, SIGNED_IN = "正在把您的微信绑定到", "登录成功"


async def signed_in(site: Site) -> Visitor:
    """Return a browser that alice has signed in to by her password."""
    visitor = site.visitor()
    status, _ = await visitor.post("/login", username="alice", password=PASSWORD)
    assert 200 == status
    return visitor


async def link_page(site: Site, visitor: Visitor) -> tuple[Page, dict[str, Any]]:
    """Return a page that is to link WeChat, and its code."""
    page = await visitor.open_page()
    return page, await page.get_qr(link=True)


@pytest.mark.parametrize("rules", [{}, {"auto_register": True}, {"confirmation": "number"}])
async def test_stranger_is_linked_to_the_account_of_the_page(
    start_site: StartSite, rules: dict[str, Any]
) -> None:
    """
    The scan of a stranger is for that account, and never makes another.
    """
    site = await start_site(login=rules)
    account_id = await site.add_account("alice")
    visitor = await signed_in(site)
    page, code = await link_page(site, visitor)
    reply = await scan(site, code)
    if "confirmation" in rules:
        await page.expect("scanned")
        await page.send("choose", number=int(reply.partition("选择数字 ")[2][:2]))
    token = (await page.expect("bind_required"))["bind_token"]

    status, _ = await visitor.post("/user/bind", bind_token=token)

    bound = await site.resources.directory.by_openid(OPENID)
    assert (200, account_id) == (status, bound.id if bound else None)
    assert LINKS in reply or "confirmation" in rules


@pytest.mark.parametrize("rules", [{}, {"confirmation": "number"}])
async def test_wechat_of_another_account_is_refused_on_phone_and_page(
    start_site: StartSite, rules: dict[str, Any]
) -> None:
    """
    Neither is told that anybody was signed in, and a repeat of the push hears the same.
    """
    site = await start_site(login=rules)
    await site.add_account("alice")
    await site.resources.directory.register(OPENID)
    visitor = await signed_in(site)
    page, code = await link_page(site, visitor)
    before, at = await denials(site), time.time()

    replies = [await scan(site, code, created_at=each) for each in (at, at, at + 7)]
    denied = await page.expect("denied")
    again = await visitor.open_page()
    await again.send("get_qr", resume=code["resume"])

    assert all(NOT_ALLOWED in reply for reply in replies)
    assert {"reason": "openid_taken"} == denied == await again.expect("denied")
    assert before + 1 == await denials(site)
    assert (200, False) == await bound_of(visitor)


async def test_stranger_is_refused_where_the_account_has_another_wechat(site: Site) -> None:
    """
    An account that was linked in another tab takes no second WeChat user.
    """
    account_id = await site.add_account("alice")
    page, code = await link_page(site, await signed_in(site))
    await site.resources.directory.bind(OPENID, account_id)

    reply = await scan(site, code, openid=OTHER_OPENID)

    assert NOT_ALLOWED in reply
    assert {"reason": "account_taken"} == await page.expect("denied")


async def test_stranger_is_linked_beside_others_while_there_is_room(start_site: StartSite) -> None:
    """
    Where an account may have two WeChat users, the second is allowed and the third is not.
    """
    site = await start_site(accounts={"wechat_per_account": 2})
    account_id = await site.add_account("alice")
    await site.resources.directory.bind("o-first", account_id)
    visitor = await signed_in(site)
    page, code = await link_page(site, visitor)
    other, other_code = await link_page(site, visitor)

    assert LINKS in await scan(site, code, openid=OPENID)
    await visitor.post("/user/bind", bind_token=(await page.expect("bind_required"))["bind_token"])
    assert NOT_ALLOWED in await scan(site, other_code, openid=OTHER_OPENID)
    assert {"reason": "account_taken"} == await other.expect("denied")


async def test_stranger_is_let_in_for_the_place_of_another(site: Site) -> None:
    """
    A page that replaces says so, also when its socket was lost; others' WeChats stay refused.
    """
    account_id = await site.add_account("alice")
    await site.resources.directory.bind(OPENID, account_id)
    await site.resources.directory.register("o-of-somebody")
    visitor = await signed_in(site)
    page = await visitor.open_page()
    code = await page.get_qr(link=True, replace=True)
    page.cut()
    back = await visitor.open_page()
    await back.get_qr(resume=code["resume"])
    other = await visitor.open_page()
    other_code = await other.get_qr(link=True, replace=True)

    assert LINKS in await scan(site, code, openid=OTHER_OPENID)
    assert await back.expect("bind_required")
    assert NOT_ALLOWED in await scan(site, other_code, openid="o-of-somebody")
    assert {"reason": "openid_taken"} == await other.expect("denied")


async def test_own_wechat_is_no_stranger(site: Site) -> None:
    """
    The WeChat user that the account has already is let in, as by any scan.
    """
    account_id = await site.add_account("alice")
    page, code = await link_page(site, await signed_in(site))
    await site.resources.directory.bind(OPENID, account_id)

    assert SIGNED_IN in await scan(site, code)
    assert await page.expect("success")


async def test_page_that_comes_back_still_links(site: Site) -> None:
    """
    What the code is for belongs to the attempt, and not to the socket.
    """
    await site.add_account("alice")
    await site.resources.directory.register(OPENID)
    visitor = await signed_in(site)
    page, code = await link_page(site, visitor)
    page.cut()
    page = await visitor.open_page()
    again = await page.get_qr(resume=code["resume"])

    assert NOT_ALLOWED in await scan(site, again)
    assert {"reason": "openid_taken"} == await page.expect("denied")


@pytest.mark.parametrize("link", [True, False])
async def test_page_without_session_or_wish_signs_in(site: Site, link: bool) -> None:
    """
    Without a session there is nothing to link to; with one, a page may still let another in.
    """
    await site.add_account("alice")
    await site.resources.directory.register(OPENID)
    visitor = site.visitor() if link else await signed_in(site)
    page = await visitor.open_page()
    code = await page.get_qr(link=link)

    assert SIGNED_IN in await scan(site, code)
    assert await page.expect("success")


async def test_word_unlinks_what_the_page_has_linked(site: Site) -> None:
    """
    Who was made to scan somebody's link code takes that back.
    """
    await site.add_account("alice")
    visitor = await signed_in(site)
    page, code = await link_page(site, visitor)
    await site.sandbox.phone.follow(OPENID)
    await scan(site, code)
    token = (await page.expect("bind_required"))["bind_token"]
    assert 200 == (await visitor.post("/user/bind", bind_token=token))[0]

    done = await site.sandbox.phone.message(OPENID, "T")

    assert "绑定也已解除" in (done.reply or "")
    assert await site.resources.directory.by_openid(OPENID) is None


async def bound_of(visitor: Visitor) -> tuple[int, bool]:
    """Return whether the account that is signed in has a WeChat user."""
    status, answer = await visitor.request("GET", "/session")
    return status, answer["wechat_bound"]

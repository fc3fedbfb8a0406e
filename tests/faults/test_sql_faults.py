"""The database of accounts is away, during a scan and during a bind: nothing is used up."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.scans import push_of
from tests.site import OPENID, PASSWORD, Site


@contextmanager
def database_away(folder: Path) -> Iterator[None]:
    """Take the accounts' table away, as a database that is being moved has none."""
    with sqlite3.connect(folder / "accounts.db") as connection:
        connection.execute("ALTER TABLE accounts RENAME TO elsewhere")
    try:
        yield
    finally:
        with sqlite3.connect(folder / "accounts.db") as connection:
            connection.execute("ALTER TABLE elsewhere RENAME TO accounts")


async def test_scan_without_a_database_is_pushed_again(
    site: Site, folder: Path, store_url: str
) -> None:
    """
    The push hears 503 and changes nothing; its repeat signs in.
    """
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()

    with database_away(folder):
        refused = await push_of(site, code, created_at=1700000000)
    taken = await push_of(site, code, created_at=1700000000)

    assert (503, "") == refused
    assert (200, "登录成功") == taken
    login_code = (await page.expect("success"))["code"]
    assert 200 == (await visitor.post("/session", code=login_code))[0]


async def test_trade_without_a_database_uses_no_code_up(site: Site, folder: Path) -> None:
    """
    A login code that could not be traded can be traded after.
    """
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()
    await push_of(site, code)
    login_code = (await page.expect("success"))["code"]

    with database_away(folder):
        status, answer = await visitor.post("/session", code=login_code)

    assert (503, "store_unavailable") == (status, answer["error"]["code"])
    assert 200 == (await visitor.post("/session", code=login_code))[0]


async def test_bind_without_a_database_uses_no_token_up(site: Site, folder: Path) -> None:
    """
    A bind that failed half-way is made good by the same token, once.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    page = await visitor.open_page()
    await push_of(site, await page.get_qr())
    token = (await page.expect("bind_required"))["bind_token"]
    body = {"bind_token": token, "username": "alice", "password": PASSWORD}

    with database_away(folder):
        status, answer = await visitor.post("/user/bind", **body)
    bound = await visitor.post("/user/bind", **body)
    again = await visitor.post("/user/bind", **body)

    assert (503, "store_unavailable") == (status, answer["error"]["code"])
    assert (200, {"status": True, "username": "alice"}) == bound
    assert 410 == again[0]


async def test_busy_database_does_not_keep_wechat_waiting(site: Site, folder: Path) -> None:
    """
    A writer holds the database for long: scans only read, so they do not notice.
    """
    await site.resources.directory.register(OPENID)
    page = await site.visitor().open_page()
    code = await page.get_qr()

    with sqlite3.connect(folder / "accounts.db") as connection:
        connection.execute("BEGIN EXCLUSIVE")
        answer = await push_of(site, code)
        connection.rollback()

    assert (200, "登录成功") == answer
    assert await page.expect("success")

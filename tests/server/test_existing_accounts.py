"""A site that has users already: the whole way, from its table or its check to a session."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from aiohttp import web

from tests.server.test_bind import bind, code_of, scanned
from tests.site import OPENID, PASSWORD, Site, open_site

HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
TABLE = {"name": "users", "password_hash": "password", "active": "is_active"}


def their(folder: Path, *statements: str) -> None:
    """Do something in the site's own database."""
    with closing(sqlite3.connect(folder / "site.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.fixture
async def site(store_url: str, folder: Path) -> AsyncIterator[Site]:
    """A site with a table of two users: alice, and bob, who is switched off."""
    their(
        folder,
        "CREATE TABLE users (id TEXT PRIMARY KEY, username TEXT, password TEXT, is_active INT)",
        f"INSERT INTO users VALUES ('u-1', 'alice', '{HASH}', 1), ('u-2', 'bob', '{HASH}', 0)",
    )
    accounts = {"table": TABLE, "table_url": f"sqlite+aiosqlite:///{folder}/site.db"}
    async with open_site(store_url, folder, accounts=accounts) as running:
        yield running


async def test_user_of_the_site_signs_in_and_binds(site: Site) -> None:
    """
    By the password that the site knows; then a scan is enough.
    """
    visitor = site.visitor()

    signed_in = await visitor.post("/login", username="alice", password=PASSWORD)
    other = site.visitor()
    _, token = await scanned(site, other)
    bound = await bind(other, token)
    page = await site.visitor().open_page()
    await site.sandbox.phone.scan(ticket=(await page.get_qr())["ticket"], openid=OPENID)

    assert 200 == signed_in[0]
    assert (200, {"status": True, "username": "alice"}) == bound
    assert await page.expect("success")
    session = await visitor.request("GET", "/session")
    assert (200, {"username": "alice", "wechat_bound": True}) == session
    assert 200 == (await other.post("/user/unbind", password=PASSWORD))[0]


async def test_user_who_is_switched_off_is_told_so_for_the_right_password_only(
    site: Site,
) -> None:
    """
    Whoever does not know the password learns nothing about the account.
    """
    visitor = site.visitor()

    right = await visitor.post("/login", username="bob", password=PASSWORD)
    wrong = await visitor.post("/login", username="bob", password="wrong")
    nobody = await visitor.post("/login", username="carol", password="wrong")
    _, token = await scanned(site, visitor)
    binding = await bind(visitor, token, username="bob")

    assert (403, "account_inactive") == code_of(right) == code_of(binding)
    assert (401, "bad_credentials") == code_of(wrong)
    assert wrong == nobody
    assert visitor.cookie("saoma_session") is None


async def test_session_ends_with_the_right_to_come_in(site: Site, folder: Path) -> None:
    """
    Whom the site switches off is signed out, and their scan signs nobody in.
    """
    visitor = site.visitor()
    _, token = await scanned(site, visitor)
    await bind(visitor, token)

    their(folder, "UPDATE users SET is_active = 0")
    session = await visitor.request("GET", "/session")
    page = await site.visitor().open_page()
    await site.sandbox.phone.scan(ticket=(await page.get_qr())["ticket"], openid=OPENID)

    assert 401 == session[0]
    assert await page.expect("bind_required")


async def test_table_that_is_away_is_an_outage(site: Site, folder: Path) -> None:
    """
    Nobody hears that the password was wrong, and /readyz tells.
    """
    visitor = site.visitor()
    (folder / "site.db").rename(folder / "elsewhere.db")

    answer = await visitor.post("/login", username="alice", password=PASSWORD)
    ready = await visitor.request("GET", "/readyz")
    (folder / "elsewhere.db").rename(folder / "site.db")

    assert (503, "store_unavailable") == code_of(answer)
    assert (503, "no answer") == (ready[0], ready[1]["accounts"])
    assert 200 == (await visitor.post("/login", username="alice", password=PASSWORD))[0]


@asynccontextmanager
async def site_with_check(
    store_url: str, folder: Path, answer: dict[str, Any], **accounts: Any
) -> AsyncIterator[Site]:
    """Run a site whose own check answers *answer*: status, and the JSON beside it."""

    async def check(request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        status = answer["status"] if asked["password"] == PASSWORD else 401
        return web.json_response(answer["person"], status=status)

    app = web.Application()
    app.router.add_post("/check", check)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/check"
    given = {"verify_url": url, "verify_secret": "x" * 16} | accounts
    try:
        async with open_site(store_url, folder, accounts=given) as running:
            yield running
    finally:
        await runner.cleanup()


async def test_check_of_the_site_lets_in(store_url: str, folder: Path) -> None:
    """
    Who comes back under another name is the same account; an outage is none of the visitor's.
    """
    answer = {"status": 200, "person": {"id": 7, "username": "alice"}}
    async with site_with_check(store_url, folder, answer) as site:
        visitor = site.visitor()
        _, token = await scanned(site, visitor)
        bound = await bind(visitor, token)
        wrong = await visitor.post("/login", username="alice", password="wrong")
        answer["person"] = {"id": "7", "username": "alicia"}
        renamed = await visitor.post("/login", username="alicia", password=PASSWORD)
        session = await visitor.request("GET", "/session")
        answer["status"] = 500
        away = await visitor.post("/login", username="alicia", password=PASSWORD)

    assert (200, {"status": True, "username": "alice"}) == bound
    assert (401, "bad_credentials") == code_of(wrong)
    assert 200 == renamed[0]
    assert (200, {"username": "alicia", "wechat_bound": True}) == session
    assert (503, "store_unavailable") == code_of(away)


async def test_check_beside_a_table_knows_the_passwords_only(store_url: str, folder: Path) -> None:
    """
    Who may come in is read from the table.
    """
    their(
        folder,
        "CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT, is_active INT)",
        "INSERT INTO users VALUES (7, 'Alice', 1)",
    )
    answer = {"status": 200, "person": {"id": 7, "username": "alice@example.com"}}
    table = {
        "table": TABLE | {"password_hash": ""},
        "table_url": f"sqlite+aiosqlite:///{folder}/site.db",
    }
    async with site_with_check(store_url, folder, answer, **table) as site:
        visitor = site.visitor()
        let_in = await visitor.post("/login", username="alice@example.com", password=PASSWORD)
        session = await visitor.request("GET", "/session")
        their(folder, "UPDATE users SET is_active = 0")
        refused = await visitor.post("/login", username="alice@example.com", password=PASSWORD)

    assert 200 == let_in[0]
    assert "Alice" == session[1]["username"]
    assert (403, "account_inactive") == code_of(refused)

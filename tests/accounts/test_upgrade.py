"""A database file that an older release has made."""

import asyncio
import sqlite3
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from accounts import Identity, open_directory

APPID = "wx0000000000000001"
# As release 0.1 made them.
OLD = """
CREATE TABLE accounts (
    id INTEGER NOT NULL,
    username VARCHAR(64) NOT NULL,
    folded VARCHAR(64) NOT NULL,
    password_hash VARCHAR(255),
    created_at DATETIME DEFAULT (CURRENT_TIMESTAMP) NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT uq_accounts_folded UNIQUE (folded)
);
CREATE TABLE identities (
    id INTEGER NOT NULL,
    appid VARCHAR(32) NOT NULL,
    openid VARCHAR(64) NOT NULL,
    account_id INTEGER NOT NULL,
    bound_at DATETIME DEFAULT (CURRENT_TIMESTAMP) NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT uq_identities_openid UNIQUE (appid, openid),
    CONSTRAINT uq_identities_account UNIQUE (appid, account_id),
    FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
INSERT INTO accounts (id, username, folded, password_hash) VALUES (7, 'Alice', 'alice', 'hash');
"""
OLD_WRITE = f"INSERT INTO identities (appid, openid, account_id) VALUES ('{APPID}', 'openid-1', 7)"


@pytest.fixture
def old_file(folder: Path) -> Path:
    """A file with one account, bound."""
    file = folder / "old.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(OLD)
        connection.execute(OLD_WRITE)
        connection.commit()
    return file


def layout(file: Path) -> set[str]:
    """Return the columns and indexes of identities."""
    with closing(sqlite3.connect(file)) as connection:
        columns = connection.execute("PRAGMA table_info(identities)").fetchall()
        indexes = connection.execute("PRAGMA index_list(identities)").fetchall()
    return {row[1] for row in columns} | {row[1] for row in indexes}


async def test_old_file_gets_what_it_lacks_and_keeps_what_it_has(old_file: Path):
    """
    Accounts and bindings of an older release are there, and can learn a unionid.
    """
    person = Identity(appid=APPID, openid="openid-1", unionid="union-1")
    async with open_directory(f"sqlite+aiosqlite:///{old_file}", APPID) as directory:
        alice = await directory.by_openid("openid-1")
        known = await directory.recognise(person)
        joined = await directory.recognise(
            Identity(appid="wx0000000000000002", openid="web-1", unionid="union-1")
        )

    assert alice is not None
    assert (7, "Alice", True) == (alice.id, alice.username, alice.wechat_bound)
    assert alice == known == joined
    assert {"unionid", "ix_identities_unionid", "ix_identities_account"} <= layout(old_file)


async def test_processes_that_open_an_old_file_together_all_get_in(old_file: Path):
    """
    One of them adds what is missing, and none of them fails because of it.
    """
    url = f"sqlite+aiosqlite:///{old_file}"
    async with (
        open_directory(url, APPID) as one,
        open_directory(url, APPID) as two,
        open_directory(url, APPID) as three,
    ):
        found = await asyncio.gather(*(each.by_openid("openid-1") for each in (one, two, three)))

    assert [7, 7, 7] == [account.id for account in found if account]


async def test_older_process_may_go_on_writing(old_file: Path):
    """
    What an older release writes beside us is understood.
    """
    async with open_directory(f"sqlite+aiosqlite:///{old_file}", APPID) as directory:
        await directory.unbind(7)
        with closing(sqlite3.connect(old_file)) as older:
            older.execute(OLD_WRITE)
            older.commit()
        alice = await directory.by_openid("openid-1")

    assert alice is not None


async def test_old_file_takes_several_wechat_users_of_one_account(old_file: Path):
    """
    The former constraint goes, without losing a row; an older process beside still takes one only.
    """
    async with open_directory(f"sqlite+aiosqlite:///{old_file}", APPID, 2) as directory:
        await directory.bind("openid-2", 7)
        with closing(sqlite3.connect(old_file)) as older, pytest.raises(sqlite3.IntegrityError):
            older.execute(OLD_WRITE.replace("openid-1", "openid-3"))

        assert 2 == len(await directory.wechats(7))
        assert await directory.holds("openid-1", 7)


async def test_processes_rebuild_an_old_file_once(old_file: Path):
    """
    However many open it together, nothing is lost and everybody gets in.
    """
    with closing(sqlite3.connect(old_file)) as older:
        older.executemany(
            "INSERT INTO accounts (id, username, folded) VALUES (?, ?, ?)",
            [(number, f"u{number}", f"u{number}") for number in range(100, 1100)],
        )
        older.executemany(
            "INSERT INTO identities (appid, openid, account_id) VALUES (?, ?, ?)",
            [(APPID, f"o-{number}", number) for number in range(100, 1100)],
        )
        older.commit()
    async with AsyncExitStack() as stack:
        url = f"sqlite+aiosqlite:///{old_file}"
        opened = [await stack.enter_async_context(open_directory(url, APPID, 2)) for _ in range(6)]

        await asyncio.gather(*(each.ping() for each in opened))

        bound = [account for account in await opened[0].all() if account.wechat_bound]
    assert 1001 == len(bound)


async def test_file_of_today_is_left_alone(old_file: Path):
    """
    Opening a file a second time changes nothing.
    """
    url = f"sqlite+aiosqlite:///{old_file}"
    async with open_directory(url, APPID) as directory:
        await directory.ping()
    before = layout(old_file)
    async with open_directory(url, APPID) as directory:
        await directory.ping()

    assert before == layout(old_file)

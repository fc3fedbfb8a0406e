"""A database that an older release has made."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    func,
    insert,
    inspect,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from accounts import Directory, Identity, open_database
from tests.sql_servers import PATIENCE

APPID = "wx0000000000000001"
# As release 0.1 made them.
OLD = MetaData()
ACCOUNTS = Table(
    "accounts",
    OLD,
    Column("id", Integer, primary_key=True),
    Column("username", String(64), nullable=False),
    Column("folded", String(64), nullable=False),
    Column("password_hash", String(255)),
    Column("created_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    UniqueConstraint("folded", name="uq_accounts_folded"),
)
IDENTITIES = Table(
    "identities",
    OLD,
    Column("id", Integer, primary_key=True),
    Column("appid", String(32), nullable=False),
    Column("openid", String(64), nullable=False),
    Column("account_id", ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("bound_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    UniqueConstraint("appid", "openid", name="uq_identities_openid"),
    UniqueConstraint("appid", "account_id", name="uq_identities_account"),
)
OLD_ACCOUNT = insert(ACCOUNTS).values(id=7, username="Alice", folded="alice", password_hash="hash")
OLD_WRITE = insert(IDENTITIES).values(appid=APPID, openid="openid-1", account_id=7)


@asynccontextmanager
async def directory_at(url: str, wechat_per_account: int = 1) -> AsyncIterator[Directory]:
    """Open a directory that waits as long as it takes."""
    async with open_database(url, PATIENCE) as database:
        yield Directory(database, APPID, wechat_per_account)


@pytest.fixture
async def old(sql_url: str) -> str:
    """A database with one account, bound."""
    async with directory_at(sql_url):
        pass  # makes the folder
    engine = create_async_engine(sql_url)
    async with engine.begin() as connection:
        await connection.run_sync(OLD.create_all)
        await connection.execute(OLD_ACCOUNT)
        await connection.execute(OLD_WRITE)
    await engine.dispose()
    return sql_url


async def layout(url: str) -> set[str]:
    """Return the columns and indexes of identities."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        found = await connection.run_sync(_layout)
    await engine.dispose()
    return found


def _layout(connection: Connection) -> set[str]:
    inspector = inspect(connection)
    columns = inspector.get_columns("identities")
    indexes = inspector.get_indexes("identities")
    return {str(each["name"]) for each in [*columns, *indexes]}


async def test_old_tables_get_what_they_lack_and_keep_what_they_have(old: str):
    """
    Accounts and bindings of an older release are there, and can learn a unionid.
    """
    person = Identity(appid=APPID, openid="openid-1", unionid="union-1")
    async with directory_at(old) as directory:
        alice = await directory.by_openid("openid-1")
        known = await directory.recognise(person)
        joined = await directory.recognise(
            Identity(appid="wx0000000000000002", openid="web-1", unionid="union-1")
        )

    assert alice is not None
    assert (7, "Alice", True) == (alice.id, alice.username, alice.wechat_bound)
    assert alice == known == joined
    assert {"unionid", "ix_identities_unionid", "ix_identities_account"} <= await layout(old)


async def test_processes_that_open_old_tables_together_all_get_in(old: str):
    """
    One of them adds what is missing, and none of them fails because of it.
    """
    async with (
        directory_at(old) as one,
        directory_at(old) as two,
        directory_at(old) as three,
    ):
        found = await asyncio.gather(*(each.by_openid("openid-1") for each in (one, two, three)))

    assert [7, 7, 7] == [account.id for account in found if account]


async def test_older_process_may_go_on_writing(old: str):
    """
    What an older release writes beside us is understood.
    """
    older: AsyncEngine = create_async_engine(old)
    async with directory_at(old) as directory:
        await directory.unbind(7)
        async with older.begin() as connection:
            await connection.execute(OLD_WRITE)
        alice = await directory.by_openid("openid-1")
    await older.dispose()

    assert alice is not None


async def test_old_tables_take_several_wechat_users_of_one_account(old: str):
    """
    The former constraint goes, without losing a row; an older process beside still takes one only.
    """
    older: AsyncEngine = create_async_engine(old)
    async with directory_at(old, 2) as directory:
        await directory.bind("openid-2", 7)
        with pytest.raises(IntegrityError):
            async with older.begin() as connection:
                await connection.execute(OLD_WRITE.values(openid="openid-3"))

        assert 2 == len(await directory.wechats(7))
        assert await directory.holds("openid-1", 7)
    await older.dispose()


async def test_processes_rebuild_old_tables_once(old: str):
    """
    However many open them together, nothing is lost and everybody gets in.
    """
    engine = create_async_engine(old)
    many = range(100, 1100)
    async with engine.begin() as connection:
        await connection.execute(
            insert(ACCOUNTS), [{"id": n, "username": f"u{n}", "folded": f"u{n}"} for n in many]
        )
        await connection.execute(
            insert(IDENTITIES),
            [{"appid": APPID, "openid": f"o-{n}", "account_id": n} for n in many],
        )
    await engine.dispose()
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        opened = [Directory(await enter(open_database(old, PATIENCE)), APPID, 2) for _ in range(6)]

        await asyncio.gather(*(each.ping() for each in opened))

        bound = [account for account in await opened[0].all() if account.wechat_bound]
    assert 1001 == len(bound)


async def test_tables_of_today_are_left_alone(old: str):
    """
    Opening a database a second time changes nothing.
    """
    async with directory_at(old) as directory:
        await directory.ping()
    before = await layout(old)
    async with directory_at(old) as directory:
        await directory.ping()

    assert before == await layout(old)

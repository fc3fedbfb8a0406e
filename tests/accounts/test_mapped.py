"""A site's own table of users, in each kind of database."""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from argon2 import PasswordHasher
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    Uuid,
    insert,
    text,
    update,
)
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.types import TypeEngine

from accounts import (
    AccountInactive,
    AccountsUnavailable,
    AccountTaken,
    Directory,
    Mapping,
    OpenidTaken,
    Passwords,
    by_hashes,
    open_database,
    open_directory,
    open_table,
)
from accounts.engines import open_engine
from accounts.mapped import MappedTable
from tests.sql_servers import PATIENCE

APPID = "wx0000000000000001"
HASH = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()


def mapping(**changes: Any) -> Mapping:
    """Return how the tests' tables are read."""
    columns: dict[str, Any] = {
        "table": "members",
        "id": "key",
        "username": "login",
        "password_hash": "secret",
        "active": "enabled",
        "active_value": "",
        "any_case": False,
    }
    return Mapping(**columns | changes)


class Site:
    """The site's side: its table, and who is in it."""

    def __init__(self, url: str, key: TypeEngine[Any], enabled: TypeEngine[Any]) -> None:
        self.url = url
        self.engine = create_async_engine(url)
        self.table = Table(
            "members",
            MetaData(),
            Column("key", key, primary_key=True, autoincrement=False),
            Column("login", String(80)),
            Column("secret", String(200)),
            Column("enabled", enabled),
        )

    async def make(self, people: Iterable[tuple[Any, str, str | None, Any]]) -> None:
        """Make the table with *people* in it."""
        async with self.engine.begin() as connection:
            await connection.run_sync(self.table.create)
            for row in people:
                names = ("key", "login", "secret", "enabled")
                values = dict(zip(names, row, strict=True))
                await connection.execute(insert(self.table).values(**values))

    async def change(self, login: str, /, **values: Any) -> None:
        """Change what the site has of somebody."""
        async with self.engine.begin() as connection:
            await connection.execute(
                update(self.table).where(self.table.c.login == login).values(**values)
            )


@asynccontextmanager
async def site(
    url: str,
    *people: tuple[Any, str, str | None, Any],
    key: TypeEngine[Any] | None = None,
    enabled: TypeEngine[Any] | None = None,
) -> AsyncIterator[Site]:
    """Make a site with a table of *people*: id, name, hash, active."""
    path = url.partition("///")[2]
    if path:
        await asyncio.to_thread(Path(path).parent.mkdir, parents=True, exist_ok=True)
    made = Site(url, key or Integer(), enabled or Boolean())
    await made.make(people)
    yield made
    await made.engine.dispose()


@asynccontextmanager
async def opened(url: str, **changes: Any) -> AsyncIterator[MappedTable]:
    """Open the table as Saoma does."""
    async with open_table(url, mapping(**changes), lambda _: None, PATIENCE) as table:
        yield table


@asynccontextmanager
async def directories(url: str, count: int = 1) -> AsyncIterator[list[Directory]]:
    """Open directories beside the table, as so many processes do."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        tables = [await enter(opened(url)) for _ in range(count)]
        yield [
            Directory(await enter(open_database(url, PATIENCE)), APPID, people=table)
            for table in tables
        ]


UUID_1 = uuid.UUID("6f1c0000-0000-4000-8000-00000000beef")


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (7, Integer()),
        (1_790_123_456_789_012_345, BigInteger()),
        (UUID_1, Uuid()),
        ("Ab-c", String(40)),
    ],
    ids=["integer", "bigint", "uuid", "text"],
)
async def test_person_of_any_kind_of_id_is_found_again(
    sql_url: str, key: Any, kind: TypeEngine[Any]
) -> None:
    """
    By name first; then by the id that our row keeps as text, in the account of a WeChat user.
    """
    async with site(sql_url, (key, "Alice", HASH, True), key=kind), directories(sql_url) as (one,):
        person = await one.person("Alice")
        assert person
        account = await one.welcome(person)
        await one.bind("openid-1", account.id)

        found = await one.by_openid("openid-1")

    assert found is not None
    assert (account.id, "Alice", HASH, True) == (
        found.id,
        found.username,
        found.password_hash,
        found.wechat_bound,
    )
    assert found.site_id.replace("-", "") == str(key).replace("-", "")


async def test_table_is_never_written(sql_url: str) -> None:
    """
    The database itself refuses what Saoma would change over that connection.
    """
    async with (
        site(sql_url, (7, "alice", HASH, True)),
        open_engine(sql_url, read_only=True) as engine,
        opened(sql_url) as table,
    ):
        for statement in ("UPDATE members SET login = 'x'", "DELETE FROM members"):
            with pytest.raises(Exception, match=r"(?i)read.?only|readonly"):
                async with engine.begin() as connection:
                    await connection.execute(text(statement))

        assert await table.by_name("alice")


async def test_name_is_compared_as_the_setting_says(sql_url: str) -> None:
    """
    Names of any case are one only where that was said, or where the table's own comparison says it.
    """
    async with site(sql_url, (7, "Alice", HASH, True)):
        async with opened(sql_url, any_case=True) as table:
            assert await table.by_name("aLICE")
            assert await table.by_name(" Alice ")
            assert await table.by_name("Àlice") is None  # which MariaDB takes for the same
            assert await table.by_name("Alice\x00") is None
        async with opened(sql_url) as table:
            assert await table.by_name("Alice")
            by_other_case = await table.by_name("alice")

    assert (by_other_case is not None) == sql_url.startswith("mysql")


async def test_name_that_several_have_lets_nobody_in(
    sql_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """
    There are never two accounts of one name.
    """
    people = [(7, "Alice", HASH, True), (8, "alice", HASH, True)]
    async with site(sql_url, *people), opened(sql_url, any_case=True) as table:
        assert await table.by_name("alice") is None

    assert "several users of one name" in caplog.text


@pytest.mark.parametrize(
    ("value", "kind", "wanted", "is_active"),
    [
        (True, Boolean(), "", True),
        (False, Boolean(), "", False),
        (None, Boolean(), "", False),
        (1, Integer(), "", True),
        (0, Integer(), "", False),
        ("Y", String(9), "", True),
        ("N", String(9), "", False),
        ("disabled", String(9), "", False),
        ("active", String(9), "active", True),
        ("banned", String(9), "active", False),
        (2, Integer(), "2", True),
        (1, Integer(), "2", False),
    ],
)
async def test_who_is_active_is_what_the_column_says(
    folder: Path, value: Any, kind: TypeEngine[Any], wanted: str, is_active: bool
) -> None:
    """
    Whatever is not clearly active is not.
    """
    url = f"sqlite+aiosqlite:///{folder}/a.db"
    async with (
        site(url, (7, "alice", HASH, value), enabled=kind),
        opened(url, active_value=wanted) as table,
    ):
        person = await table.by_name("alice")

    assert person is not None
    assert person.active is is_active


async def test_person_who_is_switched_off_is_gone_at_once(sql_url: str) -> None:
    """
    Neither a scan, nor a session, nor a password finds the account, until it is switched on again.
    """
    people = [(7, "alice", HASH, True)]
    async with site(sql_url, *people) as theirs, directories(sql_url) as (one,):
        person = await one.person("alice")
        assert person
        account = await one.welcome(person)
        await one.bind("openid-1", account.id)

        await theirs.change("alice", enabled=False)
        off = await one.person("alice")

        assert off
        with pytest.raises(AccountInactive):
            await one.welcome(off)
        assert await one.by_id(account.id) is None
        assert await one.by_openid("openid-1") is None
        await theirs.change("alice", enabled=True, login="alicia")
        back = await one.by_openid("openid-1")

    assert back is not None
    assert (account.id, "alicia") == (back.id, back.username)


async def test_fifty_people_race_for_one_openid(sql_url: str) -> None:
    """
    Exactly one binding is there in the end, and forty-nine hear why theirs is not.
    """
    people = [(number, f"user{number}", HASH, True) for number in range(1, 51)]
    async with site(sql_url, *people), directories(sql_url, 2) as two:

        async def bind(number: int) -> None:
            directory = two[number % 2]
            person = await directory.person(f"user{number}")
            assert person
            account = await directory.welcome(person)
            await directory.bind("openid-1", account.id)

        results = await asyncio.gather(
            *(bind(number) for number in range(1, 51)), return_exceptions=True
        )
        bound = [account for account in await two[0].all() if account.wechat_bound]

    assert 1 == results.count(None) == len(bound)
    assert 49 == sum(isinstance(result, OpenidTaken) for result in results)


async def test_fifty_openids_race_for_one_person(sql_url: str) -> None:
    """
    A person who comes for the first time fifty times at once has one row and one binding.
    """
    async with site(sql_url, (7, "alice", HASH, True)), directories(sql_url, 2) as two:

        async def bind(number: int) -> None:
            directory = two[number % 2]
            person = await directory.person("alice")
            assert person
            account = await directory.welcome(person)
            await directory.bind(f"openid-{number}", account.id)

        results = await asyncio.gather(
            *(bind(number) for number in range(50)), return_exceptions=True
        )
        everybody = await two[0].all()

    assert 1 == results.count(None) == len(everybody)
    assert 49 == sum(isinstance(result, AccountTaken) for result in results)


async def test_hash_of_an_unknown_kind_is_told_to_the_operator_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Nobody signs in with it, and the line does not hold it.
    """
    url = f"sqlite+aiosqlite:///{folder}/a.db"
    people = [(7, "alice", "$9$hush$hush", True), (8, "bob", "hush", True)]
    caplog.set_level(logging.WARNING)
    async with site(url, *people), opened(url) as table:
        found = [await table.by_name(name) for name in ("alice", "bob", "alice")]

    assert [None] * 3 == [person.password_hash for person in found if person]
    assert 1 == caplog.text.count("kind that is not known")
    assert "hush" not in caplog.text


async def test_unknown_name_takes_as_long_as_most_of_the_table(folder: Path) -> None:
    """
    What nobody's password is compared with is a hash of the usual kind.
    """
    url = f"sqlite+aiosqlite:///{folder}/a.db"
    quick = PasswordHasher(1, 8, 1)
    told: list[str] = []
    others = [(number, f"user{number}", HASH, True) for number in range(1, 4)]
    async with (
        site(url, (9, "old", quick.hash("right"), True), (10, "none", None, True), *others),
        open_table(url, mapping(), told.append) as table,
    ):
        passwords = Passwords(quick)
        judge = by_hashes(table, passwords)
        right = await judge("user1", "right")
        wrong = [await judge("user1", "wrong"), await judge("nobody", "right")]
        wrong.append(await judge("none", "right"))
        passwords.close()

    assert [HASH] == told
    assert right is not None
    assert [None] * 3 == wrong


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"table": "users"}, "there is no table users"),
        ({"username": "name"}, "there is no column name in members"),
        ({"active": "active"}, "there is no column active in members"),
    ],
)
async def test_mapping_that_is_wrong_is_told_in_one_line(
    sql_url: str, changes: dict[str, Any], line: str
) -> None:
    """
    The operator hears which name is not there.
    """
    async with site(sql_url, (7, "alice", HASH, True)), opened(sql_url, **changes) as table:
        with pytest.raises(AccountsUnavailable, match=line):
            await table.ping()


async def test_file_that_is_not_there_is_not_made(folder: Path) -> None:
    """
    A wrong path is an outage, and leaves no empty database behind.
    """
    async with opened(f"sqlite+aiosqlite:///{folder}/none/a.db") as table:
        with pytest.raises(AccountsUnavailable):
            await table.ping()

    assert [] == await asyncio.to_thread(lambda: list(folder.iterdir()))


async def test_table_of_another_is_not_taken_for_ours(sql_url: str) -> None:
    """
    A site that calls its own table accounts keeps it as it is, and hears what to do.
    """
    async with site(sql_url, (7, "alice", HASH, True)) as theirs:
        async with theirs.engine.begin() as connection:
            await connection.execute(text("ALTER TABLE members RENAME TO accounts"))
        async with open_directory(sql_url, APPID) as directory:
            with pytest.raises(AccountsUnavailable, match="name another database"):
                await directory.ping()
        async with theirs.engine.connect() as connection:
            row = (await connection.execute(text("SELECT * FROM accounts"))).mappings().one()

    assert {"key", "login", "secret", "enabled"} == set(row)


async def test_accounts_of_the_site_and_ours_are_never_one(sql_url: str) -> None:
    """
    After a change of settings neither sees the other's, whatever they are called.
    """
    async with site(sql_url, (7, "alice", HASH, True)):
        async with open_directory(sql_url, APPID) as ours:
            await ours.add("7", "hash", "openid-1")
        async with directories(sql_url) as (one,):
            assert await one.by_openid("openid-1") is None
            person = await one.person("alice")
            assert person
            alice = await one.welcome(person)
        async with open_directory(sql_url, APPID) as ours:
            assert await ours.by_id(alice.id) is None
            assert await ours.by_username("7")

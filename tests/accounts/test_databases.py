"""What differs between databases and must not: letters, clocks, deadlocks, lost connections."""

import asyncio
import time

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import create_async_engine

from accounts import AccountsUnavailable, open_database, open_directory
from accounts.deadlocks import begun_anew
from accounts.schema import accounts
from tests.faults.scans import until
from tests.sql_servers import KINDS, PATIENCE

APPID = "wx0000000000000001"
OTHER_CONNECTIONS = {
    "postgresql": "SELECT pid FROM pg_stat_activity"
    " WHERE usename = current_user AND pid <> pg_backend_pid()",
    "mysql": "SELECT id FROM information_schema.processlist"
    " WHERE db = database() AND id <> connection_id()",
}
SLEEP = {"postgresql": "SELECT pg_sleep(9)", "mysql": "SELECT sleep(9)"}
END = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}


@pytest.fixture(params=KINDS)
async def server_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty database on a server, of each kind in turn."""
    address: str = await request.getfixturevalue(request.param).new_database()
    return address


async def cut_connections(url: str) -> int:
    """Have the server end every connection to a database; return how many there were."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        kind = connection.dialect.name
        numbers = list(await connection.scalars(text(OTHER_CONNECTIONS[kind])))
        for number in numbers:
            await connection.execute(text(END[kind].format(number)))

        async def gone() -> bool:
            return not list(await connection.scalars(text(OTHER_CONNECTIONS[kind])))

        await until(gone)
    await engine.dispose()
    return len(numbers)


async def test_openids_that_differ_by_case_are_two_users(sql_url: str) -> None:
    """
    Whatever a database takes for equal, an openid counts to the letter.
    """
    async with open_directory(sql_url, APPID) as directory:
        one = await directory.add("alice", "hash", "oPENid-é")
        other = await directory.add("àlice", "hash", "oPENID-é")

        assert one == await directory.by_openid("oPENid-é")
        assert other == await directory.by_openid("oPENID-é")
        assert await directory.by_openid("openid-e") is None
        assert other == await directory.by_username("ÀLICE")


async def test_names_of_every_language_are_kept(sql_url: str) -> None:
    """
    Also beyond the first plane of Unicode.
    """
    async with open_directory(sql_url, APPID) as directory:
        await directory.add("张伟🔑𠮷", "hash")

        found = await directory.by_username("张伟🔑𠮷")

    assert found is not None
    assert "张伟🔑𠮷" == found.username


async def test_binding_dates_itself_in_utc(sql_url: str) -> None:
    """
    A database in another time zone does not make a binding of now one of the future.
    """
    async with open_directory(sql_url, APPID) as directory:
        made = await directory.add("alice", "hash", "openid-1")

        assert made.id == await directory.bound_by("openid-1", round(time.time()) + 60)
        assert await directory.bound_by("openid-1", round(time.time()) - 60) is None


async def test_transaction_that_is_given_up_begins_anew(server_url: str) -> None:
    """
    Two transactions that wait for each other both succeed in the end.
    """
    crossed = asyncio.Barrier(2)
    tries = 0
    async with open_database(server_url, PATIENCE) as database:

        @begun_anew
        async def rename(first: str, second: str) -> None:
            nonlocal tries
            tries += 1
            async with database.writing() as connection:
                for name in (first, second):
                    await connection.execute(
                        update(accounts)
                        .where(accounts.c.folded == name)
                        .values(username=f"{first} was first")
                    )
                    if tries <= 2 and name == first:
                        await crossed.wait()

        async with database.writing() as connection:
            for name in ("alice", "bob"):
                await connection.execute(accounts.insert().values(username=name, folded=name))
        await asyncio.gather(rename("alice", "bob"), rename("bob", "alice"))
        async with database.transaction() as connection:
            names = list(await connection.scalars(select(accounts.c.username)))

    assert tries > 2  # perhaps both were given up
    assert names[0] == names[1]
    assert names[0] in {"alice was first", "bob was first"}


async def test_connections_that_were_lost_are_made_anew(server_url: str) -> None:
    """
    After a restart of the server the next call is answered.
    """
    async with open_directory(server_url, APPID) as directory:
        made = await directory.register("openid-1")
        assert await cut_connections(server_url)

        assert made == await directory.by_openid("openid-1")


async def test_connection_that_is_lost_half_way_changes_nothing(server_url: str) -> None:
    """
    What was not confirmed is not there, and the next try works.
    """
    async with open_database(server_url) as database:

        async def add() -> None:
            async with database.writing() as connection:
                await connection.execute(accounts.insert().values(username="a", folded="a"))
                assert await cut_connections(server_url)
                await connection.execute(accounts.insert().values(username="b", folded="b"))

        with pytest.raises(AccountsUnavailable) as caught:
            await add()
        async with database.transaction() as connection:
            left = list(await connection.scalars(select(accounts.c.username)))

    assert [] == left
    assert "username" not in str(caught.value)


async def test_database_that_is_too_slow_is_left(server_url: str) -> None:
    """
    Who gave up waiting hears so in time, and the next call is answered.
    """
    async with open_database(server_url) as database:
        with pytest.raises(AccountsUnavailable, match="TimeoutError"):
            async with database.transaction() as connection:
                await connection.execute(text(SLEEP[connection.dialect.name]))
        async with database.transaction() as connection:
            answer = await connection.scalar(text("SELECT 1"))

    assert 1 == answer


async def test_database_without_a_driver_is_told_in_a_word() -> None:
    """
    The line names the kind of address, and not its password.
    """
    with pytest.raises(AccountsUnavailable, match="nosuch") as caught:
        async with open_directory("nosuch+driver://me:s3cret@host/a", APPID):
            pass

    assert "s3cret" not in str(caught.value)

"""Accounts and WeChat identities: what the database itself holds."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from accounts import (
    AccountsUnavailable,
    AccountTaken,
    Directory,
    LastWayIn,
    OpenidTaken,
    UsernameTaken,
    open_database,
    open_directory,
)
from tests.sql_servers import PATIENCE

APPID = "wx0000000000000001"


@pytest.fixture
async def directory(sql_url: str) -> AsyncIterator[Directory]:
    """An empty directory, in each kind of database."""
    async with open_database(sql_url, PATIENCE) as database:
        yield Directory(database, APPID)


async def test_account_is_found_by_name_whatever_its_case_and_width(directory: Directory):
    """
    Alice, ALICE and full-width letters are one name.
    """
    alice = await directory.add("Alice", "hash")

    assert alice == await directory.by_username(" ALICE ")
    assert alice == await directory.by_username("ａｌｉｃｅ")
    assert await directory.by_username("alic") is None


async def test_add_refuses_a_name_that_exists(directory: Directory):
    """
    Two accounts cannot have one name.
    """
    await directory.add("alice", None)

    with pytest.raises(UsernameTaken):
        await directory.add("ALICE", None)


async def test_add_with_a_taken_openid_makes_no_account(directory: Directory):
    """
    An account that cannot be bound as asked is not made either.
    """
    await directory.add("alice", None, "openid-1")

    with pytest.raises(OpenidTaken):
        await directory.add("bob", None, "openid-1")

    assert await directory.by_username("bob") is None


async def test_bind_links_openid_and_account_and_may_be_repeated(directory: Directory):
    """
    Binding the same two again changes nothing.
    """
    alice = await directory.add("alice", "hash")

    await directory.bind("openid-1", alice.id)
    await directory.bind("openid-1", alice.id)

    found = await directory.by_openid("openid-1")
    assert found is not None
    assert (alice.id, True) == (found.id, found.wechat_bound)


async def test_bind_tells_which_of_the_two_is_taken(directory: Directory):
    """
    A bound openid and a bound account are different troubles.
    """
    alice, bob = await directory.add("alice", "hash"), await directory.add("bob", "hash")
    await directory.bind("openid-1", alice.id)

    with pytest.raises(OpenidTaken):
        await directory.bind("openid-1", bob.id)
    with pytest.raises(AccountTaken):
        await directory.bind("openid-2", alice.id)


async def test_bind_of_one_openid_to_many_accounts_at_once_succeeds_once(directory: Directory):
    """
    Fifty accounts race for one openid: the database lets one win.
    """
    people = [await directory.add(f"user{number}", None) for number in range(50)]

    results = await asyncio.gather(
        *(directory.bind("openid-1", account.id) for account in people), return_exceptions=True
    )

    assert 1 == results.count(None)
    assert 49 == sum(isinstance(result, OpenidTaken) for result in results)


async def test_bind_of_many_openids_to_one_account_at_once_succeeds_once(directory: Directory):
    """
    Fifty openids race for one account: the database lets one win.
    """
    alice = await directory.add("alice", "hash")

    results = await asyncio.gather(
        *(directory.bind(f"openid-{number}", alice.id) for number in range(50)),
        return_exceptions=True,
    )

    assert 1 == results.count(None)
    assert 49 == sum(isinstance(result, AccountTaken) for result in results)


async def test_identities_belong_to_one_service_account(folder: Path):
    """
    An openid means nothing to another appid on the same database.
    """
    url = f"sqlite+aiosqlite:///{folder}/a.db"
    async with open_directory(url, APPID) as one, open_directory(url, "wx2") as other:
        alice = await one.add("alice", "hash", "openid-1")

        assert await other.by_openid("openid-1") is None
        await other.bind("openid-9", alice.id)

        found = await one.by_id(alice.id)
        assert found is not None
        assert found.wechat_bound


async def test_unbind_keeps_the_last_way_in(directory: Directory):
    """
    Who has no password keeps WeChat.
    """
    alice = await directory.add("alice", None, "openid-1")

    with pytest.raises(LastWayIn):
        await directory.unbind(alice.id)

    assert await directory.by_openid("openid-1") is not None


async def test_unbind_frees_openid_and_account(directory: Directory):
    """
    After unbinding both may be bound anew.
    """
    alice, bob = await directory.add("alice", "hash", "openid-1"), await directory.add("bob", "h")

    await directory.unbind(alice.id)
    await directory.bind("openid-1", bob.id)
    await directory.bind("openid-2", alice.id)

    assert await directory.by_openid("openid-1") == await directory.by_username("bob")


async def test_register_makes_one_account_for_an_openid(directory: Directory):
    """
    Scans of an unknown user that come at once make one account.
    """
    made = await asyncio.gather(*(directory.register("openid-1") for _ in range(10)))

    assert 1 == len({account.id for account in made})
    assert made[0].username.startswith("wx_")
    assert 1 == len(await directory.all())


async def test_directory_that_cannot_be_opened_says_so_without_values(folder: Path):
    """
    A database that is away raises one error, which holds no value of the statement.
    """
    (folder / "a.db").mkdir()

    async with open_directory(f"sqlite+aiosqlite:///{folder}/a.db", APPID) as directory:
        with pytest.raises(AccountsUnavailable) as caught:
            await directory.by_openid("openid-hush")

    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_account_text_does_not_show_the_hash(directory: Directory):
    """
    An account can be logged.
    """
    alice = await directory.add("alice", "$argon2$hush")

    assert "hush" not in repr(alice)

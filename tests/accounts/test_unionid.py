"""One person, several appids: identities that the unionid joins."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from accounts import AccountTaken, Directory, Identity, OpenidTaken, open_database
from tests.sql_servers import PATIENCE

SERVICE = "wx0000000000000001"
WEBSITE = "wx0000000000000002"
THIRD = "wx0000000000000003"


@pytest.fixture
async def directory(folder: Path) -> AsyncIterator[Directory]:
    """An empty directory."""
    async with open_database(f"sqlite+aiosqlite:///{folder}/a.db", PATIENCE) as database:
        yield Directory(database, SERVICE)


def identity(appid: str, openid: str, unionid: str = "") -> Identity:
    """Return an identity."""
    return Identity(appid=appid, openid=openid, unionid=unionid)


async def test_person_who_comes_by_another_appid_is_recognised(directory: Directory):
    """
    The same unionid is the same account, and the next time the openid alone is enough.
    """
    alice = await directory.add("alice", "hash")
    await directory.bind(identity(SERVICE, "openid-1", "union-1"), alice.id)

    by_unionid = await directory.recognise(identity(WEBSITE, "web-1", "union-1"))
    by_openid = await directory.recognise(identity(WEBSITE, "web-1"))

    assert by_unionid is not None
    assert by_openid is not None
    assert {alice.id} == {by_unionid.id, by_openid.id}


async def test_unionid_that_is_heard_later_joins_from_then_on(directory: Directory):
    """
    An identity that was bound without a unionid learns it when WeChat tells it.
    """
    alice = await directory.add("alice", None, "openid-1")
    stranger = await directory.recognise(identity(WEBSITE, "web-1", "union-1"))
    known = await directory.recognise(identity(SERVICE, "openid-1", "union-1"))
    joined = await directory.recognise(identity(WEBSITE, "web-1", "union-1"))

    assert stranger is None
    assert known is not None
    assert joined is not None
    assert {alice.id} == {known.id, joined.id}


async def test_binding_again_learns_the_unionid(directory: Directory):
    """
    A repeated binding changes nothing but what was not known before.
    """
    alice = await directory.add("alice", None, "openid-1")
    await directory.bind(identity(SERVICE, "openid-1", "union-1"), alice.id)

    joined = await directory.recognise(identity(WEBSITE, "web-1", "union-1"))

    assert joined is not None
    assert alice.id == joined.id


async def test_openid_of_another_appid_is_another_user(directory: Directory):
    """
    Appids may know two people by one openid; no scan takes one for the other.
    """
    await directory.add("alice", None, identity(WEBSITE, "openid-1"))

    assert await directory.by_openid("openid-1") is None
    assert await directory.recognise(identity(SERVICE, "openid-1")) is None


async def test_nobody_is_joined_by_an_unknown_unionid(directory: Directory):
    """
    Two identities without a unionid have nothing in common.
    """
    await directory.add("alice", None, "openid-1")

    assert await directory.recognise(identity(WEBSITE, "web-1")) is None


async def test_account_takes_one_identity_of_each_appid(directory: Directory):
    """
    An account may be bound by several appids, by each of them once.
    """
    alice = await directory.add("alice", "hash", "openid-1")
    await directory.bind(identity(WEBSITE, "web-1"), alice.id)

    with pytest.raises(AccountTaken):
        await directory.bind(identity(WEBSITE, "web-2"), alice.id)
    with pytest.raises(AccountTaken):
        await directory.bind("openid-2", alice.id)


async def test_account_of_one_person_takes_no_other(directory: Directory):
    """
    Where both unionids are known, an account has one person, by whichever appid they come.
    """
    alice = await directory.add("alice", "hash", identity(SERVICE, "openid-1", "union-1"))

    with pytest.raises(AccountTaken):
        await directory.bind(identity(WEBSITE, "web-2", "union-2"), alice.id)

    assert await directory.recognise(identity(WEBSITE, "web-2", "union-2")) is None


async def test_person_of_one_account_takes_no_other(directory: Directory):
    """
    A person who is bound by one appid cannot be bound to another account by a second one.
    """
    await directory.add("alice", "hash", identity(SERVICE, "openid-1", "union-1"))
    bob = await directory.add("bob", "hash")

    with pytest.raises(OpenidTaken):
        await directory.bind(identity(WEBSITE, "web-1", "union-1"), bob.id)


async def test_place_that_is_taken_joins_nobody(directory: Directory):
    """
    A unionid does not push out the identity that the account has of that appid.
    """
    alice = await directory.add("alice", "hash", identity(SERVICE, "openid-1", "union-1"))
    await directory.bind(identity(WEBSITE, "web-1"), alice.id)

    assert await directory.recognise(identity(WEBSITE, "web-2", "union-1")) is None


async def test_person_is_joined_once_by_many_at_the_same_time(directory: Directory):
    """
    Requests that come together find one account and add one identity.
    """
    alice = await directory.add("alice", "hash", identity(SERVICE, "openid-1", "union-1"))
    comer = identity(WEBSITE, "web-1", "union-1")

    found = await asyncio.gather(*(directory.recognise(comer) for _ in range(8)))

    assert [alice.id] * 8 == [account.id for account in found if account]


async def test_unbinding_forgets_every_identity(directory: Directory):
    """
    Whoever unbinds is bound by no appid any more, and the account by none.
    """
    alice = await directory.add("alice", "hash", identity(SERVICE, "openid-1", "union-1"))
    await directory.bind(identity(WEBSITE, "web-1", "union-1"), alice.id)
    await directory.unbind(alice.id)
    found = await directory.by_id(alice.id)

    assert await directory.by_openid("openid-1") is None
    assert await directory.recognise(identity(WEBSITE, "web-1", "union-1")) is None
    assert found is not None
    assert not found.wechat_bound


@pytest.mark.parametrize("appid", [SERVICE, WEBSITE])
async def test_account_that_any_appid_knows_is_bound(directory: Directory, appid: str):
    """
    For the account it does not matter how its WeChat user comes in.
    """
    await directory.add("alice", "hash", identity(appid, "openid-1"))
    alice = await directory.by_username("alice")

    assert alice is not None
    assert alice.wechat_bound


async def test_register_makes_one_account_for_a_person(directory: Directory):
    """
    A person who registered by one appid is the same person by the next.
    """
    first = await directory.register(identity(WEBSITE, "web-1", "union-1"))
    second = await directory.register(identity(SERVICE, "openid-1", "union-1"))
    third = await directory.register(identity(THIRD, "third-1", "union-2"))

    assert first.id == second.id
    assert first.id != third.id


def test_identity_keeps_its_ids_out_of_logs():
    """
    What a careless log line would write has neither openid nor unionid in it.
    """
    assert "union" not in repr(identity(SERVICE, "openid-1", "union-1"))
    assert "openid-1" not in repr(identity(SERVICE, "openid-1", "union-1"))

"""Bindings have an age: a farewell ends those before it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from accounts import Directory, open_database, open_directory
from tests.sql_servers import PATIENCE

APPID = "wx0000000000000001"
SCANNED = 1_700_000_000


@pytest.fixture
async def directory(sql_url: str) -> AsyncIterator[Directory]:
    """An empty directory, in each kind of database."""
    async with open_database(sql_url, PATIENCE) as database:
        yield Directory(database, APPID)


@pytest.mark.parametrize("later", [0, 1, 100_000_000])
async def test_forget_ends_a_binding_of_that_second_or_before(directory: Directory, later: int):
    """
    Who unfollows in the second of the scan has unfollowed after it.
    """
    alice = await directory.add("alice", "hash")
    await directory.bind("openid-1", alice.id, SCANNED)

    bound = await directory.bound_by("openid-1", SCANNED + later)
    await directory.forget("openid-1", SCANNED + later)

    assert alice.id == bound
    assert await directory.by_openid("openid-1") is None


async def test_forget_leaves_a_newer_binding(directory: Directory):
    """
    A farewell that comes late does not undo what was bound after it.
    """
    alice = await directory.add("alice", "hash")
    await directory.bind("openid-1", alice.id, SCANNED)

    bound = await directory.bound_by("openid-1", SCANNED - 1)
    await directory.forget("openid-1", SCANNED - 1)

    assert bound is None
    assert await directory.by_openid("openid-1")


async def test_forget_takes_the_last_way_in_too(directory: Directory):
    """
    What WeChat wants forgotten is forgotten, password or not.
    """
    made = await directory.register("openid-1", SCANNED)

    await directory.forget("openid-1", SCANNED)

    assert await directory.by_openid("openid-1") is None
    left = await directory.by_id(made.id)
    assert left is not None
    assert not left.wechat_bound


async def test_forget_may_be_repeated_and_touches_nobody_else(directory: Directory):
    """
    Only that openid goes, and a second time nothing does.
    """
    alice, bob = await directory.add("alice", "hash"), await directory.add("bob", "hash")
    await directory.bind("openid-1", alice.id, SCANNED)
    await directory.bind("openid-2", bob.id, SCANNED)

    for _ in range(2):
        await directory.forget("openid-1", SCANNED)

    assert await directory.by_openid("openid-2")


async def test_forget_belongs_to_one_service_account(folder: Path):
    """
    An openid of another appid is another person.
    """
    url = f"sqlite+aiosqlite:///{folder}/a.db"
    async with open_directory(url, APPID) as one, open_directory(url, "wx2") as other:
        alice = await one.add("alice", "hash")
        await one.bind("openid-1", alice.id, SCANNED)

        assert await other.bound_by("openid-1", SCANNED) is None
        await other.forget("openid-1", SCANNED)

        assert await one.by_openid("openid-1")


async def test_binding_without_a_scan_is_dated_by_the_database(directory: Directory):
    """
    A binding that an operator imports is as old as its row.
    """
    await directory.add("alice", None, "openid-1")

    assert await directory.bound_by("openid-1", SCANNED) is None  # that was years ago
    assert await directory.bound_by("openid-1", 4_000_000_000)


@pytest.mark.parametrize("second", [253_402_300_800, 999_999_999_999])
async def test_binding_of_a_second_that_no_calendar_has_is_forgotten_too(
    directory: Directory, second: int
):
    """
    A push may name any second of twelve digits; it is bound, and a later farewell ends it.
    """
    made = await directory.register("openid-1", second)

    assert made.id == await directory.bound_by("openid-1", second)
    await directory.forget("openid-1", second)
    assert await directory.by_openid("openid-1") is None

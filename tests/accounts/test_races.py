"""Two processes on one database: what must never happen does not, and it is no outage."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from accounts import (
    Account,
    AccountsUnavailable,
    AccountTaken,
    Directory,
    LastWayIn,
    OpenidTaken,
    UsernameTaken,
    fold,
    open_database,
    open_directory,
)
from tests.sql_servers import PATIENCE

Two = tuple[Directory, Directory]


@pytest.fixture
async def two(sql_url: str) -> AsyncIterator[Two]:
    """The same new database, as two processes have it."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        yield (
            Directory(await enter(open_database(sql_url, PATIENCE)), "wx1"),
            Directory(await enter(open_database(sql_url, PATIENCE)), "wx1"),
        )


async def test_new_database_is_made_once_however_many_begin_with_it(two: Two) -> None:
    """
    Processes that start together make the tables together, and all of them get their answer.
    """
    answers = await asyncio.gather(
        *(two[number % 2].by_openid(f"o-{number}") for number in range(20)),
        *(directory.ping() for directory in two),
        return_exceptions=True,
    )

    assert [None] * 22 == answers


async def test_one_openid_gets_one_account_over_all_processes(two: Two) -> None:
    """
    Of forty accounts that are bound to one openid at once, one is; the others are told why not.
    """
    people = [await two[0].add(f"user{number}", None) for number in range(40)]

    answers = await asyncio.gather(
        *(two[number % 2].bind("o-1", each.id) for number, each in enumerate(people)),
        return_exceptions=True,
    )

    bound = [account for account in await two[1].all() if account.wechat_bound]
    assert 1 == answers.count(None) == len(bound)
    assert 39 == sum(isinstance(answer, OpenidTaken) for answer in answers)
    assert people[answers.index(None)].id == bound[0].id


async def test_one_account_gets_one_openid_over_all_processes(two: Two) -> None:
    """
    Of forty openids that are bound to one account at once, one is.
    """
    alice = await two[0].add("alice", "hash")

    answers = await asyncio.gather(
        *(two[number % 2].bind(f"o-{number}", alice.id) for number in range(40)),
        return_exceptions=True,
    )

    owners = [await two[0].by_openid(f"o-{number}") for number in range(40)]
    assert 1 == answers.count(None) == 40 - owners.count(None)
    assert 39 == sum(isinstance(answer, AccountTaken) for answer in answers)


async def test_same_bind_at_once_succeeds_for_all(two: Two) -> None:
    """
    A request that came twice is answered alike, on whichever process.
    """
    alice = await two[0].add("alice", "hash")

    answers = await asyncio.gather(*(two[number % 2].bind("o-1", alice.id) for number in range(20)))

    assert [None] * 20 == answers


async def test_one_name_is_one_account_over_all_processes(two: Two) -> None:
    """
    However it is written, a name is given once.
    """
    names = ["alice", "Alice", "ALICE", "ａｌｉｃｅ", " alice "] * 4

    answers = await asyncio.gather(
        *(two[number % 2].add(name, None) for number, name in enumerate(names)),
        return_exceptions=True,
    )

    assert 1 == sum(isinstance(answer, Account) for answer in answers)
    assert 19 == sum(isinstance(answer, UsernameTaken) for answer in answers)
    assert 1 == len(await two[0].all())


async def test_new_user_is_registered_once_over_all_processes(two: Two) -> None:
    """
    Scans of one unknown user on two processes lead to one account.
    """
    made = await asyncio.gather(*(two[number % 2].register("o-1") for number in range(20)))

    assert 1 == len(set(made)) == len(await two[0].all())
    assert all(account.wechat_bound and account.password_hash is None for account in made)


async def test_different_users_at_once_do_not_hinder_each_other(two: Two) -> None:
    """
    Forty new users in the same moment get an account each.
    """
    made = await asyncio.gather(*(two[number % 2].register(f"o-{number}") for number in range(40)))

    assert 40 == len({account.id for account in made})


async def test_taken_name_with_an_openid_leaves_the_openid_free(two: Two) -> None:
    """
    An account that was not made binds nothing.
    """
    await two[0].add("alice", None)

    with pytest.raises(UsernameTaken):
        await two[1].add("ALICE", None, "o-1")

    assert await two[0].by_openid("o-1") is None


async def test_unbind_of_an_account_that_is_gone_is_the_last_way_in(two: Two) -> None:
    """
    Nothing is unbound that cannot be signed in to.
    """
    with pytest.raises(LastWayIn):
        await two[0].unbind(4711)


async def test_unbind_again_changes_nothing(two: Two) -> None:
    """
    An account without WeChat may be unbound from it.
    """
    alice = await two[0].add("alice", "hash", "o-1")

    for directory in two:
        await directory.unbind(alice.id)

    assert await two[0].by_openid("o-1") is None


async def test_password_hash_is_replaced(two: Two) -> None:
    """
    The other process sees the new hash.
    """
    alice = await two[0].add("alice", "old")

    await two[0].set_password_hash(alice.id, "new")

    found = await two[1].by_username("alice")
    assert found is not None
    assert "new" == found.password_hash


@pytest.mark.parametrize("name", ["file/a.db", "a.db"])
async def test_database_that_cannot_be_opened_is_unavailable_everywhere(
    folder: Path, name: str
) -> None:
    """
    Every method says the same, and no text holds what was asked for.
    """
    (folder / "file").write_text("no folder", encoding="utf-8")
    (folder / "a.db").mkdir()
    async with open_directory(f"sqlite+aiosqlite:///{folder}/{name}", "wx1") as away:
        asked = [
            away.ping(),
            away.all(),
            away.by_openid("s3cret"),
            away.by_username("s3cret"),
            away.by_id(1),
            away.add("s3cret", "s3cret", "s3cret"),
            away.register("s3cret"),
            away.bind("s3cret", 1),
            away.unbind(1),
            away.set_password_hash(1, "s3cret"),
        ]

        answers = await asyncio.gather(*asked, return_exceptions=True)

    assert {AccountsUnavailable} == {type(answer) for answer in answers}
    assert "s3cret" not in "".join(map(repr, answers))


async def test_database_that_comes_back_is_used_again(folder: Path) -> None:
    """
    After an outage the next call works, without a restart.
    """
    place = folder / "a.db"
    place.mkdir()
    async with open_directory(f"sqlite+aiosqlite:///{place}", "wx1") as directory:
        with pytest.raises(AccountsUnavailable):
            await directory.ping()
        place.rmdir()

        made = await directory.register("o-1")

        assert made == await directory.by_openid("o-1")


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("Alice", "alice"),
        ("ALICE", "alice"),
        ("  alice\t", "alice"),
        ("Ａｌｉｃｅ", "alice"),
        ("STRASSE", "straße"),
        ("ﬁsh", "FISH"),
        ("é", "e\u0301"),
        ("①", "1"),
        ("Ω", "Ω"),
    ],
)
def test_fold_makes_equal_names_equal(name: str, same: str) -> None:
    """
    Case, width, composition and blanks around it do not make another name.
    """
    assert fold(name) == fold(same)
    assert fold(name) == fold(fold(name))


@pytest.mark.parametrize(("name", "other"), [("alice", "alicе"), ("a b", "ab"), ("e", "é")])
def test_fold_keeps_different_names_different(name: str, other: str) -> None:
    """
    Letters of another alphabet, accents and blanks inside count.
    """
    assert fold(name) != fold(other)

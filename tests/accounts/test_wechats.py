"""Several WeChat users of one account: slots, two at once, replacing, the last way in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from accounts import (
    AccountTaken,
    Directory,
    Identity,
    LastWayIn,
    OpenidTaken,
    open_database,
    open_directory,
)
from accounts.wechats import Place, slot_for
from tests.sql_servers import PATIENCE

APPID = "wx1"
Two = tuple[Directory, Directory]


@pytest.fixture
async def two(sql_url: str) -> AsyncIterator[Two]:
    """A new database as two processes have it; an account may have three WeChat users."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        yield (
            Directory(await enter(open_database(sql_url, PATIENCE)), APPID, 3),
            Directory(await enter(open_database(sql_url, PATIENCE)), APPID, 3),
        )


async def bound_among(directory: Directory, account_id: int, count: int) -> list[int]:
    """Return which of the openids o-0 … are bound to the account."""
    return [each for each in range(count) if await directory.holds(f"o-{each}", account_id)]


@pytest.mark.parametrize(
    ("who", "places", "limit", "slot"),
    [
        (("a", ""), [], 1, 1),
        (("a", ""), [("a", None, 1)], 1, None),
        (("a", ""), [("a", None, 1)], 2, 2),
        (("a", ""), [("a", None, 2)], 2, 1),
        (("a", ""), [("a", None, 3)], 1, None),  # the limit was higher once
        (("a", ""), [("b", None, 1)], 1, 1),  # nobody knows better than the password
        (("a", ""), [("b", None, 1)], 2, 2),
        (("a", "u"), [("b", "u", 2), ("b", None, 1)], 2, 2),
        (("a", "u"), [("b", "v", 1)], 1, None),
        (("a", "u"), [("b", "v", 1)], 2, 2),
        (("a", "u"), [("b", "v", 1), ("b", None, 2)], 2, 2),
        (("a", "u"), [("b", "u", 4)], 1, 4),
    ],
)
def test_slot_is_that_of_the_person_or_an_empty_one(who, places, limit, slot):
    """
    Known persons share their slot, unknown ones share only where no slot is empty.
    """
    identity = Identity(appid=who[0], openid="o", unionid=who[1])

    assert slot == slot_for(identity, [Place(*each) for each in places], limit)


async def test_account_gets_as_many_as_it_may_have_over_all_processes(two: Two):
    """
    Of thirty WeChat users that are bound to one account at once, three are; the others are told.
    """
    alice = await two[0].add("alice", "hash")

    answers = await asyncio.gather(
        *(two[number % 2].bind(f"o-{number}", alice.id) for number in range(30)),
        return_exceptions=True,
    )

    assert 3 == answers.count(None) == len(await bound_among(two[0], alice.id, 30))
    refused = [answer for answer in answers if isinstance(answer, AccountTaken)]
    assert [3] * 27 == [answer.limit for answer in refused]


async def test_wechats_are_listed_in_the_order_of_their_binding(two: Two):
    """
    Each with when it was bound; when it was used last is known once that is noted.
    """
    alice = await two[0].add("alice", "hash")
    await two[0].bind("o-1", alice.id, 2_000)
    await two[0].bind("o-0", alice.id, 1_000)
    await two[1].note_use("o-1")

    first, second = await two[1].wechats(alice.id)

    assert (1_000, 2_000) == (first.bound_at, second.bound_at)
    assert first.last_used_at is None
    assert second.last_used_at is not None
    await two[0].note_use("o-1")  # again within the hour: nothing is written
    assert [first, second] == await two[0].wechats(alice.id)


async def test_one_of_several_is_unbound_by_itself(two: Two):
    """
    The others stay, and the place is free again; whose it is not cannot be taken off.
    """
    alice, bob = await two[0].add("alice", "hash"), await two[0].add("bob", "hash")
    for number in range(3):
        await two[0].bind(f"o-{number}", alice.id, 1_000 + number)
    _, middle, _ = await two[0].wechats(alice.id)

    assert [] == await two[1].unbind(bob.id, middle.id)
    gone = await two[1].unbind(alice.id, middle.id)

    assert ["o-1"] == [each.openid for each in gone]
    assert [0, 2] == await bound_among(two[0], alice.id, 3)
    await two[0].bind("o-3", alice.id)


async def test_one_person_of_two_appids_is_one_and_goes_at_once(two: Two):
    """
    What the unionid joins is listed once and unbound together.
    """
    alice = await two[0].add("alice", "hash")
    await two[0].bind("o-0", alice.id)
    for appid in (APPID, "wx2"):
        await two[0].bind(Identity(appid=appid, openid="o-1", unionid="u"), alice.id)
    wechats = await two[0].wechats(alice.id)

    gone = await two[0].unbind(alice.id, wechats[1].id)

    assert 2 == len(wechats)
    assert {APPID, "wx2"} == {each.appid for each in gone}
    assert [0] == await bound_among(two[0], alice.id, 2)


async def test_last_way_in_stays_whoever_is_faster(two: Two):
    """
    Two of two WeChat users of an account without a password are unbound at once: one stays.
    """
    alice = await two[0].register("o-0")
    await two[0].bind("o-1", alice.id)
    one, other = await two[0].wechats(alice.id)

    answers = await asyncio.gather(
        two[0].unbind(alice.id, one.id), two[1].unbind(alice.id, other.id), return_exceptions=True
    )

    assert 1 == sum(isinstance(answer, LastWayIn) for answer in answers)
    assert 1 == len(await two[0].wechats(alice.id))


async def test_replacing_at_once_has_one_winner(folder: Path):
    """
    Of two who replace the same WeChat user at once, one does; the other is told.
    """
    url = f"sqlite+aiosqlite:///{folder}/a.db"
    async with open_directory(url, APPID) as one, open_directory(url, APPID) as other:
        alice = await one.add("alice", "hash", "o-0")
        (former,) = await one.wechats(alice.id)

        answers = await asyncio.gather(
            *(
                directory.rebind(f"o-{number}", alice.id, wechat=former.id)
                for number, directory in enumerate((one, other), start=1)
            ),
            return_exceptions=True,
        )

        assert 1 == sum(isinstance(answer, AccountTaken) for answer in answers)
        assert 1 == len(await bound_among(one, alice.id, 3)) == len(await one.wechats(alice.id))


async def test_replacing_by_somebody_elses_wechat_changes_nothing(two: Two):
    """
    The old one stays when the new one cannot be had.
    """
    alice = await two[0].add("alice", "hash", "o-0")
    await two[0].add("bob", "hash", "o-1")

    with pytest.raises(OpenidTaken):
        await two[0].rebind("o-1", alice.id)

    assert [0] == await bound_among(two[1], alice.id, 2)

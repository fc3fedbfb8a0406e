"""Limits on tries: exact, sliding, shared, and forgiving."""

import asyncio

import pytest

from store import Limit, Store, Throttle
from tests.store.lossy_link import LossyLink
from tests.time_machine import TimeMachine

THREE = Limit("account alice", 3, 300)


@pytest.fixture
def throttle(store: Store) -> Throttle:
    """Limits in an empty store."""
    return Throttle(store)


async def test_throttle_lets_as_many_tries_pass_as_the_limit_says(throttle: Throttle) -> None:
    """
    The try after the last one has to wait until the first is out of the window.
    """
    waits = [(await throttle.count([THREE]))[1] for _ in range(4)]

    assert [0, 0, 0] == waits[:3]
    assert pytest.approx(300, abs=1) == waits[3]


async def test_throttle_counts_tries_at_once_exactly(throttle: Throttle) -> None:
    """
    A hundred tries at the same time are as many as the limit, no more and no less.
    """
    answers = await asyncio.gather(*(throttle.count([THREE]) for _ in range(100)))

    assert 3 == sum(wait == 0 for _, wait in answers)


async def test_throttle_slides(throttle: Throttle, time_machine: TimeMachine) -> None:
    """
    A try is forgotten when it is as old as the window, each at its own time.
    """
    for _ in range(3):
        await throttle.count([THREE])
        await time_machine.forward(100)

    free_again = (await throttle.count([THREE]))[1]
    wait = (await throttle.count([THREE]))[1]
    await time_machine.forward(wait)
    after_the_wait = (await throttle.count([THREE]))[1]

    assert 0 == free_again
    assert pytest.approx(100, abs=1) == wait
    assert 0 == after_the_wait


async def test_try_that_has_to_wait_is_not_counted(
    throttle: Throttle, time_machine: TimeMachine
) -> None:
    """
    Who goes on trying does not lock himself out for longer.
    """
    for _ in range(3):
        await throttle.count([THREE])
    await time_machine.forward(200)
    for _ in range(10):
        await throttle.count([THREE])
    await time_machine.forward(101)

    wait = (await throttle.count([THREE]))[1]

    assert 0 == wait


async def test_one_full_limit_stops_the_try_under_all(throttle: Throttle) -> None:
    """
    A try counts under all of its limits or under none, and waits for the longest.
    """
    address, long = Limit("address a", 1, 60), Limit("long", 1, 600)
    await throttle.count([address])
    await throttle.count([long])

    waits = [(await throttle.count([THREE, address, long]))[1] for _ in range(5)]
    alone = [(await throttle.count([THREE]))[1] for _ in range(3)]

    assert [pytest.approx(600, abs=1)] * 5 == waits
    assert [0, 0, 0] == alone


async def test_forgiven_try_does_not_count(throttle: Throttle) -> None:
    """
    A try that turns out to be none that had to be limited is taken back, and it alone.
    """
    await throttle.count([THREE])
    await throttle.count([THREE])
    for _ in range(5):
        name, _ = await throttle.count([THREE])
        await throttle.forgive([THREE], name)

    waits = [(await throttle.count([THREE]))[1] for _ in range(2)]

    assert 0 == waits[0]
    assert waits[1] > 0


async def test_try_whose_answer_was_lost_counts_once(
    throttle: Throttle, lossy: tuple[Store, LossyLink]
) -> None:
    """
    The client that asks again makes the same try, not another.
    """
    store, link = lossy
    for _ in range(2):
        await throttle.count([THREE])
    link.lose_next_answer()

    wait = (await Throttle(store).count([THREE]))[1]

    assert 1 == link.lost
    assert 0 == wait


async def test_limits_stand_in_the_store_without_their_names(
    throttle: Throttle, store: Store
) -> None:
    """
    User names and addresses cannot be read from the store, and every count ends by itself.
    """
    await throttle.count([THREE, Limit("address 10.1.2.3", 5, 60)])

    keys = [str(key) for key in await store.redis.keys(store.key("*"))]

    assert 2 == len(keys)
    assert not any("alice" in key or "10.1.2.3" in key for key in keys)
    assert {True} == {0 < await store.redis.pttl(key) <= 300_000 for key in keys}


async def test_limit_may_become_smaller(throttle: Throttle) -> None:
    """
    After a change of the settings the smaller limit counts with the tries that there were.
    """
    for _ in range(3):
        await throttle.count([THREE])

    wait = (await throttle.count([Limit(THREE.name, 1, 300)]))[1]

    assert pytest.approx(300, abs=1) == wait

"""Timers of pages: they end in order and never early, and nothing stays of what is cancelled."""

import asyncio
import logging
import random
import weakref
from functools import partial
from itertools import permutations

import pytest

from login.timers import AT_ONCE, GRAIN_SECONDS, Timers


class Clockwork:
    """Something with timers, as a page has."""

    def __init__(self, timers: Timers, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self.ended: list[float] = []
        self.soonest = loop.time() + seconds
        self.timer = timers.call_later(seconds, self.end)
        self.latest = loop.time() + seconds + GRAIN_SECONDS

    def end(self) -> None:
        """Note when."""
        self.ended.append(asyncio.get_running_loop().time())


async def over(timers: Timers, seconds: float = 0) -> None:
    """Return when a timer of so many *seconds* from now on ends, whatever its grain has left."""
    ended = asyncio.Event()
    timers.call_later(seconds, lambda: timers.call_later(0, ended.set))
    await ended.wait()


async def test_timers_end_once_each_in_their_order_and_never_early() -> None:
    """
    Many timers, however they were set: each ends, once, after its time, and before those
    of a later grain.
    """
    timers = Timers()
    chance = random.Random(7)
    lengths = [chance.uniform(0, 4 * GRAIN_SECONDS) for _ in range(200)]
    works = [Clockwork(timers, seconds) for seconds in lengths]

    await over(timers, max(lengths))

    assert {1} == {len(work.ended) for work in works}
    assert all(work.soonest <= work.ended[0] for work in works)
    pairs = [pair for pair in permutations(works, 2) if pair[0].latest <= pair[1].soonest]
    assert pairs
    assert all(one.ended <= other.ended for one, other in pairs)


async def test_timers_that_a_busy_loop_has_missed_end_in_their_order() -> None:
    """
    Whatever held the loop: what came due meanwhile is made up for, the shorter before the longer.
    """
    timers, loop, ended = Timers(), asyncio.get_running_loop(), list[int]()
    for grains in (3, 1, 2):
        timers.call_later(grains * GRAIN_SECONDS, partial(ended.append, grains))
    until = loop.time() + 5 * GRAIN_SECONDS
    while loop.time() < until:
        pass

    await over(timers)

    assert [1, 2, 3] == ended


async def test_what_else_has_come_waits_for_a_few_timers_only() -> None:
    """
    Hundreds that end in the same moment: what comes with the first goes before most of them.
    """
    timers, loop, order = Timers(), asyncio.get_running_loop(), list[str]()

    def end() -> None:
        if not order:
            loop.call_soon(order.append, "other")
        order.append("timer")

    for _ in range(300):
        timers.call_later(0, end)
    await over(timers)

    assert 300 == order.count("timer")
    assert AT_ONCE >= order.index("other")


async def test_cancelled_timer_does_not_end_even_in_the_same_moment() -> None:
    """
    Of two that would end together, each cancels the other: one of them does not happen.
    """
    timers, done = Timers(), list[str]()

    def end(name: str, other: str) -> None:
        done.append(name)
        both[other].cancel()

    both = {
        "one": timers.call_later(0, partial(end, "one", "other")),
        "other": timers.call_later(0, partial(end, "other", "one")),
    }
    await over(timers)
    for timer in both.values():
        timer.cancel()

    assert 1 == len(done)


async def test_trouble_in_one_timer_keeps_no_other_waiting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """
    One that fails is written to the log; those of the same moment end, and so do later ones.
    """
    timers = Timers()

    def fail() -> None:
        raise KeyError("in a timer")

    works = [Clockwork(timers, 0) for _ in range(20)]
    timers.call_later(0, fail)
    works += [Clockwork(timers, 0) for _ in range(20)]
    with caplog.at_level(logging.ERROR):
        await over(timers)

    assert {1} == {len(work.ended) for work in works}
    assert ["timer failed"] == [record.getMessage() for record in caplog.records]


async def test_nothing_stays_of_what_is_over() -> None:
    """
    Whoever had a timer is let go at once when that ends or is cancelled, without a collector.
    """
    timers = Timers()
    cancelled, ended = Clockwork(timers, 60), Clockwork(timers, 0)
    kept = [weakref.ref(cancelled), weakref.ref(ended)]

    cancelled.timer.cancel()
    await over(timers)
    del cancelled, ended

    assert [None, None] == [each() for each in kept]


async def test_timers_go_on_after_there_were_none() -> None:
    """
    When all are cancelled, whoever comes later still has theirs.
    """
    timers = Timers()
    for _ in range(3):
        Clockwork(timers, 0).timer.cancel()
        await over(timers)
    work = Clockwork(timers, 0)
    await over(timers)

    assert 1 == len(work.ended)

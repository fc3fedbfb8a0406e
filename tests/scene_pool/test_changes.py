"""The list of changes: whose attempts changed, for a process that may not have heard of it."""

import pytest

from scene_pool import Attempts, ScenePool
from scene_pool.attempts import CHANGES_KEPT
from store import Store
from tests.scene_pool.codes import BROWSER, SECRET, scan, show_code
from tests.store.lossy_link import LossyLink
from tests.time_machine import TimeMachine


@pytest.fixture
async def ours(store: Store) -> Attempts:
    """The attempts as process `p` asks for them, which has done so before."""
    attempts = Attempts(store)
    await attempts.changes("p")
    return attempts


async def last_change(attempts: Attempts) -> str:
    """Return the id of the last change that there is."""
    return (await attempts.changes("p")).last


async def test_step_is_noted_whoever_takes_it(
    pool: ScenePool, ours: Attempts, store: Store
) -> None:
    """
    A process learns whose attempts moved: its own holders', by steps of any process.
    """
    since = await last_change(ours)
    for uuid, holder in (("u1", "pp:1"), ("u2", "p:1")):
        await show_code(pool, uuid, holder=holder)
        await Attempts(store).advance(scan(uuid))

    changes = await ours.changes("p", since)

    assert changes.whole
    assert ["p:1"] == changes.holders
    assert changes.last > since
    assert [] == (await ours.changes("p", changes.last)).holders


async def test_step_that_was_not_taken_is_not_noted(pool: ScenePool, ours: Attempts) -> None:
    """
    A second scan changes nothing, so there is nothing to look at.
    """
    await show_code(pool, "u1")
    await ours.advance(scan("u1"))
    since = await last_change(ours)

    await ours.advance(scan("u1", "another"))

    assert since == await last_change(ours)


async def test_page_that_is_not_there_needs_no_note(pool: ScenePool, ours: Attempts) -> None:
    """
    Who comes back reads the record.
    """
    await show_code(pool, "u1")
    await pool.detach("u1", "p:1")
    since = await last_change(ours)

    await ours.advance(scan("u1"))

    assert since == await last_change(ours)


async def test_step_whose_answer_was_lost_is_noted(
    pool: ScenePool, ours: Attempts, lossy: tuple[Store, LossyLink]
) -> None:
    """
    It is noted by the step itself, once, whatever those know who asked for it.
    """
    since = await last_change(ours)
    await show_code(pool, "u1", holder="p:7")
    store, link = lossy
    link.lose_next_answer()

    await Attempts(store).advance(scan("u1"))

    assert 1 == link.lost
    assert ["p:7"] == (await ours.changes("p", since)).holders


async def test_former_holder_of_an_attempt_is_noted(pool: ScenePool, ours: Attempts) -> None:
    """
    The page that another takes the attempt from has to learn it.
    """
    since = await last_change(ours)
    await show_code(pool, "u1", holder="p:1")

    await ours.resume("u1", secret=SECRET, browser=BROWSER, holder="q:2", signal="s")

    assert ["p:1"] == (await ours.changes("p", since)).holders


async def test_changes_since_one_that_is_not_there_may_be_more(
    pool: ScenePool, ours: Attempts, store: Store
) -> None:
    """
    After a loss of the store nobody can tell what has changed, also where nothing ever had.
    """
    since = await last_change(ours)
    await store.redis.delete(store.key("changes"))
    await show_code(pool, "u1")
    await ours.advance(scan("u1"))

    lost = await ours.changes("p", since)
    later = await ours.changes("p", lost.last)

    assert not lost.whole
    assert ([], True) == (later.holders, later.whole)


async def test_who_never_asked_knows_nothing(ours: Attempts) -> None:
    """
    A process that has just started has all to look at.
    """
    assert not (await ours.changes("p")).whole


async def test_list_of_changes_is_bounded(
    pool: ScenePool, ours: Attempts, store: Store, time_machine: TimeMachine
) -> None:
    """
    It keeps enough for the next look, no more, and ends with the last process that looks.
    """
    key = store.key("changes")
    since = await last_change(ours)
    for _ in range(CHANGES_KEPT + 200):
        await store.redis.xadd(key, {"holder": "q:9"})
    await show_code(pool, "u1")

    await ours.advance(scan("u1"))

    assert CHANGES_KEPT <= await store.redis.xlen(key) < CHANGES_KEPT + 150
    assert not (await ours.changes("p", since)).whole
    await time_machine.forward(61)
    assert not await store.redis.exists(key)
    await show_code(pool, "u2")
    await ours.advance(scan("u2"))
    assert not await store.redis.exists(key)

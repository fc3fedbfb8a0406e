"""Leasing: which scene id is next, and when there is none."""

import asyncio

import pytest
from msgspec.structs import replace

from scene_pool import AlreadyScanned, Attempts, PoolExhausted, ScenePool
from store import Store
from tests.scene_pool.codes import RULES, attach, scan, show_code
from tests.store.lossy_link import LossyLink
from tests.time_machine import TimeMachine


async def test_pool_writes_nothing_before_it_is_used(store: Store) -> None:
    """
    Start-up and counting touch no key, however large the pool is.
    """
    pool = ScenePool(store, replace(RULES, size=4_294_967_295))

    counted = await pool.count()

    assert {"leased": 0, "resting": 0, "free": 4_294_967_295} == counted
    assert [] == await store.redis.keys(store.key("*"))


async def test_lease_takes_unused_ids_from_the_lowest(pool: ScenePool) -> None:
    """
    An id comes into the pool when it is first needed, the lowest first.
    """
    leases = [await pool.lease(f"u{number}") for number in range(3)]

    assert [1, 2, 3] == [lease.scene_id for lease in leases]


async def test_lease_takes_the_last_id_of_the_largest_pool(store: Store) -> None:
    """
    The largest scene id that WeChat knows is handed out like any other, and none beyond it.
    """
    pool = ScenePool(store, replace(RULES, first_scene_id=4_294_967_294, size=2))

    leases = [await pool.lease("u1"), await pool.lease("u2")]

    assert [4_294_967_294, 4_294_967_295] == [lease.scene_id for lease in leases]
    with pytest.raises(PoolExhausted):
        await pool.lease("u3")


async def test_lease_is_first_in_first_out(pool: ScenePool, time_machine: TimeMachine) -> None:
    """
    Of the ids that have rested, the one whose ticket was made first is the next.
    """
    first, second, third = [await pool.lease(f"u{number}") for number in range(3)]
    for lease in (second, third, first):
        await attach(pool, lease)
        await time_machine.forward(1)

    await time_machine.forward(200)
    again = [(await pool.lease(f"v{number}")).scene_id for number in range(3)]

    assert [2, 3, 1] == again


async def test_lease_prefers_a_rested_id_to_an_unused_one(
    pool: ScenePool, time_machine: TimeMachine
) -> None:
    """
    The pool does not grow while one of the ids that it has used is free.
    """
    await show_code(pool, "u1")
    await time_machine.forward(201)

    lease = await pool.lease("u2")

    assert 1 == lease.scene_id


async def test_lease_of_an_exhausted_pool_says_when_the_next_id_is_free(
    pool: ScenePool, time_machine: TimeMachine
) -> None:
    """
    The wait that is told is the rest of the id that comes back first, and it is enough.
    """
    for number in range(3):
        await show_code(pool, f"u{number}")
        await time_machine.forward(10)

    with pytest.raises(PoolExhausted) as refused:
        await pool.lease("u4")
    await time_machine.forward(refused.value.retry_after)
    lease = await pool.lease("u4")

    assert pytest.approx(170, abs=1) == refused.value.retry_after
    assert 1 == lease.scene_id


async def test_lease_never_hands_out_an_id_before_its_rest(
    pool: ScenePool, time_machine: TimeMachine
) -> None:
    """
    Just before an id has rested it is not handed out, just after it is.
    """
    pool.rules = replace(RULES, size=1)
    await show_code(pool, "u1")

    await time_machine.forward(195)
    with pytest.raises(PoolExhausted):
        await pool.lease("u2")
    await time_machine.forward(6)
    lease = await pool.lease("u2")

    assert 1 == lease.scene_id


async def test_lease_that_never_gets_a_ticket_comes_back_by_itself(
    pool: ScenePool, time_machine: TimeMachine
) -> None:
    """
    The id of a process that died while WeChat made a ticket is free again after rest and making.
    """
    pool.rules = replace(RULES, size=1)
    await pool.lease("u1")

    with pytest.raises(PoolExhausted) as refused:
        await pool.lease("u2")
    await time_machine.forward(refused.value.retry_after)
    lease = await pool.lease("u2")

    assert pytest.approx(215, abs=1) == refused.value.retry_after
    assert 1 == lease.scene_id


async def test_leases_at_the_same_time_never_share_an_id(pool: ScenePool) -> None:
    """
    Fifty pages at once get as many different ids as there are; the others are told to wait.
    """
    pool.rules = replace(RULES, size=20)

    answers = await asyncio.gather(
        *(pool.lease(f"u{number}") for number in range(50)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, PoolExhausted)]
    ids = [answer.scene_id for answer in answers if not isinstance(answer, BaseException)]

    assert list(range(1, 21)) == sorted(ids)
    assert 30 == len(refused)


async def test_lease_of_a_smaller_pool_stays_within_it(
    pool: ScenePool, time_machine: TimeMachine
) -> None:
    """
    After the pool shrank, ids beyond its end are not handed out, also when they have rested.
    """
    for number in range(3):
        await show_code(pool, f"u{number}")
    pool.rules = replace(RULES, size=1)
    await time_machine.forward(300)

    lease = await pool.lease("v1")

    assert 1 == lease.scene_id
    with pytest.raises(PoolExhausted):
        await pool.lease("v2")


async def test_lease_of_a_smaller_pool_waits_for_its_own_ids_only(
    pool: ScenePool, time_machine: TimeMachine
) -> None:
    """
    The wait is that of an id within the pool, although one beyond its end is free earlier.
    """
    first, _, third = [await pool.lease(f"u{number}") for number in range(3)]
    await attach(pool, third)
    await time_machine.forward(100)
    await attach(pool, first)
    pool.rules = replace(RULES, size=1)

    with pytest.raises(PoolExhausted) as refused:
        await pool.lease("v1")

    assert pytest.approx(200, abs=1) == refused.value.retry_after


async def test_lease_of_a_larger_pool_has_more_ids(pool: ScenePool) -> None:
    """
    A larger size opens new ids at once, behind those that are in use.
    """
    for number in range(3):
        await show_code(pool, f"u{number}")
    pool.rules = replace(RULES, size=5)

    ids = [(await pool.lease(f"v{number}")).scene_id for number in range(2)]

    assert [4, 5] == ids


async def test_pool_loses_no_id_when_it_shrinks_and_grows_back(
    pool: ScenePool, time_machine: TimeMachine
) -> None:
    """
    After shrink and growth every id is handed out again, each of them once.
    """
    leases = [await pool.lease(f"u{number}") for number in range(3)]
    for lease in reversed(leases):
        await attach(pool, lease)
        await time_machine.forward(1)
    pool.rules = replace(RULES, size=1)
    await time_machine.forward(300)
    smaller = await pool.lease("v1")
    pool.rules = RULES

    ids = [(await pool.lease(f"w{number}")).scene_id for number in range(2)]

    assert 1 == smaller.scene_id
    assert [2, 3] == sorted(ids)
    with pytest.raises(PoolExhausted):
        await pool.lease("w3")


async def test_pool_that_grows_back_at_once_keeps_the_rest_of_its_ids(pool: ScenePool) -> None:
    """
    Shrink and growth do not free an id whose ticket may still be scanned.
    """
    for number in range(3):
        await show_code(pool, f"u{number}")
    pool.rules = replace(RULES, size=1)
    with pytest.raises(PoolExhausted):
        await pool.lease("v1")
    pool.rules = RULES

    with pytest.raises(PoolExhausted):
        await pool.lease("v2")


async def test_pool_moves_to_another_first_scene_id_and_back(
    pool: ScenePool, time_machine: TimeMachine
) -> None:
    """
    A pool that was moved hands out the new ids only, and the old ones when it is moved back.
    """
    for number in range(3):
        await show_code(pool, f"u{number}")
    pool.rules = replace(RULES, first_scene_id=101)
    moved = [(await pool.lease(f"v{number}")).scene_id for number in range(3)]
    with pytest.raises(PoolExhausted):
        await pool.lease("v4")
    await time_machine.forward(300)
    pool.rules = RULES

    back = [(await pool.lease(f"w{number}")).scene_id for number in range(3)]

    assert [101, 102, 103] == moved
    assert [1, 2, 3] == sorted(back)


async def test_pool_that_moves_a_little_keeps_the_rest_of_shared_ids(pool: ScenePool) -> None:
    """
    Ids that the old and the new pool share are not handed out twice; gaps are filled.
    """
    for number in range(3):
        await show_code(pool, f"u{number}")
    pool.rules = replace(RULES, first_scene_id=2, size=4)

    ids = [(await pool.lease(f"v{number}")).scene_id for number in range(2)]

    assert [4, 5] == ids
    with pytest.raises(PoolExhausted):
        await pool.lease("v3")


async def test_pool_forgets_thousands_of_ids_that_it_has_no_more(
    pool: ScenePool, time_machine: TimeMachine
) -> None:
    """
    More rested ids beyond the pool than one step clears away do not hide those within it.
    """
    pool.rules = replace(RULES, first_scene_id=10, size=2500)
    await asyncio.gather(*(pool.lease(f"u{number}") for number in range(2500)))
    await time_machine.forward(300)
    pool.rules = RULES

    lease = await pool.lease("v1")

    assert 1 == lease.scene_id
    assert {"leased": 1, "resting": 0, "free": 2} == await pool.count()


async def test_lease_whose_answer_was_lost_takes_one_id(
    pool: ScenePool, lossy: tuple[Store, LossyLink]
) -> None:
    """
    A client that asks again gets the id that it was given the first time.
    """
    store, link = lossy
    link.lose_next_answer()

    lease = await ScenePool(store, RULES).lease("u1")

    assert 1 == link.lost
    assert 1 == lease.scene_id
    assert {"leased": 1, "resting": 0, "free": 2} == await pool.count()


async def test_lease_of_a_scanned_attempt_is_refused(pool: ScenePool, attempts: Attempts) -> None:
    """
    Who has been scanned gets an outcome and no new code.
    """
    shown = await show_code(pool, "u1")
    await attempts.advance(scan("u1"))

    with pytest.raises(AlreadyScanned):
        await pool.lease(shown.uuid)


async def test_next_code_of_an_attempt_takes_another_id(pool: ScenePool) -> None:
    """
    The former code of an attempt may still be scanned, so its id rests.
    """
    first = await show_code(pool, "u1")

    second = await show_code(pool, "u1")

    assert (1, 2) == (first.scene_id, second.scene_id)
    assert {"leased": 1, "resting": 1, "free": 1} == await pool.count()


async def test_next_code_without_rest_may_take_the_same_id(pool: ScenePool) -> None:
    """
    With no rest the attempt's former id is free as soon as it asks for another.
    """
    pool.rules = replace(RULES, size=1, rest_seconds=0)
    await show_code(pool, "u1")

    second = await show_code(pool, "u1")

    assert 1 == second.scene_id


async def test_id_without_rest_is_free_when_its_page_is_gone(pool: ScenePool) -> None:
    """
    With no rest an id is used again at once after its page went, and not before.
    """
    pool.rules = replace(RULES, size=1, rest_seconds=0)
    await show_code(pool, "u1")
    with pytest.raises(PoolExhausted):
        await pool.lease("u2")

    await pool.detach("u1", "p:1")
    lease = await pool.lease("u2")

    assert 1 == lease.scene_id


async def test_id_without_rest_is_free_when_its_ticket_is_dead(
    pool: ScenePool, time_machine: TimeMachine
) -> None:
    """
    With no rest an id whose page nobody saw go is free once its ticket cannot be scanned.
    """
    pool.rules = replace(RULES, size=1, rest_seconds=0)
    await show_code(pool, "u1")

    with pytest.raises(PoolExhausted) as refused:
        await pool.lease("u2")
    await time_machine.forward(refused.value.retry_after)
    lease = await pool.lease("u2")

    assert pytest.approx(195, abs=1) == refused.value.retry_after
    assert 1 == lease.scene_id


async def test_next_code_does_not_free_an_id_that_was_passed_on(
    pool: ScenePool, time_machine: TimeMachine
) -> None:
    """
    With no rest, a page that comes for its next code late does not free another page's id.
    """
    pool.rules = replace(RULES, size=2, rest_seconds=0)
    await show_code(pool, "slow")
    await time_machine.forward(196)
    other = await show_code(pool, "other")

    await pool.lease("slow")

    assert 1 == other.scene_id
    with pytest.raises(PoolExhausted):
        await pool.lease("third")


async def test_page_that_goes_does_not_free_an_id_that_was_passed_on(
    pool: ScenePool, time_machine: TimeMachine
) -> None:
    """
    With no rest, a page that goes long after its code's end does not free another page's id.
    """
    pool.rules = replace(RULES, size=1, rest_seconds=0)
    await show_code(pool, "slow")
    await time_machine.forward(196)
    await show_code(pool, "other")

    await pool.detach("slow", "p:1")

    with pytest.raises(PoolExhausted):
        await pool.lease("third")
    assert {"leased": 1, "resting": 0, "free": 0} == await pool.count()


async def test_count_tells_leased_resting_and_free(
    pool: ScenePool, time_machine: TimeMachine
) -> None:
    """
    An id is leased while its code lives on a page, then rests, then is free.
    """
    await show_code(pool, "u1")
    await show_code(pool, "u2", holder="p:2")
    shown = await pool.count()
    await pool.detach("u2", "p:2")
    one_gone = await pool.count()
    await time_machine.forward(181)
    dead = await pool.count()
    await time_machine.forward(20)
    rested = await pool.count()

    assert {"leased": 2, "resting": 0, "free": 1} == shown
    assert {"leased": 1, "resting": 1, "free": 1} == one_gone
    assert {"leased": 0, "resting": 2, "free": 1} == dead
    assert {"leased": 0, "resting": 0, "free": 3} == rested

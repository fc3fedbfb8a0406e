"""Attaching: a ticket becomes an attempt's code, or must not be shown."""

import pytest
from msgspec.structs import replace

from scene_pool import (
    AlreadyScanned,
    Attempts,
    LeaseLost,
    PoolExhausted,
    ScenePool,
    TicketOwner,
    TicketTaken,
)
from store import Store
from tests.scene_pool.codes import BROWSER, RULES, SECRET, attach, owner_of, scan, show_code
from tests.store.lossy_link import LossyLink
from tests.time_machine import TimeMachine


async def test_attach_makes_the_ticket_the_attempts_code(
    pool: ScenePool, attempts: Attempts
) -> None:
    """
    After it the ticket names the attempt, and the attempt's record has the code.
    """
    shown = await attach(pool, await pool.lease("u1"), ticket="t1", age=20)

    owner, record = await owner_of(attempts, "t1"), await attempts.read("u1")

    assert pytest.approx(160, abs=1) == shown.left
    assert TicketOwner("u1", 1) == owner
    assert record is not None
    assert ("waiting", "p:1", BROWSER) == (record.state, record.holder, record.browser)
    assert ("t1", "http://weixin.qq.com/q/t1") == (record.ticket, record.url)
    assert pytest.approx(160, abs=1) == record.left_seconds


async def test_attach_keeps_the_life_that_wechat_gave(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    A ticket that lives shorter than was asked for is forgotten so much earlier.
    """
    shown = await attach(pool, await pool.lease("u1"), ticket="t1", life=30)

    await time_machine.forward(44)
    late = await owner_of(attempts, "t1")
    await time_machine.forward(2)
    too_late = await owner_of(attempts, "t1")

    assert pytest.approx(30, abs=1) == shown.left
    assert TicketOwner("u1", 1) == late
    assert too_late is None


async def test_ticket_is_known_until_a_scan_is_too_late(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    A scan counts for `late_seconds` after the ticket's end, then nobody's code it is.
    """
    await attach(pool, await pool.lease("u1"), ticket="t1")

    await time_machine.forward(194)
    late = await owner_of(attempts, "t1")
    await time_machine.forward(2)
    too_late = await owner_of(attempts, "t1")

    assert TicketOwner("u1", 1) == late
    assert too_late is None


async def test_ticket_of_the_former_code_still_names_the_attempt(
    pool: ScenePool, attempts: Attempts
) -> None:
    """
    A scan of the code that the page showed before belongs to the same attempt.
    """
    former = await show_code(pool, "u1")

    newer = await show_code(pool, "u1")

    assert TicketOwner("u1", 1) == await owner_of(attempts, former.ticket)
    assert TicketOwner("u1", 2) == await owner_of(attempts, newer.ticket)


async def test_attach_refuses_a_ticket_that_another_lease_shows(
    pool: ScenePool, attempts: Attempts
) -> None:
    """
    When WeChat returns a ticket twice, the second page must not show it.
    """
    await attach(pool, await pool.lease("u1"), ticket="t1")
    second = await pool.lease("u2")

    with pytest.raises(TicketTaken):
        await attach(pool, second, ticket="t1")

    assert TicketOwner("u1", 1) == await owner_of(attempts, "t1")
    assert await attempts.read("u2") is None


async def test_id_of_a_taken_ticket_rests_until_that_ticket_is_dead(
    pool: ScenePool, time_machine: TimeMachine
) -> None:
    """
    WeChat would return the same ticket for that id again, so the next lease has another one.
    """
    pool.rules = replace(RULES, size=2)
    await attach(pool, await pool.lease("u1"), ticket="t1")
    await time_machine.forward(100)
    taken = await pool.lease("u2")
    with pytest.raises(TicketTaken):
        await attach(pool, taken, ticket="t1")

    with pytest.raises(PoolExhausted) as refused:
        await pool.lease("u2")

    assert pytest.approx(95, abs=1) == refused.value.retry_after


async def test_attach_refuses_a_ticket_of_the_attempts_own_former_lease(
    pool: ScenePool,
) -> None:
    """
    Also within one attempt a ticket belongs to the lease that it was made for.
    """
    await attach(pool, await pool.lease("u1"), ticket="t1")

    with pytest.raises(TicketTaken):
        await attach(pool, await pool.lease("u1"), ticket="t1")


async def test_attach_refuses_a_ticket_that_has_just_died(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    WeChat may repeat it: a photograph of the former page's code is no scan for the new page.
    """
    await attach(pool, await pool.lease("u1"), ticket="t1")
    await time_machine.forward(250)

    with pytest.raises(TicketTaken):
        await attach(pool, await pool.lease("u2"), ticket="t1")
    again = await pool.lease("u2")
    await attach(pool, again, ticket="t2")

    assert await owner_of(attempts, "t1") is None
    assert TicketOwner("u2", again.scene_id) == await owner_of(attempts, "t2")


async def test_attach_takes_a_ticket_that_was_forgotten(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    A ticket whose time is over may come again, and belongs to the new attempt.
    """
    await attach(pool, await pool.lease("u1"), ticket="t1")
    await time_machine.forward(900)

    await attach(pool, await pool.lease("u2"), ticket="t1")

    assert TicketOwner("u2", 1) == await owner_of(attempts, "t1")


async def test_attach_refuses_a_lease_that_a_newer_one_replaced(
    pool: ScenePool, attempts: Attempts
) -> None:
    """
    The answer of a slow call to WeChat does not replace the code that was asked for later.
    """
    slow = await pool.lease("u1")
    newer = await show_code(pool, "u1")

    with pytest.raises(LeaseLost):
        await attach(pool, slow, ticket="slow")

    record = await attempts.read("u1")
    assert record is not None
    assert newer.ticket == record.ticket
    assert await owner_of(attempts, "slow") is None


async def test_attach_refuses_a_lease_whose_record_is_gone(
    pool: ScenePool, time_machine: TimeMachine
) -> None:
    """
    A ticket that took longer than an attempt is kept belongs to nobody.
    """
    lease = await pool.lease("u1")
    await time_machine.forward(216)

    with pytest.raises(LeaseLost):
        await attach(pool, lease)


async def test_attach_refuses_a_lease_whose_id_was_passed_on(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    An id is on one living ticket only, also when a ticket took too long for its hold.
    """
    pool.rules = replace(RULES, size=2)
    await show_code(pool, "slow")
    slow = await pool.lease("slow")
    await time_machine.forward(216)
    await show_code(pool, "other")
    passed_on = await show_code(pool, "third")

    with pytest.raises(LeaseLost):
        await attach(pool, slow, ticket="slow")

    assert slow.scene_id == passed_on.scene_id
    assert await owner_of(attempts, "slow") is None


async def test_attach_refuses_a_scanned_attempt(pool: ScenePool, attempts: Attempts) -> None:
    """
    A scan of the former code wins over the new code that is being made.
    """
    await show_code(pool, "u1")
    next_one = await pool.lease("u1")
    await attempts.advance(scan("u1"))

    with pytest.raises(AlreadyScanned):
        await attach(pool, next_one, ticket="next")

    record = await attempts.read("u1")
    assert record is not None
    assert "approved" == record.state
    assert await owner_of(attempts, "next") is None


async def test_attach_refuses_a_page_whose_attempt_another_continues(
    pool: ScenePool, attempts: Attempts
) -> None:
    """
    A page that was superseded while its next code was made does not take the attempt back.
    """
    await show_code(pool, "u1", holder="p:1")
    lease = await pool.lease("u1")
    await attempts.resume("u1", secret=SECRET, browser=BROWSER, holder="p:2", signal="s")

    with pytest.raises(LeaseLost):
        await attach(pool, lease, holder="p:1")

    record = await attempts.read("u1")
    assert record is not None
    assert "p:2" == record.holder


async def test_attach_after_the_page_went_without_rest_loses_the_lease(
    pool: ScenePool,
) -> None:
    """
    With no rest the id went back with the page, so the ticket that comes then is not shown.
    """
    pool.rules = replace(RULES, rest_seconds=0)
    await show_code(pool, "u1")
    lease = await pool.lease("u1")
    await pool.detach("u1", "p:1")

    with pytest.raises(LeaseLost):
        await attach(pool, lease)


async def test_ticket_is_being_made_between_lease_and_attach(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    A scan can be faster than WeChat's answer to us: so long it is known that one is to come.
    """
    before = await attempts.being_made("1")
    lease, given_back, slow = [await pool.lease(f"u{number}") for number in range(3)]
    meanwhile = [await attempts.being_made(scene) for scene in ("1", "2", "3", "", "x")]
    await attach(pool, lease)
    await pool.give_back(given_back)
    after = [await attempts.being_made(scene) for scene in ("1", "2", "3")]
    await time_machine.forward(16)

    assert not before
    assert [True, True, True, False, False] == meanwhile
    assert [False, False, True] == after
    assert not await attempts.being_made(str(slow.scene_id))


async def test_ticket_is_known_as_ours_for_a_while_after_its_end(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    A scan of a dead code of ours can be told from a scan of somebody else's.
    """
    await attach(pool, await pool.lease("u1"), ticket="t1")
    shown = await attempts.issued_to("t1")
    await time_machine.forward(300)
    dead = await attempts.issued_to("t1")
    await time_machine.forward(600)

    assert shown
    assert dead
    assert not await attempts.issued_to("t1")
    assert not await attempts.issued_to("t2")


async def test_attach_again_changes_nothing(pool: ScenePool, attempts: Attempts) -> None:
    """
    The same ticket for the same lease is no other one's.
    """
    lease = await pool.lease("u1")
    await attach(pool, lease, ticket="t1")
    before = await attempts.read("u1")

    again = await attach(pool, lease, ticket="t1")

    assert before is not None
    assert pytest.approx(before.left_seconds, abs=1) == again.left
    assert {"leased": 1, "resting": 0, "free": 2} == await pool.count()


async def test_record_counts_the_codes_of_its_attempt(
    pool: ScenePool, attempts: Attempts, lossy: tuple[Store, LossyLink]
) -> None:
    """
    Each code has the next number, and one whose answer was lost is not counted twice.
    """
    store, link = lossy
    await show_code(pool, "u1")
    lease = await pool.lease("u1")
    link.lose_next_answer()

    await attach(ScenePool(store, RULES), lease)

    record = await attempts.read("u1")
    assert 1 == link.lost
    assert record is not None
    assert 2 == record.codes


async def test_attach_whose_answer_was_lost_shows_the_code(
    pool: ScenePool, attempts: Attempts, lossy: tuple[Store, LossyLink]
) -> None:
    """
    A client that asks again is told the same.
    """
    store, link = lossy
    lease = await pool.lease("u1")
    link.lose_next_answer()

    shown = await attach(ScenePool(store, RULES), lease, ticket="t1")

    assert 1 == link.lost
    assert pytest.approx(180, abs=1) == shown.left
    assert TicketOwner("u1", 1) == await owner_of(attempts, "t1")


async def test_give_back_frees_the_id_at_once(pool: ScenePool) -> None:
    """
    An id for which no ticket was made is used again without a rest, and its attempt is forgotten.
    """
    pool.rules = replace(RULES, size=1)
    lease = await pool.lease("u1")

    await pool.give_back(lease)
    counted = await pool.count()
    again = await pool.lease("u2")

    assert {"leased": 0, "resting": 0, "free": 1} == counted
    assert 1 == again.scene_id


async def test_give_back_lets_the_id_rest_as_long_as_its_ticket_lives(
    pool: ScenePool, time_machine: TimeMachine
) -> None:
    """
    An id whose ticket nobody has seen is no page's any more, and free when the ticket is dead.
    """
    pool.rules = replace(RULES, size=1)
    await pool.give_back(await pool.lease("u1"), 120)

    counted = await pool.count()
    await time_machine.forward(115)
    with pytest.raises(PoolExhausted):
        await pool.lease("u2")
    await time_machine.forward(6)

    assert {"leased": 0, "resting": 1, "free": 0} == counted
    assert 1 == (await pool.lease("u2")).scene_id


async def test_give_back_keeps_the_former_code(pool: ScenePool, attempts: Attempts) -> None:
    """
    A next code that failed takes nothing from the code before it.
    """
    shown = await show_code(pool, "u1")
    next_one = await pool.lease("u1")

    await pool.give_back(next_one)

    record = await attempts.read("u1")
    assert record is not None
    assert ("waiting", shown.ticket) == (record.state, record.ticket)
    assert TicketOwner("u1", 1) == await owner_of(attempts, shown.ticket)
    assert {"leased": 0, "resting": 1, "free": 2} == await pool.count()


async def test_give_back_of_an_attached_lease_changes_nothing(pool: ScenePool) -> None:
    """
    An id with a ticket rests, whoever wants to give it back.
    """
    pool.rules = replace(RULES, size=1)
    shown = await show_code(pool, "u1")

    await pool.give_back(shown.lease)

    with pytest.raises(PoolExhausted):
        await pool.lease("u2")


async def test_give_back_of_a_replaced_lease_changes_nothing(pool: ScenePool) -> None:
    """
    Only the attempt's latest lease can be given back.
    """
    pool.rules = replace(RULES, size=2)
    slow = await pool.lease("u1")
    await show_code(pool, "u1")

    await pool.give_back(slow)

    with pytest.raises(PoolExhausted):
        await pool.lease("u2")


async def test_give_back_twice_does_not_free_the_next_page_s_id(pool: ScenePool) -> None:
    """
    An id that was given back and leased again is not freed by a repeat of the first.
    """
    pool.rules = replace(RULES, size=1)
    lease = await pool.lease("u1")
    await pool.give_back(lease)
    await pool.lease("u2")

    await pool.give_back(lease)

    with pytest.raises(PoolExhausted):
        await pool.lease("u3")


async def test_give_back_does_not_free_an_id_that_was_passed_on(
    pool: ScenePool, time_machine: TimeMachine
) -> None:
    """
    A lease that outlived its hold has nothing to give: the id is another page's by now.
    """
    pool.rules = replace(RULES, size=2)
    await show_code(pool, "slow")
    slow = await pool.lease("slow")
    await time_machine.forward(216)
    await show_code(pool, "other")
    await show_code(pool, "third")

    await pool.give_back(slow)

    with pytest.raises(PoolExhausted):
        await pool.lease("fourth")


async def test_give_back_whose_answer_was_lost_frees_one_id(
    pool: ScenePool, lossy: tuple[Store, LossyLink]
) -> None:
    """
    Asking again frees nothing more.
    """
    store, link = lossy
    lease = await pool.lease("u1")
    link.lose_next_answer()

    await ScenePool(store, RULES).give_back(lease)

    assert 1 == link.lost
    assert {"leased": 0, "resting": 0, "free": 3} == await pool.count()

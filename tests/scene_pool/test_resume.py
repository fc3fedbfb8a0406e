"""Going away and coming back: who holds an attempt."""

import pytest
from msgspec.structs import replace

from scene_pool import Attempts, PoolExhausted, ScenePool
from store import Store, digest
from tests.scene_pool.codes import BROWSER, RULES, SECRET, owner_of, scan, show_code
from tests.scene_pool.conftest import Hear
from tests.store.lossy_link import LossyLink
from tests.time_machine import TimeMachine


async def come_back(
    attempts: Attempts, uuid: str = "u1", *, holder: str = "q:2", **secrets: str
) -> bool:
    """Resume an attempt with the right secrets, or those given."""
    digests = {"secret": SECRET, "browser": BROWSER} | secrets
    return await attempts.resume(uuid, holder=holder, signal="superseded", **digests)


async def test_resume_makes_another_socket_the_holder(pool: ScenePool, attempts: Attempts) -> None:
    """
    The same code goes on under the new holder.
    """
    shown = await show_code(pool, "u1")

    resumed = await come_back(attempts)

    record = await attempts.read("u1")
    assert resumed
    assert record is not None
    assert ("waiting", "q:2", shown.ticket) == (record.state, record.holder, record.ticket)
    assert pytest.approx(180, abs=1) == record.left_seconds


async def test_resume_signals_the_former_holder(
    pool: ScenePool, attempts: Attempts, hear: Hear
) -> None:
    """
    The socket that had the attempt is told, by its name within its process.
    """
    await show_code(pool, "u1", holder="p:7")

    await come_back(attempts)

    assert ["7 superseded"] == await hear()


async def test_resume_after_a_detach_signals_nobody(
    pool: ScenePool, attempts: Attempts, hear: Hear
) -> None:
    """
    Who went away by itself is not told that somebody came.
    """
    await show_code(pool, "u1")
    await pool.detach("u1", "p:1")

    resumed = await come_back(attempts)

    assert resumed
    assert [] == await hear()


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": digest("guessed")},
        {"browser": digest("another browser")},
        {"secret": ""},
        {"browser": ""},
        {"secret": BROWSER, "browser": SECRET},
    ],
)
async def test_resume_needs_the_secret_and_the_browser(
    pool: ScenePool, attempts: Attempts, hear: Hear, wrong: dict[str, str]
) -> None:
    """
    One of the two alone opens nothing, changes nothing and tells nobody.
    """
    await show_code(pool, "u1")

    resumed = await come_back(attempts, **wrong)

    record = await attempts.read("u1")
    assert not resumed
    assert record is not None
    assert "p:1" == record.holder
    assert [] == await hear()


async def test_resume_of_an_unknown_attempt_is_refused(pool: ScenePool, attempts: Attempts) -> None:
    """
    An attempt that is not there, or has no code yet, cannot be resumed.
    """
    await pool.lease("leased only")

    unknown = await come_back(attempts, "nobody")
    without_code = await come_back(attempts, "leased only", secret="", browser="")

    assert not unknown
    assert not without_code


async def test_resume_whose_answer_was_lost_signals_once(
    pool: ScenePool, lossy: tuple[Store, LossyLink], hear: Hear
) -> None:
    """
    Asking again does not supersede oneself.
    """
    store, link = lossy
    await show_code(pool, "u1")
    link.lose_next_answer()

    resumed = await come_back(Attempts(store), holder="p:2")

    assert 1 == link.lost
    assert resumed
    assert ["1 superseded"] == await hear()


async def test_page_may_come_back_within_resume_seconds(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    An attempt whose page is away is kept for that long and then forgotten.
    """
    await show_code(pool, "u1")
    await show_code(pool, "u2")
    for uuid in ("u1", "u2"):
        await pool.detach(uuid, "p:1")

    await time_machine.forward(58)
    in_time = await come_back(attempts, "u1")
    await time_machine.forward(3)
    too_late = await come_back(attempts, "u2")

    assert in_time
    assert not too_late


async def test_page_that_came_back_has_its_whole_time_again(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    After a resume the record lives as long as if the page had never been away.
    """
    await show_code(pool, "u1")
    await pool.detach("u1", "p:1")
    await time_machine.forward(50)
    await come_back(attempts)

    await time_machine.forward(204)
    in_time = await attempts.read("u1")
    await time_machine.forward(2)
    too_late = await attempts.read("u1")

    assert in_time is not None
    assert too_late is None


async def test_record_outlives_its_ticket_by_resume_seconds(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    A page that stays sees its record until the ticket is dead, late and the return time over.
    """
    await show_code(pool, "u1")

    await time_machine.forward(254)
    in_time = await attempts.read("u1")
    await time_machine.forward(2)
    too_late = await attempts.read("u1")

    assert in_time is not None
    assert pytest.approx(-74, abs=1) == in_time.left_seconds
    assert too_late is None


async def test_detach_never_lengthens_a_life(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    A page that goes just before the end of its record does not keep it longer.
    """
    await show_code(pool, "u1")
    await time_machine.forward(240)

    await pool.detach("u1", "p:1")
    await time_machine.forward(16)

    assert await attempts.read("u1") is None


async def test_detach_by_a_former_holder_changes_nothing(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    A dead socket that is noticed late does not shorten the attempt that went on elsewhere.
    """
    await show_code(pool, "u1")
    await come_back(attempts)

    await pool.detach("u1", "p:1")
    await time_machine.forward(100)

    record = await attempts.read("u1")
    assert record is not None
    assert "q:2" == record.holder


async def test_detach_keeps_an_outcome_for_its_time(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    What came of a scan waits for the page as long as the scan's step said.
    """
    await show_code(pool, "u1")
    await attempts.advance(scan("u1", keep_seconds=120))

    await pool.detach("u1", "p:1")
    await time_machine.forward(118)
    resumed = await come_back(attempts)
    record = await attempts.read("u1")
    await time_machine.forward(3)

    assert resumed
    assert record is not None
    assert ("approved", "o1") == (record.state, record.openid)
    assert await attempts.read("u1") is None


async def test_outcome_that_came_while_the_page_was_away_is_kept(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    A scan within the return time takes effect and lives on its own time.
    """
    await show_code(pool, "u1")
    await pool.detach("u1", "p:1")
    await time_machine.forward(50)

    refused = await attempts.advance(scan("u1", keep_seconds=120))
    await time_machine.forward(100)

    record = await attempts.read("u1")
    assert refused is None
    assert record is not None
    assert "approved" == record.state


async def test_detach_without_return_time_forgets_a_waiting_attempt(
    pool: ScenePool, attempts: Attempts
) -> None:
    """
    With `resume_seconds` 0 nobody can come back, and a scan of the dead page's code is late.
    """
    pool.rules = replace(RULES, resume_seconds=0)
    await show_code(pool, "u1")

    await pool.detach("u1", "p:1")

    assert await attempts.read("u1") is None
    refused = await attempts.advance(scan("u1"))
    assert refused is not None
    assert refused.state is None


@pytest.mark.parametrize("rest_seconds", [0, 200])
async def test_page_that_polls_keeps_its_id_for_as_long_as_it_may_be_away(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine, rest_seconds: float
) -> None:
    """
    Between two polls the id stays leased, and a page that stays away leases it no more.
    """
    pool.rules = replace(RULES, rest_seconds=rest_seconds)
    shown = await show_code(pool, "u1")
    await pool.detach("u1", "p:1", polls=True)
    between = await pool.count()
    await come_back(attempts)
    await pool.detach("u1", "q:2", polls=True)
    await time_machine.forward(61)

    other = await show_code(pool, "u2")

    assert {"leased": 1, "resting": 0, "free": 2} == between
    assert shown.scene_id != other.scene_id
    assert {"leased": 1, "resting": 1, "free": 1} == await pool.count()
    assert await attempts.read("u1") is None


async def test_page_that_polls_comes_back_without_return_time(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    With `resume_seconds` 0 there is time for the next poll all the same, and not for more.
    """
    pool.rules = replace(RULES, resume_seconds=0)
    await show_code(pool, "u1")
    await pool.detach("u1", "p:1", polls=True)

    await time_machine.forward(4)
    in_time = await come_back(attempts)
    await pool.detach("u1", "q:2", polls=True)
    await time_machine.forward(6)
    too_late = await come_back(attempts)

    assert in_time
    assert not too_late


async def test_resume_after_detach_counts_the_id_as_leased_again(
    pool: ScenePool, attempts: Attempts
) -> None:
    """
    The figures follow the page: away its id rests, back it is leased.
    """
    await show_code(pool, "u1")
    await pool.detach("u1", "p:1")
    away = await pool.count()

    await come_back(attempts)

    assert {"leased": 0, "resting": 1, "free": 2} == away
    assert {"leased": 1, "resting": 0, "free": 2} == await pool.count()


async def test_resume_does_not_count_an_id_that_was_passed_on_as_dead(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    A page that comes back to a dead code leaves the figures of the id's next owner alone.
    """
    await show_code(pool, "u1")
    await time_machine.forward(201)
    await show_code(pool, "u2")

    resumed = await come_back(attempts)

    assert resumed
    assert {"leased": 1, "resting": 0, "free": 2} == await pool.count()


async def test_resume_does_not_count_an_id_that_was_given_up(
    pool: ScenePool, attempts: Attempts
) -> None:
    """
    A page that asked for its next code in vain has no id any more, although it may come back.
    """
    pool.rules = replace(pool.rules, rest_seconds=0, size=1, first_scene_id=2)
    await show_code(pool, "u1")
    pool.rules = replace(pool.rules, first_scene_id=1)
    await show_code(pool, "u2")
    with pytest.raises(PoolExhausted):
        await pool.lease("u1")

    resumed = await come_back(attempts)

    assert resumed
    assert {"leased": 1, "resting": 0, "free": 0} == await pool.count()


async def test_resume_without_rest_does_not_take_the_id_back(
    pool: ScenePool, attempts: Attempts
) -> None:
    """
    With no rest the id may be another page's by now; the code goes on by its ticket alone.
    """
    pool.rules = replace(RULES, size=1, rest_seconds=0)
    shown = await show_code(pool, "u1")
    await pool.detach("u1", "p:1")
    other = await show_code(pool, "u2")

    resumed = await come_back(attempts)
    await pool.detach("u1", "q:2")

    owners = [await owner_of(attempts, code.ticket) for code in (shown, other)]
    assert resumed
    assert ["u1", "u2"] == [owner.uuid for owner in owners if owner]
    assert {"leased": 1, "resting": 0, "free": 0} == await pool.count()

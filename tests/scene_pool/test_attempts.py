"""Steps of an attempt: taken once, guarded, told to the holder, and told why not."""

import pytest
from msgspec.structs import replace

from accounts import Sessions
from scene_pool import Advance, Attempts, ReceiptTaken, Refused, ScenePool
from store import Store, digest
from tests.scene_pool.codes import BROWSER, SECRET, owner_of, scan, show_code
from tests.scene_pool.conftest import Hear
from tests.store.lossy_link import LossyLink
from tests.time_machine import TimeMachine


def claim(uuid: str = "u1", *, grant: str = "g", redeemer: str = "r1") -> Advance:
    """Return the step that uses a proof up."""
    return Advance(
        uuid=uuid,
        leave=("approved",),
        reach="done",
        signal="done",
        keep_seconds=60,
        guards={"grant": grant, "browser": BROWSER},
        write={"grant": "", "redeemer": redeemer},
        grant=grant,
    )


async def test_advance_writes_all_of_a_step(pool: ScenePool, attempts: Attempts) -> None:
    """
    State, fields and proof are there at once.
    """
    await show_code(pool, "u1")

    refused = await attempts.advance(scan("u1", "o1"))

    record = await attempts.read("u1")
    assert refused is None
    assert record is not None
    assert ("approved", "o1", "g") == (record.state, record.openid, record.grant)
    assert ("u1", "g") == await attempts.granted("g")


async def test_advance_signals_the_holder(pool: ScenePool, attempts: Attempts, hear: Hear) -> None:
    """
    The process of the holder is told what happened and to which of its sockets.
    """
    await show_code(pool, "u1", holder="p:7")

    await attempts.advance(scan("u1"))

    assert ["7 scanned u1"] == await hear()


async def test_advance_of_an_attempt_whose_page_is_away_signals_nobody(
    pool: ScenePool, attempts: Attempts, hear: Hear
) -> None:
    """
    Without a holder the step is taken and waits in the record.
    """
    await show_code(pool, "u1")
    await pool.detach("u1", "p:1")

    refused = await attempts.advance(scan("u1"))

    assert refused is None
    assert [] == await hear()


async def test_advance_is_taken_once(pool: ScenePool, attempts: Attempts, hear: Hear) -> None:
    """
    A second scan changes nothing and is told what the first one left.
    """
    await show_code(pool, "u1")
    await attempts.advance(scan("u1", "first"))

    refused = await attempts.advance(scan("u1", "second"))

    record = await attempts.read("u1")
    told = Refused("approved", "first", "1700000000", "signed_in", None)
    assert told == refused
    assert record is not None
    assert "first" == record.openid
    assert ["1 scanned u1"] == await hear()


async def test_advance_of_a_gone_attempt_says_that_it_is_gone(
    pool: ScenePool, attempts: Attempts, store: Store, time_machine: TimeMachine
) -> None:
    """
    A step of an attempt that is over writes nothing, not even the proof.
    """
    await show_code(pool, "u1")
    await time_machine.forward(256)

    refused = await attempts.advance(scan("u1"))

    assert Refused(None, None, None, None, None) == refused
    assert not await store.redis.exists(store.key("attempt", "u1"), store.key("grant", "g"))


async def test_advance_by_a_scan_of_a_dead_code_is_refused(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    The code decides until its very end: a scan that looked in time and is taken too late is none.
    """
    shown = await show_code(pool, "u1")
    in_time = await owner_of(attempts, shown.ticket)
    await time_machine.forward(196)

    refused = await attempts.advance(replace(scan("u1"), ticket=shown.ticket))

    assert in_time
    assert Refused("waiting", None, None, None, None) == refused


async def test_advance_by_a_scan_of_an_older_code_counts_for_its_attempt(
    pool: ScenePool, attempts: Attempts
) -> None:
    """
    As long as a code counts it does so, also when the page shows the next one by then.
    """
    older = await show_code(pool, "u1")
    await show_code(pool, "u1")

    refused = await attempts.advance(replace(scan("u1"), ticket=older.ticket))

    assert refused is None


async def test_advance_before_the_first_code_is_refused(
    pool: ScenePool, attempts: Attempts
) -> None:
    """
    An attempt with a lease and no ticket has no state to leave.
    """
    await pool.lease("u1")

    refused = await attempts.advance(scan("u1"))

    assert Refused(None, None, None, None, None) == refused


@pytest.mark.parametrize("leave", [("approved",), ("wait",), ("waiting2", "aiting"), ()])
async def test_advance_leaves_named_states_only(
    pool: ScenePool, attempts: Attempts, leave: tuple[str, ...]
) -> None:
    """
    A state is named whole: a part of its name or a longer one does not match.
    """
    await show_code(pool, "u1")

    refused = await attempts.advance(replace(scan("u1"), leave=leave))

    assert refused is not None
    assert "waiting" == refused.state


@pytest.mark.parametrize(
    "guards",
    [
        {"grant": "another", "browser": BROWSER},
        {"grant": "g", "browser": "another"},
        {"grant": "g", "browser": BROWSER, "redeemer": ""},
    ],
)
async def test_advance_is_refused_when_a_guard_differs(
    pool: ScenePool, attempts: Attempts, guards: dict[str, str]
) -> None:
    """
    Every guard must be in the record as it was named, the first and the last of them.
    """
    await show_code(pool, "u1")
    await attempts.advance(scan("u1"))

    refused = await attempts.advance(replace(claim(), guards=guards))

    record = await attempts.read("u1")
    assert refused is not None
    assert record is not None
    assert ("approved", "g") == (record.state, record.grant)
    assert ("u1", "g") == await attempts.granted("g")


async def test_proof_is_used_up_by_the_step_that_needs_it(
    pool: ScenePool, attempts: Attempts
) -> None:
    """
    A claimed proof is gone with the same step, and a second claim finds who was first.
    """
    await show_code(pool, "u1")
    await attempts.advance(scan("u1"))

    first = await attempts.advance(claim(redeemer="r1"))
    second = await attempts.advance(claim(redeemer="r2"))

    assert first is None
    assert second is not None
    assert ("done", "r1") == (second.state, second.redeemer)
    assert await attempts.granted("g") is None


@pytest.mark.parametrize(("unused", "replaced"), [(True, True), (False, False), (None, False)])
async def test_claim_again_ends_a_session_that_nobody_has_used(
    pool: ScenePool, attempts: Attempts, store: Store, *, unused: bool | None, replaced: bool
) -> None:
    """
    The former session goes with the step; one that was used, or has ended, lets no step be taken.
    """
    sessions = Sessions(store, idle_seconds=100, absolute_seconds=100)
    await show_code(pool, "u1")
    await attempts.advance(scan("u1"))
    former = await sessions.begin(1)
    await attempts.advance(claim(redeemer=digest(former.token)))
    if unused is None:
        await sessions.end(former.token)
    elif not unused:
        await sessions.find(former.token)
    await attempts.renew("u1", state="done", grant="g2", seconds=60)

    again = replace(
        claim(grant="g2", redeemer="r2"),
        leave=("approved", "done"),
        former=sessions.key_of(digest(former.token)),
    )
    refused = await attempts.advance(again)

    record = await attempts.read("u1")
    assert record is not None
    assert replaced is (refused is None) is (record.redeemer == "r2")
    assert (unused is False) is bool(await sessions.find(former.token))


async def test_proof_lives_as_long_as_its_step_said(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    After `grant_seconds` the proof names nobody, while the record is still there.
    """
    await show_code(pool, "u1")
    await attempts.advance(scan("u1"))

    await time_machine.forward(58)
    in_time = await attempts.granted("g")
    await time_machine.forward(3)

    assert ("u1", "g") == in_time
    assert await attempts.granted("g") is None
    assert await attempts.read("u1") is not None


async def test_advance_whose_answer_was_lost_is_taken_once(
    pool: ScenePool, attempts: Attempts, lossy: tuple[Store, LossyLink], hear: Hear
) -> None:
    """
    The client that asks again is told its own step as the reason, and the holder hears it once.
    """
    store, link = lossy
    await show_code(pool, "u1")
    link.lose_next_answer()

    refused = await Attempts(store).advance(scan("u1"))

    assert 1 == link.lost
    assert Refused("approved", "o1", "1700000000", "signed_in", None) == refused
    assert ["1 scanned u1"] == await hear()


async def test_step_with_a_receipt_is_for_one_body_only(
    pool: ScenePool, attempts: Attempts, store: Store
) -> None:
    """
    Another body under the same signature changes nothing; the same again is told so.
    """
    await show_code(pool, "u1")
    await show_code(pool, "u2")

    def pushed(uuid: str, body: str) -> Advance:
        key = store.key("receipt", "s")
        return replace(scan(uuid), body=body, receipt=key, receipt_seconds=60.0)

    taken = await attempts.advance(pushed("u1", "one"))
    with pytest.raises(ReceiptTaken):
        await attempts.advance(pushed("u2", "two"))
    again = await attempts.advance(pushed("u1", "one"))
    untouched = await attempts.read("u2")

    assert taken is None
    assert again is not None
    assert untouched is not None
    assert "waiting" == untouched.state
    assert 50_000 < await store.ask("PTTL", store.key("receipt", "s")) <= 60_000


async def test_holder_of_the_process_that_asks_is_told_directly(
    pool: ScenePool, attempts: Attempts, hear: Hear
) -> None:
    """
    What happens to a page of this very process needs no way through the store.
    """
    heard: list[str] = []
    looked: list[str] = []
    attempts.tell_directly("p", heard.append, looked.append)
    await show_code(pool, "u1")

    await attempts.advance(scan("u1"))

    assert ["1 scanned u1"] == heard
    assert [] == looked
    assert [] == await hear()


async def test_holder_of_another_process_is_told_through_the_store(
    pool: ScenePool, attempts: Attempts, hear: Hear
) -> None:
    """
    A process tells its own holders only; the name of one may begin as another's does.
    """
    heard: list[str] = []
    looked: list[str] = []
    attempts.tell_directly("pp", heard.append, looked.append)
    await show_code(pool, "u1")

    await attempts.advance(scan("u1"))

    assert ([], []) == (heard, looked)
    assert ["1 scanned u1"] == await hear()


async def test_holder_looks_at_its_record_when_the_answer_to_its_step_was_lost(
    pool: ScenePool, lossy: tuple[Store, LossyLink], hear: Hear
) -> None:
    """
    The step was taken, and whoever took it never knew: so it was told to nobody.
    """
    store, link = lossy
    attempts = Attempts(store)
    heard: list[str] = []
    looked: list[str] = []
    attempts.tell_directly("p", heard.append, looked.append)
    await show_code(pool, "u1")
    link.lose_next_answer()

    refused = await attempts.advance(scan("u1"))

    assert refused is not None
    assert ([], ["1"]) == (heard, looked)
    assert [] == await hear()


async def test_renewed_proof_stands_for_the_former(pool: ScenePool, attempts: Attempts) -> None:
    """
    Both lead to the grant in the record, so whichever is used first uses both up.
    """
    await show_code(pool, "u1")
    await attempts.advance(scan("u1"))

    left = await attempts.renew("u1", state="approved", grant="new", seconds=60)

    record = await attempts.read("u1")
    assert record is not None
    assert (60, "g") == (left, record.grant)
    assert [("u1", "g")] * 2 == [await attempts.granted(proof) for proof in ("g", "new")]


async def test_renewed_proof_of_a_grant_that_was_used_up_is_another(
    pool: ScenePool, attempts: Attempts
) -> None:
    """
    What was told before the step has no part in what is told after it.
    """
    await show_code(pool, "u1")
    await attempts.advance(scan("u1"))
    await attempts.renew("u1", state="approved", grant="before", seconds=60)
    await attempts.advance(claim())

    await attempts.renew("u1", state="done", grant="after", seconds=60)

    record = await attempts.read("u1")
    assert record is not None
    assert "after" == record.grant
    assert [("u1", "g"), ("u1", "after")] == [
        await attempts.granted(proof) for proof in ("before", "after")
    ]


async def test_renew_never_outlives_the_record(
    pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    Near the end of a record a new proof lives as long as that.
    """
    await show_code(pool, "u1")
    await attempts.advance(scan("u1", keep_seconds=120))
    await time_machine.forward(90)

    left = await attempts.renew("u1", state="approved", grant="new", seconds=60)

    assert pytest.approx(30, abs=1) == left


@pytest.mark.parametrize("state", ["bind_required", "waiting", ""])
async def test_renew_in_another_state_gives_nothing(
    pool: ScenePool, attempts: Attempts, state: str
) -> None:
    """
    A proof is made for the state that it is asked for.
    """
    await show_code(pool, "u1")
    await attempts.advance(scan("u1"))

    left = await attempts.renew("u1", state=state, grant="new", seconds=60)

    assert 0 == left
    assert await attempts.granted("new") is None


async def test_renew_of_a_gone_attempt_gives_nothing(attempts: Attempts) -> None:
    """
    An unknown attempt gets no proof and no record.
    """
    left = await attempts.renew("nobody", state="approved", grant="new", seconds=60)

    assert 0 == left
    assert await attempts.read("nobody") is None


async def test_outdated_names_those_that_are_not_as_told(
    pool: ScenePool, attempts: Attempts
) -> None:
    """
    Another state, another holder and a record that is gone are found; what is as told is not.
    """
    for uuid in ("same", "scanned", "resumed"):
        await show_code(pool, uuid)
    await attempts.advance(scan("scanned"))
    await attempts.resume("resumed", secret=SECRET, browser=BROWSER, holder="q:1", signal="s")

    told = [(uuid, "waiting", "p:1") for uuid in ("same", "scanned", "resumed", "gone")]
    outdated = await attempts.outdated(told)

    assert [1, 2, 3] == outdated


async def test_outdated_of_nothing_asks_nobody(attempts: Attempts) -> None:
    """
    A process without pages has nothing to compare.
    """
    assert [] == await attempts.outdated([])


async def test_read_of_a_lease_without_a_code_is_nothing(
    pool: ScenePool, attempts: Attempts
) -> None:
    """
    Before the first code there is no attempt to tell of.
    """
    await pool.lease("u1")

    assert await attempts.read("u1") is None
    assert await attempts.read("nobody") is None


async def test_record_shows_no_more_than_it_has(pool: ScenePool, attempts: Attempts) -> None:
    """
    Fields that nobody wrote are empty, not missing.
    """
    await show_code(pool, "u1")

    record = await attempts.read("u1")

    assert record is not None
    assert ("", "", "", "") == (record.grant, record.openid, record.account, record.number)

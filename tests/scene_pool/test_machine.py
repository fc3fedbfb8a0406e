"""The pool against a model of it: any order of events, on a real store.

The model is plain Python that knows nothing of sorted sets or scripts. After
every step the store must agree with it about every attempt, every ticket and
every signal. Time passes in steps of 100 s, and no life that a rule sets ends
near a multiple of that, so the few milliseconds that pass by themselves never
matter.

`SAOMA_EXAMPLES=5000` runs it that often instead of a few dozen times.
"""

import asyncio
import itertools
import os
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec import Struct, field

from accounts import Sessions
from scene_pool import (
    Advance,
    AlreadyScanned,
    Attempts,
    Lease,
    LeaseLost,
    PoolExhausted,
    Rules,
    ScenePool,
    TicketOwner,
    TicketTaken,
)
from scene_pool.pool import MEMORY_SECONDS
from store import connect, digest
from tests.scene_pool.codes import owner_of
from tests.time_machine import TimeMachine

EXAMPLES = int(os.environ.get("SAOMA_EXAMPLES", "60"))
STEP = 100
TICKET, LATE, REST, RESUME, KEEP, CLAIMED = 1010, 120, 1530, 640, 720, 160
MAKING, LONG = 15, 1_000_000
PROCESSES = ("p", "q")
ATTEMPTS = ("u1", "u2", "u3", "u4")
WHICH = st.integers(0, 11)
"""Picks one of the things that a rule may be about."""
END = "end of what was said"
_prefixes = itertools.count(1)


class Code(Struct):
    """A ticket that was shown."""

    ticket: str
    lease: Lease
    buried: int
    """When a scan is too late."""

    @property
    def scene_id(self) -> int:
        """What the code carries."""
        return self.lease.scene_id


class Attempt(Struct):
    """What an attempt's record must say."""

    uuid: str
    browser: str
    secret: str
    ends: int = 0
    state: str = ""
    holder: str = ""
    openid: str = ""
    grant: str = ""
    """The proof that counts now, or that the others stand for."""
    session: str = ""
    """The token of the session that came of it."""
    ticket: str = ""
    lease: str = ""
    attached: str = ""
    scene_id: int = 0
    """0: none."""
    page_ends: int = 0
    """When the record ends while the page is there."""
    accepted: int = 0
    """How many scans took effect."""
    signals: list[str] = field(default_factory=list)

    @property
    def held(self) -> str:
        """Who shows it at this moment, if anybody does."""
        return self.holder.replace("away", "")


class PoolMachine(RuleBasedStateMachine):
    """Pages, phones, an operator and time, in any order."""

    def __init__(self, runner: asyncio.Runner, url: str) -> None:
        super().__init__()
        self.runner = runner
        self.stack = AsyncExitStack()
        self.now = 0
        self.tickets = itertools.count(1)
        self.model = {
            uuid: Attempt(uuid, digest(f"browser {uuid}"), digest(f"secret {uuid}"))
            for uuid in ATTEMPTS
        }
        self.leased_at: dict[str, int] = {}
        """When each lease was taken, by its name."""
        self.pending: list[Lease] = []
        """Leases for which WeChat makes a ticket."""
        self.shown: list[Code] = []
        self.free_at: dict[int, tuple[int, str]] = {}
        """Scene id: when it is free again, and the lease that said so."""
        self.stayed: set[int] = set()
        """Ids that were used and in the pool ever since."""
        self.signals: list[tuple[str, str]] = []
        self.unused: set[str] = set()
        """Tokens of sessions that nobody has used yet."""
        self.used: set[str] = set()
        self.grants = (f"grant{number}" for number in itertools.count(1))
        self.run(self.open(url))

    def run(self, work: Any) -> Any:
        """Run one coroutine to its end."""
        return self.runner.run(work)

    async def open(self, url: str) -> None:
        """Connect, and listen to the channels of all processes."""
        store = await self.stack.enter_async_context(connect(url, f"machine{next(_prefixes)}"))
        rules = Rules(
            size=1,
            first_scene_id=1,
            ticket_seconds=TICKET,
            late_seconds=LATE,
            rest_seconds=REST,
            resume_seconds=RESUME,
        )
        self.store, self.pool, self.records = store, ScenePool(store, rules), Attempts(store)
        self.sessions = Sessions(store, idle_seconds=LONG, absolute_seconds=LONG)
        self.time_machine = TimeMachine(store)
        pubsub = store.redis.pubsub(ignore_subscribe_messages=True)
        self.pubsub = await self.stack.enter_async_context(pubsub)
        await pubsub.subscribe(*(store.key("signal", name) for name in PROCESSES))

    def teardown(self) -> None:
        """Close the connections."""
        self.run(self.stack.aclose())

    # ---- the operator

    @initialize(size=st.integers(1, 4), rests=st.booleans())
    def start(self, size: int, rests: bool) -> None:
        self.resize(size, 1)
        self.rests = rests
        self.pool.rules = self.changed_rules(rest_seconds=REST if rests else 0)

    @rule(size=st.integers(1, 5), first=st.sampled_from([1, 1, 1, 2, 9]))
    def resize(self, size: int, first: int) -> None:
        self.pool.rules = self.changed_rules(size=size, first_scene_id=first)
        self.stayed &= set(self.ids())

    def changed_rules(self, **changes: Any) -> Rules:
        """Return the rules of the pool with some of them changed."""
        old = {name: getattr(self.pool.rules, name) for name in Rules.__struct_fields__}
        return Rules(**{**old, **changes})

    @rule(steps=st.sampled_from([1, 1, 2, 5, 9, 12, 16, 16, 20]))
    def pass_time(self, steps: int) -> None:
        self.now += steps * STEP
        self.run(self.time_machine.forward(steps * STEP))

    # ---- pages

    @rule(uuid=st.sampled_from(ATTEMPTS), process=st.sampled_from(PROCESSES))
    def show_code(self, uuid: str, process: str) -> None:
        lease = self.lease_for(uuid)
        if lease:
            self.attach_ticket(lease, self.new_ticket(), process)

    @rule(uuid=st.sampled_from(ATTEMPTS))
    def lease(self, uuid: str) -> None:
        lease = self.lease_for(uuid)
        if lease:
            self.pending.append(lease)

    def lease_for(self, uuid: str) -> Lease | None:
        attempt = self.known(uuid)
        if attempt.state not in ("", "waiting"):
            with pytest.raises(AlreadyScanned):
                self.run(self.pool.lease(uuid))
            return None
        if attempt.scene_id and self.owns(attempt) and not self.rests:
            self.free(attempt)
        free = [scene for scene in self.ids() if self.is_free(scene)]
        if not free:
            with pytest.raises(PoolExhausted) as refused:
                self.run(self.pool.lease(uuid))
            wait = min(self.free_at[scene][0] for scene in self.ids()) - self.now
            assert pytest.approx(wait, abs=5) == refused.value.retry_after
            return None
        lease: Lease = self.run(self.pool.lease(uuid))
        self.check_order(lease.scene_id, free)
        self.take(attempt, lease)
        return lease

    @precondition(lambda self: self.pending)
    @rule(which=WHICH, process=st.sampled_from(PROCESSES))
    def attach(self, which: int, process: str) -> None:
        self.attach_ticket(self.next_pending(which), self.new_ticket(), process)

    @precondition(lambda self: self.pending)
    @rule(which=WHICH, process=st.sampled_from(PROCESSES))
    def attach_ready_ticket(self, which: int, process: str) -> None:
        lease = self.next_pending(which)
        age = self.now - self.leased_at[lease.name]
        if age < TICKET:  # older ones are given back
            self.attach_ticket(lease, self.new_ticket(), process, age)

    @precondition(lambda self: self.pending and self.shown)
    @rule(which=WHICH, other=WHICH)
    def attach_repeated_ticket(self, which: int, other: int) -> None:
        self.attach_ticket(self.next_pending(which), self.code(other).ticket, "p")

    @precondition(lambda self: self.shown)
    @rule(which=WHICH)
    def attach_again(self, which: int) -> None:
        code = self.code(which)
        if self.now < code.buried:  # a step is repeated within seconds, never after its code's end
            self.attach_ticket(code.lease, code.ticket, "p")

    def attach_ticket(self, lease: Lease, ticket: str, process: str, age: int = 0) -> None:
        attempt = self.known(lease.uuid)
        holder = attempt.held or f"{process}:{lease.uuid}"
        if attempt.held and attempt.state == "waiting":
            with pytest.raises(LeaseLost):
                self.run(self.ask_to_attach(lease, ticket, "p:another"))
        owner = self.owner_of(ticket)
        refusal: type[Exception] | None = None
        if attempt.lease != lease.name:
            refusal = LeaseLost
        elif attempt.state not in ("", "waiting"):
            refusal = AlreadyScanned
        elif not attempt.scene_id or not self.owns(attempt):
            refusal = LeaseLost
        elif owner.lease.name != lease.name if owner else self.was_anothers(attempt, ticket):
            refusal = TicketTaken
        if refusal:
            with pytest.raises(refusal):
                self.run(self.ask_to_attach(lease, ticket, holder, age))
            if refusal is TicketTaken:
                self.free(attempt, at=owner.buried if owner else None)
                attempt.lease = ""
                attempt.ends = attempt.ends if attempt.state else 0
            return
        left = self.run(self.ask_to_attach(lease, ticket, holder, age))
        assert pytest.approx(TICKET - age, abs=5) == left
        self.show(attempt, lease, ticket, holder, age)

    @precondition(lambda self: self.shown)
    @rule(which=WHICH)
    def give_back_what_is_shown(self, which: int) -> None:
        self.give_back_lease(self.code(which).lease)

    @precondition(lambda self: self.pending)
    @rule(which=WHICH, again=st.booleans(), ready=st.booleans())
    def give_back(self, which: int, again: bool, ready: bool) -> None:
        lease = self.next_pending(which)
        for _ in range(1 + again):
            self.give_back_lease(lease, TICKET if ready else 0)

    def give_back_lease(self, lease: Lease, rest: int = 0) -> None:
        attempt = self.known(lease.uuid)
        mine = attempt.lease == lease.name and attempt.attached != lease.name
        self.run(self.pool.give_back(lease, rest))
        if mine and attempt.scene_id and self.owns(attempt):
            self.free(attempt, at=self.now + rest)
            attempt.lease = ""
            if not attempt.state:
                attempt.ends = 0

    @precondition(lambda self: self.those("held"))
    @rule(which=WHICH, polls=st.booleans())
    def detach(self, which: int, polls: bool) -> None:
        attempt = self.one_of(self.those("held"), which)
        self.run(self.pool.detach(attempt.uuid, attempt.holder, polls=polls))
        attempt.holder = "away" if polls else ""
        if attempt.scene_id and self.owns(attempt) and not self.rests and not polls:
            self.free(attempt)
        if attempt.state == "waiting":
            attempt.ends = min(attempt.ends, self.now + RESUME)

    @precondition(lambda self: self.those("state"))
    @rule(which=WHICH, process=st.sampled_from(PROCESSES), socket=st.integers(1, 2))
    def resume(self, which: int, process: str, socket: int) -> None:
        attempt, holder = self.one_of(self.those("state"), which), f"{process}:{socket}"
        uuid = attempt.uuid
        for secret, browser in [(attempt.secret, "another"), ("guessed", attempt.browser)]:
            assert not self.run(self.ask_to_resume(Attempt(uuid, browser, secret), "p:thief"))
        self.run(self.pool.detach(uuid, "p:who was superseded"))
        resumed = self.run(self.ask_to_resume(attempt, holder))
        assert resumed
        if attempt.holder != holder:
            self.tell(attempt, "superseded")
            attempt.holder = holder
            if attempt.state == "waiting":
                attempt.ends = attempt.page_ends

    # ---- phones

    @precondition(lambda self: self.shown)
    @rule(which=WHICH, openid=st.sampled_from(["o1", "o2", "o3"]))
    def scan(self, which: int, openid: str) -> None:
        code = self.code(which)
        owner = self.owner_of(code.ticket)
        uuid = (owner or code).lease.uuid  # of a dead code: it was alive when the scan looked
        attempt, grant = self.known(uuid), next(self.grants)
        step = Advance(
            uuid=uuid,
            leave=("waiting", "expired"),
            reach="approved",
            signal=f"scanned {openid}",
            keep_seconds=KEEP,
            write={"openid": openid, "grant": grant},
            grant=grant,
            grant_seconds=KEEP,
            ticket=code.ticket,
        )
        refused = self.run(self.records.advance(step))
        assert (attempt.state == "waiting" and owner is not None) is (refused is None)
        if refused is None:
            self.tell(attempt, f"scanned {openid}")
            attempt.state, attempt.openid, attempt.grant = "approved", openid, grant
            attempt.ends = self.now + KEEP
            attempt.accepted += 1
        else:
            assert (attempt.state or None, attempt.openid or None) == (
                refused.state,
                refused.openid,
            )

    @precondition(lambda self: self.those("openid"))
    @rule(which=WHICH)
    def renew(self, which: int) -> None:
        attempt, grant = self.one_of(self.those("openid"), which), next(self.grants)
        assert self.run(
            self.records.renew(attempt.uuid, state=attempt.state, grant=grant, seconds=KEEP)
        )
        attempt.grant = attempt.grant or grant
        assert self.run(self.records.granted(grant)) == (attempt.uuid, attempt.grant)

    @precondition(lambda self: self.those("openid"))
    @rule(which=WHICH, mine=st.booleans())
    def claim(self, which: int, mine: bool) -> None:
        attempt = self.one_of(self.those("openid"), which)
        uuid, former, token = attempt.uuid, attempt.session, f"token of {next(self.grants)}"
        step = Advance(
            uuid=uuid,
            leave=("approved", "done"),
            reach="done",
            signal="done",
            keep_seconds=CLAIMED,
            guards={
                "grant": attempt.grant or "used up",
                "browser": attempt.browser if mine else "another",
            },
            write={"grant": "", "redeemer": digest(token)},
            grant=attempt.grant,
            former=self.sessions.key_of(digest(former)) if former else "",
        )
        self.run(self.sessions.begin(1, token=token))
        refused = self.run(self.records.advance(step))
        lost = not former or former in self.unused
        assert (mine and attempt.grant != "" and lost) is (refused is None)
        if refused is None:
            assert self.run(self.records.granted(attempt.grant)) is None
            self.tell(attempt, "done")
            self.unused = self.unused - {former} | {token}
            attempt.grant, attempt.session = "", token
            attempt.state, attempt.ends = "done", self.now + CLAIMED
        else:
            self.run(self.sessions.end(token))

    @precondition(lambda self: self.unused)
    @rule(which=WHICH)
    def use_a_session(self, which: int) -> None:
        token = self.one_of(sorted(self.unused), which)
        assert self.run(self.sessions.find(token))
        self.unused.discard(token)
        self.used.add(token)

    # ---- what must hold after every step

    @invariant()
    def records_are_as_the_model_says(self) -> None:
        for uuid in self.model:
            attempt, record = self.known(uuid), self.run(self.records.read(uuid))
            if not attempt.state:
                assert record is None, attempt
                continue
            assert record is not None, attempt
            assert (attempt.state, attempt.holder, attempt.openid) == (
                record.state,
                record.holder,
                record.openid,
            )
            assert (attempt.ticket, attempt.browser) == (record.ticket, record.browser)
            assert attempt.accepted == (attempt.state != "waiting")

    @invariant()
    def tickets_name_their_attempts_and_no_other(self) -> None:
        for ticket in {code.ticket for code in self.shown}:
            owner = self.owner_of(ticket)
            expected = TicketOwner(owner.lease.uuid, owner.scene_id) if owner else None
            assert expected == self.run(owner_of(self.records, ticket))

    @invariant()
    def one_session_for_one_scan(self) -> None:
        keys = self.run(self.store.redis.keys(self.store.key("session", "*")))
        tokens = self.unused | self.used
        assert {self.sessions.key_of(digest(token)) for token in tokens} == set(keys)

    @precondition(lambda self: getattr(self, "rests", False))
    @invariant()
    def no_scene_id_has_two_living_tickets(self) -> None:
        living = {(code.scene_id, code.ticket) for code in self.shown if self.now < code.buried}
        assert len(living) == len({scene_id for scene_id, _ in living})

    @invariant()
    def signals_go_to_holders_and_are_not_lost(self) -> None:
        assert self.signals == self.run(self.heard())
        self.signals.clear()

    @invariant()
    def figures_add_up(self) -> None:
        counted = self.run(self.pool.count())
        taken = sum(not self.is_free(scene) for scene in self.free_at)
        assert taken == counted["leased"] + counted["resting"]
        assert max(0, self.pool.rules.size - taken) == counted["free"]

    # ---- what rules are about

    def one_of(self, things: list[Any], which: int) -> Any:
        """Return one of some things."""
        return things[which % len(things)]

    def those(self, quality: str) -> list[Attempt]:
        """Return the attempts that have something."""
        known = [self.known(uuid) for uuid in ATTEMPTS]
        return [attempt for attempt in known if getattr(attempt, quality)]

    def code(self, which: int) -> Code:
        """Return one of the last codes that were shown."""
        shown: Code = self.one_of(self.shown[-8:], which)
        return shown

    def next_pending(self, which: int) -> Lease:
        """Take one of the leases that wait for their ticket."""
        return self.pending.pop(which % len(self.pending))

    def new_ticket(self) -> str:
        """Return a ticket that was never made before."""
        return f"ticket{next(self.tickets)}"

    # ---- the model

    def ids(self) -> range:
        """Return the scene ids of the pool."""
        rules = self.pool.rules
        return range(rules.first_scene_id, rules.first_scene_id + rules.size)

    def is_free(self, scene_id: int) -> bool:
        """Tell whether an id may be handed out."""
        return self.free_at.get(scene_id, (0, ""))[0] <= self.now

    def owns(self, attempt: Attempt) -> bool:
        """Tell whether the attempt's id was not passed on to another one."""
        return self.free_at[attempt.scene_id][1] == attempt.lease

    def free(self, attempt: Attempt, *, at: int | None = None) -> None:
        """Let go of the attempt's id, which is free now or at another time."""
        self.free_at[attempt.scene_id] = (self.now if at is None else at, "")
        attempt.scene_id = 0

    def known(self, uuid: str) -> Attempt:
        """Return an attempt, forgotten if its time is over."""
        attempt = self.model[uuid]
        if attempt.ends <= self.now:
            fresh = Attempt(uuid, attempt.browser, attempt.secret)
            self.model[uuid] = attempt = fresh
        return attempt

    def owner_of(self, ticket: str) -> Code | None:
        """Return whose code a ticket is, if it can be scanned."""
        living = [code for code in self.shown if code.ticket == ticket and self.now < code.buried]
        return living[-1] if living else None

    def was_anothers(self, attempt: Attempt, ticket: str) -> bool:
        """Tell whether a ticket that is dead by now is remembered as that of another lease."""
        ends = [code.buried + MEMORY_SECONDS for code in self.shown if code.ticket == ticket]
        return attempt.attached != attempt.lease and any(self.now < end for end in ends)

    def check_order(self, scene_id: int, free: list[int]) -> None:
        """Require that the id is the one that is free the longest, or new if none is."""
        assert scene_id in free
        waited = {self.free_at[each][0] for each in free if each in self.stayed}
        if scene_id in self.stayed:
            assert min(waited) == self.free_at[scene_id][0]
        elif scene_id not in self.free_at:
            assert not waited
            assert scene_id == min(each for each in free if each not in self.free_at)

    def take(self, attempt: Attempt, lease: Lease) -> None:
        """Note a lease."""
        self.leased_at[lease.name] = self.now
        hold = MAKING + (REST if self.rests else TICKET + LATE)
        self.free_at[lease.scene_id] = (self.now + hold, lease.name)
        self.stayed.add(lease.scene_id)
        attempt.lease, attempt.scene_id = lease.name, lease.scene_id
        attempt.ends = max(attempt.ends, self.now + hold)

    def show(self, attempt: Attempt, lease: Lease, ticket: str, holder: str, age: int) -> None:
        """Note a code on a page."""
        buried = self.now - age + TICKET + LATE
        self.shown.append(Code(ticket, lease, buried))
        free_at = self.now + REST if self.rests else buried
        self.free_at[attempt.scene_id] = (free_at, lease.name)
        attempt.state, attempt.holder, attempt.ticket = "waiting", holder, ticket
        attempt.attached = lease.name
        attempt.ends = attempt.page_ends = buried + RESUME

    def tell(self, attempt: Attempt, what: str) -> None:
        """Note that the attempt's holder is to be told."""
        process, _, socket = attempt.held.partition(":")
        if process:
            self.signals.append((process, f"{socket} {what}"))

    # ---- the store

    async def ask_to_attach(self, lease: Lease, ticket: str, holder: str, age: int = 0) -> float:
        """Attach a ticket of that *age*, as a page does."""
        attempt = self.model[lease.uuid]
        attached = await self.pool.attach(
            lease,
            ticket=ticket,
            url="http://weixin.qq.com/q/x",
            age=age,
            life=TICKET,
            holder=holder,
            resume=attempt.secret,
            browser=attempt.browser,
        )
        return attached.left

    async def ask_to_resume(self, attempt: Attempt, holder: str) -> bool:
        """Come back to an attempt."""
        return await self.records.resume(
            attempt.uuid,
            secret=attempt.secret,
            browser=attempt.browser,
            holder=holder,
            signal="superseded",
        )

    async def heard(self) -> list[tuple[str, str]]:
        """Return what the processes were told, in order."""
        heard: list[tuple[str, str]] = []
        await self.store.redis.publish(self.store.key("signal", PROCESSES[0]), END)
        while True:
            message = await self.pubsub.get_message(timeout=5)
            if message and message["data"] == END:
                return heard
            if message:
                heard.append((message["channel"].rpartition(":")[2], message["data"]))


@pytest.mark.timeout(0 if EXAMPLES > 1000 else 60)
def test_pool_keeps_its_promises_in_any_order_of_events(store_url: str) -> None:
    """
    Whatever pages, phones, the operator and time do, the store agrees with the model.
    """
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:

        class Machine(PoolMachine):
            def __init__(self) -> None:
                super().__init__(runner, store_url)

        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=50,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )

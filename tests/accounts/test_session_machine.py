"""The sessions of an account against a model of them: any order of sign-ins, uses and ends.

Before every step 100 s pass, so no two sessions were used at the same time, every use is old
enough to be noted and every session old enough to count; no life ends near a multiple of that.
`SAOMA_EXAMPLES=5000` searches longer.
"""

import asyncio
import itertools
import os
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec import Struct

from accounts import OF_WECHAT, By, Session, Sessions
from store import Store, connect
from tests.time_machine import TimeMachine

EXAMPLES = int(os.environ.get("SAOMA_EXAMPLES", "25"))
STEP, IDLE, LIFE, LIMIT = 100, 1050, 2550, 3
WHICH = st.integers(0, 11)
_accounts = itertools.count(1)


class Known(Struct, eq=False):
    """What must be true of a session."""

    session: Session
    by: By
    begun: int
    used: int
    ended: bool = False

    def lives(self, now: int) -> bool:
        """Tell whether it can be used."""
        return not self.ended and now - self.used < IDLE and now - self.begun < LIFE


class SessionMachine(RuleBasedStateMachine):
    """One account."""

    def __init__(self, runner: asyncio.Runner, store: Store) -> None:
        super().__init__()
        self.run: Any = runner.run
        self.sessions = Sessions(store, idle_seconds=IDLE, absolute_seconds=LIFE, per_account=LIMIT)
        self.time_machine = TimeMachine(store)
        self.account, self.now = next(_accounts), 0
        self.known: list[Known] = []

    @property
    def living(self) -> list[Known]:
        """Those that live, the one that was used last first."""
        living = [each for each in self.known if each.lives(self.now)]
        return sorted(living, key=lambda each: -each.used)

    def wait(self, steps: int = 1) -> None:
        """Let time pass."""
        self.now += steps * STEP
        self.run(self.time_machine.forward(steps * STEP))

    @rule(by=st.sampled_from(By), is_kept=st.booleans())
    def begin(self, by: By, is_kept: bool) -> None:
        self.wait()
        session = self.run(self.sessions.begin(self.account, by=by))
        if is_kept:
            self.run(self.sessions.keep(session))
            for each in self.living[LIMIT - 1 :]:
                each.ended = True
        self.known.append(Known(session, by, self.now, self.now))

    @precondition(lambda self: self.known)
    @rule(which=WHICH)
    def use(self, which: int) -> None:
        self.wait()
        known = self.known[which % len(self.known)]
        expected = known.session if known.lives(self.now) else None
        assert expected == self.run(self.sessions.find(known.session.token))
        known.used = self.now if expected else known.used

    @precondition(lambda self: self.known)
    @rule(which=WHICH)
    def end_one(self, which: int) -> None:
        self.wait()
        known = self.known[which % len(self.known)]
        ended = self.run(self.sessions.end_one(self.account, known.session.id))
        assert known.lives(self.now) == ended
        known.ended = True

    @precondition(lambda self: self.known)
    @rule(which=WHICH)
    def end_others(self, which: int) -> None:
        self.wait()
        spare = self.known[which % len(self.known)]
        self.run(self.sessions.end_all(self.account, spare=spare.session))
        for each in self.known:
            each.ended = each.ended or each is not spare

    @rule()
    def end_those_of_wechat(self) -> None:
        self.wait()
        self.run(self.sessions.end_all(self.account, by=OF_WECHAT))
        for each in self.known:
            each.ended = each.ended or each.by in OF_WECHAT

    @rule(steps=st.integers(1, 12))
    def nothing_happens(self, steps: int) -> None:
        self.wait(steps)

    @invariant()
    def list_is_as_the_model_says(self) -> None:
        entries = self.run(self.sessions.all_of(self.account))
        expected = [
            (each.session.id, each.by, self.now - each.begun, self.now - each.used)
            for each in self.living
        ]
        assert expected == [
            (each.id, each.by, int(each.first_used), int(each.last_used)) for each in entries
        ]


@pytest.mark.timeout(0 if EXAMPLES > 500 else 60)
def test_sessions_live_and_end_as_the_model_says(store_url: str, prefix: str) -> None:
    """
    Whatever happens in whatever order, exactly those live that should, and the list says so.
    """
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        stack = AsyncExitStack()
        store = runner.run(stack.enter_async_context(connect(store_url, prefix)))

        class Machine(SessionMachine):
            def __init__(self) -> None:
                super().__init__(runner, store)

        try:
            run_state_machine_as_test(
                Machine,
                settings=settings(max_examples=EXAMPLES, stateful_step_count=25, deadline=None),
            )
        finally:
            runner.run(stack.aclose())

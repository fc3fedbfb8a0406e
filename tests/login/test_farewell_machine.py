"""Scans, claims, bindings and farewells in any order, late ones too: who is bound and signed in.

The model is told in WeChat's seconds only: a farewell undoes what rests upon a
scan of its second or before.
"""

import asyncio
import itertools
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec import Struct, field

from accounts import Account, Passwords
from login import BindAsked, Farewells, SignedIn
from login.errors import BindTokenGone, CodeGone
from tests.login.installation import BROWSER, Installation, Process, open_installation, pool_rules
from wechat import Push, PushKind

EXAMPLES = int(os.environ.get("SAOMA_EXAMPLES", "25"))
WHICH = st.integers(0, 11)
_numbers = itertools.count(1)


class Person(Struct, eq=False):
    """A WeChat user, their account, and what must be true of them."""

    openid: str
    account: Account
    bound_since: int | None = None
    left_at: int = 0
    sessions: dict[str, bool] = field(default_factory=dict)
    """Tokens of sessions that rest upon a scan, and whether they are alive."""
    password_session: str = ""


class Proof(Struct, eq=False):
    """A login code or a bind token that a page holds."""

    person: Person
    scanned_at: int
    secret: str
    binds: bool
    used: bool = False


class FarewellMachine(RuleBasedStateMachine):
    """Two people and one process."""

    def __init__(self, runner: asyncio.Runner, saoma: Installation, process: Process) -> None:
        super().__init__()
        self.runner, self.saoma, self.process = runner, saoma, process
        self.farewells = Farewells(saoma.books(), saoma.rules)
        self.now = 1_700_000_000
        self.people = [self.run(self.newcomer()) for _ in range(2)]
        self.proofs: list[Proof] = []

    def run(self, work: Any) -> Any:
        """Run one coroutine to its end."""
        return self.runner.run(work)

    async def newcomer(self) -> Person:
        """Return somebody new, with an account that a password has signed in to."""
        name = f"person{next(_numbers)}"
        account = await self.saoma.directory.add(name, "hash")
        session = await self.saoma.sessions.begin(account.id)
        return Person(f"o-{name}", account, password_session=session.token)

    @rule(which=WHICH, seconds=st.integers(0, 1))
    def scan(self, which: int, seconds: int) -> None:
        self.now += seconds
        person = self.people[which % 2]
        binds = person.bound_since is None
        secret = self.run(self.scanned(person, "bind_required" if binds else "success"))
        self.proofs.append(Proof(person, self.now, secret, binds))

    @precondition(lambda self: self.proofs)
    @rule(which=WHICH)
    def redeem(self, which: int) -> None:
        proof = self.proofs[which % len(self.proofs)]
        person = proof.person
        unbound = not proof.binds and person.bound_since is None
        if proof.used or unbound or person.left_at >= proof.scanned_at:
            with pytest.raises(BindTokenGone if proof.binds else CodeGone):
                self.run(self.redeemed(proof))
            return
        signed_in = self.run(self.redeemed(proof))
        proof.used = True
        person.sessions[signed_in.session.token] = True
        if proof.binds and person.bound_since is None:
            person.bound_since = proof.scanned_at

    @rule(which=WHICH, seconds=st.integers(0, 1), late=st.integers(0, 2), again=st.booleans())
    def unfollow(self, which: int, seconds: int, late: int, again: bool) -> None:
        self.now += seconds
        person, at = self.people[which % 2], self.now - late
        for _ in range(1 + again):
            self.run(self.farewells.said(farewell(person.openid, at)))
        person.left_at = max(person.left_at, at)
        if person.bound_since is not None and person.bound_since <= at:
            person.bound_since = None
            person.sessions = dict.fromkeys(person.sessions, False)

    @invariant()
    def bindings_are_as_the_model_says(self) -> None:
        for person in self.people:
            bound = self.run(self.saoma.directory.by_openid(person.openid))
            expected = None if person.bound_since is None else person.account.id
            assert expected == (bound.id if bound else None)

    @invariant()
    def sessions_are_as_the_model_says(self) -> None:
        for person in self.people:
            assert self.run(self.alive(person.password_session))
            for token, expected in person.sessions.items():
                assert expected == self.run(self.alive(token))

    async def alive(self, token: str) -> bool:
        """Tell whether a session can be used."""
        return await self.saoma.sessions.find(token) is not None

    async def scanned(self, person: Person, kind: str) -> str:
        """Let somebody scan the code of a new page; return the proof that the page gets."""
        screen = await self.process.open_page()
        code = await screen.get_qr()
        await self.saoma.scan(code["ticket"], person.openid, created=self.now)
        told = await screen.expect(kind)
        await screen.leave()
        return str(told.get("code") or told.get("bind_token"))

    async def redeemed(self, proof: Proof) -> SignedIn:
        """Use a proof; binding is by the session of the account."""
        if not proof.binds:
            return await self.saoma.entrance.by_code(proof.secret, BROWSER)
        session = await self.saoma.sessions.find(proof.person.password_session)
        asked = BindAsked(
            bind_token=proof.secret, browser=BROWSER, address="10.1.2.3", session=session
        )
        return await self.saoma.entrance.by_binding(asked)


def farewell(openid: str, at: int) -> Push:
    """Return the push of somebody who unfollows."""
    return Push(
        kind=PushKind.UNSUBSCRIBE, name="unsubscribe", openid=openid, account="gh_1", created=at
    )


@pytest.mark.timeout(0 if EXAMPLES > 500 else 60)
def test_farewells_undo_what_was_scanned_before_them_and_nothing_else(
    store_url: str, prefix: str, folder: Path, passwords: Passwords
) -> None:
    """
    However scans, claims and farewells overtake one another, nobody stays who has left.
    """
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        stack = AsyncExitStack()
        opened = open_installation(store_url, prefix, folder, passwords)
        saoma = runner.run(stack.enter_async_context(opened))
        saoma.pool.rules = pool_rules(size=100_000)
        process = runner.run(saoma.start_process())

        class Machine(FarewellMachine):
            def __init__(self) -> None:
                super().__init__(runner, saoma, process)

        try:
            run_state_machine_as_test(
                Machine,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=20,
                    deadline=None,
                    suppress_health_check=[HealthCheck.too_slow],
                ),
            )
        finally:
            runner.run(stack.aclose())

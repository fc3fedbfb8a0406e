"""Pages, phones and browsers in any order, on two processes: what each of them sees.

The model knows which page shows which attempt and what has become of it. A page
must hear exactly what the model says, in that order, and nothing else: a message
too many is found with the next one, or at the end.

`SAOMA_EXAMPLES=2000` runs it that often instead of a few dozen times.
"""

import asyncio
import itertools
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path
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

from accounts import Activity, Directory, KnownBrowsers, Sessions, open_directory
from login import (
    BindAsked,
    Books,
    Codes,
    Confirmation,
    Credentials,
    Entrance,
    Errands,
    Journal,
    Pages,
    Poll,
    Scans,
    SecondThoughts,
)
from login.errors import BindTokenGone, CodeGone, OpenidTakenError
from login.visit import Opener
from sandbox import Account, Platform
from scene_pool import Attempts, ScenePool
from store import Clock, Throttle, connect, digest
from tests.login.installation import REPLIES, Screen, login_rules, pool_rules, push_of
from wechat import Budget, Limits, Push, PushKind, Ticket

EXAMPLES = int(os.environ.get("SAOMA_EXAMPLES", "40"))
MOST_ATTEMPTS, MOST_PAGES = 4, 10
WHICH = st.integers(0, 11)
"""Picks one of the things that a rule may be about."""
KINDS = {
    "waiting": "qr",
    "scanned": "scanned",
    "approved": "success",
    "bind_required": "bind_required",
    "denied": "denied",
    "done": "success",
}
"""What a page hears of an attempt in each state."""
_numbers = itertools.count(1)


class CodeMaker:
    """In the place of WeChat's client: makes codes at once, without a network."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._codes = Platform(Account()).codes

    async def create_ticket(self, scene_id: int, expire_seconds: int, visitor: str) -> Ticket:
        """Return a code for *scene_id*."""
        code = self._codes.create(scene_id, expire_seconds)
        return Ticket(code.ticket, code.url, expire_seconds, time.monotonic())

    def picture_of(self, ticket: str) -> str:
        """Return an address."""
        return f"http://127.0.0.1/{ticket}"


class Attempt(Struct, eq=False):
    """What is true of an attempt."""

    browser: str
    uuid: str
    resume: str
    ticket: str
    page: "PageSeen | None"
    state: str = "waiting"
    openid: str = ""
    scan: Push | None = None
    said: str = ""
    number: int = 0
    known: int = 0
    heard: str = ""
    session: str = ""
    """The living session that came of it."""
    used: bool = False
    """Whether somebody has used that session."""
    binds: bool = False
    proofs: list[str] = field(default_factory=list)
    """All that were told of it."""
    counting: list[str] = field(default_factory=list)
    """Those that were told since it reached its state: each of them counts."""

    def hand_over(self, proof: str) -> None:
        """Note a proof that was told."""
        self.proofs.append(proof)
        self.counting.append(proof)

    @property
    def lost(self) -> bool:
        """Whether it came to a session that nobody knows of yet."""
        return self.state == "done" and self.session != "" and not self.used


class PageSeen(Struct, eq=False):
    """A page and what it shows."""

    process: int
    browser: str
    screen: Screen
    attempt: Attempt | None = None
    open: bool = True


class LoginMachine(RuleBasedStateMachine):
    """Two processes and their visitors."""

    def __init__(self, runner: asyncio.Runner, url: str, directory: Directory) -> None:
        super().__init__()
        self.runner = runner
        self.number = next(_numbers)
        self.directory = directory
        self.stack = AsyncExitStack()
        self.bound: set[str] = set()
        self.sessions_made = 0
        self.entered: dict[str, Attempt] = {}
        self.asked: dict[str, Attempt] = {}
        self.all_pages: list[PageSeen] = []
        self.all_attempts: list[Attempt] = []
        self.run(self.start(url))

    def run(self, work: Any) -> Any:
        """Run one coroutine to its end."""
        return self.runner.run(work)

    async def start(self, url: str) -> None:
        """Open a store, and two processes on it."""
        prefix = f"login{self.number}"
        self.store = await self.stack.enter_async_context(connect(url, prefix))
        self.attempts_kept = Attempts(self.store)
        rules, client = (
            login_rules(),
            CodeMaker(Budget(self.store, Limits(daily_codes=0, reserve_percent=10))),
        )
        self.login_rules = rules
        pool, throttle = ScenePool(self.store, pool_rules(ready=1)), Throttle(self.store)
        self.sessions = Sessions(self.store, idle_seconds=1000, absolute_seconds=9000)
        self.errands = Errands()
        self.stack.push_async_callback(self.errands.close)
        books = Books(
            attempts=self.attempts_kept,
            directory=self.directory,
            sessions=self.sessions,
            browsers=KnownBrowsers(self.store),
            journal=Journal(Activity(self.store), time.time),
            errands=self.errands,
        )
        self.scans = Scans(books, rules, REPLIES, count=lambda outcome: None)
        self.processes = [
            Pages(
                self.store,
                Codes(
                    pool,
                    client,  # type: ignore[arg-type]
                    throttle,
                    rules,
                    issued=lambda: None,
                    kept=lambda count: None,
                ),
                self.attempts_kept,
                self.scans,
                rules,
                Clock(self.store),
                pool_exhausted=lambda: None,
                delivered=lambda seconds: None,
                dying_seconds=0.0,
            )
            for _ in range(2)
        ]
        self.entrance = Entrance(
            books,
            Credentials(self.directory, books.browsers, None, throttle, rules),  # type: ignore[arg-type]
            rules,
            session_created=lambda: None,
            bind_ended=lambda outcome: None,
        )
        self.second_thoughts = SecondThoughts(books, REPLIES, denied=lambda: None)
        self.tasks = [asyncio.create_task(each.run()) for each in self.processes]
        for each in self.processes:
            await each.subscribed()

    def teardown(self) -> None:
        """Bring every page up to date, require that it knew all, and close everything."""
        self.run(self.stop())

    async def stop(self) -> None:
        """End the processes, and close the store also after a story that failed."""
        try:
            for each in self.processes:
                await each.sweep()
                await each.settled()
        finally:
            for task in self.tasks:
                task.cancel()
            await asyncio.wait(self.tasks)
            await self.stack.aclose()
        assert [] == [page for page in self.all_pages if not page.screen.frames.empty()]

    # ---- pages

    @initialize(browsers=st.lists(st.sampled_from(["b1", "b2"]), min_size=1, max_size=3))
    def open_pages(self, browsers: list[str]) -> None:
        for process, browser in enumerate(browsers):
            self.get_first_code(self.new_page(process % 2, browser))

    @precondition(lambda self: len(self.all_pages) < MOST_PAGES)
    @rule(process=st.integers(0, 1), browser=st.sampled_from(["b1", "b2"]))
    def open_page(self, process: int, browser: str) -> None:
        self.get_first_code(self.new_page(process, browser))

    @precondition(lambda self: self.settled_pages() and len(self.all_attempts) < MOST_ATTEMPTS)
    @rule(which=WHICH)
    def start_anew(self, which: int) -> None:
        self.get_first_code(self.one_of(self.settled_pages(), which))

    @precondition(lambda self: self.waiting_pages())
    @rule(which=WHICH)
    def get_code_again(self, which: int) -> None:
        page = self.one_of(self.waiting_pages(), which)
        assert page.attempt.ticket == self.ask(page, "qr")["ticket"]

    @precondition(lambda self: self.asking_pages())
    @rule(which=WHICH)
    def get_question_again(self, which: int) -> None:
        page = self.one_of(self.asking_pages(), which)
        assert page.attempt.number in self.ask(page, "scanned")["choices"]

    @precondition(lambda self: self.open_pages_now())
    @rule(which=WHICH)
    def drop(self, which: int) -> None:
        page = self.one_of(self.open_pages_now(), which)
        self.run(page.screen.leave())
        page.open = False
        if page.attempt:
            page.attempt.page = None

    @rule(which=WHICH, process=st.integers(0, 1))
    def resume(self, which: int, process: int) -> None:
        attempt = self.one_of(self.all_attempts, which)
        page = self.new_page(process, attempt.browser)
        former = attempt.page
        if attempt.state == "done" and not attempt.lost:
            assert "unknown_attempt" == self.ask(page, "error", attempt)["code"]
            self.superseded(former)
            attempt.page = None
            return
        attempt.page, page.attempt = page, attempt
        told = self.ask(page, KINDS[attempt.state], attempt)
        if attempt.state == "waiting":
            assert (attempt.ticket, attempt.resume) == (told["ticket"], told["resume"])
        elif attempt.state == "scanned":
            assert attempt.number in told["choices"]
        elif attempt.state != "denied":
            attempt.hand_over(proof_in(told))
        self.superseded(former)

    @precondition(lambda self: self.lonely_attempts())
    @rule(which=WHICH, process=st.integers(0, 1), lost=st.booleans())
    def poll(self, which: int, process: int, lost: bool) -> None:
        attempt = self.one_of(self.lonely_attempts(), which)
        told = self.run(self.polled(process, attempt))
        if attempt.heard == attempt.state:
            assert [] == told
            return
        (message,) = told
        assert KINDS[attempt.state] == message["type"]
        assert message["number"] > attempt.known
        if proof := proof_in(message["data"]):
            attempt.hand_over(proof)
        if not lost:
            attempt.known, attempt.heard = message["number"], attempt.state
            assert [] == self.run(self.polled(1 - process, attempt))

    @rule(which=WHICH, process=st.integers(0, 1))
    def resume_by_another_browser(self, which: int, process: int) -> None:
        attempt = self.one_of(self.all_attempts, which)
        page = self.new_page(process, f"a thief's, {len(self.all_pages)}")
        assert "unknown_attempt" == self.ask(page, "error", attempt)["code"]

    # ---- phones

    @rule(which=WHICH, person=st.integers(1, 3), again=st.booleans())
    def scan(self, which: int, person: int, again: bool) -> None:
        attempt = self.one_of(self.all_attempts, which)
        push = push_of(attempt.ticket, self.openid(person))
        self.settle(attempt, push, self.run(self.scanned(push, again)))

    @precondition(lambda self: self.waiting_pages())
    @rule(which=WHICH, person=st.integers(1, 3))
    def scan_whose_signal_is_lost(self, which: int, person: int) -> None:
        page = self.one_of(self.waiting_pages(), which)
        process = self.processes[page.process]
        process.forget(page.screen.page)
        push = push_of(page.attempt.ticket, self.openid(person))
        text = self.run(self.scanned(push, False))
        self.run(self.overheard(process))
        process.register(page.screen.page)
        self.run(process.look())
        self.settle(page.attempt, push, text)

    @precondition(lambda self: self.scanned_attempts())
    @rule(which=WHICH)
    def repeat_the_push(self, which: int) -> None:
        attempt = self.one_of(self.scanned_attempts(), which)
        assert attempt.said == self.run(self.scanned(attempt.scan, True))

    @rule(person=st.integers(1, 3), again=st.booleans())
    def write_t(self, person: int, again: bool) -> None:
        openid = self.openid(person)
        self.take_back("T", openid, again, self.entered.get(openid) or self.asked.get(openid))

    @rule(person=st.integers(1, 3), again=st.booleans())
    def write_n(self, person: int, again: bool) -> None:
        openid = self.openid(person)
        self.take_back("N", openid, again, self.asked.get(openid))

    @rule(number=st.booleans())
    def change_the_confirmation(self, number: bool) -> None:
        self.login_rules.confirmation = Confirmation.NUMBER if number else Confirmation.NONE

    @precondition(lambda self: self.asking_pages())
    @rule(which=WHICH, right=st.booleans())
    def choose(self, which: int, right: bool) -> None:
        page = self.one_of(self.asking_pages(), which)
        attempt = page.attempt
        self.run(page.screen.send("choose", number=attempt.number if right else 0))
        if right:
            self.let_in(attempt)
        else:
            self.deny(attempt)

    @rule(process=st.integers(0, 1))
    def look(self, process: int) -> None:
        self.run(self.processes[process].look())

    @rule(process=st.integers(0, 1))
    def sweep(self, process: int) -> None:
        self.run(self.processes[process].sweep())

    # ---- browsers

    @precondition(lambda self: self.told_attempts())
    @rule(which=WHICH, mine=st.booleans(), latest=st.booleans())
    def trade(self, which: int, mine: bool, latest: bool) -> None:
        attempt = self.one_of(self.told_attempts(), which)
        code = attempt.proofs[-1 if latest else 0]
        browser = digest(attempt.browser if mine else "nobody's")
        good = attempt.state == "approved" or attempt.lost
        if not (mine and good and code in attempt.counting):
            with pytest.raises(CodeGone):
                self.run(self.entrance.by_code(code, browser))
            return
        signed_in = self.run(self.entrance.by_code(code, browser))
        bound = self.run(self.directory.by_openid(attempt.openid))
        assert bound == signed_in.account
        self.done(attempt, signed_in.session.token)

    @precondition(lambda self: self.told_attempts())
    @rule(which=WHICH, mine=st.booleans(), latest=st.booleans())
    def bind(self, which: int, mine: bool, latest: bool) -> None:
        attempt = self.one_of(self.told_attempts(), which)
        token = attempt.proofs[-1 if latest else 0]
        asked = BindAsked(
            bind_token=token,
            browser=digest(attempt.browser if mine else "nobody's"),
            address="10.1.2.3",
            session=self.run(self.session_of_a_new_account(attempt.openid)),
        )
        good = mine and token in attempt.counting
        if not good or attempt.state != "bind_required" or attempt.openid in self.bound:
            with pytest.raises(OpenidTakenError if good else BindTokenGone):
                self.run(self.entrance.by_binding(asked))
            return
        signed_in = self.run(self.entrance.by_binding(asked))
        self.bound.add(attempt.openid)
        attempt.binds = True
        self.done(attempt, signed_in.session.token)

    @precondition(lambda self: self.sessions_that_live())
    @rule(which=WHICH)
    def use_the_session(self, which: int) -> None:
        attempt = self.one_of(self.sessions_that_live(), which)
        signed_in = self.run(self.entrance.account_of(attempt.session))
        assert self.run(self.directory.by_openid(attempt.openid)) == signed_in.account
        attempt.used = True

    @precondition(lambda self: self.sessions_that_live())
    @rule(which=WHICH)
    def sign_out(self, which: int) -> None:
        attempt = self.one_of(self.sessions_that_live(), which)
        self.run(self.entrance.sign_out(attempt.session))
        self.sessions_made -= 1
        attempt.session = ""

    # ---- what must hold after every step

    @invariant()
    def one_session_for_one_scan(self) -> None:
        keys = self.run(self.store.redis.keys(self.store.key("session", "*")))
        assert self.sessions_made == len(keys)

    @invariant()
    def outcomes_are_of_those_who_scanned(self) -> None:
        for attempt in self.all_attempts:
            record = self.run(self.attempts_kept.read(attempt.uuid))
            assert (attempt.state, attempt.openid) == (record.state, record.openid)

    # ---- what rules are about

    def one_of(self, things: list[Any], which: int) -> Any:
        """Return one of some things."""
        return things[which % len(things)]

    def open_pages_now(self) -> list[PageSeen]:
        """Return the pages whose socket is open."""
        return [page for page in self.all_pages if page.open]

    def waiting_pages(self) -> list[PageSeen]:
        """Return the pages that show a code."""
        pages = self.open_pages_now()
        return [page for page in pages if page.attempt and page.attempt.state == "waiting"]

    def settled_pages(self) -> list[PageSeen]:
        """Return the pages that have an outcome, or nothing."""
        busy = self.waiting_pages() + self.asking_pages()
        return [page for page in self.open_pages_now() if page not in busy]

    def asking_pages(self) -> list[PageSeen]:
        """Return the pages that ask for a number."""
        pages = self.open_pages_now()
        return [page for page in pages if page.attempt and page.attempt.state == "scanned"]

    def scanned_attempts(self) -> list[Attempt]:
        """Return the attempts whose code was scanned."""
        return [attempt for attempt in self.all_attempts if attempt.scan]

    def sessions_that_live(self) -> list[Attempt]:
        """Return the attempts whose session lives."""
        return [attempt for attempt in self.all_attempts if attempt.session]

    def lonely_attempts(self) -> list[Attempt]:
        """Return the attempts that no page has now, and that are not over."""
        return [each for each in self.all_attempts if not each.page and each.state != "done"]

    def told_attempts(self) -> list[Attempt]:
        """Return the attempts whose page was told a proof."""
        return [attempt for attempt in self.all_attempts if attempt.proofs]

    # ---- the model

    def get_first_code(self, page: PageSeen) -> None:
        """Start an attempt on a page."""
        code = self.ask(page, "qr")
        if page.attempt:
            page.attempt.page = None
        assert code["ticket"] not in {attempt.ticket for attempt in self.all_attempts}
        page.attempt = Attempt(page.browser, code["uuid"], code["resume"], code["ticket"], page)
        self.all_attempts.append(page.attempt)

    def new_page(self, process: int, browser: str) -> PageSeen:
        """Open a page."""
        page = PageSeen(process, browser, Screen(self.processes[process], digest(browser)))
        self.all_pages.append(page)
        return page

    def ask(self, page: PageSeen, kind: str, attempt: Attempt | None = None) -> dict[str, Any]:
        """Send `get_qr` and return the answer, which must be of that kind."""
        resume = {"resume": attempt.resume} if attempt else {}
        self.run(page.screen.send("get_qr", **resume))
        return self.hears(page, kind)

    def hears(self, page: PageSeen, kind: str) -> dict[str, Any]:
        """Return what the page hears next."""
        told: dict[str, Any] = self.run(page.screen.expect(kind))
        return told

    def superseded(self, former: PageSeen | None) -> None:
        """Have the page hear that another one took its attempt."""
        if former:
            self.hears(former, "superseded")
            former.attempt = None

    def settle(self, attempt: Attempt, push: Push, text: str) -> None:
        """Note a scan, and have the page that shows the ticket hear of it."""
        if attempt.state == "scanned":
            self.deny(attempt)
        if attempt.state != "waiting":
            return
        attempt.openid, attempt.scan, attempt.said = push.openid, push, text
        if self.login_rules.confirmation is Confirmation.NONE:
            self.let_in(attempt)
            return
        attempt.state = "scanned"
        attempt.number = int(self.run(self.attempts_kept.read(attempt.uuid)).number)
        self.asked[push.openid] = attempt
        if attempt.page:
            assert attempt.number in self.hears(attempt.page, "scanned")["choices"]

    def let_in(self, attempt: Attempt) -> None:
        """Note that a scan counts, and have the page hear what comes of it."""
        attempt.state = "approved" if attempt.openid in self.bound else "bind_required"
        self.entered[attempt.openid] = attempt
        if attempt.page:
            attempt.hand_over(proof_in(self.hears(attempt.page, KINDS[attempt.state])))

    def deny(self, attempt: Attempt) -> None:
        """Note that an attempt counts for nothing, and have its page hear it."""
        attempt.state = "denied"
        attempt.counting.clear()
        if attempt.page:
            self.hears(attempt.page, "denied")

    def take_back(self, word: str, openid: str, again: bool, attempt: Attempt | None) -> None:
        """Have somebody write a word, and note what it does to *attempt* and to nothing else."""
        push = push_of("", openid, kind=PushKind.TEXT, name="text", text=word)
        texts = [self.run(self.second_thoughts.answered(push)) for _ in range(1 + again)]
        assert 1 == len(set(texts))
        assert (attempt is None) is ("没有可以撤销" in texts[0])
        if attempt and attempt.state != "denied":
            self.deny(attempt)
            self.sessions_made -= attempt.session != ""
            attempt.session = ""
            if attempt.binds:
                self.bound.discard(openid)
                attempt.binds = False

    def done(self, attempt: Attempt, session: str) -> None:
        """Note that an attempt ended in a session, alone; its page is closed."""
        self.sessions_made += attempt.session == ""
        attempt.state, attempt.session = "done", session
        attempt.counting.clear()
        self.entered[attempt.openid] = attempt
        page = attempt.page
        if page:
            self.run(asyncio.wait_for(page.screen.end.wait(), 5))
            assert [1000] == page.screen.closed
            self.run(page.screen.leave())
            page.open, attempt.page = False, None

    def openid(self, person: int) -> str:
        """Return somebody's openid."""
        return f"o-{self.number}-{person}"

    async def session_of_a_new_account(self, openid: str) -> Any:
        """Return a session of an account that nobody has used yet."""
        account = await self.directory.add(f"{openid}-{next(_numbers)}", "hash")
        self.sessions_made += 1
        return await self.sessions.begin(account.id)

    async def scanned(self, push: Push, again: bool) -> str:
        """Let somebody scan; *again*: WeChat pushes it twice, at the same time."""
        pushes = [self.scans.scanned(push, time.time()) for _ in range(1 + again)]
        (text,) = set(await asyncio.gather(*pushes))
        return text

    async def polled(self, process: int, attempt: Attempt) -> list[dict[str, Any]]:
        """Return what a page without a socket is told, in one request."""
        pages = self.processes[process]
        poll = Poll(pages, Opener(browser=digest(attempt.browser)), attempt.known)
        await poll.open(attempt.resume)
        assert poll.problem is None
        poll.end()
        await pages.settled()
        return poll.messages

    async def overheard(self, process: Pages) -> None:
        """Return when the process has heard everything that was said to it so far."""
        bell = Screen(process, digest("bell"))
        code = await bell.get_qr()
        await self.scans.scanned(push_of(code["ticket"], f"bell-{next(_numbers)}"), time.time())
        await bell.receive()
        await bell.leave()


def proof_in(told: dict[str, Any]) -> str:
    """Return the one-time proof of an outcome."""
    return str(told.get("code") or told.get("bind_token") or "")


@pytest.mark.timeout(0 if EXAMPLES > 500 else 60)
def test_every_page_hears_what_is_true_of_its_attempt(store_url: str, folder: Path) -> None:
    """
    Whatever pages, phones and browsers do on two processes, nothing is lost or told wrongly.
    """
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        stack = AsyncExitStack()
        opened = open_directory(f"sqlite+aiosqlite:///{folder}/a.db", "wx")
        directory = runner.run(stack.enter_async_context(opened))

        class Machine(LoginMachine):
            def __init__(self) -> None:
                super().__init__(runner, store_url, directory)

        try:
            run_state_machine_as_test(
                Machine,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=25,
                    deadline=None,
                    suppress_health_check=[HealthCheck.too_slow],
                ),
            )
        finally:
            runner.run(stack.aclose())

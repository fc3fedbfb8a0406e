"""All pages of this process, and how changes made elsewhere reach them.

The truth about an attempt is its record; a signal only says that it changed.
So a lost signal must not matter: each change is noted in the store as well, in
the same step, and every few seconds a process looks which of its pages changes
were about and compares what they were told with their records. Where changes may
be missing, after trouble and after every gap of the subscription, it compares them all.
"""

import asyncio
import itertools
import logging
import random
from collections.abc import Callable, Coroutine, Iterable
from typing import Any
from uuid import uuid4

import msgspec

from login.codes import Codes
from login.display import Close, Send
from login.messages import Pause
from login.page import SUPERSEDED, Page
from login.rules import Rules
from login.scans import Scans
from login.signal import parse, signal
from login.timers import Timers
from login.visit import Opener
from scene_pool import FIRST_CHANGE, Attempts, Record, TicketOwner
from store import Clock, Signals, Store, StoreUnavailable, digest

log = logging.getLogger(__name__)

LOOK_SECONDS = 3.0
# So few pages go together that no scan waits for them: these take the store a millisecond.
SWEEP_BATCH = 200
# How long a socket that took an attempt may take to be noticed as dead.
DYING_SECONDS = 0.5


class Pages:
    """Every open page of this process. Run `run` as a task while there are any."""

    def __init__(
        self,
        store: Store,
        codes: Codes,
        attempts: Attempts,
        scans: Scans,
        rules: Rules,
        clock: Clock,
        *,
        pool_exhausted: Callable[[], None],
        delivered: Callable[[float], None],
        dying_seconds: float = DYING_SECONDS,
    ) -> None:
        self.codes = codes
        self.pool = codes.pool
        self.client = codes.client
        self.attempts = attempts
        self.scans = scans
        self.rules = rules
        self.clock = clock
        self.pool_exhausted = pool_exhausted
        self.delivered = delivered
        self.dying_seconds = dying_seconds
        self.timers = Timers()
        self.process = uuid4().hex[:12]
        self._pages: dict[str, Page] = {}
        self._shown: dict[str, Page] = {}
        """Pages by the ticket of their code."""
        self._serials = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._doubt = False
        """Whether a page may not know something, whatever changes there are."""
        self._looked = (FIRST_CHANGE, FIRST_CHANGE)
        """The last change that the look before the last one knew of, and that the last one did."""
        self._signals = Signals(store, self.process, self._signalled, self.sweep)
        scans.look_first(self.shown)
        attempts.tell_directly(self.process, self._signalled, self._look)

    def open(self, opener: Opener, send: Send, close: Close) -> Page:
        """Return the page for a new socket."""
        return Page(self, f"{self.process}:{next(self._serials)}", opener, send, close)

    def __len__(self) -> int:
        return len(self._pages)

    async def run(self) -> None:
        """Listen for signals and sweep, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.clock.run())
            group.create_task(self.codes.ready.run())
            group.create_task(self._signals.run())
            group.create_task(self._look_now_and_then())

    async def subscribed(self) -> None:
        """Return when signals reach this process."""
        await self._signals.subscribed.wait()

    async def settled(self) -> None:
        """Return when everything that pages have started is done."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* as a task that belongs to this process's pages."""
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- for pages

    def register(self, page: Page) -> None:
        """Let signals about the page's attempt find it. Before anything is read."""
        self._pages[page.holder] = page

    def forget(self, page: Page) -> None:
        """Let signals about the page's attempt not find it any more, nor scans of its code."""
        self._pages.pop(page.holder, None)
        self.note_code(page, "")

    def note_code(self, page: Page, ticket: str) -> None:
        """Let scans of *ticket* find the page, and of its former one no more; "" = of none."""
        if self._shown.get(page.ticket) is page:
            del self._shown[page.ticket]
        page.ticket = ticket
        if ticket:
            self._shown[ticket] = page

    def shown(self, ticket: str) -> tuple[TicketOwner, Record] | None:
        """Return whose code *ticket* is, where a page of this very process shows it."""
        page = self._shown.get(ticket)
        return page.shown(ticket) if page else None

    async def resume(self, page: Page) -> bool:
        """Make *page* the holder of its attempt; False when it may not be."""
        return await self.attempts.resume(
            page.uuid,
            secret=digest(page.secret),
            browser=page.opener.browser,
            holder=page.holder,
            signal=signal(page.uuid, SUPERSEDED),
        )

    async def detach(self, uuid: str, holder: str, *, polls: bool = False) -> None:
        """Note that *holder* shows the attempt no more; it may be continued for a while.

        *polls*: the page comes back by itself, and keeps what it has until then.
        """
        try:
            await self.pool.detach(uuid, holder, polls=polls)
        except StoreUnavailable as error:
            log.warning("page not noted as gone error=%s", error)

    def pause(self, rounds: int) -> Pause | None:
        """Return why a page should not go on by itself after so many rounds, if it should not."""
        if self.client.budget.low:
            return Pause.QUOTA
        return Pause.IDLE if rounds >= self.rules.refreshes else None

    # ---- what changed elsewhere

    async def sweep(self) -> None:
        """Bring every page up to date whose record is not what it was told."""
        self._doubt = False
        await self._compare(list(self._pages.values()))

    async def look(self) -> None:
        """Bring the pages up to date whose attempts have changed, or all when that is in doubt.

        A change is looked at twice: at first its page may be waiting for its own code yet.
        """
        before, last = self._looked
        try:
            changes = await self.attempts.changes(self.process, before)
        except StoreUnavailable as error:
            log.warning("changes not read error=%s", error)
            return
        self._looked = last, changes.last
        if self._doubt or not changes.whole:
            await self.sweep()
        else:
            await self._compare(filter(None, map(self._pages.get, changes.holders)))

    async def _compare(self, pages: Iterable[Page]) -> None:
        told = (page for page in pages if page.told)
        try:
            while batch := list(itertools.islice(told, SWEEP_BATCH)):
                records = [page.record() for page in batch]
                for place in await self.attempts.outdated(records):
                    if batch[place].record() == records[place]:  # it has not moved on meanwhile
                        await self._resync(batch[place])
        except StoreUnavailable as error:
            self._doubt = True
            log.warning("sweep failed error=%s", error)

    async def _resync(self, page: Page) -> None:
        try:
            await page.resync()
        except StoreUnavailable:
            raise
        except Exception:  # one page's trouble must not end the sweeps of the others
            log.exception("page not brought up to date attempt=%s", page.uuid)

    async def _look_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311, jitter
            await self.look()

    def _signalled(self, text: str) -> None:
        try:
            socket, change = parse(text)
        except msgspec.DecodeError:
            log.warning("signal not understood")
            return
        page = self._pages.get(f"{self.process}:{socket}")
        if page and page.uuid == change.uuid:
            try:
                page.deliver(change)
            except Exception:  # one page's trouble must not silence the others
                self._doubt = True
                log.exception("signal not delivered attempt=%s", change.uuid)

    def _look(self, socket: str) -> None:
        page = self._pages.get(f"{self.process}:{socket}")
        if page:
            self.spawn(page.resync())

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except StoreUnavailable as error:
            self._doubt = True
            log.warning("page failed error=%s", error)

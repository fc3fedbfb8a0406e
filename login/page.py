"""One page's side of an attempt: what it asks, what it is told, when its code ends.

A page is registered in memory before anything is written or read about its
attempt. So a change of the record came either before, and the read returns it,
or after, and the signal finds the page.
"""

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

from login.codes import Link, Owner, ShownCode
from login.display import Close, Display, Send
from login.flow import FINAL, State
from login.messages import (
    BadMessage,
    Choose,
    CloseCode,
    ErrorCode,
    GetQr,
    Superseded,
    Wish,
    decode,
)
from login.numbering import number, state_of
from login.outcomes import choose_left
from login.ready import ReadyCode
from login.signal import Signal
from login.troubles import TROUBLES, error_of, problem
from login.visit import Opener
from scene_pool import AlreadyScanned, LeaseLost, PoolExhausted, Record, TicketOwner
from store import StoreUnavailable, digest, new_secret

if TYPE_CHECKING:
    from login.pages import Pages

SUPERSEDED = "superseded"


class Page:
    """One open socket, or one request of a page without one (`poll.py`).

    *send* takes a frame, *close* a close code; neither waits.
    """

    __slots__ = (
        *("_display", "_early", "_link", "_makes_way", "_pages"),
        *("asked", "holder", "known", "opener", "secret", "ticket", "uuid"),
    )

    def __init__(
        self, pages: "Pages", holder: str, opener: Opener, send: Send, close: Close
    ) -> None:
        self._pages = pages
        self._link = Link()
        self._display = Display(pages, send, close, self._too_late)
        self._makes_way = False
        self._early: Signal | None = None
        """What came before the record was read, which numbers it."""
        self.holder = holder
        self.opener = opener
        self.known: int | None = None
        """Number of the last message that a page without a socket has; None = it has one."""
        self.uuid = self.secret = ""
        """The two halves of the resume token; the first is the attempt's name."""
        self.asked = False
        """Whether it has sent a `get_qr` yet."""
        self.ticket = ""
        """Of the last code that was made for it."""

    @property
    def told(self) -> bool:
        """Whether the page was told something that its record may yet outdate."""
        state = self._display.state
        return state is not None and state not in FINAL

    @property
    def number(self) -> int:
        """The number of what the page was told last; 0 when that has none."""
        return self._display.number

    def record(self) -> tuple[str, str, str]:
        """Return uuid, state and holder as the record has them if nothing has changed."""
        state = self._display.state
        return self.uuid, State.WAITING if state is State.EXPIRED else state or "", self.holder

    def shown(self, ticket: str) -> tuple[TicketOwner, Record] | None:
        """Return its attempt as the record has it, while the code on the page has this *ticket*."""
        code, visit = self._display.code, self.opener.visit
        if code is None or code.ticket != ticket or code.scene_id is None:
            return None
        record = Record(
            state=State.WAITING,
            holder=self.holder,
            browser=self.opener.browser,
            device=visit.device,
            place=visit.place,
            linker=self._link.account,
            replaces=self._link.replaces,
        )
        return TicketOwner(self.uuid, code.scene_id), record

    async def receive(self, frame: str | bytes) -> None:
        """Do what the page asks; every trouble ends in a message to it."""
        try:
            message = decode(frame)
            self.asked = self.asked or isinstance(message, GetQr)
            match message:
                case GetQr(data) if data.resume:
                    await self._resume(data.resume)
                case GetQr(data):
                    await self._get_qr(data)
                case Choose(data):
                    await self._choose(data.number)
        except TROUBLES as trouble:
            self._display.tell(error_of(trouble))
            if isinstance(trouble, BadMessage):
                self._display.close(CloseCode.BAD_MESSAGE)
            elif isinstance(trouble, PoolExhausted):
                self._pages.pool_exhausted()

    def deliver(self, signal: Signal) -> None:
        """Tell the page what has become of its attempt."""
        if self.known is not None and self._display.state is None:
            self._early = signal
        elif signal.state == SUPERSEDED:
            if not self._makes_way:
                self._makes_way = True
                self._pages.spawn(self._make_way())
        elif self._display.is_news(signal.state) or signal.state == State.DONE:
            self._display.settle(State(signal.state))
            if signal.frame:
                self._display.pass_on(signal.frame)
                if signal.at:
                    self._pages.delivered(max(0.0, self._pages.clock() - signal.at))
            elif signal.state == State.DONE:
                self._display.close(CloseCode.DONE)

    async def resync(self) -> None:
        """Tell the page what its record says, when that is not what it was told.

        Raises:
            StoreUnavailable: when the record cannot be read now.
        """
        uuid = self.uuid if self.told else ""  # one that has just begun has no record yet
        record = await self._pages.attempts.read(uuid) if uuid else None
        if self.uuid != uuid or not uuid or self._display.gone:
            return  # the page went on while we read
        if record is None:
            self._lost()
        elif record.holder != self.holder:
            self.deliver(Signal(uuid=uuid, state=SUPERSEDED))
        elif record.state == State.DONE:
            self.deliver(Signal(uuid=uuid, state=record.state))
        elif record.state != State.WAITING and self._display.is_news(record.state):
            await self._tell_outcome(record)

    async def end(self) -> None:
        """Note that the socket is closed; the page may come back for a while."""
        self._display.gone = True
        self._display.stop_timer()
        if self.uuid:
            self._pages.forget(self)
            await self._leave()

    async def _get_qr(self, wish: Wish) -> None:
        if self._display.state is State.SCANNED:
            await self._retell()
        elif self._display.show_again():
            return
        elif self._display.state in (State.WAITING, State.EXPIRED) and self.uuid:
            await self._next_code(0 if self._display.paused else self._display.rounds + 1)
        else:
            account = await self.opener.account_of() if wish.link else ""
            await self._start(Link(account, wish.replace))

    async def _start(self, link: Link) -> None:
        """Begin another attempt; what came of a former one stays valid."""
        ready = self._pages.codes.ready.take()
        await self._turn_to(ready.lease.uuid if ready else uuid4().hex, new_secret())
        self._link = link
        if not self._display.gone:
            await self._next_code(0, ready)
        elif ready:
            self._pages.codes.ready.put_back(ready)

    async def _turn_to(self, uuid: str, secret: str) -> None:
        """Take up another attempt, and then leave the former one: a sweep finds no gap."""
        former = self.uuid if self.told and self.uuid != uuid else ""
        self.uuid, self.secret, self._display.state = uuid, secret, None
        self._pages.register(self)
        if former:
            await self._pages.detach(former, self.holder)

    async def _next_code(self, rounds: int, ready: ReadyCode | None = None) -> None:
        owner = Owner(
            uuid=self.uuid,
            holder=self.holder,
            resume=digest(self.secret),
            browser=self.opener.browser,
            rounds=rounds,
            visit=self.opener.visit,
            link=self._link,
            address=self.opener.address,
        )
        try:
            code = await self._pages.codes.make(owner, ready)
        except LeaseLost:
            if self.uuid == owner.uuid:
                raise
            return  # another page has continued the attempt
        except AlreadyScanned:
            if self.uuid == owner.uuid:
                await self.resync()  # unless a signal is faster
            return
        if self._display.gone:
            await self._leave()
        elif self.uuid == owner.uuid and self._display.awaits_scan:
            self._display.show(code, rounds, f"{self.uuid}.{self.secret}")
            self._pages.note_code(self, code.ticket)

    async def _resume(self, token: str) -> None:
        uuid, _, secret = token.partition(".")
        await self._turn_to(uuid, secret)
        known = await self._pages.resume(self)
        if self._display.gone:
            await self._leave()  # `end` came before there was anything to note
            return
        record = await self._pages.attempts.read(uuid) if known else None
        if record is None:
            self._over()
        elif record.state == State.DONE and self.known:
            self.deliver(Signal(uuid=uuid, state=record.state))
        elif self._display.state is None:
            self._link = Link(record.linker, record.replaces)
            await self._tell_state(record)
            if self._early:
                self.deliver(self._early)

    async def _make_way(self) -> None:
        """Let another page continue the attempt, unless that one is gone by now.

        What a dying socket asked last may reach the store after the page came back
        on a new one: it takes the attempt, and its process then notes that it is gone.
        Who polls is only away between two requests, however long that takes.
        """
        try:
            uuid = self.uuid
            await asyncio.sleep(self._pages.dying_seconds)
            record = await self._pages.attempts.read(uuid) if uuid else None
            if self.uuid != uuid or not uuid or self._display.gone:
                return
            if record and not record.holder and await self._pages.resume(self):
                await self.resync()
            elif record and record.holder != self.holder:
                self._let_go()
                self._display.state = None
                self._display.tell(Superseded())
        finally:
            self._makes_way = False

    async def _tell_state(self, record: Record) -> None:
        """Tell the page where its attempt is, unless it knows that."""
        state, display = state_of(record), self._display
        display.codes, display.rounds = record.codes, record.rounds
        display.muted = number(record.codes, state) <= (self.known or 0)
        if state is State.WAITING:
            code = ShownCode(record.ticket, record.url, record.left_seconds, record.codes)
            display.show(code, record.rounds, f"{self.uuid}.{self.secret}")
        elif state is State.EXPIRED:
            display.expire()
        elif not display.muted:
            await self._tell_outcome(record)
        else:
            display.settle(state, choose_left(self._pages.rules, record))
        display.muted = False

    async def _retell(self) -> None:
        record = await self._pages.attempts.read(self.uuid)
        if record is None:
            self._lost()
        else:
            await self._tell_outcome(record)

    async def _tell_outcome(self, record: Record) -> None:
        # Said to be told before it is: a signal may be on its way, and a page is told
        # an outcome once.
        uuid, before, state = self.uuid, self._display.state, State(record.state)
        self._display.state = state
        try:
            message = await self._pages.scans.tell_again(uuid, record, session=self.opener.session)
        except StoreUnavailable:
            if self.uuid == uuid and self._display.state is state:
                self._display.state = before
            raise
        if self.uuid != uuid or self._display.gone or self._display.state is not state:
            return
        self._display.settle(state, choose_left(self._pages.rules, record))
        if message:
            self._display.tell(message)
        elif state is State.DONE:
            self._over()

    def _over(self) -> None:
        """Say that there is nothing to come back to."""
        self._let_go()
        self._display.tell(problem(ErrorCode.UNKNOWN_ATTEMPT, "This attempt is over."))

    def _lost(self) -> None:
        """Have the page ask for a fresh start: the record is gone, with the store or with time."""
        self._let_go()
        if self._display.state not in (State.EXPIRED, *FINAL):
            self._display.expire()

    async def _leave(self) -> None:
        """Let somebody else have the attempt; most likely this page, when it polls."""
        await self._pages.detach(self.uuid, self.holder, polls=self.known is not None)

    def _let_go(self) -> None:
        """Have no attempt any more."""
        self._pages.forget(self)
        self._display.stop_timer()
        self.uuid = self.secret = ""

    async def _choose(self, number: int | None) -> None:
        if self._display.state is State.SCANNED:
            await self._pages.scans.choose(self.uuid, number)
            await self.resync()

    def _too_late(self) -> None:
        self._pages.spawn(self._choose(None))

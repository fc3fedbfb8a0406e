"""One page's side of an attempt: what it asks, what it is told, when its code ends.

A page is registered in memory before anything is written or read about its
attempt. So a change of the record came either before, and the read returns it,
or after, and the signal finds the page.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import uuid4

from msgspec.structs import replace

from login.codes import Owner, ShownCode
from login.flow import AFTER, FINAL, State, can_follow
from login.messages import (
    BadMessage,
    Choose,
    CloseCode,
    Code,
    ErrorCode,
    Expired,
    GetQr,
    Qr,
    Rest,
    Superseded,
    ToPage,
    decode,
    encode,
)
from login.signal import Signal
from login.troubles import TROUBLES, error_of, problem
from login.visit import Visit
from scene_pool import AlreadyScanned, LeaseLost, PoolExhausted, Record
from store import StoreUnavailable, digest, new_secret

if TYPE_CHECKING:
    from login.pages import Pages

log = logging.getLogger(__name__)

SUPERSEDED = "superseded"

Send = Callable[[str], None]
Close = Callable[[int], None]


class Page:
    """One open socket. *send* takes a frame, *close* a close code; neither waits."""

    __slots__ = (
        "_close",
        "_code",
        "_dead_at",
        "_makes_way",
        "_pages",
        "_paused",
        "_rounds",
        "_send",
        "_timer",
        "asked",
        "browser",
        "gone",
        "holder",
        "secret",
        "state",
        "uuid",
        "visit",
    )

    def __init__(
        self, pages: "Pages", holder: str, browser: str, visit: Visit, send: Send, close: Close
    ) -> None:
        self._pages = pages
        self._send = send
        self._close = close
        self.holder = holder
        self.browser = browser
        self.visit = visit
        self.uuid = ""
        self.secret = ""
        """The resume token's second half; the first is the attempt's name."""
        self.state: State | None = None
        """What the page was told last."""
        self.asked = False
        """Whether it has sent a `get_qr` yet."""
        self.gone = False
        self._makes_way = False
        self._rounds = 0
        """Codes before the one on the page that the visitor did not ask for."""
        self._paused = False
        """Whether the page was told to wait for its visitor, so that a `get_qr` is a click."""
        self._code: ShownCode | None = None
        self._dead_at = 0.0
        """When the code on the page ends, by `time.monotonic`."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def told(self) -> bool:
        """Whether the page was told something that its record may yet outdate."""
        return self.state is not None and self.state not in FINAL

    def record(self) -> tuple[str, str, str]:
        """Return uuid, state and holder as the record has them if nothing has changed."""
        state = State.WAITING if self.state is State.EXPIRED else self.state
        return self.uuid, state or "", self.holder

    async def receive(self, frame: str | bytes) -> None:
        """Do what the page asks; every trouble ends in a message to it."""
        try:
            message = decode(frame)
            self.asked = self.asked or isinstance(message, GetQr)
            match message:
                case GetQr(data) if data.resume:
                    await self._resume(data.resume)
                case GetQr():
                    await self._get_qr()
                case Choose(data):
                    await self._choose(data.number)
        except TROUBLES as trouble:
            self._tell(error_of(trouble))
            if isinstance(trouble, BadMessage):
                self._close(CloseCode.BAD_MESSAGE)
            elif isinstance(trouble, PoolExhausted):
                self._pages.pool_exhausted()

    def deliver(self, signal: Signal) -> None:
        """Tell the page what has become of its attempt."""
        if signal.state == SUPERSEDED:
            if not self._makes_way:
                self._makes_way = True
                self._pages.spawn(self._make_way())
        elif self._is_news(signal.state):
            self._settle(State(signal.state))
            if signal.frame:
                self._send(signal.frame)
                if signal.at:
                    self._pages.delivered(max(0.0, self._pages.clock() - signal.at))
            elif signal.state == State.DONE:
                self._close(CloseCode.DONE)

    async def resync(self) -> None:
        """Tell the page what its record says, when that is not what it was told.

        Raises:
            StoreUnavailable: when the record cannot be read now.
        """
        uuid = self.uuid if self.told else ""  # one that has just begun has no record yet
        record = await self._pages.attempts.read(uuid) if uuid else None
        if self.uuid != uuid or not uuid or self.gone:
            return  # the page went on while we read
        if record is None:
            self._lost()
        elif record.holder != self.holder:
            self.deliver(Signal(uuid=uuid, state=SUPERSEDED))
        elif record.state != State.WAITING and self._is_news(record.state):
            await self._tell_outcome(record)

    async def end(self) -> None:
        """Note that the socket is closed; the page may come back for a while."""
        self.gone = True
        self._stop_timer()
        if self.uuid:
            self._pages.forget(self)
            await self._detach(self.uuid)

    # ---- a code

    async def _get_qr(self) -> None:
        if self.state is State.SCANNED:
            await self._retell()
        elif self._code and self.state is State.WAITING and self._left() > 0:
            self._show(replace(self._code, left=self._left()), self._rounds)
        elif self.state in (State.WAITING, State.EXPIRED) and self.uuid:
            await self._next_code(0 if self._paused else self._rounds + 1)
        else:
            await self._start()

    async def _start(self) -> None:
        """Begin another attempt; what came of a former one stays valid."""
        await self._turn_to(uuid4().hex, new_secret())
        if not self.gone:
            await self._next_code(0)

    async def _turn_to(self, uuid: str, secret: str) -> None:
        """Take up another attempt, and then leave the former one: a sweep finds no gap."""
        former = self.uuid if self.told and self.uuid != uuid else ""
        self.uuid, self.secret, self.state = uuid, secret, None
        self._pages.register(self)
        if former:
            await self._detach(former)

    async def _next_code(self, rounds: int) -> None:
        owner = Owner(
            uuid=self.uuid,
            holder=self.holder,
            resume=digest(self.secret),
            browser=self.browser,
            rounds=rounds,
            visit=self.visit,
        )
        try:
            code = await self._pages.codes.make(owner)
        except LeaseLost:
            if self.uuid == owner.uuid:
                raise
            return  # another page has continued the attempt
        except AlreadyScanned:
            if self.uuid == owner.uuid:
                await self.resync()  # unless a signal is faster
            return
        if self.gone:
            await self._detach(self.uuid)
        elif self.uuid == owner.uuid and self._awaits_scan():
            self._show(code, rounds)

    def _show(self, code: ShownCode, rounds: int) -> None:
        self._code, self._rounds, self._paused = code, rounds, False
        self._dead_at = time.monotonic() + code.left
        self.state = State.WAITING
        self._start_timer(code.left, self._ticket_dead)
        shown = Code(
            ticket=code.ticket,
            url=code.url,
            image=self._pages.client.picture_of(code.ticket),
            expires=max(0, int(code.left + 0.5)),
            uuid=self.uuid,
            resume=f"{self.uuid}.{self.secret}",
        )
        self._tell(Qr(shown))

    def _left(self) -> float:
        return self._dead_at - time.monotonic()

    def _ticket_dead(self) -> None:
        if self.state is State.WAITING:
            self._tell_expired()

    def _tell_expired(self) -> None:
        self.state = State.EXPIRED
        pause = self._pages.pause(self._rounds)
        self._paused = pause is not None
        self._tell(Expired(Rest(pause)))

    # ---- coming back

    async def _resume(self, token: str) -> None:
        uuid, _, secret = token.partition(".")
        await self._turn_to(uuid, secret)
        known = await self._pages.resume(self)
        if self.gone:
            await self._detach(self.uuid)  # `end` came before there was anything to note
            return
        record = await self._pages.attempts.read(uuid) if known else None
        if record is None or record.state == State.DONE:
            self._pages.forget(self)
            self.uuid = self.secret = ""
            self._tell(problem(ErrorCode.UNKNOWN_ATTEMPT, "This attempt is over."))
        elif self.state is None:
            await self._tell_state(record)

    async def _make_way(self) -> None:
        """Let another page continue the attempt, unless that one is gone by now.

        What a dying socket asked last may reach the store after the page came back
        on a new one: it takes the attempt, and its process then notes that it is gone.
        """
        try:
            uuid = self.uuid
            await asyncio.sleep(self._pages.dying_seconds)
            record = await self._pages.attempts.read(uuid) if uuid else None
            if self.uuid != uuid or not uuid or self.gone:
                return
            if record and not record.holder and await self._pages.resume(self):
                await self.resync()
            elif record and record.holder != self.holder:
                self._pages.forget(self)
                self._stop_timer()
                self.uuid = self.secret = ""
                self.state = None
                self._tell(Superseded())
        finally:
            self._makes_way = False

    async def _tell_state(self, record: Record) -> None:
        if record.state != State.WAITING:
            await self._tell_outcome(record)
        elif record.left_seconds > 0:
            code = ShownCode(record.ticket, record.url, record.left_seconds)
            self._show(code, record.rounds)
        else:
            self._rounds = record.rounds
            self._tell_expired()

    async def _retell(self) -> None:
        record = await self._pages.attempts.read(self.uuid)
        if record is None:
            self._lost()
        else:
            await self._tell_outcome(record)

    async def _tell_outcome(self, record: Record) -> None:
        # Said to be told before it is: a new proof kills the one in a signal that
        # is still on its way, and a page is told an outcome once.
        uuid, before, state = self.uuid, self.state, State(record.state)
        self.state = state
        try:
            message = await self._pages.scans.tell_again(uuid, record)
        except StoreUnavailable:
            if self.uuid == uuid and self.state is state:
                self.state = before
            raise
        if self.uuid != uuid or self.gone or self.state is not state:
            return
        self._settle(state)
        if message:
            self._tell(message)
        elif record.state == State.DONE:
            self._close(CloseCode.DONE)

    def _lost(self) -> None:
        """Have the page ask for a fresh start: the record is gone, with the store or with time."""
        self._pages.forget(self)
        self._stop_timer()
        self.uuid = self.secret = ""
        if self.state not in (State.EXPIRED, *FINAL):
            self._tell_expired()

    # ---- after the scan

    async def _choose(self, number: int | None) -> None:
        if self.state is State.SCANNED:
            await self._pages.scans.choose(self.uuid, number)
            await self.resync()

    def _awaits_scan(self) -> bool:
        return self.state in (None, State.WAITING, State.EXPIRED)

    def _is_news(self, state: str) -> bool:
        known = state in AFTER  # another version of us may write more
        return known and (self.state is None or can_follow(State(state), self.state))

    def _settle(self, state: State) -> None:
        self.state = state
        self._stop_timer()
        if state is State.SCANNED:
            self._start_timer(self._pages.rules.choose_seconds, self._too_late)

    def _too_late(self) -> None:
        self._pages.spawn(self._choose(None))

    # ---- small things

    def _tell(self, message: ToPage) -> None:
        if not self.gone:
            self._send(encode(message))

    async def _detach(self, uuid: str) -> None:
        try:
            await self._pages.pool.detach(uuid, self.holder)
        except StoreUnavailable as error:
            log.warning("page not noted as gone error=%s", error)

    def _start_timer(self, seconds: float, then: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, then)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

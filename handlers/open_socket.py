"""A page's open socket. Only moves frames; every decision is made in `login`."""

import asyncio
import logging
import random
import time
from typing import cast

from msgspec import Struct
from websockets.frames import CloseCode as FrameCloseCode
from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol, State

import metrics
from handlers.context import Context
from login import CloseCode, Opener, Page
from login.messages import Error, ErrorCode, Problem, encode
from login.timers import Timer

log = logging.getLogger(__name__)
# At DEBUG the library writes every frame, and so secrets, whatever the log level of ours is.
quiet = logging.getLogger("websockets.server")
quiet.setLevel(logging.WARNING)

MAX_FRAME_BYTES = 4 * 1024
"""Of a message, in all its pieces."""
FLOOD_SECONDS = 10.0
# How long the other side may take to end a connection that we have closed the socket of.
CLOSE_SECONDS = 5.0
PING = Frame(Opcode.PING, b"").serialize(mask=False)
DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class Caller(Struct, frozen=True):
    """Who opens a socket: a page of *origin* (None = not said), under which *host* name."""

    origin: str | None
    host: str
    opener: Opener


class OpenSocket(asyncio.Protocol):
    """One page's socket, from the answered handshake on. Has one attempt.

    *first*: what is to be written before all else; *said*: what was read already.
    """

    __slots__ = (
        *("_address", "_answers", "_begin", "_context", "_count", "_cut_off", "_frames"),
        *("_hello", "_life", "_page", "_pieces", "_since", "_transport", "_waiting"),
    )

    def __init__(
        self, context: Context, caller: Caller, *, first: bytes = b"", said: bytes = b""
    ) -> None:
        self._context = context
        self._begin: tuple[Caller, bytes, bytes] | None = caller, first, said
        self._address = caller.opener.address
        self._frames = Protocol(SERVER, max_size=MAX_FRAME_BYTES, logger=quiet)
        self._page: Page | None = None
        self._pieces: list[Frame] = []
        """Of the message that is coming."""
        self._waiting: list[str | bytes] = []
        """Messages that have come; the first is being answered."""
        self._cut_off: Timer | None = None
        self._answers = True
        """Whether a pong came since the last ping."""

    # ---- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        assert self._begin  # noqa: S101, a connection is made once
        (caller, first, said), self._begin = self._begin, None
        if first:
            self._transport.write(first)
        reason = self._why_not(caller)
        if self._context.readiness.draining:
            self.close(CloseCode.RESTARTING, "restarting")
        elif reason:
            self._refuse(reason)
        else:
            self._open(caller.opener)
        if said:
            self.data_received(said)

    def data_received(self, data: bytes) -> None:
        self._frames.receive_data(data)
        for frame in self._frames.events_received():
            assert isinstance(frame, Frame)  # noqa: S101, the handshake was not its business
            if frame.opcode is Opcode.PONG:
                self._answers = True
            elif frame.opcode in DATA:
                self._put_together(frame)
        self._write()

    def connection_lost(self, error: Exception | None) -> None:
        if self._cut_off:
            self._cut_off.cancel()
        if self._page is None:
            return
        page, self._page = self._page, None
        self._hello.cancel()
        self._life.cancel()
        self._context.sockets.discard(self)
        metrics.sockets_open.dec()
        self._context.pages.spawn(page.end())

    # ---- for those who know of it

    def send(self, message: str) -> None:
        """Tell the page something.

        A socket that closes under us is no error: the page is told of that, and what it
        was to hear is in the record.
        """
        if self._frames.state is State.OPEN:
            self._frames.send_text(message.encode())
            self._write()

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Send the page away."""
        if self._frames.state is State.OPEN:
            self._frames.send_close(code or CloseCode.DONE, reason or "")
            self._write()

    def cut(self) -> None:
        """Lose the connection: who reads nothing would not read a close code either."""
        self._transport.abort()

    # ---- its page

    def _why_not(self, caller: Caller) -> str:
        """Return why there is no page for *caller*, or ""."""
        site = self._context.site
        if caller.origin is not None and caller.origin not in site.origins:
            return "origin"
        if not site.answers_to(caller.host):
            return "host"
        if 0 < site.sockets_per_address <= self._context.sockets.of(self._address):
            return "sockets_per_address"
        return ""

    def _open(self, opener: Opener) -> None:
        self._context.sockets.add(self, self._address)
        metrics.sockets_open.inc()
        self._since, self._count = time.monotonic(), 0
        self._page = self._context.pages.open(opener, self.send, self.close)
        timers, site = self._context.pages.timers, self._context.site
        self._hello = timers.call_later(site.hello_seconds, self._expect_hello)
        # Pages that came together are pinged apart.
        first = random.uniform(0.5, 1) * site.ping_seconds  # noqa: S311, jitter
        self._life = timers.call_later(first, self._ping)

    def _expect_hello(self) -> None:
        if self._page and not self._page.asked:
            self.close(CloseCode.TRY_LATER, "no get_qr")

    def _ping(self) -> None:
        """Send a ping, which browsers answer by themselves, unless the last one had no answer."""
        if self._frames.state is not State.OPEN:
            return
        if not self._answers:
            self.close(CloseCode.GOING_AWAY, "ping timed out")
            return
        self._answers = False
        timers, site = self._context.pages.timers, self._context.site
        self._life = timers.call_later(site.ping_seconds, self._ping)
        self._transport.write(PING)

    def _refuse(self, reason: str) -> None:
        log.info("socket refused reason=%s address=%s", reason, self._address)
        if reason not in {"host", "origin"}:
            self.send(encode(Error(Problem(ErrorCode.RATE_LIMITED, "Too many pages.", 30))))
        self.close(CloseCode.REFUSED, reason)

    # ---- frames

    def _put_together(self, frame: Frame) -> None:
        self._pieces.append(frame)
        if not frame.fin:
            return
        pieces, self._pieces = self._pieces, []
        data = b"".join(piece.data for piece in pieces)
        if pieces[0].opcode is Opcode.BINARY:
            self._take(data)
            return
        try:
            self._take(data.decode())
        except UnicodeDecodeError:
            self._frames.fail(FrameCloseCode.INVALID_DATA)

    def _take(self, message: str | bytes) -> None:
        """Have the page answer *message*, after those that came before it."""
        if self._page is None or self._frames.state is not State.OPEN:
            return
        self._count += 1
        if self._count > self._context.site.flood_frames:
            if time.monotonic() - self._since < FLOOD_SECONDS:
                self._refuse("flood")
                return
            self._since, self._count = time.monotonic(), 0
        self._waiting.append(message)
        if len(self._waiting) == 1:
            self._context.pages.spawn(self._answer())

    async def _answer(self) -> None:
        try:
            while self._waiting and self._page:
                await self._page.receive(self._waiting[0])
                del self._waiting[0]
        except Exception:  # the page comes back, and hears what its record says
            log.exception("message not answered")
            self.close(FrameCloseCode.INTERNAL_ERROR)

    def _write(self) -> None:
        """Send what there is to send; an end too, and lose who does not take it."""
        said = self._frames.data_to_send()
        if not said:
            return
        for data in said:
            if data:
                self._transport.write(data)
            elif self._frames.close_rcvd or not self._transport.can_write_eof():
                self._transport.close()
            else:
                # Half, or the kernel drops the close frame with what was not read yet.
                self._transport.write_eof()
        if self._frames.state is not State.OPEN and self._cut_off is None:
            timers = self._context.pages.timers
            self._cut_off = timers.call_later(CLOSE_SECONDS, self.cut)
        if self._transport.get_write_buffer_size() > self._context.site.unread_bytes:
            log.info("socket refused reason=unread address=%s", self._address)
            self.cut()

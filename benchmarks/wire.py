"""HTTP and WebSocket as far as the load needs them, by hand, so that they cost little.

Only what the two servers send is understood: answers with a Content-Length,
and frames that are whole messages.
"""

import asyncio
import time
from collections import Counter

import msgspec

HOST = "127.0.0.1"
"""Load goes to this machine only."""
# As long as WeChat waits for an answer.
PATIENCE_SECONDS = 5.0
PUSHED = frozenset({"success", "bind_required"})
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10

Errors = Counter[str]
"""How often something went wrong, by what it was."""


class Wire(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self.received = b""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101, for the types
        self.transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def take_head(self) -> bytes | None:
        """Return the head of an answer, once it is there."""
        head, end, rest = self.received.partition(b"\r\n\r\n")
        if not end:
            return None
        self.received = rest
        return head


class Caller(Wire):
    """A kept HTTP connection with one request at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._head: bytes | None = None

    def call(self, request: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        """Send *request*; return its status and head to come."""
        self._answer = self.ended.get_loop().create_future()
        self.transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self.received += data
        self._head = self._head or self.take_head()
        if self._head is None:
            return
        size = int(header(self._head, b"content-length") or 0)
        if len(self.received) < size:
            return
        self.received = self.received[size:]
        head, self._head = self._head, None
        if self._answer and not self._answer.done():
            self._answer.set_result((int(head[9:12]), head))

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if self._answer and not self._answer.done():
            self._answer.set_result((0, b""))


class Page(Wire):
    """An open sign-in page: its socket, its code, and what it was told."""

    def __init__(self, request: bytes, errors: Errors) -> None:
        super().__init__()
        self.ticket = ""
        self.pushed_at = 0.0
        """When the outcome of the last scan came, by `time.perf_counter`."""
        self._request = request
        self._errors = errors
        self._open = False
        self._due = ""
        """The outcome that is to come; empty when none is."""
        self._scanned = False
        self._waiter: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.write(self._request)

    def ask(self) -> "asyncio.Future[None]":
        """Ask for a code; done when it is there."""
        self._due, self._scanned = "", False
        self._waiter = self.ended.get_loop().create_future()
        if self._open:
            self._send(TEXT, b'{"type":"get_qr","data":{}}')
        return self._waiter

    def expect(self, outcome: str) -> "asyncio.Future[None]":
        """Say that the code is being scanned; done when the page was told *outcome*."""
        self._due, self._scanned = outcome, True
        self._waiter = self.ended.get_loop().create_future()
        return self._waiter

    def close(self) -> None:
        """Close as a browser does that leaves."""
        self._send(CLOSE, b"\x03\xe9")

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self._open:
            head = self.take_head()
            if head is None:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._fail("handshake refused")
                return
            self._open = True
            if self._waiter:
                self._send(TEXT, b'{"type":"get_qr","data":{}}')
        while frame := self._take_frame():
            self._handle(*frame)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if self._waiter and not self._waiter.done():
            self._fail("closed by the server")

    def _take_frame(self) -> tuple[int, bytes] | None:
        received, start = self.received, 2
        if len(received) < start:
            return None
        size = received[1] & 127
        if size > 125:
            start = 4 if size == 126 else 10
            if len(received) < start:
                return None
            size = int.from_bytes(received[2:start])
        if len(received) < start + size:
            return None
        self.received = received[start + size :]
        return received[0] & 15, received[start : start + size]

    def _handle(self, kind: int, payload: bytes) -> None:
        if kind == TEXT:
            self._told(msgspec.json.decode(payload))
        elif kind == PING:
            self._send(PONG, payload)
        elif kind == CLOSE:
            self.transport.close()

    def _told(self, message: dict[str, dict[str, str]]) -> None:
        name = str(message["type"])
        if name == "qr":
            self.ticket = message["data"]["ticket"]
            self._done()
        elif name not in PUSHED:
            self._fail(f"told {name}")
        elif name == self._due:
            self._due, self.pushed_at = "", time.perf_counter()
            self._done()
        else:
            self._errors["twice" if self._scanned and not self._due else "wrong page"] += 1

    def _done(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, reason: str) -> None:
        self._errors[reason] += 1
        self._done()

    def _send(self, kind: int, payload: bytes) -> None:
        # A mask of zeros is a mask too, and leaves the payload as it is.
        self.transport.write(bytes((128 | kind, 128 | len(payload))) + bytes(4) + payload)


def header(head: bytes, name: bytes) -> bytes | None:
    """Return the value of the header *name*, which is in lower case."""
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip()
    return None

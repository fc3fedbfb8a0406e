"""The front door: a whole push that waits there is taken without Tornado's way to a handler.

That way is made for browsers, and is most of what a scan costs (docs/performance.md).
So a new connection is not given to Tornado before it has said something, and what it
says is looked at without being taken. A plain `POST /wechat` that is all there and alone
is read and answered here, by the same code as in `callback.py`. Anything else, and all
that follows on that connection, is Tornado's, as if nobody had looked.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from socket import MSG_PEEK, socket
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from msgspec import Struct
from tornado.escape import parse_qs_bytes
from tornado.httpserver import HTTPServer
from tornado.httputil import format_timestamp
from tornado.iostream import IOStream

from handlers.callback import Answer, answer_push
from handlers.context import Context
from handlers.errors import error_body, error_of
from handlers.headers import standing_headers

log = logging.getLogger(__name__)

PATH = "/wechat"
BEGINNING = f"POST {PATH}?".encode()
LOOK_BYTES = 32 * 1024
"""How much of a request is looked at; one that is longer is no push."""
PROXIES = "X-Forwarded-For"
CLOSE = "Connection: close\r\n"

Note = Callable[[str, str, int, float], None]
"""Takes method, path, status and seconds of a request that was answered."""


class FrontDoor(HTTPServer):
    """Tornado's server behind a front door. *note* writes the log."""

    def initialize(  # type: ignore[override]  # two arguments are ours
        self, *args: Any, context: Context, note: Note, **options: Any
    ) -> None:
        super().initialize(*args, **options)
        self.context = context
        self.note = note
        self.idle_seconds = float(options["idle_connection_timeout"])
        standing = standing_headers(context.site, secure=context.site.secure)
        self.head = "".join(f"{name}: {value}\r\n" for name, value in standing)
        self.visitors: set[Visitor] = set()

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """Let the connection say something first; under TLS there would be nothing to look at."""
        if self.ssl_options is None:
            Visitor(self, stream, address).wait()
        else:
            self.let_in(stream, address)

    def let_in(self, stream: IOStream, address: Any) -> None:
        """Give a connection to Tornado."""
        super().handle_stream(stream, address)

    async def close_all_connections(self) -> None:
        """End those that wait at the door, too."""
        for visitor in list(self.visitors):
            visitor.leave()
        await super().close_all_connections()


class Visitor:
    """A connection at the door."""

    __slots__ = (
        "_address",
        "_busy",
        "_leaves",
        "_paused",
        "_server",
        "_socket",
        "_stream",
        "_timer",
    )

    def __init__(self, server: FrontDoor, stream: IOStream, address: Any) -> None:
        self._server = server
        self._stream = stream
        self._address = address
        self._socket: socket = stream.socket
        self._busy: asyncio.Task[None] | None = None
        self._paused = self._leaves = False
        self._timer: asyncio.TimerHandle | None = None

    def wait(self) -> None:
        """Begin to listen, for as long as connections may be silent."""
        self._server.visitors.add(self)
        asyncio.get_running_loop().add_reader(self._socket, self._look)
        self._start_timer()

    def leave(self) -> None:
        """End the connection, when the push in hand is answered."""
        self._leaves = True
        if self._busy is None:
            self._close()

    def _look(self) -> None:
        if self._busy:  # it says more before it was answered: that can wait
            self._paused = asyncio.get_running_loop().remove_reader(self._socket)
            return
        try:
            said = self._socket.recv(LOOK_BYTES, MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        push = read_push(said, self._remote_ip()) if said else None
        if push:
            self._socket.recv(len(said))
            self._stop_timer()
            self._busy = asyncio.create_task(self._take(push))
        elif said:
            self._go()
            self._server.let_in(self._stream, self._address)
        else:
            self._close()

    async def _take(self, push: "PostedPush") -> None:
        server, began = self._server, time.monotonic()
        server.context.requests.begin()
        try:
            answer = await _answer(server.context, push)
            self._write(_written(answer, server.head, keep_alive=push.keep_alive))
            server.note("POST", PATH, answer.status, time.monotonic() - began)
        finally:
            server.context.requests.end()
            self._busy = None
            if self._leaves or not push.keep_alive:
                self._close()
            else:
                self._wait_on()

    def _write(self, data: bytes) -> None:
        try:
            sent = self._socket.send(data)
        except OSError:
            sent = 0
        # Who lets so many answers lie that a short one has no room gets no more.
        self._leaves = self._leaves or sent < len(data)

    def _wait_on(self) -> None:
        self._start_timer()
        if self._paused:
            self._paused = False
            asyncio.get_running_loop().add_reader(self._socket, self._look)

    def _remote_ip(self) -> str:
        return str(self._address[0]) if self._address else ""

    def _start_timer(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._server.idle_seconds, self._close)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _go(self) -> None:
        self._stop_timer()
        self._server.visitors.discard(self)
        asyncio.get_running_loop().remove_reader(self._socket)

    def _close(self) -> None:
        self._go()
        self._stream.close()


class PostedPush(Struct):
    """A push as `callback.py` takes it, and how its connection goes on."""

    remote_ip: str
    query_arguments: Mapping[str, list[bytes]]
    headers: Mapping[str, str]
    body: bytes
    keep_alive: bool


class _Found:
    """What the parser has found; the names of its methods are the parser's."""

    def __init__(self) -> None:
        self.url = self.body = b""
        self.headers: dict[bytes, list[bytes]] = {}
        self.begun = self.whole = 0
        self.keep_alive = False
        self.parser = HttpRequestParser(self)

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_url(self, part: bytes) -> None:
        self.url += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.setdefault(name.lower(), []).append(value)

    def on_headers_complete(self) -> None:
        self.keep_alive = self.parser.should_keep_alive()

    def on_body(self, part: bytes) -> None:
        self.body += part

    def on_message_complete(self) -> None:
        self.whole += 1

    def is_plain(self) -> bool:
        """Tell whether this is one request of the kind that everybody understands alike."""
        if self.parser.get_http_version() != "1.1" or len(self.headers.get(b"host", ())) != 1:
            return False
        return (self.begun, self.whole) == (1, 1) and b"expect" not in self.headers


def read_push(said: bytes, remote_ip: str) -> PostedPush | None:
    """Return the push that *said* is, or None when it is anything else, more or less."""
    if not said.startswith(BEGINNING):
        return None
    found = _Found()
    try:
        found.parser.feed_data(said)
    except (HttpParserError, HttpParserUpgrade):
        return None
    path, _, query = found.url.decode("latin1").partition("?")
    if path != PATH or not found.is_plain():
        return None
    proxies = b",".join(found.headers.get(PROXIES.lower().encode(), ())).decode("latin1")
    return PostedPush(
        remote_ip=remote_ip,
        query_arguments=parse_qs_bytes(query, keep_blank_values=True),
        headers={PROXIES: proxies} if proxies else {},
        body=found.body,
        keep_alive=found.keep_alive,
    )


async def _answer(context: Context, push: PostedPush) -> Answer:
    try:
        return await answer_push(context, push)
    except Exception:
        log.exception("failed path=%s", PATH)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return Answer(error_body(error_of(status)).decode(), "application/json", status)


def _written(answer: Answer, head: str, *, keep_alive: bool) -> bytes:
    body = answer.text.encode()
    return (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\n{head}"
        f"Date: {_date(int(time.time()))}\r\nContent-Type: {answer.kind}; charset=utf-8\r\n"
        f"{'' if keep_alive else CLOSE}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


@lru_cache(1)
def _date(second: int) -> str:
    return format_timestamp(second)

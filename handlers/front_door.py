"""The front door: pushes, files and sockets are taken without Tornado's way to a handler.

That way is most of what they cost (docs/performance.md). So a new connection is not given
to Tornado before it has said something, and what it says is looked at without being
taken. A plain `POST /wechat` that is all there and alone is answered here, by the same code
as in `callback.py`, and so is a plain `GET` of a versioned script or style. A page's
socket is opened here, as in `socket.py`. Anything else, and all that follows on that
connection, is Tornado's, as if nobody had looked.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus
from socket import MSG_PEEK, socket
from typing import Any

from tornado.escape import parse_qs_bytes
from tornado.httpserver import HTTPServer
from tornado.httputil import format_timestamp
from tornado.iostream import IOStream

from handlers.browsers import Came
from handlers.callback import Answer, answer_push
from handlers.context import Context
from handlers.errors import error_body, error_of
from handlers.handshake import SOCKETS, Handshake, handshake_in
from handlers.headers import standing_headers
from handlers.kept_files import KeptFiles
from handlers.open_socket import OpenSocket
from handlers.plain_request import PlainRequest, read

log = logging.getLogger(__name__)

PATH = "/wechat"
BEGINNINGS = (f"POST {PATH}?".encode(), b"GET /static/", f"GET {SOCKETS} ".encode())
LOOK_BYTES = 16 * 1024
"""How much of a request is looked at, no more than Tornado takes of a head; whole or not at all."""
CLOSE = "Connection: close\r\n"
SWITCHING = "HTTP/1.1 101 Switching Protocols\r\n"

Note = Callable[[str, str, int, float], None]
"""Takes method, path, status and seconds of a request that was answered."""


class PostedPush(Came):
    """A push as `callback.py` takes it."""

    query_arguments: Mapping[str, list[bytes]]
    body: bytes


def push_in(request: PlainRequest, remote_ip: str) -> PostedPush | None:
    """Return the push that *request* is, if it is one."""
    path, query = request.target
    if request.method != "POST" or path != PATH:
        return None
    arguments = parse_qs_bytes(query, keep_blank_values=True)
    return PostedPush(remote_ip, request.headers, arguments, request.body)


class FrontDoor(HTTPServer):
    """Tornado's server behind a front door.

    *files* are sent there, *note* writes the log.
    """

    def initialize(  # type: ignore[override]  # three arguments are ours
        self,
        *args: Any,
        context: Context,
        files: KeptFiles,
        note: Note,
        **options: Any,
    ) -> None:
        super().initialize(*args, **options)
        self.context = context
        self.files = files
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

    def open_socket(self, connection: socket, handshake: Handshake, said: bytes) -> None:
        """Give a connection, on which more was *said*, to a page's socket."""
        head = "".join(f"{name}: {value}\r\n" for name, value in handshake.answer)
        first = f"{SWITCHING}{head}Date: {_date(int(time.time()))}\r\n\r\n".encode()
        page = OpenSocket(self.context, handshake.caller, first=first, said=said)
        opening = asyncio.get_running_loop().connect_accepted_socket(lambda: page, connection)
        self.context.pages.spawn(self._opened(opening))

    async def _opened(self, opening: Coroutine[Any, Any, object]) -> None:
        began = time.monotonic()
        await opening
        self.note("GET", SOCKETS, HTTPStatus.SWITCHING_PROTOCOLS, time.monotonic() - began)

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
        "_number",
        "_paused",
        "_server",
        "_socket",
        "_stream",
        "_timer",
        "_until",
    )

    def __init__(self, server: FrontDoor, stream: IOStream, address: Any) -> None:
        self._server = server
        self._stream = stream
        self._address = address
        self._socket: socket = stream.socket
        # asyncio is asked by number: for a socket it writes an error text each time that it drops.
        self._number = self._socket.fileno()
        self._busy: asyncio.Task[None] | None = None
        self._paused = self._leaves = False
        self._until = 0.0
        """How long it may be silent, by the loop's clock."""
        self._timer: asyncio.TimerHandle | None = None

    def wait(self) -> None:
        """Begin to listen, for as long as connections may be silent."""
        self._server.visitors.add(self)
        asyncio.get_running_loop().add_reader(self._number, self._look)
        self._start_timer()

    def leave(self) -> None:
        """End the connection, when what is in hand is answered."""
        self._leaves = True
        if self._busy is None:
            self._close()

    def _look(self) -> None:
        if self._busy:  # it says more before it was answered: that can wait
            self._paused = asyncio.get_running_loop().remove_reader(self._number)
            return
        try:
            said = self._socket.recv(LOOK_BYTES, MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        request = read(said) if said.startswith(BEGINNINGS) else None
        if request and self._takes(request):
            self._socket.recv(len(said))
        elif said:
            self._go()
            self._server.let_in(self._stream, self._address)
        else:
            self._close()

    def _takes(self, request: PlainRequest) -> bool:
        """Begin with what is to be done for *request*, if that is the door's; tell whether."""
        remote_ip = str(self._address[0]) if self._address else ""
        if request.upgrades:
            handshake = handshake_in(request, remote_ip, self._server.context)
            if handshake:
                self._go()
                self._server.open_socket(self._socket, handshake, request.rest)
            return handshake is not None
        if push := push_in(request, remote_ip):
            work = self._take(push, request.keep_alive)
        elif file := self._server.files.answer(request):
            work = self._send(*file, request)
        else:
            return False
        self._busy = asyncio.create_task(self._go_on(work, request.keep_alive))
        return True

    async def _go_on(self, work: Coroutine[Any, Any, None], keep_alive: bool) -> None:
        self._server.context.requests.begin()
        try:
            await work
        finally:
            self._server.context.requests.end()
            self._busy = None
            if self._leaves or not keep_alive:
                self._close()
            else:
                self._wait_on()

    async def _take(self, push: PostedPush, keep_alive: bool) -> None:
        server, began = self._server, time.monotonic()
        answer = await _answer(server.context, push)
        head = f"{server.head}Content-Type: {answer.kind}; charset=utf-8\r\n"
        body = answer.text.encode()
        await self._write(_written(answer.status, head, body, keep_alive=keep_alive))
        server.note("POST", PATH, answer.status, time.monotonic() - began)

    async def _send(self, head: str, file: bytes, request: PlainRequest) -> None:
        began = time.monotonic()
        await self._write(_written(HTTPStatus.OK, head, file, keep_alive=request.keep_alive))
        self._server.note("GET", request.target[0], HTTPStatus.OK, time.monotonic() - began)

    async def _write(self, data: bytes) -> None:
        """Send *data*, for as long as a connection may be silent; then, end it."""
        try:
            with suppress(BlockingIOError):
                data = data[self._socket.send(data) :]
            if data:  # which mostly is gone by now
                async with asyncio.timeout(self._server.idle_seconds):
                    await asyncio.get_running_loop().sock_sendall(self._socket, data)
        except (OSError, TimeoutError):
            self._leaves = True

    def _wait_on(self) -> None:
        self._start_timer()
        if self._paused:
            self._paused = False
            asyncio.get_running_loop().add_reader(self._number, self._look)

    def _start_timer(self) -> None:
        self._until = asyncio.get_running_loop().time() + self._server.idle_seconds
        if self._timer is None:
            self._look_at_the_time()

    def _look_at_the_time(self) -> None:
        """Close it if it has been silent for too long, else look again when it would have been."""
        self._timer = None
        loop = asyncio.get_running_loop()
        if self._busy:
            return  # its silence begins with the answer
        if loop.time() < self._until:
            self._timer = loop.call_at(self._until, self._look_at_the_time)
        else:
            self._close()

    def _go(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._server.visitors.discard(self)
        asyncio.get_running_loop().remove_reader(self._number)

    def _close(self) -> None:
        self._go()
        self._stream.close()


async def _answer(context: Context, push: PostedPush) -> Answer:
    try:
        return await answer_push(context, push)
    except Exception:
        log.exception("failed path=%s", PATH)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return Answer(error_body(error_of(status)).decode(), "application/json", status)


def _written(status: HTTPStatus, head: str, body: bytes, *, keep_alive: bool) -> bytes:
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n{head}Date: {_date(int(time.time()))}\r\n"
        f"{'' if keep_alive else CLOSE}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


@lru_cache(1)
def _date(second: int) -> str:
    return format_timestamp(second)

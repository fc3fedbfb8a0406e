"""`/ws`: the page's socket. Only moves frames; every decision is made in `login`."""

import asyncio
import logging
import time
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.util import ObjectDict
from tornado.websocket import WebSocketClosedError, WebSocketHandler

import metrics
from handlers.base import BaseHandler
from handlers.frames import Frames
from handlers.heartbeat import Heartbeat
from login import CloseCode, LoginError, Page
from login.messages import Error, ErrorCode, Problem, encode

log = logging.getLogger(__name__)

FLOOD_SECONDS = 10.0
# What an open socket has for the request that it came with, which is over.
PAST = HTTPServerRequest(start_line=RequestStartLine("GET", "/ws", "HTTP/1.0"))


class NoHandshake(LoginError):
    """A request that opens no WebSocket."""

    code, status = "upgrade_required", HTTPStatus.UPGRADE_REQUIRED
    text = "Only a WebSocket can be opened here."


class SocketHandler(WebSocketHandler, BaseHandler):
    """One page's socket. Has one attempt."""

    page: Page | None = None
    slot = 0
    answers = True
    _unread = 0

    def _check_host(self) -> None:
        """Leave it to `open`, as the origin."""

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Open the socket, or say that nothing else is here."""
        if not _is_handshake(self.request.headers):
            raise NoHandshake
        await super().get(*args, **kwargs)

    def set_default_headers(self) -> None:
        """Leave out of a handshake's answer what is for documents, scripts and caches."""
        if self.request.method == "GET":
            self.clear_header("Server")
        else:
            super().set_default_headers()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the error, and with "upgrade required" to what."""
        super().set_default_headers()
        if status_code == HTTPStatus.UPGRADE_REQUIRED:
            self.set_header("Upgrade", "websocket")
            self.set_header("Sec-WebSocket-Version", "13")
        super().write_error(status_code, **kwargs)

    def check_origin(self, origin: str) -> bool:
        """Accept the handshake: a page can read a close code, but no HTTP status.

        `open` refuses other origins before anything is done for them. Tornado
        would not ask here when Host repeats the origin, which proves nothing.
        """
        return True

    def get_websocket_protocol(self) -> Frames | None:
        """Return what reads and writes the frames."""
        tornados: Any = super().get_websocket_protocol()
        return tornados and Frames(self, mask_outgoing=False, params=tornados.params)

    def open(self, *args: str, **kwargs: str) -> None:
        # Else the first code, written right after the handshake's answer, waits
        # for the acknowledgement of that: 40 ms with delayed ACKs.
        self.set_nodelay(True)
        site, self._from = self.context.site, self.address()
        origin = self.request.headers.get("Origin")
        if origin is not None and origin not in site.origins:
            self._refuse("origin")
            return
        if not site.answers_to(self.request.host_name):
            self._refuse("host")
            return
        if 0 < site.sockets_per_address <= self.context.sockets.of(self._from):
            self._refuse("sockets_per_address")
            return
        self.context.sockets.add(self, self._from)
        self._heartbeat.add(self)
        metrics.sockets_open.inc()
        self._since, self._frames = time.monotonic(), 0
        self.page = self.context.pages.open(self.opener(), self._send, self._close)
        self._forget_request()
        loop = asyncio.get_running_loop()
        self._hello = loop.call_later(site.hello_seconds, self._expect_hello)

    async def on_message(self, message: str | bytes) -> None:
        if self.page is None:
            return
        self._frames += 1
        if self._frames > self.context.site.flood_frames:
            if time.monotonic() - self._since < FLOOD_SECONDS:
                self._refuse("flood")
                return
            self._since, self._frames = time.monotonic(), 0
        await self.page.receive(message)

    def on_close(self) -> None:
        if self.page is None:
            return
        page, self.page = self.page, None
        self._hello.cancel()
        self.context.sockets.discard(self)
        self._heartbeat.discard(self)
        metrics.sockets_open.dec()
        self.context.pages.spawn(page.end())

    def on_pong(self, data: bytes) -> None:
        self.answers = True

    def ask(self) -> None:
        """Send a ping; browsers answer it by themselves."""
        with suppress(WebSocketClosedError):
            self.ping()

    def give_up(self) -> None:
        """Close the socket, and after a while the connection: no pong came."""
        self.close(reason="ping timed out")

    @property
    def _heartbeat(self) -> Heartbeat:
        heartbeat: Heartbeat = self.settings["heartbeat"]
        return heartbeat

    def _forget_request(self) -> None:
        """Let go of what the handshake leaves behind: a third of an idle page's memory."""
        self.request, self._headers = PAST, PAST.headers
        self._transforms, self.ui = [], ObjectDict()

    def _expect_hello(self) -> None:
        if self.page and not self.page.asked:
            self.close(CloseCode.TRY_LATER, "no get_qr")

    def _refuse(self, reason: str) -> None:
        log.info("socket refused reason=%s address=%s", reason, self._from)
        if reason not in {"host", "origin"}:
            self._send(encode(Error(Problem(ErrorCode.RATE_LIMITED, "Too many pages.", 30))))
        self._close(CloseCode.REFUSED, reason)

    def _send(self, frame: str) -> None:
        # A socket that closes under us is no error: on_close tells the page, and
        # what it was to hear is in the record.
        size = len(frame)
        if self._unread > self.context.site.unread_bytes:
            return
        self._unread += size
        if isinstance(self.ws_connection, Frames):
            with suppress(WebSocketClosedError):
                self.ws_connection.write_text(frame).add_done_callback(partial(self._seen, size))
        if self._unread > self.context.site.unread_bytes:
            log.info("socket refused reason=unread address=%s", self._from)
            self._cut()

    def _cut(self) -> None:
        """Lose the connection: who reads nothing would not read a close code either."""
        if self.ws_connection and self.ws_connection.stream:
            self.ws_connection.stream.close()

    def _seen(self, size: int, written: "asyncio.Future[Any]") -> None:
        """Count what has left us; what failed is no error, as the socket is closed then."""
        if not written.cancelled() and not written.exception():
            self._unread -= size

    def _close(self, code: int, reason: str | None = None) -> None:
        self.close(code, reason)


def _is_handshake(headers: HTTPHeaders) -> bool:
    """Tell whether a WebSocket is asked for. Source: RFC 6455 §4.2.1."""
    named = {name: headers.get(name, "").lower() for name in ("Upgrade", "Connection")}
    return (
        named["Upgrade"] == "websocket"
        and "upgrade" in map(str.strip, named["Connection"].split(","))
        and headers.get("Sec-WebSocket-Version") == "13"
        and bool(headers.get("Sec-WebSocket-Key"))
    )

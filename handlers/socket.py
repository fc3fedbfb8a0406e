"""`/ws` as Tornado sees it: the handshake of a page's socket, where the front door left it."""

from http import HTTPStatus
from typing import Any

from tornado.iostream import IOStream

from handlers.base import BaseHandler
from handlers.handshake import acceptance, is_handshake
from handlers.open_socket import Caller, OpenSocket
from handlers.stream_transport import StreamTransport
from login import LoginError


class NoHandshake(LoginError):
    """A request that opens no WebSocket."""

    code, status = "upgrade_required", HTTPStatus.UPGRADE_REQUIRED
    text = "Only a WebSocket can be opened here."


class SocketHandler(BaseHandler):
    """Opens sockets, also those of pages that are then sent away.

    A page can read a close code, but no HTTP status.
    """

    def _check_host(self) -> None:
        """Leave it to the socket, as the origin."""

    def get(self) -> None:
        """Open the socket, or say that nothing else is here."""
        headers = self.request.headers
        if self.request.version == "HTTP/1.0" or not is_handshake(headers):
            raise NoHandshake
        self.clear_header("Content-Type")
        self.set_status(HTTPStatus.SWITCHING_PROTOCOLS)
        for name, value in acceptance(headers["Sec-WebSocket-Key"]):
            self.set_header(name, value)
        caller = Caller(headers.get("Origin"), self.request.host_name, self.opener())
        self.finish()
        stream: IOStream = self.detach()
        socket = OpenSocket(self.context, caller)
        self.context.pages.spawn(StreamTransport(stream, socket).run())

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

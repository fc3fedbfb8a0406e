"""Tornado's stream, as asyncio's protocols know a connection.

For sockets whose handshake came to Tornado: after another request on the same connection, in
pieces, or under TLS.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from socket import SHUT_WR
from typing import Any

from tornado.iostream import IOStream, SSLIOStream, StreamClosedError

CHUNK_BYTES = 4096


class StreamTransport(asyncio.Transport):
    """What *protocol* has of *stream*."""

    def __init__(self, stream: IOStream, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._stream = stream
        self._protocol = protocol
        self._unwritten = 0
        self._then: Callable[[], None] | None = None
        """What is to be done when everything is written."""

    async def run(self) -> None:
        """Be its connection until that ends."""
        self._protocol.connection_made(self)
        try:
            self._stream.set_nodelay(True)
            while True:
                data = await self._stream.read_bytes(CHUNK_BYTES, partial=True)
                self._protocol.data_received(data)
        except StreamClosedError:
            self._protocol.connection_lost(None)

    def write(self, data: Any) -> None:
        """Send *data*, unless the connection is closed."""
        with suppress(StreamClosedError):
            written = self._stream.write(data)
            self._unwritten += len(data)
            written.add_done_callback(partial(self._written, len(data)))

    def get_write_buffer_size(self) -> int:
        """Return how many bytes were not sent yet."""
        return self._unwritten

    def can_write_eof(self) -> bool:
        """Tell whether this side may end first."""
        return not isinstance(self._stream, SSLIOStream)

    def write_eof(self) -> None:
        """End this side, when everything is sent."""
        self._when_written(self._shut_down)

    def close(self) -> None:
        """End the connection, when everything is sent."""
        self._when_written(self._stream.close)

    def abort(self) -> None:
        """End the connection now."""
        self._stream.close()

    def _when_written(self, then: Callable[[], None]) -> None:
        self._then = then
        if not self._unwritten:
            then()

    def _written(self, size: int, _: "asyncio.Future[None]") -> None:
        self._unwritten -= size
        if not self._unwritten and self._then:
            self._then()

    def _shut_down(self) -> None:
        if not self._stream.closed():
            with suppress(OSError):  # the other side was faster
                self._stream.socket.shutdown(SHUT_WR)

"""Tornado's WebSocket, which holds and does less for a page that is only open.

As Tornado has it, the coroutines of the handshake wait for as long as the socket is
open, and a frame takes three reads of the stream. Here they end once the socket is
open, and a frame that has come is read at once; what a frame means stays Tornado's.
"""

import asyncio

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketProtocol13

CHUNK_BYTES = 4096
# Opcode of a text frame. Source: RFC 6455 §5.2.
TEXT = 0x1


class Frames(WebSocketProtocol13):
    """The frames of one socket."""

    # In the dict that Tornado's attributes fill to the brim these two would cost 1 KiB.
    __slots__ = ("_reading", "_received")

    def write_text(self, text: str) -> "asyncio.Future[None]":
        """Write a message, without a task that waits for it; the future ends when it has left.

        Raises:
            WebSocketClosedError: when the socket is closed, or closing.
        """
        if self.is_closing():
            raise WebSocketClosedError
        try:
            return self._write_frame(True, TEXT, text.encode())
        except StreamClosedError:
            raise WebSocketClosedError from None

    async def _receive_frame_loop(self) -> None:
        """Begin to read; `_reading` ends with the stream."""
        self._received = b""
        self._reading = asyncio.create_task(super()._receive_frame_loop())

    async def _read_bytes(self, n: int) -> bytes:
        while len(self._received) < n:
            self._received += await self.stream.read_bytes(CHUNK_BYTES, partial=True)
        data, self._received = self._received[:n], self._received[n:]
        self._wire_bytes_in += n
        return data

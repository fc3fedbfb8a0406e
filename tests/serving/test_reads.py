"""How much asyncio reads at once, which is asyncio's own affair until we say otherwise."""

import asyncio
import socket

import server

MUCH = 200_000


class Reader(asyncio.Protocol):
    """Notes the size of each read."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.all = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Note it."""
        self.sizes.append(len(data))
        if sum(self.sizes) == MUCH:
            self.all.set()


async def test_no_read_is_larger_than_said() -> None:
    """
    What has come meanwhile is read piece by piece, and all of it.
    """
    server.read_less_at_once()
    ours, theirs = socket.socketpair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * MUCH)
    theirs.sendall(bytes(MUCH))
    loop = asyncio.get_running_loop()

    transport, reader = await loop.connect_accepted_socket(Reader, ours)
    await reader.all.wait()

    transport.close()
    theirs.close()
    assert max(reader.sizes) == server.READ_BYTES
    assert len(reader.sizes) > 1

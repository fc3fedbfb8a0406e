"""A connection to the store that can lose an answer after the store has done what was asked.

async with lossy_store(store_url, prefix) as (store, link):
    link.lose_next_answer()
    await something(store)  # asks twice, and the store does it twice

It can also keep a question on its way while other things happen, pass answers on in pieces,
and say what nobody asked for.
"""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from store import Store, connect


class _Line:
    """One connection through the link."""

    expects_script = False
    """Whether the answer to come is that of a script which may be lost."""


class LossyLink:
    """Stands between a client and the store, and cuts the line when it is told to."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._armed = False
        self._wanted = b""
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._kept = b""
        self._writers: set[asyncio.StreamWriter] = set()
        self.piece_bytes = 65536
        """How much of an answer comes at once."""
        self.lost = 0
        """How many answers were lost."""
        self.asked = 0
        """How often something was asked, a batch of commands once."""
        self.waiting = asyncio.Event()
        """Whether a question waits on its way."""
        self.gate = asyncio.Event()
        """Lets it go on."""

    def lose_next_answer(self, script: Path | None = None) -> None:
        """Lose the next answer of a script, or of that one, that was carried out."""
        self._armed = True
        self._wanted = _name_of(script) if script else b""

    def keep_next_question(self, script: Path) -> None:
        """Keep the next call of *script* from the store until the gate is open."""
        self._kept = _name_of(script)

    def say(self, data: bytes) -> None:
        """Send that to every client, as if the store had said it."""
        for writer in self._writers:
            writer.write(data)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection both ways until one end is closed."""
        self._lines += 1
        self._idle.clear()
        store_reader, store_writer = await asyncio.open_unix_connection(self._path)
        line = _Line()
        there = asyncio.create_task(self._ask(line, reader, store_writer))
        back = asyncio.create_task(self._answer(line, store_reader, writer))
        self._tasks |= {there, back}
        self._writers.add(writer)
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        for task in (there, back):
            task.cancel()
        await asyncio.wait({there, back})
        self._tasks -= {there, back}
        self._writers.discard(writer)
        for each in (writer, store_writer):
            each.close()
            with suppress(OSError):
                await each.wait_closed()
        self._lines -= 1
        if not self._lines:
            self._idle.set()

    async def closed(self) -> None:
        """Return when no line is open any more: its clients have closed theirs."""
        await self._idle.wait()

    async def _ask(
        self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(65536):
            self.asked += 1
            line.expects_script = b"EVAL" in data and self._wanted in data
            if self._kept and self._kept in data:
                self._kept = b""
                self.waiting.set()
                await self.gate.wait()
            writer.write(data)

    async def _answer(
        self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(65536):
            # A script that the store does not know yet was not carried out.
            if self._armed and line.expects_script and not data.startswith(b"-"):
                self._armed = False
                self.lost += 1
                return
            for start in range(0, len(data), self.piece_bytes):
                writer.write(data[start : start + self.piece_bytes])
                await asyncio.sleep(0)  # so that it is read before the next


def _name_of(script: Path) -> bytes:
    return hashlib.sha1(script.read_bytes()).hexdigest().encode()


@asynccontextmanager
async def lossy_store(
    url: str, prefix: str, *, tls: ssl.SSLContext | None = None, query: str = ""
) -> AsyncIterator[tuple[Store, LossyLink]]:
    """Connect to the store at *url*, a Unix socket, over a link that can lose answers."""
    link = LossyLink(url.removeprefix("unix://"))
    server = await asyncio.start_server(link.serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}?{query}"
        async with connect(f"{'rediss' if tls else 'redis'}://{address}", prefix) as store:
            yield store, link
    await server.wait_closed()
    await link.closed()

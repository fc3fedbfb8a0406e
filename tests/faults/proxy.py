"""A TCP proxy that misbehaves on request: it cuts, delays, falls silent, refuses.

async with open_proxy(("127.0.0.1", 6379)) as proxy:
    proxy.slow(0.5)         # seconds for each chunk, both ways; of all lines or some
    proxy.silence()         # lines stay up and carry nothing, new ones too (half-open)
    proxy.heal()
    proxy.cut(SUBSCRIBERS)  # reset some of the lines, or all
    proxy.forbidden = b"…"  # lines that carry these bytes are reset
    proxy.refuse()          # nobody listens any more, and all lines are cut
    await proxy.accept()
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

Target = tuple[str, int] | str
"""Host and port, or the path of a unix socket."""


class Line:
    """One connection through the proxy."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self.writers = writers
        self.subscribes = False
        """Whether a SUBSCRIBE went through it."""
        self.flows = asyncio.Event()
        self.delay = 0.0

    def reset(self) -> None:
        """Cut both ends without a word."""
        for writer in self.writers:
            writer.transport.abort()


Which = Callable[[Line], bool]


def EVERYBODY(line: Line) -> bool:  # noqa: N802, a constant to its users
    """Every line."""
    return True


def SUBSCRIBERS(line: Line) -> bool:  # noqa: N802
    """Lines that carry a subscription."""
    return line.subscribes


class Proxy:
    """Listens on a port of its own and passes everything on, as far as it is let."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.port = 0
        self.lines: set[Line] = set()
        self.forbidden = b""
        self._silent = False
        self._delay = 0.0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Its address as a Redis store."""
        return f"redis://127.0.0.1:{self.port}"

    async def accept(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Do not listen; cut what there is."""
        if self._server:
            self._server.close()
        self.cut()

    def cut(self, which: Which = EVERYBODY) -> int:
        """Reset lines; return how many."""
        chosen = [line for line in self.lines if which(line)]
        for line in chosen:
            line.reset()
        return len(chosen)

    def slow(self, seconds: float, which: Which | None = None) -> None:
        """Delay each chunk on some of the lines, by default on all and on new ones."""
        self._delay = seconds if which is None else self._delay
        for line in self.lines:
            if which is None or which(line):
                line.delay = seconds

    def silence(self, which: Which | None = None) -> int:
        """Carry nothing on some lines, by default on all and on new ones; return how many."""
        self._silent = which is None
        chosen = [line for line in self.lines if which is None or which(line)]
        for line in chosen:
            line.flows.clear()
        return len(chosen)

    def heal(self) -> None:
        """Carry everything again, at once; what was held back too."""
        self._silent, self._delay = False, 0.0
        for line in self.lines:
            line.delay = 0.0
            line.flows.set()

    async def close(self) -> None:
        """Stop, and wait until every line has ended."""
        self.refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        line = Line(writer, there)
        line.delay = self._delay
        if not self._silent:
            line.flows.set()
        self.lines.add(line)
        pumps = {
            asyncio.create_task(self._pump(reader, there, line)),
            asyncio.create_task(self._pump(there_reader, writer, line)),
        }
        self._tasks |= pumps
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.lines.discard(line)
            line.reset()
            for pump in pumps:
                pump.cancel()
            self._tasks -= pumps

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.target, str):
            return await asyncio.open_unix_connection(self.target)
        return await asyncio.open_connection(*self.target)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: Line
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                line.subscribes |= b"SUBSCRIBE" in data
                if self.forbidden and self.forbidden in data:
                    line.reset()
                if line.delay:
                    await asyncio.sleep(line.delay)
                await line.flows.wait()
                writer.write(data)
                await writer.drain()


@asynccontextmanager
async def open_proxy(target: Target) -> AsyncIterator[Proxy]:
    """Run a proxy to *target*."""
    proxy = Proxy(target)
    await proxy.accept()
    try:
        yield proxy
    finally:
        await proxy.close()

"""The load: pages that are opened, scanned and closed, and what came of that.

One process and one loop. In a closed loop each worker waits for the answer to
the push and for the page to be told; at a fixed rate scans are due at random
moments, and their latency counts from then, however late they were sent.
"""

import asyncio
import itertools
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import TypeVar

from benchmarks.wechat import known_openid, new_openid, push
from benchmarks.wire import HOST, PATIENCE_SECONDS, Caller, Errors, Page

Connection = TypeVar("Connection", Caller, Page)
CALLERS = 48
"""Connections that pushes come over."""


class Load:
    """What one server is put under."""

    def __init__(
        self, port: int, *, patience: float = PATIENCE_SECONDS, source: str = HOST
    ) -> None:
        self.port = port
        self._source = source
        self._patience = patience
        self.errors = Errors()
        self.fresh: deque[Page] = deque()
        """Pages whose code was not scanned yet."""
        self.scanned: list[Page] = []
        self._cookies = ""
        self._callers: asyncio.Queue[Caller] = asyncio.Queue()
        self._scans = itertools.count()
        self._random = random.Random(7)  # noqa: S311, the same arrivals in every run

    async def visit(self) -> None:
        """Load the sign-in page as a browser does before it opens a socket; keep the cookies."""
        for _ in range(CALLERS):
            self._callers.put_nowait(await self._connect(Caller))
        async with self._caller() as caller:
            status, head = await caller.call(
                f"GET / HTTP/1.1\r\nHost: {HOST}:{self.port}\r\n{BROWSER}\r\n".encode()
            )
        if status != 200:
            self.errors[f"sign-in page {status}"] += 1
        lines = (line for line in head.split(b"\r\n") if line.lower().startswith(b"set-cookie:"))
        self._cookies = "; ".join(
            line.partition(b":")[2].partition(b";")[0].strip().decode() for line in lines
        )

    async def open(self, count: int, at_once: int) -> None:
        """Open *count* pages, each with a code, *at_once* at a time."""

        async def one() -> None:
            self.fresh.append(await self._open())

        await self._in_turn(count, at_once, one)

    async def renew(self, at_once: int) -> None:
        """Give every page that was scanned a new code."""

        async def one() -> None:
            page = self.scanned.pop()
            await self._within(page.ask(), "no code")
            self.fresh.append(page)

        await self._in_turn(len(self.scanned), at_once, one)

    async def scan(self, count: int, at_once: int) -> list[float]:
        """Scan *count* pages in a closed loop; return the seconds that each took to be told."""
        latencies = []

        async def one() -> None:
            latencies.append(await self._scan(self.fresh.popleft(), time.perf_counter()))

        await self._in_turn(count, at_once, one)
        return latencies

    async def scan_at_rate(self, count: int, rate: float) -> list[float]:
        """Scan *count* pages, *rate* a second; return the seconds that each took from when due."""
        start, due, tasks = time.perf_counter(), 0.0, []
        for _ in range(count):
            due += self._random.expovariate(rate)
            await asyncio.sleep(max(0.0, start + due - time.perf_counter()))
            tasks.append(asyncio.create_task(self._scan(self.fresh.popleft(), start + due)))
        return await asyncio.gather(*tasks)

    async def log_in(self, count: int, at_once: int) -> None:
        """Live *count* whole lives of a page: connect, code, scan, outcome, close."""

        async def one() -> None:
            page = await self._open()
            await self._scan(page, time.perf_counter())
            page.close()
            await self._within(page.ended, "close not answered")

        await self._in_turn(count, at_once, one)
        self.scanned = [page for page in self.scanned if not page.ended.done()]

    async def leave(self) -> None:
        """Close all pages at the same moment."""
        pages = [*self.fresh, *self.scanned]
        for page in pages:
            page.close()
        await asyncio.gather(*(self._within(page.ended, "close not answered") for page in pages))
        self.fresh.clear()
        self.scanned.clear()

    def end(self) -> None:
        """Drop every connection that is left."""
        while not self._callers.empty():
            self._callers.get_nowait().transport.abort()
        for page in (*self.fresh, *self.scanned):
            page.transport.abort()

    async def _open(self) -> Page:
        request = (
            f"GET /ws HTTP/1.1\r\nHost: {HOST}:{self.port}\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nOrigin: http://{HOST}:{self.port}\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
            f"{BROWSER}Cookie: {self._cookies}\r\n\r\n"
        ).encode()
        page = await self._connect(lambda: Page(request, self.errors))
        await self._within(page.ask(), "no code")
        return page

    async def _scan(self, page: Page, due: float) -> float:
        number = next(self._scans)
        openid = new_openid(number) if number % 2 else known_openid(number)
        async with self._caller() as caller:
            told = page.expect("bind_required" if number % 2 else "success")
            answer = caller.call(push(self.port, page.ticket, openid))
            await self._within(answer, "push not answered")
            if answer.done() and not answer.cancelled() and answer.result()[0] != 200:
                self.errors[f"push answered {answer.result()[0]}"] += 1
        await self._within(told, "lost")
        self.scanned.append(page)
        return page.pushed_at - due

    async def _within(self, event: Awaitable[object], trouble: str) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await event
        except TimeoutError:
            self.errors[trouble] += 1

    @asynccontextmanager
    async def _caller(self) -> AsyncIterator[Caller]:
        caller = await self._callers.get()
        if caller.ended.done():  # the server closes connections that rested for long
            caller = await self._connect(Caller)
        try:
            yield caller
        finally:
            self._callers.put_nowait(caller)

    async def _connect(self, kind: Callable[[], Connection]) -> Connection:
        loop = asyncio.get_running_loop()
        connecting = loop.create_connection(kind, HOST, self.port, local_addr=(self._source, 0))
        return (await connecting)[1]

    async def _in_turn(self, count: int, at_once: int, one: Callable[[], Awaitable[None]]) -> None:
        numbers: Iterator[int] = iter(range(count))

        async def worker() -> None:
            for _ in numbers:
                await one()

        await asyncio.gather(*(worker() for _ in range(at_once)))


# What browsers send with every request.
BROWSER = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: zh-CN,zh;q=0.9,en;q=0.8\r\n"
    "Cache-Control: no-cache\r\nPragma: no-cache\r\n"
)

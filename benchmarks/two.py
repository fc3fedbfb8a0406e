"""What a second process adds: `python -m benchmarks.two`.

Both share one port, so about half of the scans come to the process that does not
have the page. In each round one process and two serve the same scans in turn, in
a closed loop that keeps them busy. Two processes, the load and the store want more
cores than a small machine has; so beside the scans a second that came of it stands
how many the servers would do with a core for each process: what their CPU time says.
Callgrind then counts a scan in the process that has the page, and one elsewhere.
"""

import argparse
import asyncio
import os
import sys
from dataclasses import replace

from redis.asyncio import Redis

from benchmarks.instructions import PAGES as COUNTED_PAGES
from benchmarks.instructions import Callgrind, callgrind, has_valgrind
from benchmarks.load import Load
from benchmarks.measure import busy_seconds, cpu_seconds, median, processes
from benchmarks.servers import SAOMA, BenchmarkError, Where, prepared, running
from benchmarks.wire import Errors

AT_ONCE = 24
"""Scans under way for each process, so that batches are as large, however many there are."""
WARM_UP = 200
PAGES = 500
SCANS = 3000
COUNTED_AT_ONCE = 16
VALGRIND_PATIENCE = 60.0

Figures = dict[str, float]
Round = tuple[Figures, Figures]
"""What one process took for a scan, and what two took."""


# ---- time


async def take_turn(where: Where, errors: Errors) -> Figures:
    """Return what a scan takes of a fresh server with the processes that *where* asks for."""
    async with Redis.from_url(where.store) as redis:
        await redis.flushall()
        store = int((await redis.info("server"))["process_id"])
    async with running(SAOMA, where) as (server, port):
        load = Load(port)
        try:
            return await _scan(load, server, store, AT_ONCE * where.workers)
        finally:
            load.end()
            errors += load.errors


async def _scan(load: Load, server: int, store: int, at_once: int) -> Figures:
    await load.visit()
    await load.open(WARM_UP, at_once)
    await load.scan(WARM_UP, at_once)
    await load.leave()
    await load.open(PAGES, at_once)
    spent, scans = Figures(), 0
    while scans < SCANS:
        before = _clocks(server, store)
        scans += len(await load.scan(PAGES, at_once))
        for name, now in _clocks(server, store).items():
            spent[name] = spent.get(name, 0.0) + now - before[name]
        await load.renew(at_once)
    return {name: seconds / scans for name, seconds in spent.items()}


def _clocks(server: int, store: int) -> Figures:
    """Return the time, and the CPU time of the server's processes and of all others."""
    used = {
        "server": sum(map(cpu_seconds, processes(server))),
        "store": cpu_seconds(store),
        "load": cpu_seconds(os.getpid()),
    }
    others = busy_seconds() - sum(used.values())
    return {**used, "others": others, "time": asyncio.get_running_loop().time()}


async def measure(where: Where, rounds: int, errors: Errors) -> list[Round]:
    """Return what a scan takes in each round; what goes wrong is added to *errors*."""
    found = []
    for number in range(rounds):
        turns = {}
        for workers in (1, 2) if number % 2 else (2, 1):
            turns[workers] = await take_turn(replace(where, workers=workers), errors)
        found.append((turns[1], turns[2]))
    return found


def render(found: list[Round]) -> str:
    """Return the medians and the ratios as text."""
    rows = {
        "CPU for a scan, µs": [(1e6 * a["server"], 1e6 * b["server"]) for a, b in found],
        "the store's CPU for a scan, µs": [(1e6 * a["store"], 1e6 * b["store"]) for a, b in found],
        "the load's CPU for a scan, µs": [(1e6 * a["load"], 1e6 * b["load"]) for a, b in found],
        "scans a second on this machine": [(1 / a["time"], 1 / b["time"]) for a, b in found],
        "… with a core for each process": [(1 / a["server"], 2 / b["server"]) for a, b in found],
    }
    lines = [f"{'':34}{'one':>8}{'two':>8}{'ratio':>8}   min - max"]
    for title, pairs in rows.items():
        ratios = [two / one for one, two in pairs]
        one, two = (median(values) for values in zip(*pairs, strict=True))
        spread = f"{min(ratios):.2f} - {max(ratios):.2f}"
        lines.append(f"{title:34}{one:>8,.0f}{two:>8,.0f}{median(ratios):>8.2f}   {spread}")
    others = median([turn["others"] / turn["time"] for pair in found for turn in pair])
    return "\n".join([*lines, f"other programs used {others:.2f} cores"])


# ---- instructions


async def count(where: Where, errors: Errors) -> tuple[float, float]:
    """Return the thousands of instructions of a scan: where its page is, and elsewhere.

    Elsewhere, it is those of both processes.
    """
    async with (
        running(SAOMA, where, callgrind(where.folder, "here")) as (here, pages),
        running(SAOMA, where, callgrind(where.folder, "there")) as (there, other),
    ):
        both = Callgrind(here, where.folder), Callgrind(there, where.folder)
        local = await _count(*both, Load(pages, patience=VALGRIND_PATIENCE), pages, errors)
        remote = await _count(*both, Load(other, patience=VALGRIND_PATIENCE), pages, errors)
    return local, remote


async def _count(
    here: Callgrind, there: Callgrind, load: Load, pages: int, errors: Errors
) -> float:
    await load.visit()
    load.port = pages  # the connections that pushes come over stay where they are
    counted = []

    async def scan() -> None:
        counted.append(await there.count(lambda: load.scan(COUNTED_PAGES, COUNTED_AT_ONCE)))

    for _ in range(2):
        await load.open(COUNTED_PAGES, COUNTED_AT_ONCE)
        await load.scan(COUNTED_PAGES, COUNTED_AT_ONCE)
        await load.leave()
    await load.open(COUNTED_PAGES, COUNTED_AT_ONCE)
    counted.append(await here.count(scan))
    await load.leave()
    load.end()
    errors += load.errors
    return sum(counted) / COUNTED_PAGES / 1000


async def run(rounds: int) -> tuple[str, Errors]:
    """Return what to print, and what went wrong."""
    errors = Errors()
    async with prepared() as where:
        lines = [render(await measure(where, rounds, errors))]
        if has_valgrind():
            local, remote = await count(where, errors)
            lines.append(f"thousands of instructions of a scan where its page is: {local:,.0f}")
            lines.append(f"… elsewhere, in both processes: {remote:,.0f}")
            lines.append(f"… so two processes do {4 * local / (local + remote):.2f} times one's")
    wrong = "; ".join(f"{number} {trouble}" for trouble, number in errors.items())
    return "\n".join([*lines, f"wrong: {wrong or 'nothing'}"]), errors


def main() -> int:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description="What a second process adds.")
    parser.add_argument("--rounds", type=int, default=5)
    try:
        text, errors = asyncio.run(run(parser.parse_args().rounds))
    except BenchmarkError as error:
        print(f"two: {error}", file=sys.stderr)  # noqa: T201
        return 2
    print(text)  # noqa: T201, what this program is for
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())

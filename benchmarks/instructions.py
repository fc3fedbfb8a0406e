"""Counts what a scan and a login cost in instructions: `python -m benchmarks.instructions`.

Valgrind's callgrind counts what the server's process does in user space. That
hardly depends on how busy the machine is, where a time is spoilt by everything
else that runs; it leaves out the kernel's work and waiting for memory.
"""

import argparse
import asyncio
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from redis.asyncio import Redis

from benchmarks.load import Load
from benchmarks.servers import (
    ASKING,
    BASELINE,
    SAOMA,
    BenchmarkError,
    Kind,
    Where,
    prepared,
    running,
)

PAGES = 64
AT_ONCE = 16
WARM_UP = 2
"""Everything is used that often before it counts."""
DUMP_SECONDS = 60.0
SETTLE_SECONDS = 1.0


class Callgrind:
    """Counts the instructions of a process that runs under callgrind."""

    def __init__(self, pid: int, folder: Path) -> None:
        self._pid = pid
        self._folder = folder

    async def count(self, work: Callable[[], Awaitable[object]]) -> int:
        """Return how many instructions the process needs while *work* is done."""
        self._control("--instr=on")
        await work()
        await asyncio.sleep(SETTLE_SECONDS)  # for what it does after its last answer
        self._control("--instr=off")
        known = set(self._folder.glob("callgrind.*"))
        self._control("--dump")
        deadline = time.monotonic() + DUMP_SECONDS
        while time.monotonic() < deadline:
            for file in set(self._folder.glob("callgrind.*")) - known:
                total = re.search(r"^totals: (\d+)", file.read_text(), re.MULTILINE)
                if total:
                    return int(total[1])
            await asyncio.sleep(0.1)
        raise BenchmarkError("callgrind did not write its count")

    def _control(self, order: str) -> None:
        subprocess.run(  # noqa: S603, valgrind's own tool
            [_tool("callgrind_control"), order, str(self._pid)], check=True, capture_output=True
        )


def callgrind(folder: Path, name: str) -> list[str]:
    """Return the command that a server is run with; counts go to *folder*, under *name*."""
    return [
        *(_tool("valgrind"), "--quiet", "--tool=callgrind", "--instr-atstart=no"),
        f"--callgrind-out-file={folder}/callgrind.{name}",
    ]


async def measure(kind: Kind, where: Where, pages: int = PAGES) -> dict[str, float]:
    """Return the thousands of instructions that a page, a scan and a login of *kind* need.

    Each is counted over so many *pages*, sixteen at a time, and scans one by one too.
    """
    async with Redis.from_url(where.store) as redis:
        await redis.flushall()
    async with running(kind, where, callgrind(where.folder, kind.name)) as (pid, port):
        load = Load(port, patience=60.0)
        try:
            counted = await _phases(load, Callgrind(pid, where.folder), pages)
        finally:
            load.end()
        if load.errors:
            raise BenchmarkError(f"{kind.name}: {dict(load.errors)}")
    return counted


async def _phases(load: Load, counter: Callgrind, pages: int) -> dict[str, float]:
    await load.visit()
    for _ in range(WARM_UP):
        await load.open(pages, AT_ONCE)
        await load.scan(pages, AT_ONCE)
        await load.log_in(AT_ONCE, AT_ONCE)
        await load.leave()
    counts = {"page": await counter.count(lambda: load.open(pages, AT_ONCE))}
    counts["scan"] = await counter.count(lambda: load.scan(pages, AT_ONCE))
    await load.renew(AT_ONCE)
    counts["scan, alone"] = await counter.count(lambda: load.scan(pages, 1))
    counts["login"] = await counter.count(lambda: load.log_in(pages, AT_ONCE))
    return {name: count / pages / 1000 for name, count in counts.items()}


async def run(kinds: list[Kind], pages: int = PAGES) -> dict[str, dict[str, float]]:
    """Return the counts of all *kinds* of servers, as `measure` does."""
    async with prepared() as where:
        return {kind.name: await measure(kind, where, pages) for kind in kinds}


def has_valgrind() -> bool:
    """Tell whether anything can be counted here."""
    return shutil.which("valgrind") is not None


def _tool(name: str) -> str:
    tool = shutil.which(name)
    if tool is None:
        raise BenchmarkError(f"{name} is not installed; on Debian: apt-get install valgrind")
    return tool


def main() -> int:
    """Count and print."""
    parser = argparse.ArgumentParser(description="What Saoma costs in instructions.")
    parser.add_argument("--only", choices=[kind.name for kind in (SAOMA, BASELINE, ASKING)])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    try:
        kinds = [kind for kind in (SAOMA, BASELINE, ASKING) if options.only in {None, kind.name}]
        counts = asyncio.run(run(kinds))
    except BenchmarkError as error:
        print(f"bench: {error}", file=sys.stderr)  # noqa: T201
        return 2
    for kind, figures in counts.items():
        line = "  ".join(f"{name} {count:,.0f}" for name, count in figures.items())
        print(f"{kind:10} thousand instructions: {line}")  # noqa: T201
    if options.out:
        options.out.write_text(json.dumps(counts, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

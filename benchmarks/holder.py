"""Holds pages open and lets them be: `python -m benchmarks.holder PORT PAGES SOURCE`.

A process of its own, because one may have only so many open files. It says
`open` when all pages show a code, and waits; at the first line it reads, all
pages close at the same moment, and it says what went wrong and how long that took.
"""

import asyncio
import json
import sys
import time

from benchmarks.load import Load

AT_ONCE = 32
# Thousands of pages closing at once take their time, and so does a page that waits for its turn.
PATIENCE_SECONDS = 120.0


async def hold(port: int, pages: int, source: str) -> None:
    """Hold *pages*, connected from the address *source*."""
    load = Load(port, patience=PATIENCE_SECONDS, source=source)
    await load.visit()
    await load.open(pages, AT_ONCE)
    _say({"open": len(load.fresh), "errors": load.errors})
    await asyncio.to_thread(sys.stdin.readline)
    start = time.perf_counter()
    await load.leave()
    _say({"seconds": time.perf_counter() - start, "errors": load.errors})
    load.end()


def _say(what: dict[str, object]) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201, whoever started us reads it


if __name__ == "__main__":
    asyncio.run(hold(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))

"""Timers of pages: thousands that wait long, behind one timer of the loop.

The loop keeps its timers in a heap. With some for every page in it, whatever else sets a
timer, as each scan does, has to find its place among them, by steps far apart in memory.
Here timers that end in the same tenth of a second share a bag, and the loop knows of the next
tenth only.
"""

import asyncio
import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

GRAIN_SECONDS = 0.1
"""How much later than asked for a timer may end."""
AT_ONCE = 4
"""How many end before the loop looks at what else has come: a scan waits for no more than these."""


class Timer:
    """Something to be done later, once."""

    __slots__ = ("_bag", "_then")

    def __init__(self, bag: "set[Timer]", then: Callable[[], object]) -> None:
        self._bag = bag
        self._then: Callable[[], object] | None = then
        bag.add(self)

    def cancel(self) -> None:
        """Do it no more, and let go of it. Too late, or once more, this does nothing."""
        self._then = None
        self._bag.discard(self)

    def end(self) -> None:
        """Do it now, and let go of it."""
        then, self._then = self._then, None
        if then:
            then()


class Timers:
    """The timers of one process. Made in its loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._bags: dict[int, set[Timer]] = {}
        """By the grain of the loop's time in which they end."""
        self._grain = 0
        """The last one whose timers have all ended."""
        self._tick: asyncio.Handle | None = None

    def call_later(self, seconds: float, then: Callable[[], object]) -> Timer:
        """Call *then* in *seconds*, or up to a grain later; never before this returns."""
        now = self._loop.time()
        if self._tick is None:
            self._grain = int(now / GRAIN_SECONDS)
            self._wait()
        grain = int((now + max(0.0, seconds)) / GRAIN_SECONDS) + 1
        bag = self._bags.get(grain)
        if bag is None:
            bag = self._bags[grain] = set()
        return Timer(bag, then)

    def _wait(self) -> None:
        self._tick = self._loop.call_at((self._grain + 1) * GRAIN_SECONDS, self._go_on)

    def _go_on(self) -> None:
        over = int(self._loop.time() / GRAIN_SECONDS)
        for _ in range(AT_ONCE):
            timer = self._take(over)
            if timer is None:
                break
            try:
                timer.end()
            except Exception:  # one page's trouble must not keep the others waiting
                log.exception("timer failed")
        self._tick = None
        if self._grain < over:
            self._tick = self._loop.call_soon(self._go_on)
        elif self._bags:
            self._wait()

    def _take(self, over: int) -> Timer | None:
        """Take out a timer of the first grain up to *over* that has any."""
        while self._grain < over:
            bag = self._bags.get(self._grain + 1)
            if bag:
                return bag.pop()
            self._grain += 1
            self._bags.pop(self._grain, None)
        return None

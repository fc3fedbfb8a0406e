"""Timers of pages: thousands that wait long, behind one timer of the loop.

The loop keeps its timers in a heap. With some for every page in it, whatever else sets a
timer, as each scan does, has to find its place among them, by steps far apart in memory.
Here timers that end in the same tenth of a second share a bag, and the loop knows of the next
tenth only.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from itertools import islice

log = logging.getLogger(__name__)

GRAIN_SECONDS = 0.1
"""How much later than asked for a timer may end."""
AT_ONCE = 4
"""How many end before the loop looks at what else has come: a scan waits for no more than these."""


class Timer:
    """Something to be done later, once."""

    __slots__ = ("_bags", "_grain", "_then")

    def __init__(
        self, bags: "dict[int, set[Timer]]", grain: int, then: Callable[[], object]
    ) -> None:
        self._bags = bags
        self._grain = grain
        self._then: Callable[[], object] | None = then
        bags.setdefault(grain, set()).add(self)

    def cancel(self) -> None:
        """Do it no more, and let go of it. Too late, or once more, this does nothing."""
        self._then = None
        bag = self._bags.get(self._grain)
        if bag:
            bag.discard(self)
            if not bag:
                del self._bags[self._grain]

    def end(self) -> None:
        """Do it now, and let go of it."""
        then = self._then
        self.cancel()
        if then:
            then()


class Timers:
    """The timers of one process."""

    def __init__(self) -> None:
        self._bags: dict[int, set[Timer]] = {}
        """By the grain of the loop's time in which they end."""
        self._grain = 0
        """The last one whose timers have all ended."""
        self._tick: asyncio.Handle | None = None

    def __len__(self) -> int:
        return sum(map(len, self._bags.values()))

    def call_later(self, seconds: float, then: Callable[[], object]) -> Timer:
        """Call *then* in *seconds*, or up to a grain later; never before this returns."""
        now = asyncio.get_running_loop().time()
        if self._tick is None:
            self._grain = int(now / GRAIN_SECONDS)
            self._wait()
        return Timer(self._bags, int((now + max(0.0, seconds)) / GRAIN_SECONDS) + 1, then)

    def _wait(self) -> None:
        due = (self._grain + 1) * GRAIN_SECONDS
        self._tick = asyncio.get_running_loop().call_at(due, self._go_on)

    def _go_on(self) -> None:
        loop, ended = asyncio.get_running_loop(), 0
        for timer in islice(self._due(int(loop.time() / GRAIN_SECONDS)), AT_ONCE):
            ended += 1
            try:
                timer.end()
            except Exception:  # one page's trouble must not keep the others waiting
                log.exception("timer failed")
        self._tick = None
        if ended == AT_ONCE:
            self._tick = loop.call_soon(self._go_on)
        elif self._bags:
            self._wait()

    def _due(self, over: int) -> Iterator[Timer]:
        """Yield the timers of each grain up to *over*, of which each is gone when it has ended."""
        while self._grain < over:
            while bag := self._bags.get(self._grain + 1):
                yield next(iter(bag))
            self._grain += 1

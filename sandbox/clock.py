"""The one seam to time: a clock is a function that returns Unix seconds.

Lifetimes are counted on the wall clock too, because tickets and messages carry its readings and
must agree with them. A wall clock that jumps makes the stand-in jump with it.
"""

import time
from collections.abc import Callable

Clock = Callable[[], float]


class ManualClock:
    """A clock that stands still until it is told to advance, for tests."""

    def __init__(self, now: float | None = None) -> None:
        self.now = time.time() if now is None else now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.now += seconds


class RunningClock:
    """The machine's clock, which can be put forward: for a person who does not want to wait."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass at once."""
        self._ahead += seconds

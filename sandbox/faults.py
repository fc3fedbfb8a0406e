"""Trouble on request: what WeChat's API and WeChat's pushes do on their bad days."""

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import TypeVar

import msgspec

LONGEST_DELAY = 600
MOST_REPEATS = 20
MOST_TRIES = 3
PATHS = ("/cgi-bin/", "/sns/")


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """What happens to the next `times` calls of `path`, in place of or before the answer.

    Args:
        path: The API's path, `/cgi-bin/...`.
        errcode: Answer with this error; None answers truly.
        times: How many calls it strikes; None strikes until faults are cleared.
        delay: Seconds before anything else happens.
        drop: Close the connection without an answer.
        status: Answer with this HTTP status and a page that is no JSON, as a broken gateway does.
    """

    path: str
    errcode: int | None = None
    times: int | None = 1
    delay: float = 0.0
    drop: bool = False
    status: int | None = None

    def __post_init__(self) -> None:
        if not self.path.startswith(PATHS):
            raise ValueError(f"path must start with {' or '.join(PATHS)}")
        if self.errcode == 0:
            raise ValueError("errcode 0 is no error")
        if self.status is not None and not 400 <= self.status <= 599:
            raise ValueError("status must be 400 to 599")
        _check(self.times, self.delay)
        if self.errcode is None and self.status is None and not (self.delay or self.drop):
            raise ValueError("one of errcode, delay, drop and status is needed")


class PushFault(msgspec.Struct, forbid_unknown_fields=True):
    """What happens to the next `times` pushes.

    Args:
        times: How many pushes it strikes; None strikes until faults are cleared.
        repeats: Push the same again so often, each time under a signature of its own.
        at_once: All of them at the same moment, not one after the other.
        delay: Seconds before the push goes out.
        hold: Keep it back until the next push has gone: the two arrive in the other order.
        lost_answers: Lose the answers to so many tries, which are then made again; 3 lose it all.
        same_signature: Tries and repeats have the very same timestamp, nonce and signature. What
            WeChat does is not documented, so a server must bear both.
    """

    times: int | None = 1
    repeats: int = 0
    at_once: bool = False
    delay: float = 0.0
    hold: bool = False
    lost_answers: int = 0
    same_signature: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.repeats <= MOST_REPEATS:
            raise ValueError(f"repeats must be 0 to {MOST_REPEATS}")
        if not 0 <= self.lost_answers <= MOST_TRIES:
            raise ValueError(f"lost_answers must be 0 to {MOST_TRIES}")
        _check(self.times, self.delay)
        if not (self.repeats or self.delay or self.hold or self.lost_answers):
            raise ValueError("one of repeats, delay, hold and lost_answers is needed")


def _check(times: int | None, delay: float) -> None:
    if times is not None and times < 1:
        raise ValueError("times must be 1 or more")
    if not 0 <= delay <= LONGEST_DELAY:
        raise ValueError(f"delay must be 0 to {LONGEST_DELAY} seconds")


AnyFault = TypeVar("AnyFault", Fault, PushFault)


class Faults:
    """Faults of the API that are yet to strike; those of one path strike in order."""

    def __init__(self) -> None:
        self._by_path: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def __iter__(self) -> Iterator[Fault]:
        return iter([fault for faults in self._by_path.values() for fault in faults])

    def add(self, fault: Fault) -> None:
        """Let *fault* strike after those its path already has."""
        self._by_path[fault.path].append(fault)

    def strike(self, path: str) -> Fault | None:
        """Return the fault that strikes this call of *path* and count it, or None."""
        return _strike(self._by_path.get(path))

    def clear(self) -> None:
        """Forget every fault."""
        self._by_path.clear()


class PushFaults:
    """Faults of pushes that are yet to strike, in order."""

    def __init__(self) -> None:
        self._waiting: deque[PushFault] = deque()

    def __iter__(self) -> Iterator[PushFault]:
        return iter(list(self._waiting))

    def add(self, fault: PushFault) -> None:
        """Let *fault* strike after those already there."""
        self._waiting.append(fault)

    def strike(self) -> PushFault | None:
        """Return the fault that strikes this push and count it, or None."""
        return _strike(self._waiting)

    def clear(self) -> None:
        """Forget every fault."""
        self._waiting.clear()


def _strike(waiting: deque[AnyFault] | None) -> AnyFault | None:
    if not waiting:
        return None
    fault = waiting[0]
    if fault.times is not None:
        fault.times -= 1
        if not fault.times:
            waiting.popleft()
    return fault

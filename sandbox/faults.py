"""Trouble on request: what WeChat's API does on its bad days."""

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class Fault:
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
        if not self.path.startswith("/cgi-bin/"):
            raise ValueError("path must start with /cgi-bin/")
        if self.times is not None and self.times < 1:
            raise ValueError("times must be 1 or more")
        if not 0 <= self.delay <= 600:
            raise ValueError("delay must be 0 to 600 seconds")
        if self.status is not None and not 400 <= self.status <= 599:
            raise ValueError("status must be 400 to 599")


class Faults:
    """Faults that are yet to strike; those of one path strike in the order they were added."""

    def __init__(self) -> None:
        self._by_path: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def __iter__(self) -> Iterator[Fault]:
        return iter([fault for faults in self._by_path.values() for fault in faults])

    def add(self, fault: Fault) -> None:
        """Let *fault* strike after those its path already has."""
        self._by_path[fault.path].append(fault)

    def strike(self, path: str) -> Fault | None:
        """Return the fault that strikes this call of *path* and count it, or None."""
        waiting = self._by_path.get(path)
        if not waiting:
            return None
        fault = waiting[0]
        if fault.times is not None:
            fault.times -= 1
            if not fault.times:
                waiting.popleft()
        return fault

    def clear(self) -> None:
        """Forget every fault."""
        self._by_path.clear()

"""CPU time and memory of processes, as the kernel counts them (Linux)."""

import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that all threads of a process have used, living or ended.

    `/proc/<pid>/stat` has the same in steps of 10 ms; this clock counts
    nanoseconds. Source of the number: `clock_getcpuclockid(3)`.
    """
    return time.clock_gettime((~pid << 3) | 2)


def processes(pid: int) -> list[int]:
    """Return a process and all that it has started, and these, as far as they live."""
    found = [pid]
    for each in found:
        for file in Path(f"/proc/{each}/task").glob("*/children"):
            found += map(int, file.read_text().split())
    return found


def busy_seconds() -> float:
    """Return the CPU time that everything on this machine has used."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, softirq, steal = (int(field) for field in fields[:8])
    return (user + nice + system + irq + softirq + steal) / TICKS


def memory_kib(pid: int) -> int:
    """Return the memory that is a process's own: not files, nothing shared."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that *share* of all is not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


median = statistics.median


class Meter:
    """What a server, the store, the load and everybody else used while it was entered."""

    def __init__(self, server: int, store: int) -> None:
        self._pids = {"server": server, "store": store, "load": os.getpid()}
        self.cpu: dict[str, float] = {}
        self.seconds = 0.0

    def _read(self) -> dict[str, float]:
        read = {name: cpu_seconds(pid) for name, pid in self._pids.items()}
        return {**read, "others": busy_seconds() - sum(read.values())}

    def __enter__(self) -> "Meter":
        self._start, self._began = self._read(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._began
        for name, value in self._read().items():
            self.cpu[name] = self.cpu.get(name, 0.0) + value - self._start[name]

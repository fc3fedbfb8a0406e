"""Several server processes that share one port.

Each worker has a listening socket of its own (SO_REUSEPORT) and the kernel
spreads connections over them. Workers share nothing but the store: a scan that
reaches one finds the page of another through it.
"""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager

from prometheus_client.multiprocess import mark_process_dead

from processes.child import Program, kept

FIGURES = "PROMETHEUS_MULTIPROC_DIR"


async def run_workers(
    command: Sequence[str], count: int, stopping: asyncio.Event, drain_seconds: float
) -> None:
    """Keep *count* processes of *command* running until *stopping*, then let all drain at once."""
    async with AsyncExitStack() as stack:
        figures = stack.enter_context(_folder_of_figures())
        workers = [
            await stack.enter_async_context(
                kept(
                    Program(
                        name=f"worker {number}",
                        command=command,
                        environ={FIGURES: figures},
                        stop_seconds=drain_seconds + 10,
                        ended=lambda pid: mark_process_dead(pid, figures),  # type: ignore[no-untyped-call]
                    )
                )
            )
            for number in range(count)
        ]

        def read_settings() -> None:
            for worker in workers:
                worker.send(signal.SIGHUP)

        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, read_settings)
        await stopping.wait()
        for worker in workers:
            worker.retire()


@contextmanager
def _folder_of_figures() -> Iterator[str]:
    """Make the folder in which workers add up their figures. Source: prometheus-client's docs."""
    folder = tempfile.mkdtemp(prefix="saoma-figures-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

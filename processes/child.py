"""One child process that is kept running: from start, over crashes, to a good end."""

import asyncio
import ctypes
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from msgspec import Struct

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
# Before a program that ended by itself is started again.
AGAIN_SECONDS = 0.5


class StartError(Exception):
    """Something that the server needs did not start; the text is the operator's line."""


class Program(Struct, frozen=True, kw_only=True):
    """What to run, and when it counts as started."""

    name: str
    """What it is, in words that fit after "… did not start"."""
    command: Sequence[str]
    environ: Mapping[str, str] = {}
    ready: Callable[[], bool] = lambda: True
    start_seconds: float = 15.0
    stop_seconds: float = 10.0
    ended: Callable[[int], None] = lambda pid: None
    """Told when it ended by itself."""


class Child:
    """The process of a program, and of its successors."""

    def __init__(self, program: Program, process: asyncio.subprocess.Process) -> None:
        self._program = program
        self._process = process
        self._retired = False

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self._process.returncode is None:
            self._process.send_signal(number)

    def retire(self) -> None:
        """Ask it to end; nothing takes its place."""
        self._retired = True
        self.send(signal.SIGTERM)

    async def keep(self) -> None:
        """Start the program again whenever it ends by itself; until cancelled."""
        while True:
            code = await self._process.wait()
            if self._retired:
                return
            log.error("ended process=%s code=%d", self._program.name, code)
            self._program.ended(self._process.pid)
            await asyncio.sleep(AGAIN_SECONDS)
            self._process = await _start(self._program)

    async def ended(self) -> None:
        """Return when it has ended; insist when it takes too long."""
        try:
            async with asyncio.timeout(self._program.stop_seconds):
                await self._process.wait()
        except TimeoutError:
            log.warning("killed process=%s", self._program.name)
            self.send(signal.SIGKILL)
            await self._process.wait()

    async def until_ready(self) -> None:
        """Return when it has started; a poll, because foreign programs do not call back.

        Raises:
            StartError: when it ends before, or takes too long.
        """
        program, loop = self._program, asyncio.get_running_loop()
        deadline = loop.time() + program.start_seconds
        while not program.ready():
            if self._process.returncode is not None:
                raise StartError(f"{program.name} did not start (code {self._process.returncode})")
            if loop.time() > deadline:
                raise StartError(f"{program.name} did not start in {program.start_seconds:.0f} s")
            await asyncio.sleep(0.01)


@asynccontextmanager
async def kept(program: Program) -> AsyncIterator[Child]:
    """Keep *program* running until the context ends.

    It runs in a session of its own, so that Ctrl-C does not reach it and its
    user ends it in order; the kernel ends it when its user is killed.

    Raises:
        StartError: when it does not start the first time.
    """
    child = Child(program, await _start(program))
    try:
        await child.until_ready()
        keeper = asyncio.create_task(child.keep())
        try:
            yield child
        finally:
            child.retire()
            keeper.cancel()
            await asyncio.wait([keeper])
    finally:
        child.retire()
        await child.ended()


async def _start(program: Program) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *program.command,
        stdin=asyncio.subprocess.DEVNULL,
        env={**os.environ, **program.environ},
        start_new_session=True,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
    )


def _die_with_parent() -> None:
    """Let the kernel end this process when its parent is killed. Source: prctl(2)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

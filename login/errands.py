"""What is done after the answer: nobody waits for it, and nothing fails with it."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from accounts import AccountsUnavailable
from store import StoreUnavailable

log = logging.getLogger(__name__)

# What may be under way at the same time; what comes beyond that is left out.
MOST = 32


class Errands:
    """Runs them. Its tasks end with `close`."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do *work* in the background, unless too much is done there."""
        if len(self._tasks) >= MOST:
            work.close()
            return
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Return when nothing is under way any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Leave the rest undone."""
        for task in self._tasks:
            task.cancel()
        await self.settled()

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (AccountsUnavailable, StoreUnavailable) as error:
            log.info("errand not done error=%s %s", type(error).__name__, error)

"""The store's clock, so that processes agree on the time whatever their machines say."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from store.connection import Store, StoreUnavailable
from store.script import Script

log = logging.getLogger(__name__)

ASK_SECONDS = 30.0
# An operator hears of a clock that is wrong by more.
WRONG_SECONDS = 60.0


class Clock:
    """Unix time in seconds by the store's clock; by *own* until the store was asked.

    Run `run` as a task for as long as the time is wanted.
    """

    def __init__(self, store: Store, own: Callable[[], float] = time.time) -> None:
        self._own = own
        self._ask = Script(store, Path(__file__).with_name("clock.lua"))
        self._place = store.key("clock")
        self._ahead = 0.0

    def __call__(self) -> float:
        return self._own() + self._ahead

    async def set(self) -> None:
        """Ask the store.

        Raises:
            StoreUnavailable: when it does not answer; the clock goes on as it did.
        """
        before = time.monotonic()
        told = await self._ask([self._place], [])
        # The answer was made while we waited for it: half of that ago, as far as we can know.
        self._ahead = told / 1000 + (time.monotonic() - before) / 2 - self._own()

    async def run(self) -> None:
        """Ask the store now and then, until cancelled."""
        warned = False
        while True:
            try:
                await self.set()
            except StoreUnavailable as error:
                log.debug("clock not set error=%s", error)
            wrong = abs(self._ahead) > WRONG_SECONDS
            if wrong and not warned:
                log.warning("clock of this machine and of the store apart seconds=%d", self._ahead)
            warned = wrong
            await asyncio.sleep(ASK_SECONDS)

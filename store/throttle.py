"""Limits on how often something may be tried, shared by all processes."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from store.connection import Store
from store.script import Script
from store.secrets import digest, new_secret


class Limit(Struct, frozen=True):
    """At most `tries` within `seconds` for `name`, by a sliding window."""

    name: str
    tries: int
    seconds: float


class Throttle:
    """Counts tries. What is limited stands in the store as a digest only."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._count = Script(store, Path(__file__).parent / "throttle.lua")

    async def count(self, limits: Sequence[Limit]) -> tuple[str, float]:
        """Count one try under all *limits* at once.

        Returns the try's name, for `forgive`, and the seconds to wait: 0 when
        the try may go on. A try that has to wait is not counted.

        Raises:
            StoreUnavailable: when the store did not answer.
        """
        name = new_secret()
        numbers = [part for limit in limits for part in (limit.tries, round(limit.seconds * 1000))]
        wait_ms = await self._count([self._key(limit) for limit in limits], [name, *numbers])
        return name, float(wait_ms) / 1000

    async def forgive(self, limits: Sequence[Limit], name: str) -> None:
        """Take the try called *name* back: it was none that had to be limited.

        Raises:
            StoreUnavailable: when the store did not answer.
        """
        await asyncio.gather(*(self._store.ask("ZREM", self._key(limit), name) for limit in limits))

    def _key(self, limit: Limit) -> str:
        return self._store.key("tries", digest(limit.name))

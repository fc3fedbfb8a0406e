"""How many codes WeChat was asked for today, by all processes and nodes, and how many may be.

A day is one of Beijing, by the store's clock. No page says when WeChat's own
count begins anew; midnight in Beijing is what everybody observes, and who wants
to be safe sets a smaller `wechat.daily_codes`.

The last codes of a day, the reserve, are for visitors who have had none of them:
a visitor's first comes at once, and each further one after a longer wait.
"""

import logging
import random
import time
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from store import Script, Store, StoreUnavailable

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
# The longest that somebody waits before asking again: the operator may raise the limit.
LONGEST_WAIT = 600.0
# Those who wait for midnight come back spread over this time.
SPREAD = 60.0
# In the reserve: the wait after a visitor's first code, doubled with each, and the longest of
# those; where few are left, it is what spreads them over the day, and this at the most.
FIRST_GAP, GROWN_GAP, LONGEST_GAP = 60.0, 960.0, 3600.0


class Limits(Struct, frozen=True, kw_only=True):
    """*daily_codes*: the most for a day, 0 = no limit; the last *reserve_percent* go slowly."""

    daily_codes: int
    reserve_percent: int


class BudgetUsedUp(Exception):
    """Today's codes are used up; asking again makes sense in *retry_after* seconds."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__("today's codes are used up")


class BudgetLow(Exception):
    """The reserve is being spent; this visitor may have the next code in *retry_after* seconds."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__("today's codes run low")


class Budget:
    """The codes of the day. *limits* may be replaced at any time."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self.limits = limits
        self._store = store
        self._key = store.key("codes")
        self._count = Script(store, HERE / "count_codes.lua")
        self._space = Script(store, HERE / "space_codes.lua")
        self._used = 0
        self._day_ends = 0.0
        """By `time.monotonic`; what this process knows of today is good until then."""
        self._noted = ""

    @property
    def low(self) -> bool:
        """Whether only the reserve is left, as far as this process has heard."""
        limit, reserve = self.limits.daily_codes, self.limits.reserve_percent
        known = limit > 0 and time.monotonic() < self._day_ends
        return known and (limit - self._used) * 100 <= limit * reserve

    async def today(self) -> int:
        """Return how many codes were asked for today.

        Raises:
            StoreUnavailable: when the store did not answer.
        """
        return int(await self._store.ask("GET", self._key) or 0)

    async def spend(self, visitor: str = "") -> None:
        """Count one code, which WeChat is asked for now; *visitor* (a digest) is who wants it.

        Raises:
            BudgetUsedUp: WeChat must not be asked today.
            BudgetLow: nor for this visitor now.
            StoreUnavailable: when the store did not answer; do not ask WeChat either.
        """
        limits = self.limits
        counted, used, left_ms, wait_ms = await self._count(
            [self._key, self._key_of(visitor)], [limits.daily_codes, limits.reserve_percent]
        )
        self._used, self._day_ends = int(used), time.monotonic() + left_ms / 1000
        if wait_ms:
            raise BudgetLow(wait_ms / 1000)
        self._note("running low" if counted and self.low else "" if counted else "used up")
        if not counted:
            wait = left_ms / 1000 + random.uniform(0, SPREAD)  # noqa: S311, no secret
            raise BudgetUsedUp(min(LONGEST_WAIT, wait))

    async def given(self, visitor: str) -> None:
        """Note that *visitor* has got the code, so that the next one of the reserve waits.

        A code that WeChat did not make puts nobody off, nor does one that the store cannot note.
        """
        if self.low and visitor:
            gaps = [round(1000 * gap) for gap in (FIRST_GAP, GROWN_GAP, LONGEST_GAP)]
            with suppress(StoreUnavailable):
                await self._space(
                    [self._key, self._key_of(visitor)], [self.limits.daily_codes, *gaps]
                )

    def _key_of(self, visitor: str) -> str:
        return self._store.key("codes", visitor)

    def _note(self, state: str) -> None:
        if state and state != self._noted:
            limit = self.limits.daily_codes
            log.warning("codes %s today=%d daily_codes=%d", state, self._used, limit)
        self._noted = state

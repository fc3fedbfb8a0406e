"""How many codes WeChat was asked for today, by all processes and nodes, and how many may be.

A day is one of Beijing, by the store's clock. No page says when WeChat's own
count begins anew; midnight in Beijing is what everybody observes, and who wants
to be safe sets a smaller `wechat.daily_codes`.

One code is counted before WeChat is asked, so that no two processes spend the
last one. What then really happened is known only to the client, which may ask
twice or not at all: it tells `call_made`, and the difference is put right.
"""

import logging
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path

from msgspec import Struct

from store import Script, Store, StoreUnavailable
from store.connection import store_errors
from wechat.client import QRCODE_ENDPOINT

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
# The longest that somebody waits before asking again: the operator may raise the limit.
LONGEST_WAIT = 600.0
# Those who wait for midnight come back spread over this time.
SPREAD = 60.0


class Limits(Struct, frozen=True, kw_only=True):
    """*daily_codes*: the most for a day, 0 = no limit; the last *reserve_percent* go slowly."""

    daily_codes: int
    reserve_percent: int


class BudgetUsedUp(Exception):
    """Today's codes are used up; asking again makes sense in *retry_after* seconds."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__("today's codes are used up")


class _Calls:
    """What the client has asked for on behalf of one code."""

    made = 0


_calls: ContextVar[_Calls | None] = ContextVar("calls", default=None)


def call_made(endpoint: str) -> None:
    """Note that WeChat was asked; give this to the client, as a part of its `on_call`."""
    calls = _calls.get()
    if calls and endpoint == QRCODE_ENDPOINT:
        calls.made += 1


class Budget:
    """The codes of the day. *limits* may be replaced at any time."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self.limits = limits
        self._store = store
        self._key = store.key("codes")
        self._count = Script(store, HERE / "count_codes.lua")
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
        with store_errors():
            return int(await self._store.redis.get(self._key) or 0)

    @asynccontextmanager
    async def spend(self) -> AsyncIterator[None]:
        """Count one code, and in the end as many as WeChat was really asked for inside.

        Raises:
            BudgetUsedUp: WeChat must not be asked today.
            StoreUnavailable: when the store did not answer; do not ask WeChat either.
        """
        if not await self._book(1, self.limits.daily_codes):
            left = self._day_ends - time.monotonic() + random.uniform(0, SPREAD)  # noqa: S311
            raise BudgetUsedUp(min(LONGEST_WAIT, left))
        calls = _Calls()
        token = _calls.set(calls)
        try:
            yield
        finally:
            _calls.reset(token)
            if calls.made != 1:
                await self._correct(calls.made - 1)

    async def _book(self, more: int, limit: int) -> bool:
        """Count *more* codes, unless that makes more than *limit*; tell whether they count."""
        counted, used, left_ms = await self._count([self._key], [more, limit])
        self._used, self._day_ends = int(used), time.monotonic() + left_ms / 1000
        self._note("used up" if not counted else "running low" if self.low else "")
        return bool(counted)

    async def _correct(self, more: int) -> None:
        try:
            await self._book(more, 0)  # WeChat was asked: that counts, however many it makes
        except StoreUnavailable as error:
            log.warning("codes not counted count=%d error=%s", more, error)

    def _note(self, state: str) -> None:
        if state and state != self._noted:
            limit = self.limits.daily_codes
            log.warning("codes %s today=%d daily_codes=%d", state, self._used, limit)
        self._noted = state

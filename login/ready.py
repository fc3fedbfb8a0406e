"""Codes made ahead, so that a page that opens does not wait for WeChat.

A ready code is a leased scene id with its ticket, for an attempt that no page has yet: the
page that takes the code takes up that attempt. Until then nobody but this process knows
it, so no two pages get the same; and when the process dies its leases end by themselves.
"""

import asyncio
import logging
import math
import random
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

from msgspec import Struct

from scene_pool import Lease, PoolExhausted, ScenePool
from store import StoreUnavailable
from wechat import BudgetLow, BudgetUsedUp, Client, Ticket, WeChatError

log = logging.getLogger(__name__)

# A page gets no code that has lived through more of its life; such a one is replaced.
SHARE = 0.5
DAY = 86_400
# How soon changed settings and a day's codes that run low are noticed, and the pause
# after a code could not be made.
LOOK_SECONDS, PAUSE_SECONDS = 1.0, 5.0


def codes_a_day(ready: int, ticket_seconds: int) -> int:
    """Return how many codes a day are made to keep so many *ready* when nobody takes one."""
    return ready * math.ceil(DAY / (SHARE * ticket_seconds))


class ReadyCode(Struct, frozen=True):
    """A scene id and a ticket that nobody has seen, for the attempt `lease.uuid`."""

    lease: Lease
    ticket: Ticket


async def make_code(pool: ScenePool, client: Client, uuid: str, visitor: str) -> ReadyCode:
    """Return a code for the attempt *uuid* and *visitor* (see `Budget.spend`).

    Raises:
        PoolExhausted, AlreadyScanned, StoreUnavailable: as the pool does.
        BudgetUsedUp, BudgetLow, WeChatError: when WeChat makes none; the scene id has gone
            back then.
    """
    lease = await pool.lease(uuid)
    try:
        seconds = math.ceil(pool.rules.ticket_seconds)
        return ReadyCode(lease, await client.create_ticket(lease.scene_id, seconds, visitor))
    except BaseException:
        # Also when cancelled: nobody has seen a ticket, so the id may go back.
        await _give_back(pool, lease)
        raise


class ReadyCodes:
    """The ready codes of this process: as many as `pool.rules.ready` says while `run` runs.

    *kept* is told how many there are; *clock* counts seconds as `Ticket.made_at` does.
    """

    def __init__(
        self,
        pool: ScenePool,
        client: Client,
        *,
        kept: Callable[[int], None],
        clock: Callable[[], float],
    ) -> None:
        self._pool = pool
        self._client = client
        self._kept = kept
        self._clock = clock
        self._codes: deque[ReadyCode] = deque()
        """The oldest first."""
        self._old: deque[ReadyCode] = deque()
        """Those that are to go back."""
        self._taken = asyncio.Event()
        self._closed = False
        self._failing = False

    def take(self) -> ReadyCode | None:
        """Return a code for a page that opens, if there is one.

        When the day's codes run low there is none: then each visitor waits his turn.
        """
        wanted = self._wanted()
        if wanted or self._codes:
            self._taken.set()
        code = next(filter(self._is_fresh, self._codes), None) if wanted else None
        if code:
            self._codes.remove(code)
            self._kept(len(self._codes))
        return code

    def put_back(self, code: ReadyCode) -> None:
        """Take back a code that nobody has seen after all."""
        self._codes.appendleft(code)
        self._kept(len(self._codes))

    async def close(self) -> None:
        """Have none any more: what there is goes back."""
        self._closed = True
        self._taken.set()
        await self._sort_out()

    async def run(self) -> None:
        """Make codes and replace old ones, until cancelled; then give all of them back."""
        try:
            while True:
                self._taken.clear()
                await self._sort_out()
                if not await self._fill():
                    pause = PAUSE_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311, jitter
                    await asyncio.sleep(pause)
                elif len(self._codes) <= self._wanted():  # else the last ones were too many
                    # Before Python 3.12 `asyncio.wait_for` may forget that it was cancelled.
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_SECONDS):
                            await self._taken.wait()
        finally:
            self._closed = True
            await self._sort_out()

    def _wanted(self) -> int:
        return 0 if self._closed or self._client.budget.low else self._pool.rules.ready

    def _life_of(self, code: ReadyCode) -> float:
        return min(code.ticket.life, self._pool.rules.ticket_seconds)

    def _is_fresh(self, code: ReadyCode) -> bool:
        return self._clock() - code.ticket.made_at < SHARE * self._life_of(code)

    async def _sort_out(self) -> None:
        """Give back what is old, or too much: the ids rest until their tickets are dead."""
        codes, self._codes = self._codes, deque()
        for code in codes:
            (self._codes if self._is_fresh(code) else self._old).append(code)
        while len(self._codes) > self._wanted():
            self._old.append(self._codes.popleft())
        while self._old:  # one by one, so that who is cancelled here leaves the others
            code = self._old.popleft()
            life = max(self._life_of(code), self._pool.rules.rest_seconds)
            rest = code.ticket.made_at + life - self._clock()
            await _give_back(self._pool, code.lease, max(0.0, rest))
        self._kept(len(self._codes))

    async def _fill(self) -> bool:
        """Make what is missing, all at once; False when one could not be made."""
        missing = max(0, self._wanted() - len(self._codes))
        made = await asyncio.gather(*(self._add() for _ in range(missing)))
        return all(made)

    async def _add(self) -> bool:
        try:
            code = await make_code(self._pool, self._client, uuid4().hex, "")
        except (PoolExhausted, StoreUnavailable, BudgetLow, BudgetUsedUp, WeChatError) as error:
            if not self._failing:
                log.warning("no codes made ahead error=%s %s", type(error).__name__, error)
            self._failing = True
            return False
        self._failing = False
        self._codes.append(code)
        self._kept(len(self._codes))
        return True


async def _give_back(pool: ScenePool, lease: Lease, rest: float = 0.0) -> None:
    try:
        await pool.give_back(lease, rest)
    except StoreUnavailable as error:
        log.warning("scene not given back error=%s", error)

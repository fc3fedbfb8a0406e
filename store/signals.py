"""Signals between processes over Redis pub/sub: hints, never the truth.

Each process has one channel and one subscription. A signal may be lost, so
whoever needs it looks for itself now and then; `on_subscribed` says when a gap
has just ended. A subscription can die without its connection noticing, so the
process sends itself a heartbeat and starts over when it stops coming back.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable

from redis.exceptions import RedisError

from store.connection import Store

log = logging.getLogger(__name__)

BEAT = "beat"


class Signals:
    """The subscription of one process to its own channel.

    *name* is the process's; *on_signal* gets each message, *on_subscribed* runs
    after each (re)subscription. The process hears from itself every *heartbeat*
    seconds, and subscribes anew after *silence*. Run `run` as a task for as long
    as the process lives; it ends only by being cancelled.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        on_signal: Callable[[str], None],
        on_subscribed: Callable[[], Awaitable[None]],
        *,
        heartbeat: float = 5.0,
        silence: float = 12.0,
    ) -> None:
        self._store = store
        self._channel = store.key("signal", name)
        self._on_signal = on_signal
        self._on_subscribed = on_subscribed
        self._heartbeat = heartbeat
        self._silence = silence
        self.subscribed = asyncio.Event()

    async def run(self) -> None:
        """Listen, and listen again after every failure."""
        while True:
            try:
                await self._listen()
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("signals lost error=%s", type(error).__name__)
            self.subscribed.clear()
            await asyncio.sleep(random.uniform(0.1, 0.5))  # noqa: S311, jitter

    async def _listen(self) -> None:
        async with self._store.redis.pubsub(ignore_subscribe_messages=False) as pubsub:
            await pubsub.subscribe(self._channel)
            _stay_cancelled()
            beat = asyncio.create_task(self._beat())
            try:
                heard = time.monotonic()
                while time.monotonic() - heard < self._silence:
                    message = await pubsub.get_message(timeout=min(1.0, self._silence))
                    _stay_cancelled()
                    if message is None:
                        continue
                    await self._handle(message)
                    heard = time.monotonic()  # after a sweep, however long it took
                log.warning("signals silent seconds=%d", self._silence)
            finally:
                beat.cancel()

    async def _handle(self, message: dict[str, str]) -> None:
        if message["type"] == "subscribe":
            self.subscribed.set()
            log.info("signals subscribed")
            await self._on_subscribed()
        elif message["type"] == "message" and message["data"] != BEAT:
            self._on_signal(message["data"])

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat)
            try:
                await self._store.redis.publish(self._channel, BEAT)
            except (RedisError, OSError, TimeoutError):
                log.debug("heartbeat failed")


def _stay_cancelled() -> None:
    """End this task if it was told to.

    redis-py may swallow that while it sends, by `asyncio.wait_for` before Python 3.12.
    """
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError

"""Calls to the store share round trips.

A call costs this process about the same whether it carries one command or
twenty: sending, and waking up for the answer. So while a round trip is under
way, a command waits until everything else of this turn of the loop has run,
and goes with what that asks. With none under way there is little to do, and
nothing to wait for.
"""

import asyncio
from functools import partial
from typing import Any

from redis.asyncio import Redis, RedisCluster

from store.lines import Back, Lines

# The most that goes together: all of it has to be answered in the time of one call.
MOST = 128
# How many round trips are under way at once; what is asked meanwhile goes with the next. All
# that a few processes send at once has to be answered in the time of one call, too, and
# one trip that is slow must not hold up the others.
AT_ONCE = 8


class _Call:
    """One command, and the answer to come."""

    __slots__ = ("answer", "command", "options")

    def __init__(
        self, command: tuple[Any, ...], options: dict[str, Any], answer: "asyncio.Future[Any]"
    ) -> None:
        self.command = command
        self.options = options
        self.answer = answer


class Batch:
    """Carries commands to *redis*, as few round trips as there is cause for."""

    def __init__(self, redis: Redis) -> None:
        client: object = redis
        self._way: _Client | Lines
        self._way = _Client(client) if isinstance(client, RedisCluster) else Lines(redis)
        self._waiting: list[_Call] = []
        self._under_way = 0
        self._closed = False
        self._done = asyncio.Event()

    def ask(self, *command: Any, **options: Any) -> "asyncio.Future[Any]":
        """Return the answer to come; *options* tell redis-py how to read it.

        Who is cancelled while it waits takes nothing from the others.
        """
        if self._closed:
            raise ConnectionError("closed")  # a connection made now would stay open
        loop = asyncio.get_running_loop()
        call = _Call(command, options, loop.create_future())
        self._waiting.append(call)
        if not self._under_way:
            self._send()
        elif len(self._waiting) == 1 and self._under_way < AT_ONCE:
            loop.call_soon(self._send)
        return call.answer

    async def close(self) -> None:
        """Wait for what was asked for, and take nothing more."""
        self._closed = True
        self._send()
        if self._under_way:
            await self._done.wait()
        await self._way.close()

    def _send(self) -> None:
        """Send what waits, as far as there is a free way."""
        while self._waiting and self._under_way < AT_ONCE:
            calls, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            self._under_way += 1
            self._way.carry(calls, partial(self._back, calls))

    def _back(self, calls: list[_Call], answers: list[Any]) -> None:
        for call, answer in zip(calls, answers, strict=True):
            if call.answer.done():
                continue
            if isinstance(answer, Exception):
                call.answer.set_exception(answer)
            else:
                call.answer.set_result(answer)
        self._under_way -= 1
        self._send()
        if self._closed and not self._under_way:
            self._done.set()


class _Client:
    """Carries them by redis-py's client of a cluster, which knows where each key is."""

    def __init__(self, redis: RedisCluster) -> None:
        self._redis = redis
        self._tasks: set[asyncio.Task[None]] = set()

    def carry(self, calls: list[_Call], back: Back) -> None:
        """As `Lines.carry`."""
        task = asyncio.create_task(self._carry(calls, back))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Nothing: whoever opened the client closes it."""

    async def _carry(self, calls: list[_Call], back: Back) -> None:
        try:
            answers = await self._execute(calls)
        except Exception as error:  # noqa: BLE001, it belongs to who asked
            answers = [error] * len(calls)
        back(answers)

    async def _execute(self, calls: list[_Call]) -> list[Any]:
        if len(calls) == 1:
            call = calls[0]
            return [await self._redis.execute_command(*call.command, **call.options)]
        async with self._redis.pipeline(transaction=False) as pipe:
            for call in calls:
                pipe.execute_command(*call.command, **call.options)
            return await pipe.execute(raise_on_error=False)

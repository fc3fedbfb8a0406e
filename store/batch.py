"""Calls to the store that are made in the same turn of the loop share a round trip.

A call costs this process about the same whether it carries one command or
twenty: finding a connection, sending, waking up for the answer. So a command
waits until everything else of this turn has run, and goes with what that asks.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from redis.asyncio import Redis

# The most that goes together: all of it has to be answered in the time of one call.
MOST = 128
# How many round trips are under way at once; what is asked meanwhile goes with the next. All
# that a few processes send at once has to be answered in the time of one call, too, and
# one trip that is slow must not hold up the others.
AT_ONCE = 8


class _Call:
    """One command, and the answer to come."""

    __slots__ = ("answer", "command", "options")

    def __init__(self, command: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.command = command
        self.options = options
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class Batch:
    """Carries commands to *redis*, those of one turn of the loop together."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: list[_Call] = []
        self._carrying: set[asyncio.Task[None]] = set()
        self._closed = False

    def ask(self, *command: Any, **options: Any) -> "asyncio.Future[Any]":
        """Return the answer to come; *options* are those of redis-py's `execute_command`.

        Who is cancelled while it waits takes nothing from the others.
        """
        if self._closed:
            raise ConnectionError("closed")  # a connection made now would stay open
        if not self._waiting and len(self._carrying) < AT_ONCE:
            asyncio.get_running_loop().call_soon(self._send)
        call = _Call(command, options)
        self._waiting.append(call)
        return call.answer

    async def close(self) -> None:
        """Wait for what was asked for, and take nothing more."""
        self._closed = True
        self._send()
        while self._carrying:
            await asyncio.wait(self._carrying)

    def _send(self) -> None:
        """Send what waits, as far as there is a free way."""
        while self._waiting and len(self._carrying) < AT_ONCE:
            calls, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            task = asyncio.create_task(self._carry(calls))
            self._carrying.add(task)
            task.add_done_callback(self._back)

    def _back(self, task: asyncio.Task[None]) -> None:
        self._carrying.discard(task)
        self._send()

    async def _carry(self, calls: list[_Call]) -> None:
        try:
            answers: Iterable[Any] = await self._execute(calls)
        except Exception as error:  # noqa: BLE001, it belongs to who asked
            answers = [error] * len(calls)
        for call, answer in zip(calls, answers, strict=True):
            if call.answer.done():
                continue
            if isinstance(answer, Exception):
                call.answer.set_exception(answer)
            else:
                call.answer.set_result(answer)

    async def _execute(self, calls: list[_Call]) -> list[Any]:
        if len(calls) == 1:
            call = calls[0]
            redis: Any = self._redis  # redis-py's own signature has no types
            return [await redis.execute_command(*call.command, **call.options)]
        async with self._redis.pipeline(transaction=False) as pipe:
            for call in calls:
                pipe.execute_command(*call.command, **call.options)
            return await pipe.execute(raise_on_error=False)

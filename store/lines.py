"""Lines: connections to the store that carry one round trip at a time.

redis-py makes a connection (address, TLS, password, the primary behind Sentinels); then a
line takes it over. redis-py's own way of a round trip costs this process three times as much:
it asks a pool, and a task wakes up for the write and for each answer. A line writes all
commands at once, reads the answers where their bytes come in, and hands them over together.

A line whose answers did not come in time, or not as they should, is never used again: what
still comes on it reaches nobody.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

import hiredis
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, DefaultParser
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionFailed
from redis.exceptions import InvalidResponse, ReadOnlyError, RedisError

from store.packing import pack
from store.servers import CALL_TIMEOUT, PAUSE, RETRIES

# Errors among the answers that are about the server and not about what it was asked, as while
# it loads its data (`BusyLoadingError`). For redis-py, too, the connection has failed then.
TROUBLES = (ConnectionFailed, ReadOnlyError)
_SPECIAL = (Exception, hiredis.PushNotification)
_MISSING = object()


class Command(Protocol):
    """What is asked of the store."""

    command: tuple[Any, ...]
    options: dict[str, Any]
    """How redis-py is to read the answer."""


Back = Callable[[list[Any]], None]
"""Takes the answer, or the error, of each command that was asked."""


class _RoundTrip:
    """Commands that go together."""

    __slots__ = ("back", "commands", "packed", "tries")

    def __init__(self, commands: Sequence[Command], back: Back) -> None:
        self.commands = commands
        self.back = back
        self.packed = b"".join([pack(each.command) for each in commands])
        self.tries = 1 + RETRIES

    def fail(self, error: Exception) -> None:
        """Give each command that error."""
        self.back([error] * len(self.commands))


class Lines:
    """All lines to one server, or to the primary behind Sentinels.

    Of those that are idle the last used goes first, so with little to do one does it all.
    There are as many as there were round trips at once.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._idle: list[_Line] = []
        self._open: set[_Line] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._primary: object = None

    def carry(self, commands: Sequence[Command], back: Back) -> None:
        """Ask all *commands* together, and once more after a short pause when the way fails."""
        try:
            trip = _RoundTrip(commands, back)
        except Exception as error:  # noqa: BLE001, it belongs to who asked
            back([error] * len(commands))
            return
        if self._idle:
            self._idle.pop().carry(trip)
        else:
            self._begin(trip, pause=0)

    async def close(self) -> None:
        """Close all lines; nothing must be under way."""
        closing = tuple(self._open)
        for line in closing:
            line.drop()
        await asyncio.gather(*(line.closed() for line in closing))

    def ended(
        self, line: "_Line", trip: _RoundTrip, replies: list[Any], trouble: Exception | None
    ) -> None:
        """Hear what came of *trip*: all replies, or trouble, or both (see `TROUBLES`)."""
        if trouble is None:
            self._idle.append(line)
            trip.back(self._answers(trip.commands, replies))
            return
        line.drop()
        self._drop_idle()  # each of them might cost the time of a call, too
        self._failed(trip, replies, trouble)

    def lost(self, line: "_Line") -> None:
        """Forget a line that is closed."""
        self._open.discard(line)
        if line in self._idle:
            self._idle.remove(line)

    def _drop_idle(self) -> None:
        for line in self._idle:
            line.drop()
        self._idle.clear()

    def _failed(self, trip: _RoundTrip, replies: list[Any], trouble: Exception) -> None:
        trip.tries -= 1
        if trip.tries:
            self._begin(trip, pause=PAUSE.compute(1))
        elif replies:
            trip.back(self._answers(trip.commands, replies))
        else:
            trip.fail(trouble)

    def _begin(self, trip: _RoundTrip, pause: float) -> None:
        task = asyncio.create_task(self._carry_later(trip, pause))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_later(self, trip: _RoundTrip, pause: float) -> None:
        """Carry on an idle line if there is one by then, or on a new one."""
        try:
            await asyncio.sleep(pause)
            line = self._idle.pop() if self._idle else await self._make()
        except asyncio.CancelledError:
            trip.fail(ConnectionError("closed"))
            raise
        except Exception as error:  # noqa: BLE001, it belongs to who asked
            self._failed(trip, [], error)
        else:
            line.carry(trip)

    async def _make(self) -> "_Line":
        pool = self._redis.connection_pool
        line = _Line(self, await _open(pool))
        primary = getattr(pool, "master_address", None)
        if primary != self._primary:  # by the Sentinels' word all that is open goes elsewhere
            self._primary = primary
            self._idle.clear()
            for other in self._open:
                other.drop()
        self._open.add(line)
        return line

    def _answers(self, commands: Sequence[Command], replies: list[Any]) -> list[Any]:
        """Return *replies* as redis-py would give them, some of which it reads in its own way."""
        readers = self._redis.response_callbacks
        answers = []
        for asked, reply in zip(commands, replies, strict=True):
            name = asked.command[0]
            if name in readers and not isinstance(reply, Exception):
                try:
                    answers.append(readers[name](reply, **asked.options))
                except Exception as error:  # noqa: BLE001, it belongs to who asked
                    answers.append(error)
            else:
                answers.append(reply)
        return answers


async def _open(pool: ConnectionPool) -> AbstractConnection:
    """Let redis-py make a connection, log in and choose the database."""
    connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]
    connection.retry = Retry(NoBackoff(), 0)  # it is we who try again
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
        if await connection.can_read():
            raise ConnectionError("closed, or out of step")  # noqa: TRY301, closed below
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    return connection


class _Line(asyncio.Protocol):
    """One connection to the store, taken over from redis-py."""

    def __init__(self, lines: Lines, connection: AbstractConnection) -> None:
        self._lines = lines
        self._loop = asyncio.get_running_loop()
        self._seconds = connection.socket_timeout or CALL_TIMEOUT
        encoder = connection.encoder
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=DefaultParser.parse_error,
            encoding=encoder.encoding if encoder.decode_responses else None,
            errors=encoder.encoding_errors,
            notEnoughData=_MISSING,
        )
        # redis-py shows its stream to nobody; and it, or the stream, closes the transport when
        # it is forgotten. So it must not have the stream any more, and we keep it.
        self._stream = cast("asyncio.StreamWriter", connection._writer)
        connection._reader = connection._writer = None
        self._transport = self._stream.transport
        self._former = cast("asyncio.Protocol", self._transport.get_protocol())
        self._transport.set_protocol(self)
        self._trip: _RoundTrip | None = None
        self._replies: list[Any] = []
        self._trouble: Exception | None = None
        self._until = 0.0
        """When the answers come too late."""
        self._limit: asyncio.TimerHandle | None = None

    def carry(self, trip: _RoundTrip) -> None:
        """Send the commands of *trip*; `Lines.ended` hears what came of it."""
        self._trip = trip
        self._until = self._loop.time() + self._seconds
        if self._limit is None:
            self._limit = self._loop.call_at(self._until, self._look_at_the_time)
        self._transport.write(trip.packed)

    def drop(self) -> None:
        """Close the connection, whatever is under way."""
        self._transport.abort()

    async def closed(self) -> None:
        """Return when it is."""
        await self._stream.wait_closed()

    def data_received(self, data: bytes) -> None:
        """Read what came, and hand all replies over when the last one is here."""
        replies = self._replies
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not _MISSING:
                if not isinstance(reply, _SPECIAL):
                    replies.append(reply)
                elif isinstance(reply, Exception):
                    replies.append(reply)
                    if isinstance(reply, TROUBLES):
                        self._trouble = reply
        except (RedisError, ValueError) as error:  # bytes that are no answer, or no text
            self.drop()
            self._end([], error)
            return
        expected = len(self._trip.commands) if self._trip else 0
        if len(replies) > expected:
            self.drop()  # nobody knows what is the answer to what
        elif expected and len(replies) == expected:
            self._end(replies, self._trouble)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail what is under way."""
        self._lines.lost(self)
        self._former.connection_lost(None)  # so that `closed` returns
        if self._limit:
            self._limit.cancel()
        self._end([], ConnectionError("connection lost"))

    def _look_at_the_time(self) -> None:
        """Fail what is under way if it is too late, else look again when it would be.

        One timer serves many trips: those that are cancelled stay in the loop for seconds.
        """
        self._limit = None
        if self._trip and self._loop.time() >= self._until:
            self._end([], TimeoutError("no answer in time"))
        elif self._trip:
            self._limit = self._loop.call_at(self._until, self._look_at_the_time)

    def _end(self, replies: list[Any], trouble: Exception | None) -> None:
        trip, self._trip = self._trip, None
        self._replies, self._trouble = [], None
        if trip:
            self._lines.ended(self, trip, replies, trouble)

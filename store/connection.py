"""The store: keys under one prefix, and one error for all that can happen on the way to it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError

from store.batch import Batch
from store.servers import forget_connections, open_client


class StoreUnavailable(Exception):
    """The store did not do what it was asked, and may do it later.

    Nothing is known about whether the step was carried out: every script is
    written so that asking again is safe.
    """


@asynccontextmanager
async def connect(url: str, prefix: str) -> AsyncIterator["Store"]:
    """Open a `Store` at *url* (see `store.servers`); its connections mend themselves."""
    async with open_client(url) as redis:
        store = Store(redis, prefix)
        try:
            yield store
        finally:
            await store.close()


class UnknownScript(StoreUnavailable):
    """The store forgot a script, or never had it; nothing was done."""


class Store:
    """Redis under a prefix.

    All keys carry the same hash tag, so that a script may touch several of
    them on a Redis Cluster too.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self.redis = redis
        self._batch = Batch(redis)
        self._tag = "{" + prefix + "}"

    def key(self, *parts: str) -> str:
        """Return the full name of the key made of *parts*."""
        return ":".join((self._tag, *parts))

    async def ask(self, *command: Any, **options: Any) -> Any:
        """Return the store's answer to *command*; *options* as in `Batch.ask`.

        Raises:
            StoreUnavailable: when the store refused, failed or took too long.
        """
        with store_errors():
            try:
                return await self._batch.ask(*command, **options)
            except ReadOnlyError:
                # A primary was demoted under us and keeps our connections: drop
                # them, so that the next call finds the new primary.
                await forget_connections(self.redis)
                raise

    async def ping(self) -> None:
        """Return when the store answers.

        Raises:
            StoreUnavailable: when it does not.
        """
        # Not PING: of a cluster, the node that has our keys must answer.
        await self.ask("EXISTS", self.key("ping"))

    async def close(self) -> None:
        """Wait for the calls that are under way."""
        await self._batch.close()


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn whatever a call to Redis may raise into `StoreUnavailable`.

    The text names the kind of the error only: Redis puts arguments, and so
    perhaps secrets, into its messages.
    """
    try:
        yield
    except NoScriptError:
        raise UnknownScript("NoScriptError") from None
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreUnavailable(type(error).__name__) from None

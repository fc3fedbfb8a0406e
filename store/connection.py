"""The store: keys under one prefix, and one error for all that can happen on the way to it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from redis.asyncio import Redis
from redis.exceptions import RedisError

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
        yield Store(redis, prefix)


class Store:
    """Redis under a prefix.

    All keys carry the same hash tag, so that a script may touch several of
    them on a Redis Cluster too.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self.redis = redis
        self._tag = "{" + prefix + "}"

    def key(self, *parts: str) -> str:
        """Return the full name of the key made of *parts*."""
        return ":".join((self._tag, *parts))

    async def ping(self) -> None:
        """Return when the store answers.

        Raises:
            StoreUnavailable: when it does not.
        """
        with store_errors():
            # Not PING: of a cluster, the node that has our keys must answer.
            await self.redis.exists(self.key("ping"))

    async def forget_connections(self) -> None:
        """Let the next call make a new connection, to whichever server is the primary then."""
        await forget_connections(self.redis)


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn whatever a call to Redis may raise into `StoreUnavailable`.

    The text names the kind of the error only: Redis puts arguments, and so
    perhaps secrets, into its messages.
    """
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreUnavailable(type(error).__name__) from None

"""Where the store is: one server, the primary behind Sentinels, or a cluster.

redis://host:6379/0, rediss://…, unix:///path
redis+sentinel://host:26379,host:26379/service?sentinel_password=…
redis+cluster://host:6379
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import FullJitterBackoff, NoBackoff

from store.packing import pack_in_c

# WeChat waits 5 s for the answer to a push, and a push takes a few calls, so
# one call may cost a second or so and is tried twice, not redis-py's ten times.
CALL_TIMEOUT = 1.0
CONNECT_TIMEOUT = 0.5
RETRIES = 1
# In between up to 40 ms, so that not all come back at the same moment.
PAUSE = FullJitterBackoff(cap=0.1, base=0.02)
MAX_CONNECTIONS = 32
# How long a call may wait for a free connection, as when 5,000 pages close at once.
QUEUE_TIMEOUT = 5.0

SENTINEL, CLUSTER = "redis+sentinel://", "redis+cluster://"


@asynccontextmanager
async def open_client(url: str) -> AsyncIterator[Redis]:
    """Return a client for the store at *url*; connections are made when needed."""
    options: dict[str, Any] = {
        "decode_responses": True,
        "health_check_interval": 30,
        "retry": Retry(PAUSE, RETRIES),
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "socket_timeout": CALL_TIMEOUT,
    }
    queue = {"max_connections": MAX_CONNECTIONS, "timeout": QUEUE_TIMEOUT}
    async with AsyncExitStack() as stack:
        if url.startswith(SENTINEL):
            redis = await _primary(stack, url.removeprefix(SENTINEL), options | queue)
        elif url.startswith(CLUSTER):
            cluster = _Cluster.from_url("redis://" + url.removeprefix(CLUSTER), **options)
            redis = cast("Redis", cluster)
        else:
            pool = BlockingConnectionPool.from_url(url, **options, **queue)
            redis = Redis.from_pool(pack_in_c(pool))
        yield await stack.enter_async_context(redis)


async def forget_connections(redis: Redis) -> None:
    """Let the next call make a new connection, to whichever server is the primary then."""
    client: object = redis
    if isinstance(client, RedisCluster):
        await client.aclose()  # it begins anew with the next call
    else:
        await redis.connection_pool.disconnect(inuse_connections=False)


class _QueueingSentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Finds the primary by asking Sentinels; a call waits for a free connection."""


async def _primary(stack: AsyncExitStack, rest: str, options: dict[str, Any]) -> Redis:
    login, _, rest = rest.rpartition("@")
    hosts, _, rest = rest.partition("/")
    service, _, query = rest.partition("?")
    # redis-py knows how to read everything but the list of hosts.
    given: dict[str, Any] = dict(parse_url(f"redis://{login}@sentinel/?{query}"))
    del given["host"]
    of_sentinels = {
        name.removeprefix("sentinel_"): given.pop(name)
        for name in tuple(given)
        if name.startswith("sentinel_")
    }
    sentinel = Sentinel(  # type: ignore[no-untyped-call]
        [_address(host) for host in hosts.split(",")],
        sentinel_kwargs={
            "retry": Retry(NoBackoff(), 0),
            "socket_connect_timeout": CONNECT_TIMEOUT,
            "socket_timeout": CONNECT_TIMEOUT,
            **of_sentinels,
        },
    )
    for each in sentinel.sentinels:
        stack.push_async_callback(each.aclose)
    redis: Redis = sentinel.master_for(
        service, connection_pool_class=_QueueingSentinelPool, **(options | given)
    )
    pack_in_c(redis.connection_pool)
    return redis


def _address(host: str) -> tuple[str, int]:
    name, _, port = host.rpartition(":")
    return name.strip("[]"), int(port)


class _Cluster(RedisCluster):
    """A cluster; a call waits for its turn, where redis-py's own limit would raise."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._turns = asyncio.Semaphore(MAX_CONNECTIONS)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        async with asyncio.timeout(QUEUE_TIMEOUT):
            await self._turns.acquire()
        try:
            return await super().execute_command(*args, **options)
        finally:
            self._turns.release()

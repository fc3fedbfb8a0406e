"""A small pool, the attempts in it, and the signals that they send."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from scene_pool import Attempts, ScenePool
from store import Store
from tests.scene_pool.codes import RULES
from tests.store.lossy_link import LossyLink, lossy_store

Hear = Callable[[], Awaitable[list[str]]]


@pytest.fixture
def pool(store: Store) -> ScenePool:
    """A pool of three scene ids."""
    return ScenePool(store, RULES)


@pytest.fixture
def attempts(store: Store) -> Attempts:
    """The attempts in that pool."""
    return Attempts(store)


@pytest.fixture
async def lossy(store_url: str, prefix: str) -> AsyncIterator[tuple[Store, LossyLink]]:
    """The same store over a link that can lose answers."""
    async with lossy_store(store_url, prefix) as pair:
        yield pair


@pytest.fixture
async def hear(store: Store) -> AsyncIterator[Hear]:
    """Return what process `p` was told since the last call, in order."""
    channel, end = store.key("signal", "p"), "end of what was said"
    async with store.redis.pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.subscribe(channel)

        async def hear_all() -> list[str]:
            await store.redis.publish(channel, end)
            heard: list[str] = []
            while not heard or heard[-1] != end:
                message = await pubsub.get_message(timeout=5)
                if message:
                    heard.append(message["data"])
            return heard[:-1]

        yield hear_all

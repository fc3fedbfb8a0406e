"""What stays in the store: nothing without an end, except the pool itself."""

import pytest
from msgspec.structs import replace

from scene_pool import Attempts, PoolExhausted, ScenePool
from store import Store
from tests.scene_pool.codes import BROWSER, RULES, SECRET, attach, scan, show_code
from tests.scene_pool.test_attempts import claim
from tests.time_machine import TimeMachine


@pytest.mark.parametrize("rest_seconds", [200, 0])
async def test_every_key_of_a_story_ends_by_itself(
    store: Store, pool: ScenePool, attempts: Attempts, rest_seconds: float
) -> None:
    """
    After each step of a story every key has an end, or is one of the pool's three sets.
    """
    pool.rules = replace(RULES, rest_seconds=rest_seconds)
    pool_keys = {store.key(name) for name in ("scenes", "ids", "leased")}
    seen: set[str] = set()

    async def endless() -> set[str]:
        keys = {str(key) for key in await store.redis.keys(store.key("*"))}
        seen.update(keys)
        return {key for key in keys if await store.redis.pttl(key) < 0} - pool_keys

    lease = await pool.lease("u1")
    assert set() == await endless()
    await attach(pool, lease)
    assert set() == await endless()
    await attach(pool, await pool.lease("u1"))
    assert set() == await endless()
    await pool.give_back(await pool.lease("u1"))
    assert set() == await endless()
    await pool.detach("u1", "p:1")
    assert set() == await endless()
    await attempts.resume("u1", secret=SECRET, browser=BROWSER, holder="p:2", signal="s")
    assert set() == await endless()
    await attempts.advance(scan("u1"))
    assert set() == await endless()
    await attempts.renew("u1", state="approved", grant="new", seconds=60)
    assert set() == await endless()
    await attempts.advance(claim())
    assert set() == await endless()
    assert pool_keys <= seen
    assert {"attempt", "ticket", "issued", "grant", "making"} == {
        key.split(":")[1] for key in seen - pool_keys
    }


async def test_nothing_but_the_pool_is_left_in_the_end(
    store: Store, pool: ScenePool, attempts: Attempts, time_machine: TimeMachine
) -> None:
    """
    When all times are over, only the ids that were used are remembered.
    """
    for uuid in ("u1", "u2", "u3"):
        await show_code(pool, uuid)
    await attempts.advance(scan("u1"))
    with pytest.raises(PoolExhausted):
        await pool.lease("u4")

    await time_machine.forward(1000)

    assert {"leased": 0, "resting": 0, "free": 3} == await pool.count()
    left = {str(key) for key in await store.redis.keys(store.key("*"))}
    assert {store.key("scenes"), store.key("ids")} == left
    assert 3 == await store.redis.zcard(store.key("ids"))


async def test_all_keys_have_one_hash_tag(store: Store, prefix: str, pool: ScenePool) -> None:
    """
    Every key carries the prefix in braces, so that a cluster keeps them together.
    """
    await show_code(pool, "u1")

    keys = [str(key) for key in await store.redis.keys(f"*{prefix}*")]

    assert len(keys) > 3
    assert {"{" + prefix + "}"} == {key.partition(":")[0] for key in keys}

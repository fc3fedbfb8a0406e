"""Calls that share a round trip: each gets its own answer, and its own error."""

import asyncio
from pathlib import Path

import pytest

from store import Script, Store, StoreUnavailable, connect
from store.batch import AT_ONCE, MOST
from tests.store.open_lines import open_lines


async def reads_of(store: Store) -> int:
    """Return how often the server has read something from a client."""
    stats = await store.redis.info("stats")
    return int(stats["total_reads_processed"])


async def test_calls_of_one_turn_share_round_trips(own_store: Store) -> None:
    """
    Twenty calls are read by the store at twice: one finds nothing to wait for, the others wait.
    """
    await open_lines(own_store, 2)
    before = await reads_of(own_store)

    await asyncio.gather(
        *(own_store.ask("SET", own_store.key("one", str(number)), number) for number in range(20))
    )

    # One more for the question.
    assert 3 == await reads_of(own_store) - before


async def test_calls_get_their_own_answers(store: Store) -> None:
    """
    More calls than go together are all answered, each with what it asked for.
    """
    names = [store.key("many", str(number)) for number in range(2 * MOST + 1)]
    await asyncio.gather(*(store.ask("SET", name, name) for name in names))

    assert names == await asyncio.gather(*(store.ask("GET", name) for name in names))


async def test_calls_that_come_all_at_once_take_turns(own_store: Store) -> None:
    """
    However many there are, few round trips are under way; so none waits for long at the store.
    """
    names = [own_store.key("many", str(number)) for number in range(3 * AT_ONCE * MOST)]

    await asyncio.gather(*(own_store.ask("SET", name, name) for name in names))

    clients = await own_store.redis.info("clients")
    # One more for the question.
    assert AT_ONCE + 1 >= int(clients["connected_clients"])
    assert names == await asyncio.gather(*(own_store.ask("GET", name) for name in names))


async def test_refused_call_fails_alone(store: Store) -> None:
    """
    What the store refuses is the error of who asked for it.
    """
    key = store.key("text")
    await store.ask("SET", key, "words")

    found = await asyncio.gather(
        store.ask("GET", key),
        store.ask("LPUSH", key, "x"),
        store.ask("GET", key),
        return_exceptions=True,
    )

    assert ["words", "words"] == [found[0], found[2]]
    assert "ResponseError" == str(found[1])
    assert isinstance(found[1], StoreUnavailable)


async def test_cancelled_call_takes_nothing_from_the_others(store: Store) -> None:
    """
    Who goes away before the answer leaves the answers of the others alone.
    """
    key = store.key("text")
    await store.ask("SET", key, "words")
    asked = [asyncio.ensure_future(store.ask("GET", key)) for _ in range(3)]
    await asyncio.sleep(0)

    asked[1].cancel()

    assert ["words", "words"] == [await asked[0], await asked[2]]
    assert asked[1].cancelled()


async def test_scripts_that_the_store_forgot_are_sent_in_a_batch_too(
    store: Store, folder: Path
) -> None:
    """
    Unknown scripts among other calls run all the same, each once.
    """
    file = folder / "count.lua"
    file.write_text("#!lua\nreturn redis.call('INCR', KEYS[1])", encoding="utf-8")
    script = Script(store, file)
    await store.redis.script_flush()

    counts = await asyncio.gather(*(script([store.key("count")], []) for _ in range(5)))

    assert [1, 2, 3, 4, 5] == sorted(counts)


async def test_store_that_is_away_fails_every_call(unused_tcp_port: int) -> None:
    """
    Each of those who asked together hears of it.
    """
    async with connect(f"redis://127.0.0.1:{unused_tcp_port}", "saoma") as store:
        found = await asyncio.gather(
            *(store.ask("GET", store.key(name)) for name in "ab"), return_exceptions=True
        )

    assert ["ConnectionError", "ConnectionError"] == [str(error) for error in found]
    assert {StoreUnavailable} == {type(error) for error in found}


async def test_closing_waits_for_what_is_under_way(store_url: str, prefix: str) -> None:
    """
    A call that was made before the end is carried out.
    """
    async with connect(store_url, prefix) as store:
        asked = asyncio.ensure_future(store.ask("INCR", store.key("count")))
        await asyncio.sleep(0)

    assert 1 == await asked


async def test_closed_store_is_unavailable(store_url: str, prefix: str) -> None:
    """
    Whoever still asks at the end opens no connection that nobody closes.
    """
    async with connect(store_url, prefix) as store:
        await store.ping()

    with pytest.raises(StoreUnavailable):
        await store.ping()

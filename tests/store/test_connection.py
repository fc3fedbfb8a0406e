"""The connection: one prefix, one error for everything that goes wrong."""

import asyncio
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from store import Script, Store, StoreUnavailable, connect
from store.connection import store_errors
from tests.store.lossy_link import LossyLink


@pytest.fixture
def add(store: Store, folder: Path) -> Script:
    """A script that adds its argument to a list and returns how long that is."""
    return Script(store, add_file(folder))


def add_file(folder: Path) -> Path:
    """Write that script to a file."""
    file = folder / "add.lua"
    file.write_text("#!lua\nreturn redis.call('RPUSH', KEYS[1], ARGV[1])", encoding="utf-8")
    return file


def test_key_carries_the_prefix_as_hash_tag() -> None:
    """
    All parts follow the tag, so that all keys of one installation are on one node.
    """
    store = Store(None, "saoma")  # type: ignore[arg-type]

    assert "{saoma}:ticket:abc" == store.key("ticket", "abc")
    assert "{saoma}:signal:" == store.key("signal", "")


async def test_ping_returns_when_the_store_answers(store: Store) -> None:
    """
    A living store is pinged without a word.
    """
    await store.ping()


async def test_store_that_is_not_there_is_unavailable(unused_tcp_port: int) -> None:
    """
    A refused connection is the one error that callers know, and says its kind only.
    """
    async with connect(f"redis://:pa55word@127.0.0.1:{unused_tcp_port}", "saoma") as store:
        with pytest.raises(StoreUnavailable) as refused:
            await store.ping()

    assert "ConnectionError" == str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


async def test_address_of_sentinels_may_set_a_time_limit(unused_tcp_port: int) -> None:
    """
    What it says counts instead of ours, as in the address of one server.
    """
    url = f"redis+sentinel://127.0.0.1:{unused_tcp_port}/saoma?socket_timeout=2"
    async with connect(url, "saoma") as store:
        with pytest.raises(StoreUnavailable):
            await store.ping()


async def test_script_runs_in_the_store(store: Store, add: Script) -> None:
    """
    Keys and arguments arrive, and the answer comes back.
    """
    lengths = [await add([store.key("list")], [value]) for value in ("a", 2, 3.5)]

    assert [1, 2, 3] == lengths
    assert ["a", "2", "3.5"] == await store.redis.lrange(store.key("list"), 0, -1)


async def test_script_is_sent_again_when_the_store_forgot_it(store: Store, add: Script) -> None:
    """
    A store that was restarted knows no scripts, and gets them as they are needed.
    """
    await add([store.key("list")], ["a"])
    await store.redis.script_flush()

    length = await add([store.key("list")], ["b"])

    assert 2 == length


async def test_script_whose_answer_was_lost_is_run_again(
    lossy: tuple[Store, LossyLink], folder: Path
) -> None:
    """
    A call is tried twice: so every script of ours must bear to be run again.
    """
    store, link = lossy
    add = Script(store, add_file(folder))
    link.lose_next_answer()

    length = await add([store.key("list")], ["a"])

    assert 1 == link.lost
    assert 2 == length


async def test_script_that_fails_tells_no_arguments(store: Store, folder: Path) -> None:
    """
    The store repeats arguments in its errors, and we do not.
    """
    file = folder / "fail.lua"
    file.write_text("#!lua\nreturn redis.call(ARGV[1], KEYS[1])", encoding="utf-8")
    fail = Script(store, file)

    with pytest.raises(StoreUnavailable) as failed:
        await fail([store.key("x")], ["s3cret"])

    assert "ResponseError" == str(failed.value)
    assert failed.value.__suppress_context__


async def test_script_on_a_demoted_primary_is_refused_until_it_is_one_again(
    own_store: Store, folder: Path
) -> None:
    """
    A store that may only be read is unavailable; when it may be written, the next call works.
    """
    add = Script(own_store, add_file(folder))
    await add([own_store.key("list")], ["a"])
    await own_store.redis.replicaof("127.0.0.1", "1")
    with pytest.raises(StoreUnavailable) as refused:
        await add([own_store.key("list")], ["b"])
    await own_store.redis.replicaof("NO", "ONE")

    length = await add([own_store.key("list")], ["c"])

    assert "ReadOnlyError" == str(refused.value)
    assert 2 == length


@pytest.mark.parametrize("error", [ResponseError("s3cret"), OSError("s3cret"), TimeoutError()])
def test_store_errors_turns_all_trouble_into_one_error(error: Exception) -> None:
    """
    Whatever the client library raises, callers see `StoreUnavailable` with the kind of it.
    """
    with pytest.raises(StoreUnavailable) as turned, store_errors():
        raise error

    assert type(error).__name__ == str(turned.value)


def test_store_errors_lets_other_errors_through() -> None:
    """
    A mistake of ours is not dressed up as an outage.
    """
    with pytest.raises(KeyError), store_errors():
        raise KeyError("ours")


async def test_cancelled_call_of_a_forgotten_script_stays_cancelled(
    store: Store, add: Script
) -> None:
    """
    At whichever moment that is: else what runs it would go on, and the end of a process wait.
    """

    async def call_and_go_on() -> None:
        await add([store.key("list")], ["one"])
        await asyncio.Event().wait()

    for moment in range(150):
        await store.redis.script_flush()
        task = asyncio.create_task(call_and_go_on())
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=1)

        assert task.done(), moment

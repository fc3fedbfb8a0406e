"""Signals: they arrive, a gap is noticed, and the process's own heartbeat stays inside."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from store import Signals, Store, connect
from store.signals import BEAT


class Heard:
    """What one process was told."""

    def __init__(self, store: Store, name: str) -> None:
        self.texts: asyncio.Queue[str] = asyncio.Queue()
        self.gaps_ended: asyncio.Queue[None] = asyncio.Queue()
        self.signals = Signals(store, name, self.texts.put_nowait, self._subscribed)

    async def _subscribed(self) -> None:
        self.gaps_ended.put_nowait(None)


@pytest.fixture
async def heard(own_store: Store) -> AsyncIterator[Heard]:
    """The listening process `p`."""
    heard = Heard(own_store, "p")
    task = asyncio.create_task(heard.signals.run())
    await heard.signals.subscribed.wait()
    await heard.gaps_ended.get()
    yield heard
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_signal_arrives_in_order(own_store: Store, heard: Heard) -> None:
    """
    What is published to the process's channel is handed on, in order.
    """
    for text in ("one", "two"):
        await own_store.redis.publish(own_store.key("signal", "p"), text)

    assert ["one", "two"] == [await heard.texts.get(), await heard.texts.get()]


async def test_signals_of_others_are_not_heard(own_store: Store, heard: Heard) -> None:
    """
    Each process has a channel of its own.
    """
    await own_store.redis.publish(own_store.key("signal", "q"), "for q")
    await own_store.redis.publish(own_store.key("signal", "p"), "for p")

    assert "for p" == await heard.texts.get()


async def test_heartbeat_is_not_handed_on(own_store: Store, heard: Heard) -> None:
    """
    The beat only shows that the subscription lives.
    """
    await own_store.redis.publish(own_store.key("signal", "p"), BEAT)
    await own_store.redis.publish(own_store.key("signal", "p"), "a signal")

    assert "a signal" == await heard.texts.get()


async def test_lost_subscription_is_made_again_and_told(own_store: Store, heard: Heard) -> None:
    """
    After a gap the process is told that it listens again, so that it can sweep.
    """
    killed = await own_store.redis.client_kill_filter(_type="pubsub")

    await heard.gaps_ended.get()
    await own_store.redis.publish(own_store.key("signal", "p"), "after the gap")

    assert killed >= 1
    assert "after the gap" == await heard.texts.get()
    assert heard.signals.subscribed.is_set()


async def test_signals_wait_for_a_store_that_is_not_there(unused_tcp_port: int) -> None:
    """
    Without a store the listener tries on and says that it hears nothing.
    """
    async with connect(f"redis://127.0.0.1:{unused_tcp_port}", "p") as store:
        heard = Heard(store, "p")
        task = asyncio.create_task(heard.signals.run())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(heard.signals.subscribed.wait(), 0.3)

        assert not task.done()
        task.cancel()
        await asyncio.wait([task])


async def test_listening_that_is_cancelled_ends(own_store: Store) -> None:
    """
    At whichever moment that is: else the end of a process would wait for it.
    """
    for moment in range(0, 400, 3):
        heard = Heard(own_store, "p")
        task = asyncio.create_task(heard.signals.run())
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=1)

        assert task.done(), moment

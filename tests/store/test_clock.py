"""One time for all processes: the store's."""

import asyncio
import logging
import time
from contextlib import suppress

import pytest

from store import Clock, Store, StoreUnavailable, connect

HOUR = 3600.0


def wrong() -> float:
    """Tell the time as a machine does whose clock is an hour fast."""
    return time.time() + HOUR


async def test_clock_of_a_wrong_machine_is_set_by_the_store(own_store: Store) -> None:
    """
    However wrong the own clock is, the time is the store's.
    """
    clock = Clock(own_store, wrong)
    before = clock()

    await clock.set()

    assert before > time.time() + HOUR - 60
    assert abs(clock() - time.time()) < 60


async def test_clock_goes_on_as_it_was_set_when_the_store_is_away() -> None:
    """
    Without a store the own clock counts, and nothing waits for it.
    """
    async with connect("redis://127.0.0.1:1/0", "clock") as nowhere:
        clock = Clock(nowhere, wrong)

        with pytest.raises(StoreUnavailable):
            await clock.set()

        assert abs(clock() - wrong()) < 60


async def test_operator_hears_of_a_wrong_clock(
    own_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Clocks that are apart by more than a minute are named in the log.
    """
    heard = asyncio.Event()
    clock = Clock(own_store, wrong)

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.set()

    listening = Listening()
    logging.getLogger("store.clock").addHandler(listening)
    task = asyncio.create_task(clock.run())
    await heard.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    logging.getLogger("store.clock").removeHandler(listening)

    assert "clock of this machine" in caplog.text

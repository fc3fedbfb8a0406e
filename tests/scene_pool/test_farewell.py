"""Farewells: scans up to one count no more, later ones do."""

import pytest

from scene_pool import Attempts
from store import Store
from tests.time_machine import TimeMachine

AT = 1_700_000_000


@pytest.fixture
def attempts(store: Store) -> Attempts:
    """No attempts yet."""
    return Attempts(store)


@pytest.mark.parametrize(("scanned_at", "withdrawn"), [(AT - 1, True), (AT, True), (AT + 1, False)])
async def test_farewell_withdraws_scans_up_to_its_second(
    attempts: Attempts, scanned_at: int, withdrawn: bool
):
    """
    Who follows and scans again is somebody new.
    """
    await attempts.say_farewell("openid-1", AT, 100)

    assert withdrawn == await attempts.withdrawn("openid-1", str(scanned_at))
    assert not await attempts.withdrawn("openid-2", str(scanned_at))


async def test_older_farewell_that_comes_later_changes_nothing(attempts: Attempts):
    """
    Pushes overtake one another; the newest farewell counts.
    """
    for at in (AT + 5, AT):
        await attempts.say_farewell("openid-1", at, 100)

    assert await attempts.withdrawn("openid-1", str(AT + 5))


async def test_attempt_without_a_scan_is_not_withdrawn(attempts: Attempts):
    """
    What does not rest upon a scan has no moment to compare.
    """
    await attempts.say_farewell("openid-1", AT, 100)

    assert not await attempts.withdrawn("openid-1", "")


async def test_farewell_is_forgotten_and_names_nobody(
    attempts: Attempts, store: Store, time_machine: TimeMachine
):
    """
    It lasts as long as it is told to, and an openid is not written down for it.
    """
    await attempts.say_farewell("openid-1", AT, 100)
    keys = await store.redis.keys(store.key("*"))

    await time_machine.forward(101)

    assert 1 == len(keys)
    assert "openid" not in keys[0]
    assert not await attempts.withdrawn("openid-1", str(AT))

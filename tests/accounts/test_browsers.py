"""Known browsers: pairs of an account and a browser, for a while."""

import pytest

from accounts import KnownBrowsers
from store import Store
from tests.time_machine import TimeMachine


@pytest.fixture
def browsers(store: Store) -> KnownBrowsers:
    """Known browsers, none yet."""
    return KnownBrowsers(store)


async def test_browser_is_known_to_the_account_that_used_it(browsers: KnownBrowsers):
    """
    What one account knows, another does not, and neither in another browser.
    """
    await browsers.learn(7, "b1", 100)

    assert await browsers.knows(7, "b1")
    assert not await browsers.knows(8, "b1")
    assert not await browsers.knows(7, "b2")


async def test_browser_is_forgotten_with_time(browsers: KnownBrowsers, time_machine: TimeMachine):
    """
    The time begins with the last sign-in.
    """
    await browsers.learn(7, "b1", 100)
    await time_machine.forward(60)
    await browsers.learn(7, "b1", 100)
    await time_machine.forward(60)
    still = await browsers.knows(7, "b1")
    await time_machine.forward(60)

    assert still
    assert not await browsers.knows(7, "b1")


async def test_browser_is_forgotten_when_that_is_asked(browsers: KnownBrowsers):
    """
    Forgetting touches one pair only, and twice does no harm.
    """
    await browsers.learn(7, "b1", 100)
    await browsers.learn(7, "b2", 100)

    await browsers.forget(7, "b1")
    await browsers.forget(7, "b1")

    assert not await browsers.knows(7, "b1")
    assert await browsers.knows(7, "b2")

"""The stand-in for WeChat."""

from collections.abc import AsyncIterator

import pytest

from sandbox import ManualClock, Sandbox, serve_sandbox
from tests.site import ACCOUNT


@pytest.fixture
def clock() -> ManualClock:
    """The stand-in's clock, and that of clients that are given one."""
    return ManualClock()


@pytest.fixture
async def platform(clock: ManualClock) -> AsyncIterator[Sandbox]:
    """The stand-in for WeChat."""
    async with serve_sandbox(account=ACCOUNT, clock=clock) as sandbox:
        yield sandbox

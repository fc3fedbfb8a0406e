"""Nodes whose clocks are wrong by minutes, either way: no login is lost or refused for it."""

import asyncio
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from random import Random

import aiohttp
import pytest

from sandbox import Sandbox, serve_sandbox
from tests.faults.browser import Browser
from tests.faults.nodes import Node, Nodes
from tests.site import ACCOUNT

FAKETIME = str(next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), ""))
pytestmark = pytest.mark.skipif(not FAKETIME, reason="needs libfaketime (tests/install_servers)")

# Beyond `wechat.push_window_seconds`: by its own clock such a node would refuse every push.
SKEWS = ("+10m", "-10m")


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A WeChat that knows the nodes' account, with the right time."""
    async with serve_sandbox(account=ACCOUNT) as running:
        yield running


@pytest.fixture
async def nodes(
    store_url: str, folder: Path, prefix: str, sandbox: Sandbox
) -> AsyncIterator[Nodes]:
    """Two nodes of one site, one ten minutes fast, one ten minutes slow."""
    both = Nodes(
        folder,
        store_url,
        sandbox.base_url,
        2,
        redis={"url": store_url, "key_prefix": prefix},
        pool={"size": 4},
    )
    for node, skew in zip(both, SKEWS, strict=True):
        node.environment = {
            "LD_PRELOAD": FAKETIME,
            "FAKETIME": skew,
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
    try:
        await both.start()
        yield both
    finally:
        await both.end()


async def metric(node: Node, name: str) -> float:
    """Return a figure of the node."""
    async with aiohttp.ClientSession() as http, http.get(f"{node.base_url}/metrics") as response:
        lines = (await response.text()).splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


async def sign_in(nodes: Nodes, sandbox: Sandbox, page_at: int, push_to: int) -> None:
    """Open a page at one node, push its scan to another or the same, trade the login code."""
    sandbox.pusher.callbacks = [nodes.callbacks[push_to]]
    browser = Browser([nodes.urls[page_at]], nodes.origin, Random(1))
    staying = asyncio.create_task(browser.stay())

    await browser.shown.wait()
    done = await sandbox.phone.scan(ticket=browser.codes[0]["ticket"])
    assert "登录成功" in (done.reply or "")
    await browser.outcome.wait()
    username = await browser.trade()

    staying.cancel()
    await asyncio.wait([staying])
    await browser.close()
    assert username
    assert 170 < browser.codes[0]["expires"] <= 180


async def test_scan_counts_whichever_nodes_clock_is_wrong(nodes: Nodes, sandbox: Sandbox) -> None:
    """
    The page is at one node, the push comes to the same or the other: it signs in at once.
    """
    for page_at, push_to in product((0, 1), repeat=2):
        await sign_in(nodes, sandbox, page_at, push_to)

    for node in nodes:
        assert await metric(node, "saoma_push_seconds_sum") < 60
        assert "clock of this machine" in node.log()

"""WeChat is slow, drops calls, answers nonsense: the page hears so, and nothing stays taken."""

import time
from typing import Any

import pytest

from tests.faults.conftest import StartSite
from tests.faults.scans import freed, heals, push_of, until
from tests.site import Site
from tests.time_machine import TimeMachine

CREATE = "/cgi-bin/qrcode/create"
TOKEN = "/cgi-bin/stable_token"
POOL_OF_ONE = {"size": 1}
PATIENCE = {"timeout_seconds": 0.5}

DOWN = [
    {"drop": True},
    {"status": 502},
    {"errcode": -1},
    {"delay": 60},
]


@pytest.mark.parametrize("fault", DOWN, ids=lambda fault: next(iter(fault)))
@pytest.mark.parametrize("path", [CREATE, TOKEN])
async def test_page_hears_that_wechat_is_down_and_then_gets_its_code(
    store_url: str, start_site: StartSite, path: str, fault: dict[str, Any]
) -> None:
    """
    While calls fail the page is told so, in time; the only scene id is there when they succeed.
    """
    site = await start_site(store_url, pool=POOL_OF_ONE, wechat=PATIENCE)
    site.sandbox.platform.fail(path, times=None, **fault)
    page = await site.visitor().open_page()

    started = time.monotonic()
    await page.send("get_qr")
    error = await page.expect("error")
    waited = time.monotonic() - started
    free = await site.resources.pool.count()
    site.sandbox.platform.faults.clear()
    code = await heals(page)

    assert ("wechat_unavailable", 5) == (error["code"], error["retry_after"])
    assert waited < 3
    assert {"leased": 0, "resting": 0, "free": 1} == free
    assert (200, "绑定") == await push_of(site, code)
    assert await page.expect("bind_required")


async def test_page_that_leaves_while_wechat_thinks_keeps_nothing(
    store_url: str, start_site: StartSite
) -> None:
    """
    A page is gone before its code is made: the next page is not kept waiting by it for long.
    """
    site = await start_site(
        store_url, pool=POOL_OF_ONE | {"rest_seconds": 0}, wechat={"timeout_seconds": 3}
    )
    site.sandbox.platform.fail(CREATE, delay=0.3)
    former = await site.visitor().open_page()
    await former.send("get_qr")

    async def thinks() -> bool:
        return not list(site.sandbox.platform.faults)

    await until(thinks)
    former.cut()
    await freed(site)
    page = await site.visitor().open_page()
    code = await page.get_qr()

    assert (200, "绑定") == await push_of(site, code)
    assert await page.expect("bind_required")


async def test_one_dropped_call_is_tried_again_unseen(
    store_url: str, start_site: StartSite
) -> None:
    """
    A single lost answer costs the visitor a moment and nothing else.
    """
    site = await start_site(store_url)
    site.sandbox.platform.fail(CREATE, drop=True)

    assert await (await site.visitor().open_page()).get_qr()


async def test_readiness_tells_of_wechat_and_stays(site: Site) -> None:
    """
    Without WeChat a node stays in service: passwords still work there.
    """
    site.sandbox.platform.fail(TOKEN, times=None, drop=True)

    status, found = await site.visitor().request("GET", "/readyz")

    assert 200 == status
    assert "errcode none" == found["wechat"]


async def test_broken_account_costs_two_nodes_one_call_a_minute_and_heals(
    store_url: str,
    prefix: str,
    start_site: StartSite,
    time_machine: TimeMachine,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """
    An address that is not allowed is told to pages and operator, asked for rarely, and forgotten.
    """
    first = await start_site(store_url, prefix=prefix)
    nodes = [first, await start_site(store_url, prefix=prefix, sandbox=first.sandbox)]
    first.sandbox.platform.fail(CREATE, errcode=40164, times=4)
    pages = [await node.visitor().open_page() for node in nodes * 5]

    told = []
    for _ in range(3):
        for page in pages:
            await page.send("get_qr")
            told.append((await page.expect("error"))["code"])
        ready = [await node.visitor().request("GET", "/readyz") for node in nodes]
        await time_machine.forward(60)
    codes = [await page.get_qr() for page in pages]
    healed = [await node.visitor().request("GET", "/readyz") for node in nodes]

    fine = {"redis": "ok", "accounts": "ok"}
    lines = [line.getMessage() for line in caplog.records if "40164" in line.getMessage()]
    assert ["wechat_unavailable"] * 30 == told
    assert [(200, fine | {"wechat": "errcode 40164"})] * 2 == ready
    assert [(200, fine | {"wechat": "ok"})] * 2 == healed
    assert 10 == len({code["ticket"] for code in codes})
    assert 2 == len([line for line in lines if "IP allow-list" in line])

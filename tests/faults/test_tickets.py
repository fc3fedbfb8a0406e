"""The ticket decides: early, late, superseded and repeated ones reach their own page or none."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import serve_sandbox
from tests.faults.conftest import StartSite
from tests.faults.early import SlowAnswers, slow_answers
from tests.faults.scans import freed, heals, push_of, until
from tests.site import ACCOUNT, OTHER_OPENID, Page, Site, open_site

# As little rest as can be: whatever scene id there is, is used again at once.
TIGHT = {"size": 1, "rest_seconds": 0, "sockets_per_address": 0}


async def error_of(page: Page) -> str:
    """Ask for a code and return the error that comes instead."""
    await page.send("get_qr")
    return str((await page.expect("error"))["code"])


# ---- early


Early = tuple[Site, SlowAnswers]


@pytest.fixture
async def early(
    store_url: str, folder: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Early]:
    """A site whose WeChat answers late; a parameter changes its pool."""
    async with (
        serve_sandbox(account=ACCOUNT) as sandbox,
        slow_answers(sandbox.base_url) as wechat,
        open_site(
            store_url,
            folder,
            sandbox=sandbox,
            pool=TIGHT | getattr(request, "param", {}),
            wechat={
                "api_base_url": wechat.base_url,
                "mp_base_url": sandbox.base_url,
                "timeout_seconds": 7,
            },
        ) as site,
    ):
        yield site, wechat


async def test_scan_before_the_ticket_is_known_waits_for_it(
    early: Early,
) -> None:
    """
    A push that overtakes WeChat's own answer is held until the ticket is recorded.
    """
    site, wechat = early
    page = await site.visitor().open_page()
    await page.send("get_qr")
    code = await wechat.made.get()

    scan = asyncio.create_task(push_of(site, code))
    done, _ = await asyncio.wait({scan}, timeout=0.3)
    wechat.answer.set()

    assert set() == done
    assert (200, "绑定") == await scan
    assert {"qr", "bind_required"} == {(await page.receive())["type"] for _ in range(2)}


async def test_scan_long_before_the_ticket_is_known_is_pushed_again(
    early: Early,
) -> None:
    """
    When WeChat's answer takes too long its push hears 503, and the repeat finds the page.
    """
    site, wechat = early
    page = await site.visitor().open_page()
    await page.send("get_qr")
    code = await wechat.made.get()

    first = await push_of(site, code)
    wechat.answer.set()
    await page.expect("qr")

    assert (503, "") == first
    assert (200, "绑定") == await push_of(site, code)
    assert await page.expect("bind_required")


@pytest.mark.parametrize("early", [{"ticket_seconds": 1, "late_seconds": 0}], indirect=True)
async def test_scan_of_a_dead_code_does_not_wait_for_the_next_ticket(early: Early) -> None:
    """
    WeChat makes a ticket for an id whose last code is dead: a scan of that is answered at once.
    """
    site, wechat = early
    wechat.answer.set()
    former = await site.visitor().open_page()
    old = await former.get_qr()
    await former.expect("expired")
    former.cut()
    await freed(site)
    wechat.answer.clear()
    page = await site.visitor().open_page()
    await page.send("get_qr")
    while (await wechat.made.get())["ticket"] == old["ticket"]:
        pass

    assert (200, "过期") == await push_of(site, old)
    wechat.answer.set()
    await page.expect("qr")


# ---- late, superseded, contradicting


async def test_late_scan_is_its_own_attempts_whoever_has_the_scene_now(
    store_url: str, start_site: StartSite
) -> None:
    """
    The id shows another page's code by now: a scan of the old code waits for the old page.
    """
    site = await start_site(store_url, pool=TIGHT)
    visitor = site.visitor()
    former = await visitor.open_page()
    old = await former.get_qr()
    former.cut()
    await freed(site)
    page = await site.visitor().open_page()
    new = await page.get_qr()

    assert (200, "绑定") == await push_of(site, old)
    back = await visitor.open_page()
    await back.send("get_qr", resume=old["resume"])
    first = await back.expect("bind_required")
    assert (200, "绑定") == await push_of(site, new, openid=OTHER_OPENID)

    second = await page.expect("bind_required")
    assert first["bind_token"] != second["bind_token"]


async def test_scan_of_a_page_that_is_gone_for_good_reaches_nobody(
    store_url: str, start_site: StartSite
) -> None:
    """
    The phone hears that the code is over; the page that has its id now hears its own scan only.
    """
    site = await start_site(store_url, pool=TIGHT | {"resume_seconds": 0})
    former = await site.visitor().open_page()
    old = await former.get_qr()
    former.cut()
    await freed(site)
    page = await site.visitor().open_page()
    new = await page.get_qr()

    assert (200, "过期") == await push_of(site, old)
    assert (200, "过期") == await push_of(site, new, scene="7")
    assert (200, "绑定") == await push_of(site, new, openid=OTHER_OPENID, scene="")

    assert await page.expect("bind_required")


async def test_scan_of_the_code_before_still_counts_for_its_page(
    store_url: str, start_site: StartSite
) -> None:
    """
    Who dwelt on Follow means the page that he scanned, which shows its next code by now.
    """
    site = await start_site(store_url, pool=TIGHT | {"ticket_seconds": 1, "late_seconds": 30})
    page = await site.visitor().open_page()
    old = await page.get_qr()
    await page.expect("expired")
    await page.get_qr()

    assert (200, "绑定") == await push_of(site, old)

    assert await page.expect("bind_required")


async def test_repeat_after_the_end_of_the_code_is_answered_as_before(
    store_url: str, start_site: StartSite
) -> None:
    """
    The first push came just in time, its repeat too late: the phone shows the same.
    """
    site = await start_site(store_url, pool=TIGHT | {"ticket_seconds": 1, "late_seconds": 0})
    page = await site.visitor().open_page()
    code = await page.get_qr()
    now = time.time()

    assert (200, "绑定") == await push_of(site, code, created_at=now)
    await dead_code(site, code)
    assert (200, "绑定") == await push_of(site, code, created_at=now)
    assert (200, "过期") == await push_of(site, code, openid=OTHER_OPENID, created_at=now)

    assert await page.expect("bind_required")


async def dead_code(site: Site, code: dict[str, Any]) -> None:
    """Return once the ticket of *code* is dead."""

    async def dead() -> bool:
        return await site.resources.context.pages.attempts.scanned(code["ticket"]) is None

    await until(dead)


async def test_superseded_page_hears_of_no_scan(store_url: str, start_site: StartSite) -> None:
    """
    The page that continued the attempt hears the outcome; the former one only that it is over.
    """
    site = await start_site(store_url, pool=TIGHT)
    visitor = site.visitor()
    former = await visitor.open_page()
    code = await former.get_qr()
    page = await visitor.open_page()
    await page.get_qr(resume=code["resume"])

    assert {} == await former.expect("superseded")
    assert (200, "绑定") == await push_of(site, code)
    assert await page.expect("bind_required")
    assert "pool_exhausted" == await error_of(former)


# ---- repeated


async def test_repeated_ticket_makes_the_server_take_another_id(
    store_url: str, start_site: StartSite
) -> None:
    """
    WeChat returns the ticket of a code that may yet be scanned: the next page gets another id.
    """
    site = await start_site(store_url, pool=TIGHT | {"size": 3})
    site.sandbox.platform.repeat_tickets = True
    visitor = site.visitor()
    former = await visitor.open_page()
    old = await former.get_qr()
    former.cut()

    async def resting() -> bool:
        return 0 == (await site.resources.pool.count())["leased"]

    await until(resting)
    page = await site.visitor().open_page()
    new = await page.get_qr()

    assert old["ticket"] != new["ticket"]
    assert (200, "绑定") == await push_of(site, old)
    assert (200, "绑定") == await push_of(site, new, openid=OTHER_OPENID)
    assert await page.expect("bind_required")
    back = await visitor.open_page()
    await back.send("get_qr", resume=old["resume"])
    assert await back.expect("bind_required")


async def test_repeated_ticket_in_a_pool_of_one_waits_for_its_end(
    store_url: str, start_site: StartSite
) -> None:
    """
    With no other id a page is told to wait, and gets the id when its ticket is dead.
    """
    site = await start_site(store_url, pool=TIGHT | {"ticket_seconds": 2, "late_seconds": 0})
    site.sandbox.platform.repeat_tickets = True
    former = await site.visitor().open_page()
    old = await former.get_qr()
    former.cut()
    await freed(site)

    page = await site.visitor().open_page()
    assert "pool_exhausted" == await error_of(page)
    assert (200, "绑定") == await push_of(site, old)
    await freed(site)
    new = await heals(page)  # WeChat may take the old one for alive a moment longer than we

    assert old["ticket"] != new["ticket"]
    assert (200, "过期") == await push_of(site, old, openid=OTHER_OPENID)
    assert (200, "绑定") == await push_of(site, new, openid=OTHER_OPENID)
    assert await page.expect("bind_required")

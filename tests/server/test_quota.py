"""The day's codes: what a page is told when they run low and when they are used up."""

from typing import Any

from msgspec.structs import replace

from tests.server.conftest import StartSite
from tests.server.test_operations import figure, figures
from tests.site import Page, Site
from wechat import Limits

CREATE = "/cgi-bin/qrcode/create"


async def error_of(page: Page) -> dict[str, Any]:
    """Ask for a code and return the error that comes instead."""
    await page.send("get_qr")
    return await page.expect("error")


def asked(site: Site) -> int:
    """Return how many codes WeChat counts today."""
    return site.sandbox.platform.quotas.used(CREATE)


# ---- used up


async def test_wechat_is_not_asked_when_the_days_codes_are_used_up(start_site: StartSite) -> None:
    """
    The page hears `quota_exhausted` with a sentence and a wait, and WeChat hears nothing.
    """
    site = await start_site(wechat={"daily_codes": 2}, pool={"size": 3})
    pages = [await site.visitor().open_page() for _ in range(3)]
    for page in pages[:2]:
        await page.get_qr()

    errors = [await error_of(pages[2]) for _ in range(5)]

    assert {"quota_exhausted"} == {error["code"] for error in errors}
    assert {"No codes left."} == {error["message"] for error in errors}
    assert all(1 <= error["retry_after"] <= 600 for error in errors)
    assert 2 == asked(site)


async def test_scene_goes_back_when_the_days_codes_are_used_up(start_site: StartSite) -> None:
    """
    Those who are turned away take no scene id with them.
    """
    site = await start_site(wechat={"daily_codes": 1}, pool={"size": 2})
    first, second = await site.visitor().open_page(), await site.visitor().open_page()
    await first.get_qr()
    await error_of(second)

    assert {"leased": 1, "resting": 0, "free": 1} == await site.resources.pool.count()


async def test_figures_are_those_of_all_nodes(nodes: tuple[Site, Site]) -> None:
    """
    Each node tells what all of them have asked for today, and how many there may be.
    """
    for site in (*nodes, nodes[0]):
        page = await site.visitor().open_page()
        await page.get_qr()

    for site in nodes:
        found = await figures(site)
        assert 3 == figure(found, "saoma_codes_today") == asked(site)
        assert 100_000 == figure(found, "saoma_codes_daily_limit")


# ---- what costs nothing


async def test_page_that_comes_back_costs_no_code(nodes: tuple[Site, Site]) -> None:
    """
    A reload, and a socket that was lost or closed, show the same code again on any node.
    """
    one, other = nodes
    visitor = one.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()
    for at, clean in ((other, True), (one, False), (other, False)):
        if clean:
            await page.socket.close()
        else:
            page.cut()
        page = await visitor.open_page(at=at.base_url)
        again = await page.get_qr(resume=code["resume"])
        assert code["ticket"] == again["ticket"]

    assert 1 == await one.resources.context.pages.client.budget.today() == asked(one)


# ---- slowing down


async def test_usual_expired_is_as_it_always_was(start_site: StartSite) -> None:
    """
    Without a reason to pause the frame is the contract's, byte for byte.
    """
    site = await start_site(pool={"ticket_seconds": 1})
    page = await site.visitor().open_page()
    await page.get_qr()

    frame = await page.socket.receive(timeout=10)

    assert '{"type":"expired","data":{}}' == frame.data


async def test_reserve_is_for_new_visitors(start_site: StartSite) -> None:
    """
    In the reserve `expired` asks pages to pause, the next code takes a while, and a browser that
    is new has its first at once.
    """
    site = await start_site(
        pool={"ticket_seconds": 1}, wechat={"daily_codes": 4, "reserve_percent": 50}
    )
    page, new = await site.visitor().open_page(), await site.visitor().open_page()
    told = []
    for _ in range(2):
        await page.get_qr()
        told.append(await page.expect("expired"))
    error = await error_of(page)
    await new.get_qr()

    assert [{}, {"pause": "quota"}] == told
    assert "quota_low" == error["code"]
    assert 1 <= error["retry_after"] <= 3600
    assert 3 == asked(site)


async def test_pages_of_one_browser_share_its_wait(nodes: tuple[Site, Site]) -> None:
    """
    A second tab, on another node too, gets no code sooner than the first.
    """
    one, other = nodes
    for site in nodes:
        site.resources.context.pages.client.budget.limits = Limits(
            daily_codes=100, reserve_percent=100
        )
    visitor = one.visitor()
    await (await visitor.open_page()).get_qr()

    second = await visitor.open_page(at=other.base_url)

    assert "quota_low" == (await error_of(second))["code"]
    assert 1 == asked(one)


async def test_pause_is_told_by_the_node_that_a_page_comes_back_to(
    nodes: tuple[Site, Site],
) -> None:
    """
    The rounds of an attempt are the same on every node.
    """
    one, other = nodes
    for site in nodes:
        site.resources.rules.refreshes = 0
    one.resources.pool.rules = replace(one.resources.pool.rules, ticket_seconds=1)
    visitor = one.visitor()
    lost = await visitor.open_page()
    code = await lost.get_qr()
    first = await lost.expect("expired")
    lost.cut()

    page = await visitor.open_page(at=other.base_url)
    await page.send("get_qr", resume=code["resume"])

    assert {"pause": "idle"} == first == await page.expect("expired")

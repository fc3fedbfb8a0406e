"""`/healthz`, `/readyz`, `/metrics`: what operators see."""

import asyncio
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving import drain
from tests.server.conftest import StartSite
from tests.server.pushing import scan
from tests.site import OPENID, PASSWORD, Page, Site, Visitor

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def figures(site: Site) -> Figures:
    """Return every figure, by name and labels."""
    async with site.visitor().http.get("/metrics") as response:
        families = text_string_to_metric_families(await response.text())
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }


def figure(found: Figures, name: str, **labels: str) -> float:
    """Return one figure; 0 when it was never counted."""
    return found.get((name, tuple(sorted(labels.items()))), 0.0)


# ---- alive and ready


async def test_healthz_is_200_while_the_process_lives(site: Site) -> None:
    """
    A living process says so, without asking anybody else.
    """
    assert 200 == (await site.visitor().request("GET", "/healthz"))[0]
    assert [] == site.sandbox.platform.codes.waiting(10)


async def test_readyz_tells_of_everything_the_server_needs(site: Site) -> None:
    """
    When store, accounts and WeChat answer, all three are "ok".
    """
    assert (200, {"redis": "ok", "accounts": "ok", "wechat": "ok"}) == await site.visitor().request(
        "GET", "/readyz"
    )


async def test_machines_get_no_cookies(site: Site) -> None:
    """
    Load balancers and Prometheus are no browsers.
    """
    for path in ("/healthz", "/readyz", "/metrics"):
        async with site.visitor().http.get(path) as response:
            assert not response.cookies


async def test_readyz_is_503_while_the_process_drains(site: Site) -> None:
    """
    From the moment of the signal on, the process asks for no more requests.
    """
    visitor = site.visitor()
    await visitor.request("GET", "/healthz")  # leaves a connection open
    page = await site.visitor().open_page()

    draining = asyncio.create_task(drain(site.server, site.resources.context, 5))
    await asyncio.sleep(0)  # lets it begin
    status, answer = await visitor.request("GET", "/readyz")

    assert 503 == status
    assert ("ok", "ok") == (answer["redis"], answer["accounts"])
    assert 1012 == await page.closed()
    await draining


async def test_draining_sends_every_page_away(site: Site) -> None:
    """
    All open pages are told to come back at once, to another process.
    """
    pages = [await site.visitor().open_page() for _ in range(3)]
    await pages[0].get_qr()

    _, *codes = await asyncio.gather(
        drain(site.server, site.resources.context, 5), *(page.closed() for page in pages)
    )

    assert [1012, 1012, 1012] == codes


async def test_draining_is_no_storm_for_the_others(nodes: tuple[Site, Site]) -> None:
    """
    Pages are sent away one after the other: the first is back elsewhere before the last leaves.
    """
    one, other = nodes
    visitors = [one.visitor() for _ in range(20)]
    pages = [await visitor.open_page() for visitor in visitors]
    events: list[str] = []

    async def come_back(visitor: Visitor, former: Page) -> None:
        await former.closed()
        events.append("sent away")
        page = await visitor.open_page(at=other.base_url)
        await page.get_qr()
        events.append("back")

    await asyncio.gather(
        drain(one.server, one.resources.context, 5),
        *(come_back(visitor, page) for visitor, page in zip(visitors, pages, strict=True)),
    )

    assert 20 == events.count("sent away") == events.count("back")
    assert events.index("back") < len(events) - events[::-1].index("sent away")


async def test_attempt_survives_the_process_that_drained(nodes: tuple[Site, Site]) -> None:
    """
    A page that was sent away goes on with its attempt on another process.
    """
    one, other = nodes
    visitor = one.visitor()
    former = await visitor.open_page()
    code = await former.get_qr()
    await asyncio.gather(drain(one.server, one.resources.context, 5), former.closed())

    page = await visitor.open_page(at=other.base_url)
    again = await page.get_qr(resume=code["resume"])
    await scan(other, code)

    assert code["ticket"] == again["ticket"]
    assert await page.expect("bind_required")


# ---- figures

NAMES = {
    "saoma_sockets_open": "gauge",
    "saoma_polls_open": "gauge",
    "saoma_pool_scenes": "gauge",
    "saoma_pool_exhausted": "counter",
    "saoma_qr_issued": "counter",
    "saoma_codes_ready": "gauge",
    "saoma_codes_today": "gauge",
    "saoma_codes_daily_limit": "gauge",
    "saoma_scans": "counter",
    "saoma_push_seconds": "histogram",
    "saoma_sessions_created": "counter",
    "saoma_binds": "counter",
    "saoma_wechat_circuit_open": "gauge",
    "saoma_wechat_requests": "counter",
    "saoma_wechat_seconds": "histogram",
}


async def test_metrics_have_the_contracts_names_and_types(site: Site) -> None:
    """
    Dashboards rely on these names, and on no others.
    """
    async with site.visitor().http.get("/metrics") as response:
        text = await response.text()

    found = {family.name: family.type for family in text_string_to_metric_families(text)}
    assert "text/plain" == response.content_type
    assert NAMES == found
    for line in (
        'saoma_pool_scenes{state="leased"}',
        'saoma_pool_scenes{state="resting"}',
        'saoma_pool_scenes{state="free"}',
        "saoma_pool_exhausted_total",
        "saoma_qr_issued_total",
        "saoma_sessions_created_total",
        "saoma_push_seconds_bucket",
        *(f'saoma_scans_total{{outcome="{outcome}"}}' for outcome in OUTCOMES),
    ):
        assert f"\n{line}" in text


OUTCOMES = ["success", "bind_required", "denied", "stale", "duplicate", "unknown"]


async def test_pool_is_counted_by_state(start_site: StartSite) -> None:
    """
    Ids that a page shows are leased, those of closed pages rest, the others are free.
    """
    site = await start_site(pool={"size": 5})
    pages = [await site.visitor().open_page() for _ in range(2)]
    for page in pages:
        await page.get_qr()
    open_pages = await figures(site)
    for page in pages:
        await page.socket.close()
    await site.all_gone()
    closed = await figures(site)

    def states(found: Figures) -> dict[str, float]:
        return {
            state: figure(found, "saoma_pool_scenes", state=state)
            for state in ("leased", "resting", "free")
        }

    assert {"leased": 2, "resting": 0, "free": 3} == states(open_pages)
    assert {"leased": 0, "resting": 2, "free": 3} == states(closed)


async def test_a_whole_story_is_counted(start_site: StartSite) -> None:
    """
    Codes, scans, bindings, sessions, calls to WeChat and pushes have their figures.
    """
    site = await start_site(pool={"size": 1})
    await site.add_account("alice")
    visitor = site.visitor()
    before = await figures(site)

    page, other = await visitor.open_page(), await site.visitor().open_page()
    code = await page.get_qr()
    await other.send("get_qr")
    await other.expect("error")
    during = await figures(site)
    await scan(site, code)
    token = (await page.expect("bind_required"))["bind_token"]
    bind: dict[str, Any] = {"bind_token": token, "username": "alice"}
    await visitor.post("/user/bind", **bind, password="wrong")
    await visitor.post("/user/bind", **bind, password=PASSWORD)
    after = await figures(site)

    def counted(name: str, **labels: str) -> float:
        return figure(after, name, **labels) - figure(before, name, **labels)

    create, sockets = "/cgi-bin/qrcode/create", "saoma_sockets_open"
    assert 2 == figure(during, sockets) - figure(before, sockets)
    assert 1 == counted("saoma_qr_issued_total")
    assert 1 == counted("saoma_pool_exhausted_total")
    assert 1 == counted("saoma_scans_total", outcome="bind_required")
    assert 1 == counted("saoma_push_seconds_count")
    assert 0 < counted("saoma_push_seconds_sum") < 5
    assert 1 == counted("saoma_binds_total", outcome="bad_credentials")
    assert 1 == counted("saoma_binds_total", outcome="success")
    assert 1 == counted("saoma_sessions_created_total")
    assert 1 == counted("saoma_wechat_requests_total", endpoint=create, errcode="0")
    assert 1 == counted("saoma_wechat_seconds_count", endpoint=create)


async def test_sessions_are_counted_however_they_begin(site: Site) -> None:
    """
    A scan and a password count alike.
    """
    await site.add_account("alice")
    await site.resources.directory.register(OPENID)
    before = await figures(site)
    visitor = site.visitor()
    page = await visitor.open_page()
    await scan(site, await page.get_qr())
    await visitor.post("/session", code=(await page.expect("success"))["code"])
    await site.visitor().post("/login", username="alice", password=PASSWORD)

    name = "saoma_sessions_created_total"
    assert 2 == figure(await figures(site), name) - figure(before, name)


async def test_trouble_of_wechat_is_counted_by_its_code(site: Site) -> None:
    """
    Calls that failed are counted under WeChat's own error code.
    """
    site.sandbox.platform.fail("/cgi-bin/qrcode/create", errcode=45009)
    before = await figures(site)
    page = await site.visitor().open_page()
    await page.send("get_qr")
    await page.expect("error")

    labels = {"endpoint": "/cgi-bin/qrcode/create", "errcode": "45009"}
    name = "saoma_wechat_requests_total"
    assert 1 == figure(await figures(site), name, **labels) - figure(before, name, **labels)


# ---- who may read the figures


@pytest.mark.parametrize(
    ("settings", "forwarded", "status"),
    [
        ({}, "", 200),
        ({"metrics": {"allow": ["10.0.0.0/8"]}}, "", 403),
        ({"metrics": {"allow": []}}, "", 403),
        ({}, "203.0.113.1", 403),
        ({}, "127.0.0.1", 403),
        ({"server": {"trusted_proxies": ["127.0.0.1/32"]}}, "203.0.113.1", 403),
        (
            {
                "server": {"trusted_proxies": ["127.0.0.1/32"]},
                "metrics": {"allow": ["203.0.113.0/24"]},
            },
            "203.0.113.1",
            200,
        ),
        (
            {
                "server": {"trusted_proxies": ["127.0.0.1/32"]},
                "metrics": {"allow": ["203.0.113.0/24"]},
            },
            "203.0.113.1, 198.51.100.1",
            403,
        ),
    ],
)
async def test_metrics_are_for_allowed_addresses(
    start_site: StartSite, settings: dict[str, Any], forwarded: str, status: int
) -> None:
    """
    Only the networks in `metrics.allow` read the figures, and nobody talks their way in.
    """
    site = await start_site(**settings)
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}

    async with site.visitor().http.get("/metrics", headers=headers) as response:
        text = await response.text()

    assert status == response.status
    assert ("saoma_sockets_open" in text) == (status == 200)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_answers_balancers_that_ask_without_a_body(site: Site, path: str):
    """
    HEAD is answered as GET is, without the body.
    """
    status, body = await site.visitor().request("HEAD", path)

    assert 200 == status
    assert not body

"""Two processes of one site: pages on both, scans posted to either."""

import asyncio

import pytest

from tests.server.conftest import StartSite
from tests.server.pushing import scan
from tests.site import PASSWORD, Site

Nodes = tuple[Site, Site]


async def test_every_page_gets_its_own_result_wherever_the_scan_arrives(nodes: Nodes) -> None:
    """
    Eight pages on two nodes, eight users, each scan at the one node or the other.
    """
    openids = [f"oMany00000000000000000user{number}" for number in range(8)]
    names = [(await nodes[0].resources.directory.register(each)).username for each in openids]
    visitors = [nodes[0].visitor() for _ in openids]
    pages = [
        await visitor.open_page(at=nodes[number % 2].base_url)
        for number, visitor in enumerate(visitors)
    ]
    codes = await asyncio.gather(*(page.get_qr() for page in pages))

    await asyncio.gather(
        *(
            scan(nodes[number // 2 % 2], code, openid=openid)
            for number, (code, openid) in enumerate(zip(codes, openids, strict=True))
        )
    )
    login_codes = [(await page.expect("success"))["code"] for page in pages]
    traded = [
        (await visitor.post("/session", code=code))[1]["username"]
        for visitor, code in zip(visitors, login_codes, strict=True)
    ]

    assert names == traded


@pytest.mark.parametrize("at", [0, 1])
async def test_result_is_traded_on_any_node(nodes: Nodes, at: int) -> None:
    """
    A bind token from one node is good on the other, and the page hears of the end there.
    """
    one, other = nodes
    await one.add_account("alice")
    visitor = one.visitor()
    page = await visitor.open_page(at=nodes[at].base_url)
    await scan(nodes[1 - at], await page.get_qr())
    token = (await page.expect("bind_required"))["bind_token"]

    async with visitor.http.post(
        f"{other.base_url}/user/bind",
        json={"bind_token": token, "username": "alice", "password": PASSWORD},
        headers={"X-XSRFToken": visitor.cookie("_xsrf") or ""},
    ) as response:
        answer = await response.json()

    assert {"status": True, "username": "alice"} == answer
    assert [] == await page.rest()
    assert 1000 == page.close_code


async def test_nodes_never_show_the_same_scene(start_site: StartSite, prefix: str) -> None:
    """
    The pool is one for all nodes.
    """
    one = await start_site(prefix=prefix, pool={"size": 4})
    other = await start_site(prefix=prefix, sandbox=one.sandbox, pool={"size": 4})
    pages = [await site.visitor().open_page() for site in (one, other) * 2]

    codes = await asyncio.gather(*(page.get_qr() for page in pages))
    fifth = await one.visitor().open_page()
    await fifth.send("get_qr")

    known = [one.sandbox.platform.codes.by_ticket(code["ticket"]) for code in codes]
    assert {1, 2, 3, 4} == {shown.scene for shown in known if shown}
    assert "pool_exhausted" == (await fifth.expect("error"))["code"]


async def test_sites_that_share_a_store_do_not_meet(start_site: StartSite) -> None:
    """
    Another key prefix is another site: neither codes nor sessions are shared.
    """
    one, other = await start_site(), await start_site()
    await one.add_account("alice")
    visitor = one.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)
    page = await visitor.open_page()
    code = await page.get_qr()

    stranger = await visitor.open_page(at=other.base_url)
    await stranger.send("get_qr", resume=code["resume"])
    async with visitor.http.get(f"{other.base_url}/session") as response:
        status = response.status

    assert "unknown_attempt" == (await stranger.expect("error"))["code"]
    assert 401 == status


async def test_wrong_passwords_are_counted_over_all_nodes(
    start_site: StartSite, prefix: str
) -> None:
    """
    Going from node to node gives nobody more tries.
    """
    limits = {"password_tries_per_account": 2}
    one = await start_site(prefix=prefix, limits=limits)
    other = await start_site(prefix=prefix, sandbox=one.sandbox, limits=limits)
    await one.add_account("alice")

    statuses = [
        (await site.visitor().post("/login", username="alice", password=password))[0]
        for site, password in ((one, "wrong"), (other, "wrong"), (one, PASSWORD), (other, PASSWORD))
    ]

    assert [401, 401, 429, 429] == statuses

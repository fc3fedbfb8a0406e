"""The primary dies, behind Sentinels and in a cluster: its replica takes over, and all goes on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.conftest import StartSite
from tests.faults.redis_servers import PRESENT, Server, behind_sentinels, cluster
from tests.faults.scans import heals, push_of, until
from tests.site import OTHER_OPENID

pytestmark = pytest.mark.skipif(not PRESENT, reason="needs redis-server (tests/install_servers)")

Store = tuple[str, Server, Server]


@pytest.fixture(params=["sentinel", "cluster"])
async def store(request: pytest.FixtureRequest, folder: Path, prefix: str) -> AsyncIterator[Store]:
    """The address of such a store, its primary, and the replica of that."""
    started = behind_sentinels(folder) if request.param == "sentinel" else cluster(folder, prefix)
    async with started as running:
        yield running


async def test_replica_takes_over_with_all_that_it_has(
    store: Store, prefix: str, start_site: StartSite
) -> None:
    """
    Open pages stay, codes shown before the fall are scanned after it, new pages get codes.
    """
    url, primary, replica = store
    site = await start_site(url, prefix=prefix)
    await site.add_account("alice")
    first, second = [await site.visitor().open_page() for _ in range(2)]
    one, other = await first.get_qr(), await second.get_qr()
    assert (200, "绑定") == await push_of(site, one)
    assert await first.expect("bind_required")
    assert 1 == await primary.client.wait(1, 5000)

    await primary.kill()

    async def taken() -> bool:
        status, shown = await push_of(site, other, openid=OTHER_OPENID)
        assert (status, shown) in {(503, ""), (200, "绑定")}
        return status == 200

    await until(taken, seconds=30)
    assert await second.expect("bind_required")
    code = await heals(await site.visitor().open_page())
    assert (200, "绑定") == await push_of(site, code)
    assert "master" == (await replica.client.role())[0]
    assert 200 == (await site.visitor().request("GET", "/readyz"))[0]


async def test_story_is_the_same_as_on_one_server(
    store: Store, prefix: str, start_site: StartSite
) -> None:
    """
    Every script and every signal works there: code, scan, bind, session, and the way back.
    """
    site = await start_site(store[0], prefix=prefix)
    await site.add_account("alice")
    visitor = site.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()
    page.cut()
    page = await visitor.open_page()
    await page.get_qr(resume=code["resume"])

    assert (200, "绑定") == await push_of(site, code)
    token = (await page.expect("bind_required"))["bind_token"]
    bound = await visitor.post(
        "/user/bind", bind_token=token, username="alice", password="a right password"
    )

    assert (200, {"status": True, "username": "alice"}) == bound
    assert 1000 == await page.closed()
    assert (200, {"username": "alice", "wechat_bound": True}) == await visitor.request(
        "GET", "/session"
    )

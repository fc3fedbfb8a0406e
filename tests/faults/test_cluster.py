"""What came after a scan on one server works in a cluster too: no step leaves its keys' slot."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.conftest import StartSite
from tests.faults.redis_servers import PRESENT, cluster
from tests.server.test_unsubscribe import signed_in_by_scan, status_of
from tests.server.web import EXCHANGE, come_in
from tests.site import OPENID, Site

pytestmark = pytest.mark.skipif(not PRESENT, reason="needs redis-server (tests/install_servers)")


@pytest.fixture
async def cluster_url(folder: Path, prefix: str) -> AsyncIterator[str]:
    """The address of a cluster."""
    async with cluster(folder, prefix) as (url, _, _):
        yield url


@pytest.fixture
async def site(cluster_url: str, prefix: str, start_site: StartSite) -> Site:
    """A site whose store it is."""
    site = await start_site(cluster_url, prefix=prefix)
    await site.resources.directory.register(OPENID)
    site.sandbox.platform.users.get_or_add(OPENID).follower = True
    return site


async def test_second_thought_and_farewell_end_sessions(site: Site) -> None:
    """
    The word on the phone ends the session of the scan, the farewell those that are left.
    """
    taken_back, left = await signed_in_by_scan(site), site.visitor()
    undone = await site.sandbox.phone.message(OPENID, "T")
    await come_in(site, left)
    assert (401, 200) == (await status_of(taken_back), await status_of(left))

    farewell = await site.sandbox.phone.unfollow(OPENID)

    assert undone.delivered
    assert farewell.delivered
    assert 401 == await status_of(left)


async def test_circuits_open_and_close(site: Site) -> None:
    """
    Trouble of a kind of call is noted, read and forgotten.
    """
    client = site.resources.context.pages.client
    site.sandbox.platform.fail("/cgi-bin/qrcode/create", errcode=48001)
    site.sandbox.platform.fail(EXCHANGE, errcode=40125)
    page = await site.visitor().open_page()
    await page.send("get_qr")
    error = await page.expect("error")
    refused = await come_in(site, site.visitor())

    assert "wechat_unavailable" == error["code"]
    assert 503 == refused.status
    assert "errcode 48001" == await client.check()

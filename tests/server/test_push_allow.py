"""`wechat.push_allow`: pushes from WeChat's addresses, as a second lock."""

import time
from typing import Any

import pytest

from sandbox import event_xml, serve_sandbox, sign_push
from tests.server.conftest import StartSite
from tests.server.pushing import push, scan
from tests.site import ACCOUNT, OPENID, Site

ELSEWHERE = ["192.0.2.0/24"]
PROXIED = {"trusted_proxies": ["127.0.0.1/32"]}


def any_xml() -> str:
    """Return an event that is nothing to us."""
    return event_xml(
        account_id=ACCOUNT.account_id, openid=OPENID, event="VIEW", created_at=time.time()
    )


async def pushed_for(site: Site, forwarded: str) -> int:
    """Push over a proxy that names *forwarded*; return the status."""
    signed = sign_push(ACCOUNT, any_xml(), openid=OPENID, at=time.time())
    async with site.visitor().http.post(
        "/wechat",
        params=signed.query,
        data=signed.body,
        headers={"X-Forwarded-For": forwarded},
    ) as response:
        return response.status


async def test_push_from_elsewhere_is_refused_and_changes_nothing(
    start_site: StartSite, caplog: pytest.LogCaptureFixture
) -> None:
    """
    A good signature from an address that is not named is refused, and logged with its address.
    """
    site = await start_site(wechat={"push_allow": ELSEWHERE})

    assert (403, "") == await push(site, any_xml())
    assert "reason=an address that is not WeChat's address=127.0.0.1" in caplog.text


async def test_push_from_an_address_that_wechat_names_is_taken(start_site: StartSite) -> None:
    """
    With `wechat` the platform's own list counts, and a scan works as ever.
    """
    site = await start_site(wechat={"push_allow": ["wechat"]})
    assert await site.resources.context.mailroom.senders.refresh()
    page = await site.visitor().open_page()

    await scan(site, await page.get_qr())

    assert await page.expect("bind_required")


async def test_push_is_taken_by_its_signature_while_no_list_is_known(
    start_site: StartSite,
) -> None:
    """
    A WeChat that does not tell its addresses keeps nobody from signing in.
    """
    async with serve_sandbox(account=ACCOUNT) as sandbox:
        sandbox.platform.fail("/cgi-bin/getcallbackip", errcode=48001, times=None)
        site = await start_site(sandbox=sandbox, wechat={"push_allow": ["wechat", *ELSEWHERE]})
        refreshed = await site.resources.context.mailroom.senders.refresh()

        answer = await push(site, any_xml())

    assert not refreshed
    assert (200, "success") == answer


@pytest.mark.parametrize(
    ("server", "forwarded", "status"),
    [
        (PROXIED, "192.0.2.7", 200),
        (PROXIED, "192.0.2.7, 198.51.100.1", 403),
        (PROXIED, "198.51.100.1", 403),
        (PROXIED, "198.51.100.1, 192.0.2.7", 200),
        ({}, "192.0.2.7", 403),
    ],
)
async def test_address_is_the_one_behind_trusted_proxies(
    start_site: StartSite, server: dict[str, Any], forwarded: str, status: int
) -> None:
    """
    A header counts from trusted proxies only, and of it the hop that they saw.
    """
    site = await start_site(server=server, wechat={"push_allow": ELSEWHERE})

    assert status == await pushed_for(site, forwarded)


async def test_address_check_may_come_from_anywhere(start_site: StartSite) -> None:
    """
    The console's own check of our address changes nothing and is answered by its signature.
    """
    site = await start_site(wechat={"push_allow": ELSEWHERE})
    query = sign_push(ACCOUNT, "", openid=OPENID, at=time.time()).query | {"echostr": "1"}

    assert (200, "1") == await site.visitor().request("GET", "/wechat", params=query)

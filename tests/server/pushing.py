"""Pushes of WeChat by hand: true ones, late ones, forged ones."""

import time
from typing import Any

from sandbox import Account, event_xml, sign_push
from sandbox.replies import read_reply
from tests.site import OPENID, Site


def scan_xml(site: Site, code: dict[str, Any], **changes: Any) -> str:
    """Return the event of a follower who scans *code*; *changes* are arguments of `event_xml`."""
    shown = site.sandbox.platform.codes.by_ticket(code["ticket"])
    assert shown is not None
    event = {
        "account_id": site.sandbox.account.account_id,
        "openid": OPENID,
        "event": "SCAN",
        "created_at": time.time(),
        "event_key": str(shown.scene),
        "ticket": code["ticket"],
    }
    return event_xml(**(event | changes))


async def push(
    site: Site, xml: str, *, account: Account | None = None, at: float | None = None
) -> tuple[int, str]:
    """Push *xml* once, signed as *account* at the time *at*; return status and body."""
    signed = sign_push(
        account or site.sandbox.account, xml, openid=OPENID, at=time.time() if at is None else at
    )
    return await post(site, signed.query, signed.body)


async def post(site: Site, query: dict[str, str], body: bytes) -> tuple[int, str]:
    """Post to the callback as WeChat does: without cookies or an origin.

    One that asks before it sends its body is nothing for the front door.
    """
    async with site.visitor().http.post(
        "/wechat", params=query, data=body, expect100=site.pushes_ask_first
    ) as response:
        return response.status, await response.text()


async def scan(site: Site, code: dict[str, Any], **changes: Any) -> str:
    """Push a scan of *code*; return what the phone shows."""
    status, body = await push(site, scan_xml(site, code, **changes))
    assert 200 == status, body
    openid = changes.get("openid", OPENID)
    return read_reply(site.sandbox.account, body.encode(), openid=openid) or ""

"""What fault tests do: scans as WeChat pushes them, one try at a time, and waiting."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from sandbox import HEADERS, event_xml, sign_push
from sandbox.replies import read_reply
from tests.site import OPENID, Page, Site

WORDS = ("绑定", "登录成功", "过期", "使用过", "选择数字")


async def push_of(
    site: Site,
    code: Mapping[str, object],
    *,
    openid: str = OPENID,
    created_at: float | None = None,
    scene: str | None = None,
    http: aiohttp.ClientSession | None = None,
) -> tuple[int, str]:
    """Push a scan of *code* once; return the status and the word that says what the phone shows."""
    ticket = str(code["ticket"])
    shown = site.sandbox.platform.codes.by_ticket(ticket)
    assert shown is not None
    account = site.sandbox.account
    xml = event_xml(
        account_id=account.account_id,
        openid=openid,
        event="SCAN",
        created_at=time.time() if created_at is None else created_at,
        event_key=str(shown.scene) if scene is None else scene,
        ticket=ticket,
    )
    return await push(site, xml, openid=openid, http=http)


async def push(
    site: Site, xml: str, *, openid: str = OPENID, http: aiohttp.ClientSession | None = None
) -> tuple[int, str]:
    """Push *xml* once; return the status and what the phone shows, in a word."""
    account = site.sandbox.account
    signed = sign_push(account, xml, openid=openid, at=time.time())
    http = http or site.visitor().http
    async with http.post(signed.url("/wechat"), data=signed.body, headers=HEADERS) as response:
        body = await response.read()
    if response.status != 200:
        return response.status, body.decode()
    reply = read_reply(account, body, openid=openid) or ""
    return response.status, next((word for word in WORDS if word in reply), reply)


async def asked(page: Page) -> dict[str, Any]:
    """Return the next message after a page asks for a code: nothing else came before."""
    await page.send("get_qr")
    return await page.receive()


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 15.0) -> None:
    """Return once *condition* holds; fail when it does not within *seconds*."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110, others' conditions have no event
            await asyncio.sleep(0.005)


async def freed(site: Site) -> None:
    """Return once a scene id is free."""

    async def is_free() -> bool:
        return bool((await site.resources.pool.count())["free"])

    await until(is_free)


async def attended(site: Site) -> None:
    """Return once a page is there, be it a request that waits: that comes after its code."""

    async def is_there() -> bool:
        return len(site.resources.context.pages) > 0

    await until(is_there)


async def heals(page: Page) -> dict[str, Any]:
    """Let a page ask until it gets a code."""
    while True:
        await page.send("get_qr")
        message = await page.receive()
        if message["type"] == "qr":
            data: dict[str, Any] = message["data"]
            return data
        assert "error" == message["type"], message
        await asyncio.sleep(0.1)  # pages that ask in a loop are sent away

"""Every format that WeChat's console offers, from the virtual phone to the page and back."""

import dataclasses
import itertools
from typing import Any

import pytest

from sandbox import Data, Mode, PushFormat, serve_sandbox
from tests.server.conftest import StartSite
from tests.site import ACCOUNT, OPENID, Site

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OTHER_KEY = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefg"
FORMATS = [PushFormat(mode, data) for mode, data in itertools.product(Mode, Data)]


async def scan_and_leave(site: Site) -> str:
    """Let a bound user scan and then unfollow; return what the phone said."""
    await site.resources.directory.register(OPENID, 1_700_000_000)
    page = await site.visitor().open_page()
    code = await page.get_qr()

    scanned = await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)
    assert await page.expect("success")
    left = await site.sandbox.phone.unfollow(OPENID)

    assert (True, None) == (left.delivered, left.reply)
    assert await site.resources.directory.by_openid(OPENID) is None
    return scanned.reply or ""


@pytest.mark.parametrize("push_format", FORMATS, ids=lambda each: f"{each.mode}-{each.data}")
async def test_scan_and_unfollow_in_every_format(
    start_site: StartSite, push_format: PushFormat
) -> None:
    """
    The platform understands our answer in the format that it chose for the push.
    """
    wechat = {"encoding_aes_key": KEY} if push_format.encrypts else {}
    site = await start_site(wechat=wechat)
    site.sandbox.pusher.choose(push_format)

    assert "登录成功" in await scan_and_leave(site)


@pytest.mark.parametrize("data", Data)
@pytest.mark.parametrize(
    ("mode", "wechat"),
    [
        (Mode.COMPATIBLE, {}),
        (Mode.COMPATIBLE, {"encoding_aes_key": KEY}),
        (Mode.SAFE, {"encoding_aes_key": KEY}),
        (Mode.SAFE, {"encoding_aes_key": OTHER_KEY, "previous_encoding_aes_key": KEY}),
    ],
    ids=["console first", "then the server", "then safe mode", "then another key"],
)
async def test_scan_works_at_every_step_to_safe_mode_and_to_another_key(
    start_site: StartSite, mode: Mode, data: Data, wechat: dict[str, Any]
) -> None:
    """
    The steps that docs/operations.md names leave no moment without signing in.
    """
    account = dataclasses.replace(ACCOUNT, encoding_aes_key=KEY)
    async with serve_sandbox(account=account) as sandbox:
        site = await start_site(sandbox=sandbox, wechat=wechat)
        sandbox.pusher.callbacks = [f"{site.base_url}/wechat"]
        sandbox.pusher.choose(PushFormat(mode, data))

        assert "登录成功" in await scan_and_leave(site)

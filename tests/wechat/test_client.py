"""Calls to WeChat, against the stand-in's real API."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sandbox import ManualClock, Sandbox, serve_sandbox
from tests.site import ACCOUNT
from wechat import Client, QuotaExhausted, WeChatError, WeChatRefused, WeChatUnavailable

QRCODE = "/cgi-bin/qrcode/create"
TOKEN = "/cgi-bin/stable_token"

Calls = list[tuple[str, str]]


@pytest.fixture
async def platform() -> AsyncIterator[Sandbox]:
    """The stand-in for WeChat."""
    async with serve_sandbox(account=ACCOUNT, clock=ManualClock()) as sandbox:
        yield sandbox


@asynccontextmanager
async def client_of(
    base_url: str, calls: Calls | None = None, *, seconds: float = 3
) -> AsyncIterator[Client]:
    """Open a client; *calls* gets endpoint and error code of each call."""
    noted = calls if calls is not None else []
    async with Client(
        appid=ACCOUNT.appid,
        secret=ACCOUNT.secret,
        api_base_url=base_url,
        mp_base_url=base_url,
        timeout_seconds=seconds,
        on_call=lambda endpoint, errcode, seconds: noted.append((endpoint, errcode)),
    ) as client:
        yield client


async def test_create_ticket_returns_the_code(platform: Sandbox):
    """
    A ticket comes with its address and its life.
    """
    async with client_of(platform.base_url) as client:
        ticket = await client.create_ticket(7, 180)

    assert ticket.url.startswith("http://weixin.qq.com/q/")
    assert 180 == ticket.life
    assert client.picture_of("a+b/c=").endswith("showqrcode?ticket=a%2Bb%2Fc%3D")


async def test_access_token_is_fetched_once(platform: Sandbox):
    """
    Calls share one access token.
    """
    calls: Calls = []

    async with client_of(platform.base_url, calls) as client:
        for scene_id in (1, 2, 3):
            await client.create_ticket(scene_id, 180)

    assert [(TOKEN, "0"), *[(QRCODE, "0")] * 3] == calls


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
async def test_access_token_that_is_refused_is_renewed_once(platform: Sandbox, errcode: int):
    """
    A token that died early is replaced and the call made again, unseen by the caller.
    """
    calls: Calls = []

    async with client_of(platform.base_url, calls) as client:
        await client.create_ticket(1, 180)
        platform.platform.fail(QRCODE, errcode=errcode)
        await client.create_ticket(2, 180)

    failed = (QRCODE, str(errcode))
    assert [(TOKEN, "0"), (QRCODE, "0"), failed, (TOKEN, "0"), (QRCODE, "0")] == calls


async def test_access_token_that_is_always_refused_ends_in_an_error(platform: Sandbox):
    """
    A token that is refused again and again is no loop.
    """
    calls: Calls = []
    platform.platform.fail(QRCODE, errcode=40001, times=None)

    async with client_of(platform.base_url, calls) as client:
        with pytest.raises(WeChatRefused):
            await client.create_ticket(1, 180)

    assert 2 == calls.count((QRCODE, "40001"))
    assert 2 == calls.count((TOKEN, "0"))


@pytest.mark.parametrize(
    ("errcode", "error", "times"),
    [
        (-1, WeChatUnavailable, 2),
        (45009, QuotaExhausted, 1),
        (45011, QuotaExhausted, 1),
        (48001, WeChatRefused, 1),
        (40164, WeChatRefused, 1),
    ],
)
async def test_error_codes_have_their_kind_and_number_of_tries(
    platform: Sandbox, errcode: int, error: type[WeChatError], times: int
):
    """
    Only "busy" is asked again; the rest is told at once.
    """
    calls: Calls = []
    platform.platform.fail(QRCODE, errcode=errcode, times=None)

    async with client_of(platform.base_url, calls) as client:
        with pytest.raises(error) as caught:
            await client.create_ticket(1, 180)

    assert errcode == caught.value.errcode
    assert times == calls.count((QRCODE, str(errcode)))


async def test_busy_once_is_not_noticed(platform: Sandbox):
    """
    One "busy" costs a moment and nothing else.
    """
    platform.platform.fail(QRCODE, errcode=-1)

    async with client_of(platform.base_url) as client:
        assert (await client.create_ticket(1, 180)).ticket


@pytest.mark.parametrize("trouble", [{"drop": True}, {"status": 502}, {"delay": 30.0}])
async def test_no_answer_is_an_error_within_the_time_limit(platform: Sandbox, trouble):
    """
    A dropped connection, a broken gateway and silence are one kind of trouble.
    """
    platform.platform.fail(QRCODE, times=None, **trouble)

    async with client_of(platform.base_url, seconds=0.2) as client:
        with pytest.raises(WeChatUnavailable):
            await client.create_ticket(1, 180)


async def test_check_tells_trouble_and_its_end(platform: Sandbox):
    """
    Readiness knows what the last calls met.
    """
    async with client_of(platform.base_url) as client:
        before = await client.check()
        platform.platform.fail(QRCODE, errcode=48001)
        with pytest.raises(WeChatRefused):
            await client.create_ticket(1, 180)
        during = await client.check()
        await client.create_ticket(1, 180)
        after = await client.check()

    assert ("ok", "errcode 48001", "ok") == (before, during, after)


async def test_errors_and_log_hold_no_secret(
    platform: Sandbox, caplog: pytest.LogCaptureFixture, unused_tcp_port: int
):
    """
    Neither AppSecret nor access token appear in any text, at any log level.
    """
    caplog.set_level(logging.DEBUG)
    texts = []

    async with client_of(platform.base_url) as client:
        await client.create_ticket(1, 180)
        token = platform.platform.tokens.stable().value
        for trouble in ({"errcode": 40001}, {"errcode": 48001}, {"drop": True}):
            platform.platform.fail(QRCODE, times=2, **trouble)
            with pytest.raises(WeChatError) as caught:
                await client.create_ticket(1, 180)
            texts += [repr(caught.value), str(caught.value), repr(caught.value.__cause__)]
    async with client_of(f"http://127.0.0.1:{unused_tcp_port}") as client:
        with pytest.raises(WeChatUnavailable) as caught:
            await client.create_ticket(1, 180)
        texts += [repr(caught.value), await client.check()]

    said = caplog.text + "".join(texts)
    assert ACCOUNT.secret not in said
    assert token not in said

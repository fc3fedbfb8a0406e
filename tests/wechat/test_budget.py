"""The codes of a day: what counts, how many there may be, when the next day begins."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from sandbox import Sandbox, serve_sandbox
from store import Store, StoreUnavailable, connect
from tests.site import ACCOUNT
from tests.time_machine import TimeMachine
from wechat import Budget, BudgetUsedUp, Client, Limits, WeChatError, call_made

QRCODE = "/cgi-bin/qrcode/create"
TOKEN = "/cgi-bin/stable_token"
DAY = 86_400
# Midnight in Beijing, which is eight hours ahead, by UTC.
MIDNIGHT = 16 * 3600


def budget_of(store: Store, daily_codes: int = 100, reserve_percent: int = 10) -> Budget:
    """Return a budget, as each process has one."""
    return Budget(store, Limits(daily_codes=daily_codes, reserve_percent=reserve_percent))


async def spend(budget: Budget, calls: int = 1) -> None:
    """Ask for one code, with so many *calls*."""
    async with budget.spend():
        for _ in range(calls):
            call_made(QRCODE)


@pytest.fixture
async def platform() -> AsyncIterator[Sandbox]:
    """The stand-in for WeChat."""
    async with serve_sandbox(account=ACCOUNT) as sandbox:
        yield sandbox


@pytest.fixture
async def client(platform: Sandbox) -> AsyncIterator[Client]:
    """WeChat's API, whose calls are noted."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(
            Client(
                appid=ACCOUNT.appid,
                secret=ACCOUNT.secret,
                api_base_url=platform.base_url,
                mp_base_url=platform.base_url,
                timeout_seconds=3,
                on_call=lambda endpoint, errcode, seconds: call_made(endpoint),
            )
        )


async def test_codes_of_all_processes_are_one_count(store: Store):
    """
    What one process asks for, the others count too.
    """
    one, other = budget_of(store), budget_of(store)
    await spend(one)
    await spend(other)
    await spend(one)

    assert [3, 3] == [await one.today(), await other.today()]


async def test_store_without_the_key_counts_from_nothing(store: Store):
    """
    A store that has lost the count, or never had one, begins a new one.
    """
    budget = budget_of(store)
    before = await budget.today()
    await spend(budget)
    await store.redis.delete(store.key("codes"))
    await spend(budget)

    assert [0, 1] == [before, await budget.today()]


async def test_last_code_is_spent_once(store: Store):
    """
    Processes that ask at the same moment get as many codes as there are, and no more.
    """
    budgets = [budget_of(store, daily_codes=5) for _ in range(3)]
    ends = await asyncio.gather(*(spend(budget) for budget in budgets * 4), return_exceptions=True)

    assert 5 == ends.count(None)
    assert {BudgetUsedUp, type(None)} == {type(end) for end in ends}
    assert 5 == await budgets[0].today()


async def test_used_up_says_when_to_come_back(store: Store):
    """
    The wait ends within ten minutes: the day may end, or the operator may raise the limit.
    """
    budget = budget_of(store, daily_codes=1)
    await spend(budget)
    with pytest.raises(BudgetUsedUp) as refused:
        await spend(budget)
    budget.limits = Limits(daily_codes=2, reserve_percent=10)
    await spend(budget)

    assert 0 < refused.value.retry_after <= 600
    assert 2 == await budget.today()


async def test_no_limit_counts_all_the_same(store: Store):
    """
    With `daily_codes` 0 nothing is refused or slow, and the figure is right.
    """
    budget = budget_of(store, daily_codes=0, reserve_percent=100)
    for _ in range(3):
        await spend(budget)

    assert (3, False) == (await budget.today(), budget.low)


@pytest.mark.parametrize(
    ("daily_codes", "reserve_percent", "low_from"),
    [(10, 10, 9), (10, 25, 8), (10, 0, 10), (10, 100, 1), (3, 50, 2)],
)
async def test_reserve_begins_where_its_share_is_left(
    store: Store, daily_codes: int, reserve_percent: int, low_from: int
):
    """
    The budget is low from the code on that leaves no more than the reserve.
    """
    budget, low = budget_of(store, daily_codes, reserve_percent), []
    for _ in range(daily_codes):
        await spend(budget)
        low.append(budget.low)

    assert low_from == low.index(True) + 1
    assert all(low[low_from - 1 :])


async def test_limits_that_change_count_at_once(store: Store):
    """
    A larger budget is not low any more, a smaller one is at once.
    """
    budget, low = budget_of(store, daily_codes=10), []
    for _ in range(9):
        await spend(budget)
    for daily_codes in (10, 100, 9, 0):
        budget.limits = Limits(daily_codes=daily_codes, reserve_percent=10)
        low.append(budget.low)

    assert [True, False, True, False] == low


async def test_count_ends_at_midnight_in_beijing(store: Store, time_machine: TimeMachine):
    """
    The key lives until the Beijing day ends by the store's clock, and the next day begins at 0.
    """
    budget = budget_of(store, daily_codes=1)
    now, _ = await store.redis.time()
    await spend(budget)
    ends_at = await store.redis.pexpiretime(store.key("codes")) / 1000
    await time_machine.forward(ends_at - now + 1)
    before = await budget.today()
    await spend(budget)

    assert MIDNIGHT == round(ends_at) % DAY
    assert ends_at - now < DAY + 60
    assert [0, 1] == [before, await budget.today()]


# ---- what WeChat was really asked for


async def test_call_that_is_repeated_counts_again(store: Store, client: Client, platform: Sandbox):
    """
    A call without an answer and the one after it are two: WeChat may have counted both.
    """
    budget = budget_of(store)
    platform.platform.fail(QRCODE, errcode=-1)
    async with budget.spend():
        await client.create_ticket(1, 180)

    assert 2 == await budget.today()


async def test_code_that_was_never_asked_for_does_not_count(
    store: Store, client: Client, platform: Sandbox
):
    """
    Without an access token there is no call for a code, and the budget stays whole.
    """
    budget = budget_of(store, daily_codes=1)
    platform.platform.fail(TOKEN, errcode=40125)
    with pytest.raises(WeChatError):
        async with budget.spend():
            await client.create_ticket(1, 180)
    async with budget.spend():
        await client.create_ticket(1, 180)

    assert 1 == await budget.today()


async def test_calls_count_for_their_own_code(store: Store):
    """
    Codes that are made at the same time, and calls for no code, do not disturb one another.
    """
    budget = budget_of(store)
    call_made(QRCODE)
    await asyncio.gather(*(spend(budget, calls) for calls in (0, 1, 2, 3)))
    async with budget.spend():
        call_made(TOKEN)

    assert 6 == await budget.today()


@pytest.mark.parametrize("calls", [0, 1])
async def test_code_that_nobody_waits_for_counts_if_it_was_asked_for(store: Store, calls: int):
    """
    A page that goes while its code is made has used it up when WeChat was asked, else not.
    """
    budget, under_way = budget_of(store), asyncio.Event()

    async def make() -> None:
        async with budget.spend():
            for _ in range(calls):
                call_made(QRCODE)
            under_way.set()
            await asyncio.Event().wait()

    making = asyncio.create_task(make())
    await under_way.wait()
    making.cancel()
    await asyncio.wait([making])

    assert making.cancelled()
    assert calls == await budget.today()


async def test_repeated_call_counts_beyond_the_limit(store: Store):
    """
    What WeChat was asked for counts although the budget had one code only.
    """
    budget = budget_of(store, daily_codes=1)
    await spend(budget, calls=2)

    assert 2 == await budget.today()


async def test_count_never_falls_below_nothing(store: Store):
    """
    A code that was not asked for after all may belong to a day that has ended.
    """
    budget = budget_of(store)
    async with budget.spend():
        await store.redis.delete(store.key("codes"))

    assert 0 == await budget.today()


# ---- trouble


async def test_wechat_is_not_asked_when_the_store_is_away(prefix: str):
    """
    Nobody knows then what is left; the page is told to wait.
    """
    async with connect("redis://127.0.0.1:1", prefix) as nowhere:
        budget = budget_of(nowhere)
        with pytest.raises(StoreUnavailable):
            async with budget.spend():
                pytest.fail("WeChat would have been asked")


async def test_operator_hears_of_the_reserve_and_of_the_end_once(
    store: Store, caplog: pytest.LogCaptureFixture
):
    """
    One line when the reserve begins, one when all is spent, however many are turned away.
    """
    budget = budget_of(store, daily_codes=10, reserve_percent=20)
    with caplog.at_level(logging.WARNING, "wechat.budget"):
        for _ in range(10):
            await spend(budget)
        for _ in range(3):
            with pytest.raises(BudgetUsedUp):
                await spend(budget)

    assert [
        "codes running low today=8 daily_codes=10",
        "codes used up today=10 daily_codes=10",
    ] == caplog.messages

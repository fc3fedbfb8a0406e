"""The codes of a day: what counts, how many there may be, when the next day begins."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from sandbox import Sandbox, serve_sandbox
from store import Store, StoreUnavailable, connect
from tests.site import ACCOUNT
from tests.time_machine import TimeMachine
from tests.wechat.calls import QRCODE, TOKEN, Calls, client_of
from wechat import Budget, BudgetUsedUp, Limits, WeChatError

DAY = 86_400
# Midnight in Beijing, which is eight hours ahead, by UTC.
MIDNIGHT = 16 * 3600


def budget_of(store: Store, daily_codes: int = 100, reserve_percent: int = 10) -> Budget:
    """Return a budget, as each process has one."""
    return Budget(store, Limits(daily_codes=daily_codes, reserve_percent=reserve_percent))


async def test_codes_of_all_processes_are_one_count(store: Store):
    """
    What one process asks for, the others count too.
    """
    one, other = budget_of(store), budget_of(store)
    await one.spend()
    await other.spend()
    await one.spend()

    assert [3, 3] == [await one.today(), await other.today()]


async def test_store_without_the_key_counts_from_nothing(store: Store):
    """
    A store that has lost the count, or never had one, begins a new one.
    """
    budget = budget_of(store)
    before = await budget.today()
    await budget.spend()
    await store.redis.delete(store.key("codes"))
    await budget.spend()

    assert [0, 1] == [before, await budget.today()]


async def test_last_code_is_spent_once(store: Store):
    """
    Processes that ask at the same moment get as many codes as there are, and no more.
    """
    budgets = [budget_of(store, daily_codes=5) for _ in range(3)]
    ends = await asyncio.gather(*(budget.spend() for budget in budgets * 4), return_exceptions=True)

    assert 5 == ends.count(None)
    assert {BudgetUsedUp, type(None)} == {type(end) for end in ends}
    assert 5 == await budgets[0].today()


async def test_used_up_says_when_to_come_back(store: Store):
    """
    The wait ends within ten minutes: the day may end, or the operator may raise the limit.
    """
    budget = budget_of(store, daily_codes=1)
    await budget.spend()
    with pytest.raises(BudgetUsedUp) as refused:
        await budget.spend()
    budget.limits = Limits(daily_codes=2, reserve_percent=10)
    await budget.spend()

    assert 0 < refused.value.retry_after <= 600
    assert 2 == await budget.today()


async def test_no_limit_counts_all_the_same(store: Store):
    """
    With `daily_codes` 0 nothing is refused or slow, and the figure is right.
    """
    budget = budget_of(store, daily_codes=0, reserve_percent=100)
    for _ in range(3):
        await budget.spend()

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
        await budget.spend()
        low.append(budget.low)

    assert low_from == low.index(True) + 1
    assert all(low[low_from - 1 :])


async def test_limits_that_change_count_at_once(store: Store):
    """
    A larger budget is not low any more, a smaller one is at once.
    """
    budget, low = budget_of(store, daily_codes=10), []
    for _ in range(9):
        await budget.spend()
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
    await budget.spend()
    ends_at = await store.redis.pexpiretime(store.key("codes")) / 1000
    await time_machine.forward(ends_at - now + 1)
    before = await budget.today()
    await budget.spend()

    assert MIDNIGHT == round(ends_at) % DAY
    assert ends_at - now < DAY + 60
    assert [0, 1] == [before, await budget.today()]


# ---- what WeChat was really asked for


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """The stand-in for WeChat."""
    async with serve_sandbox(account=ACCOUNT) as running:
        yield running


async def test_call_that_is_repeated_counts_again(store: Store, sandbox: Sandbox):
    """
    A call without an answer and the one after it are two: WeChat may have counted both.
    """
    budget = budget_of(store)
    sandbox.platform.fail(QRCODE, errcode=-1)
    async with client_of(store, sandbox.base_url, budget=budget) as client:
        await client.create_ticket(1, 180)

    assert 2 == await budget.today()


async def test_code_that_was_never_asked_for_does_not_count(store: Store, sandbox: Sandbox):
    """
    Without an access token there is no call for a code, and the budget stays whole.
    """
    budget = budget_of(store)
    sandbox.platform.fail(TOKEN, errcode=40125)
    async with client_of(store, sandbox.base_url, budget=budget) as client:
        with pytest.raises(WeChatError):
            await client.create_ticket(1, 180)

    assert 0 == await budget.today()


async def test_code_after_the_last_is_not_asked_for(store: Store, sandbox: Sandbox):
    """
    When today's codes are used up WeChat hears nothing.
    """
    calls: Calls = []
    budget = budget_of(store, daily_codes=1)
    async with client_of(store, sandbox.base_url, calls, budget=budget) as client:
        await client.create_ticket(1, 180)
        with pytest.raises(BudgetUsedUp):
            await client.create_ticket(2, 180)

    assert [(TOKEN, "0"), (QRCODE, "0")] == calls


# ---- trouble


async def test_wechat_is_not_asked_when_the_store_is_away(prefix: str):
    """
    Nobody knows then what is left; the page is told to wait.
    """
    async with connect("redis://127.0.0.1:1", prefix) as nowhere:
        budget = budget_of(nowhere)
        with pytest.raises(StoreUnavailable):
            await budget.spend()


async def test_operator_hears_of_the_reserve_and_of_the_end_once(
    store: Store, caplog: pytest.LogCaptureFixture
):
    """
    One line when the reserve begins, one when all is spent, however many are turned away.
    """
    budget = budget_of(store, daily_codes=10, reserve_percent=20)
    with caplog.at_level(logging.WARNING, "wechat.budget"):
        for _ in range(10):
            await budget.spend()
        for _ in range(3):
            with pytest.raises(BudgetUsedUp):
                await budget.spend()

    assert [
        "codes running low today=8 daily_codes=10",
        "codes used up today=10 daily_codes=10",
    ] == caplog.messages

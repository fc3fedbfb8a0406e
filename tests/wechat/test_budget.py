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
from wechat import Budget, BudgetLow, BudgetUsedUp, Limits, WeChatError

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


# ---- the reserve, which is spaced out

PLENTY = 10**9
"""So many codes that spreading them over the day makes nobody wait."""
# Less than any wait that is to pass, more than a slow test takes.
SLACK = 5


async def wait_of(budget: Budget, visitor: str) -> float:
    """Return how long a visitor has to wait who asks now."""
    with pytest.raises(BudgetLow) as refused:
        await budget.spend(visitor)
    return refused.value.retry_after


async def get(budget: Budget, visitor: str) -> None:
    """Let a visitor have a code."""
    await budget.spend(visitor)
    await budget.given(visitor)


async def test_each_further_code_of_the_reserve_waits_longer(
    store: Store, time_machine: TimeMachine
):
    """
    One minute after the first, then two, four, eight and sixteen, and no longer than that.
    """
    budget, waits = budget_of(store, PLENTY, reserve_percent=100), []
    for _ in range(7):
        await get(budget, "v")
        for key in (store.key("codes"), store.key("codes", "v")):
            await store.redis.expire(key, DAY)  # at whatever time of the day the test runs
        waits.append(await wait_of(budget, "v"))
        await time_machine.forward(waits[-1])

    assert [60, 120, 240, 480, 960, 960, 960] == [pytest.approx(each, abs=SLACK) for each in waits]


async def test_first_code_comes_while_codes_are_left(store: Store):
    """
    Nobody waits for what others have had, on any process, and who waits costs nothing.
    """
    one, other = [budget_of(store, daily_codes=4, reserve_percent=100) for _ in range(2)]
    for visitor in ("a", "b", "c"):
        await get(one, visitor)
        await wait_of(other, visitor)
    await get(other, "d")

    assert 4 == await one.today()
    with pytest.raises(BudgetUsedUp):
        await one.spend("e")


@pytest.mark.parametrize("left", [1, 20, 400, 100_000])
async def test_few_codes_are_spread_over_the_day(store: Store, left: int):
    """
    The fewer are left, the longer is the wait: what spreads them until midnight, at most an hour.
    """
    budget = budget_of(store, daily_codes=left + 1, reserve_percent=100)
    await get(budget, "v")
    seconds = await store.redis.pttl(store.key("codes")) / 1000

    expected = min(3600, max(60, seconds / left))
    assert pytest.approx(expected, abs=SLACK) == await wait_of(budget, "v")


async def test_nobody_waits_before_the_reserve(store: Store):
    """
    What a visitor had before the reserve began is not counted, nor is anything without a limit.
    """
    budget = budget_of(store, daily_codes=10, reserve_percent=50)
    for _ in range(5):
        await get(budget, "v")
    await wait_of(budget, "v")
    budget.limits = Limits(daily_codes=0, reserve_percent=100)
    await get(budget, "v")
    await get(budget, "v")


async def test_code_that_was_not_made_puts_nobody_off(store: Store):
    """
    Who got nothing, because WeChat was away, may ask again at once.
    """
    budget = budget_of(store, PLENTY, reserve_percent=100)
    for _ in range(3):
        await budget.spend("v")


async def test_waits_end_with_the_day(store: Store):
    """
    What is known of a visitor ends when the count does.
    """
    budget = budget_of(store, reserve_percent=100)
    await get(budget, "v")
    ends = [await store.redis.pexpiretime(store.key(*key)) for key in (("codes",), ("codes", "v"))]

    assert pytest.approx(ends[0], abs=1) == ends[1]


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

"""What a configuration carries: the figures agree with the pool, and advice that is taken helps."""

import asyncio
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from login import ready_codes_a_day
from scene_pool import PoolExhausted, Rules, ScenePool
from serving.capacity import (
    MAX_SCENE_ID,
    WECHAT_CODES,
    Arrivals,
    Change,
    Setup,
    advise,
    apply,
    carries,
    codes_needed,
    ids_needed,
)
from store import Store
from tests.scene_pool.codes import show_code
from tests.time_machine import TimeMachine

DEFAULTS = Setup(
    size=10_000,
    first_scene_id=1,
    ticket_seconds=180,
    late_seconds=15,
    rest_seconds=200,
    daily_codes=100_000,
    reserve_percent=10,
    refreshes=5,
)


def arrivals(a_second: str, a_day: str, stay: float = 60) -> Arrivals:
    """Return visitors as a plan counts them."""
    return Arrivals(Fraction(a_second), Fraction(a_day), stay)


@st.composite
def setups(draw: st.DrawFn) -> Setup:
    """Any configuration that `config check` finds fine."""
    size = draw(st.integers(1, 10**7) | st.integers(1, MAX_SCENE_ID))
    ticket, late = draw(st.integers(1, 2_592_000)), draw(st.floats(0, 3600))
    rest = draw(st.just(0.0) | st.floats(ticket + late, ticket + late + 10**6))
    return Setup(
        size=size,
        first_scene_id=draw(st.integers(1, MAX_SCENE_ID - size + 1)),
        ticket_seconds=ticket,
        late_seconds=late,
        rest_seconds=rest,
        daily_codes=draw(st.integers(0, 200_000)),
        reserve_percent=draw(st.integers(0, 100)),
        refreshes=draw(st.integers(0, 1000)),
        ready_codes=draw(st.just(0) | st.integers(0, 150_000)),
    )


RATES = st.fractions(min_value=Fraction(1, 10**6), max_value=10**6)
VISITORS = st.builds(
    lambda peak, share, stay: Arrivals(peak, peak * share * 86_400, stay),
    RATES,
    st.fractions(min_value=Fraction(1, 10**4), max_value=1),
    st.floats(0, 10**6),
)


@given(setups(), VISITORS)
def test_advice_that_is_taken_carries_the_visitors(setup: Setup, visitors: Arrivals) -> None:
    """
    With all changes made the visitors are carried, or it is said what stands in the way.
    """
    advice = advise(setup, visitors)
    changed = apply(setup, advice.changes)

    assert carries(changed, visitors) is not bool(advice.obstacles)
    assert changed.first_scene_id + changed.size - 1 <= MAX_SCENE_ID


@given(setups(), VISITORS)
def test_advice_is_given_only_where_it_is_needed(setup: Setup, visitors: Arrivals) -> None:
    """
    What carries the visitors is left as it is, and advice that was taken is not given again.
    """
    advice = advise(setup, visitors)
    again = advise(apply(setup, advice.changes), visitors)

    assert bool(advice.changes or advice.obstacles) is not carries(setup, visitors)
    assert () == again.changes
    assert advice.obstacles == again.obstacles


@given(setups(), VISITORS)
def test_advice_asks_for_no_more_than_needed(setup: Setup, visitors: Arrivals) -> None:
    """
    One id or one code a day less than advised would not do; one refresh more neither.
    """
    advice = advise(setup, visitors)
    changed = apply(setup, advice.changes)
    less = {"pool.size": -1, "wechat.daily_codes": -1, "login.refreshes": 1}
    for change in advice.changes:
        if change.key in less and not advice.obstacles:
            one_off = Change(change.key, change.value + less[change.key])
            assert one_off.value == 0 or not carries(apply(changed, (one_off,)), visitors)


@given(setups(), VISITORS)
def test_obstacles_are_true(setup: Setup, visitors: Arrivals) -> None:
    """
    Where the quota stands in the way, one code for each visitor is more than WeChat makes.
    """
    obstacles = advise(setup, visitors).obstacles
    of_the_quota = [text for text in obstacles if "codes a day" in text]

    most = max(WECHAT_CODES, setup.codes_a_day) - setup.ready_codes
    assert bool(of_the_quota) is (visitors.a_day > most)


def test_figures_of_the_defaults() -> None:
    """
    The figures that the handbook tells.
    """
    assert 50 == DEFAULTS.codes_a_second
    assert 9_000 == DEFAULTS.open_pages
    assert 90_000 == DEFAULTS.low_from
    assert (6, 480) == (DEFAULTS.forgotten_page, DEFAULTS.clicked_page)


@pytest.mark.parametrize(("stay", "codes"), [(0, 1), (179, 1), (180, 2), (540, 4), (86_400, 6)])
def test_page_uses_a_code_for_each_life_until_it_pauses(stay: float, codes: int) -> None:
    """
    A page that stays open takes the next code when one has run out, `login.refreshes` times.
    """
    assert codes == DEFAULTS.codes_of(stay)


@pytest.mark.parametrize(
    ("visitors", "changes"),
    [
        (arrivals("50", "100000"), ()),
        (arrivals("50.001", "100000"), (Change("pool.size", 10_001),)),
        (arrivals("1", "50000", stay=400), (Change("login.refreshes", 1),)),
        (
            arrivals("100", "50000", stay=400),
            (Change("pool.size", 40_000), Change("login.refreshes", 1)),
        ),
    ],
)
def test_advice_for_the_defaults(visitors: Arrivals, changes: tuple[Change, ...]) -> None:
    """
    A larger pool for a rush; fewer codes for each page where the day is too short.
    """
    assert changes == advise(DEFAULTS, visitors).changes


def test_smaller_budget_is_raised_up_to_wechats() -> None:
    """
    A limit of ours grows where it is the smaller one; what pages do by themselves stays.
    """
    small = replace(DEFAULTS, daily_codes=10_000)

    advice = advise(small, arrivals("1", "30000"))

    assert (Change("wechat.daily_codes", 30_000),) == advice.changes


def test_codes_made_ahead_are_not_for_visitors() -> None:
    """
    Ten that are kept ready, each replaced after 90 s, use up 9,600 codes a day.
    """
    ahead = replace(DEFAULTS, ready_codes=ready_codes_a_day(10, DEFAULTS.ticket_seconds))

    assert 9_600 == ahead.ready_codes
    assert carries(ahead, arrivals("1", "90400"))
    assert not carries(ahead, arrivals("1", "90401"))


def test_no_limit_of_ours_means_wechats() -> None:
    """
    With `daily_codes` 0 the plan reckons with what WeChat makes.
    """
    unlimited = replace(DEFAULTS, daily_codes=0)

    assert carries(unlimited, arrivals("1", "100000"))
    assert not carries(unlimited, arrivals("1", "100001"))
    assert advise(unlimited, arrivals("1", "100001")).obstacles


# ---- the pool itself


@pytest.mark.parametrize("rest_seconds", [0.0, 200.0, 1000.0])
async def test_code_keeps_its_id_as_long_as_the_plan_says(
    store: Store, time_machine: TimeMachine, rest_seconds: float
) -> None:
    """
    A pool that is full has an id again after the time that a plan reckons with, and not before.
    """
    setup = replace(DEFAULTS, size=3, rest_seconds=rest_seconds)
    pool = ScenePool(
        store,
        Rules(
            size=setup.size,
            first_scene_id=1,
            ticket_seconds=setup.ticket_seconds,
            late_seconds=setup.late_seconds,
            rest_seconds=rest_seconds,
            resume_seconds=60,
        ),
    )
    for number in range(setup.size):
        await show_code(pool, f"u{number}")

    await time_machine.forward(setup.taken_seconds - 30)
    with pytest.raises(PoolExhausted) as full:
        await pool.lease("another")
    await time_machine.forward(30)
    leased = [(await show_code(pool, f"v{number}")).scene_id for number in range(setup.size)]

    assert 0 < full.value.retry_after <= 30
    assert [1, 2, 3] == sorted(leased)


@pytest.mark.parametrize("size", [1, 2, 5])
async def test_pool_of_the_advised_size_carries_a_rush(
    store: Store, time_machine: TimeMachine, size: int
) -> None:
    """
    Codes that come one after another as fast as planned find an id each, over and over.
    """
    rush = Arrivals(Fraction(size, 200), Fraction(1), 0)
    needed = ids_needed(DEFAULTS, rush)
    rules = Rules(
        size=needed,
        first_scene_id=1,
        ticket_seconds=180,
        late_seconds=15,
        rest_seconds=200,
        resume_seconds=60,
    )
    pool = ScenePool(store, rules)
    ids = []
    for number in range(4 * needed):
        ids.append((await show_code(pool, f"u{number}")).scene_id)
        await time_machine.forward(float(1 / rush.a_second))

    assert size == needed
    assert codes_needed(DEFAULTS, rush) == 1
    assert set(range(1, needed + 1)) == set(ids)


@pytest.mark.parametrize(("rest_seconds", "size"), [(200.0, 10), (0.0, 9)])
async def test_pool_keeps_as_many_pages_open_as_the_plan_says(
    store: Store, time_machine: TimeMachine, rest_seconds: float, size: int
) -> None:
    """
    Nine pages that always take the next code find an id each time; with a tenth there is none.
    """
    setup = replace(DEFAULTS, size=size, rest_seconds=rest_seconds)
    rules = Rules(
        size=size,
        first_scene_id=1,
        ticket_seconds=180,
        late_seconds=15,
        rest_seconds=rest_seconds,
        resume_seconds=60,
    )
    pool = ScenePool(store, rules)
    for _ in range(3):
        for page in range(setup.open_pages):
            await show_code(pool, f"u{page}")
            await time_machine.forward(180 / setup.open_pages)

    more = await asyncio.gather(
        *(pool.lease(f"another {number}") for number in range(2)), return_exceptions=True
    )
    assert 9 == setup.open_pages
    assert PoolExhausted in {type(each) for each in more}

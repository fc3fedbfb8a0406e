"""When a page is asked to wait for its visitor before it takes another code."""

from typing import Any

import pytest

from tests.login.installation import CREATE, Installation, Process, Screen, pool_rules
from wechat import Limits

GOES_ON: dict[str, Any] = {}
IDLE, QUOTA = {"pause": "idle"}, {"pause": "quota"}
# Nothing but the reserve, and so much of it that spreading it makes nobody wait.
LOW = Limits(daily_codes=10**9, reserve_percent=100)
SOON = pool_rules(ticket_seconds=0.05, rest_seconds=0)


async def round_of(screen: Screen) -> dict[str, Any]:
    """Take a code and let it run out; return what the page is told then."""
    await screen.get_qr()
    return await screen.expect("expired")


@pytest.mark.parametrize("refreshes", [0, 1, 3])
async def test_page_is_asked_to_pause_after_some_rounds(
    saoma: Installation, screen: Screen, refreshes: int
) -> None:
    """
    The first code and so many more come by themselves; what is asked for then is a click.
    """
    saoma.pool.rules, saoma.rules.refreshes = SOON, refreshes

    told = [await round_of(screen) for _ in range(2 * refreshes + 2)]

    assert 2 * [*refreshes * [GOES_ON], IDLE] == told


async def test_rule_that_changes_counts_with_the_next_round(
    saoma: Installation, screen: Screen
) -> None:
    """
    A page that is open obeys the new number at once.
    """
    saoma.pool.rules = SOON
    before = [await round_of(screen) for _ in range(2)]
    saoma.rules.refreshes = 2
    after = await round_of(screen)

    assert [GOES_ON, GOES_ON, IDLE] == [*before, after]


async def test_rounds_are_not_forgotten_by_coming_back(saoma: Installation) -> None:
    """
    A page that loses its socket in every round is asked to pause all the same, on any process.
    """
    saoma.pool.rules, saoma.rules.refreshes = SOON, 2
    told: list[dict[str, Any]] = []
    resume: dict[str, str] = {}
    for _ in range(3):
        screen = await (await saoma.start_process()).open_page()
        if resume:
            await screen.send("get_qr", **resume)
            await screen.expect("expired")
        resume = {"resume": (await screen.get_qr())["resume"]}
        told.append(await screen.expect("expired"))
        await screen.leave()

    assert [GOES_ON, GOES_ON, IDLE] == told


async def test_page_that_comes_back_is_asked_to_pause_again(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    A pause outlives the socket, and so does the click that ends it.
    """
    saoma.pool.rules, saoma.rules.refreshes = SOON, 0
    code = await screen.get_qr()
    told = [await screen.expect("expired")]
    await screen.leave()
    back = await process.open_page()
    await back.send("get_qr", resume=code["resume"])
    told.append(await back.expect("expired"))
    saoma.rules.refreshes = 1
    after_click = [await round_of(back), await round_of(back)]

    assert [IDLE, IDLE] == told
    assert [GOES_ON, IDLE] == after_click


async def test_living_code_keeps_its_round_when_the_page_comes_back(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    The code that is shown again counts as the round that it was.
    """
    saoma.pool.rules, saoma.rules.refreshes = SOON, 1
    await round_of(screen)
    saoma.pool.rules = pool_rules()
    code = await screen.get_qr()
    await screen.leave()
    back = await process.open_page()
    again = await back.get_qr(resume=code["resume"])
    await saoma.store.redis.delete(saoma.store.key("attempt", code["uuid"]))
    await process.pages.sweep()

    assert code["ticket"] == again["ticket"]
    assert IDLE == await back.expect("expired")


async def test_code_that_could_not_be_made_is_no_round(saoma: Installation, screen: Screen) -> None:
    """
    Trouble of WeChat neither brings a pause nearer nor ends one.
    """
    saoma.pool.rules, saoma.rules.refreshes = SOON, 1
    told = [await round_of(screen)]
    saoma.sandbox.platform.fail(CREATE, errcode=-1, times=4)
    for _ in range(2):
        await screen.send("get_qr")
        await screen.expect("error")
    told.append(await round_of(screen))
    saoma.sandbox.platform.fail(CREATE, errcode=-1, times=2)
    await screen.send("get_qr")
    await screen.expect("error")
    told += [await round_of(screen), await round_of(screen)]

    assert [GOES_ON, IDLE, GOES_ON, IDLE] == told


async def test_another_attempt_begins_to_count_anew(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    An attempt whose record is lost takes its rounds along, and the next has none.
    """
    saoma.pool.rules, saoma.rules.refreshes = SOON, 1
    told = [await round_of(screen)]
    saoma.pool.rules = pool_rules()
    code = await screen.get_qr()
    await saoma.store.redis.delete(saoma.store.key("attempt", code["uuid"]))
    await process.pages.sweep()
    told.append(await screen.expect("expired"))
    saoma.pool.rules = SOON
    told.append(await round_of(screen))

    assert [GOES_ON, IDLE, GOES_ON] == told


async def test_only_visitors_get_codes_when_the_days_codes_run_low(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    In the reserve every page is asked to pause after each code; new visitors still get theirs.
    """
    saoma.pool.rules = SOON
    told = [await round_of(screen)]
    saoma.client.budget.limits = LOW
    told.append(await round_of(screen))
    await saoma.time_machine.forward(60)
    told.append(await round_of(screen))
    other = await process.open_page("another browser")
    await other.get_qr()

    assert [GOES_ON, QUOTA, QUOTA] == told
    assert QUOTA == await other.expect("expired")


async def test_next_code_of_the_reserve_takes_a_while(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    Each page of the browser is told how long, keeps its place, and has its code then.
    """
    saoma.pool.rules, saoma.client.budget.limits = SOON, LOW
    code = await screen.get_qr()
    await screen.expect("expired")
    second = await process.open_page()
    told = []
    for page in (screen, second, screen):
        await page.send("get_qr")
        told.append(await page.expect("error"))
    await saoma.time_machine.forward(60)
    again = await screen.get_qr()

    assert {"quota_low"} == {each["code"] for each in told}
    assert {"Few codes left."} == {each["message"] for each in told}
    assert all(55 <= each["retry_after"] <= 60 for each in told)
    assert code["uuid"] == again["uuid"]
    assert {"leased": 1, "resting": 0} == await used(saoma)


async def used(saoma: Installation) -> dict[str, int]:
    """Return how many scene ids are not free."""
    count = await saoma.pool.count()
    return {state: count[state] for state in ("leased", "resting")}


async def test_code_that_wechat_did_not_make_costs_no_wait(
    saoma: Installation, screen: Screen
) -> None:
    """
    In the reserve, trouble of WeChat does not make a visitor wait for his own trouble.
    """
    saoma.client.budget.limits = LOW
    saoma.sandbox.platform.fail(CREATE, errcode=-1, times=2)
    await screen.send("get_qr")

    assert "wechat_unavailable" == (await screen.expect("error"))["code"]
    assert await screen.get_qr()


async def test_pauses_end_when_the_budget_grows(saoma: Installation, screen: Screen) -> None:
    """
    A larger `daily_codes` lets pages go on by themselves again.
    """
    saoma.pool.rules = SOON
    saoma.client.budget.limits = Limits(daily_codes=10, reserve_percent=100)
    told = [await round_of(screen)]
    saoma.client.budget.limits = Limits(daily_codes=100, reserve_percent=10)
    told.append(await round_of(screen))

    assert [QUOTA, GOES_ON] == told

"""Codes made ahead: a page that opens waits for nobody, and nothing is lost by them."""

import asyncio

import pytest

from tests.faults.scans import until
from tests.login.installation import (
    CREATE,
    OPENID,
    Installation,
    Process,
    login_rules,
    pool_rules,
)
from wechat import Limits

SECONDS_OF_A_REST = 200


@pytest.fixture
async def ready(saoma: Installation) -> Process:
    """A process that keeps two codes ready."""
    saoma.pool.rules = pool_rules(ready=2)
    process = await saoma.start_process()
    await process.has_ready(2)
    return process


async def test_page_that_opens_does_not_wait_for_wechat(
    saoma: Installation, ready: Process
) -> None:
    """
    While WeChat makes no codes, pages show those that are ready, and a scan reaches its page.
    """
    saoma.sandbox.platform.fail(CREATE, errcode=-1, times=None)
    screens = [await ready.open_page() for _ in range(2)]

    codes = [await screen.get_qr() for screen in screens]
    await saoma.scan(codes[1]["ticket"], OPENID)

    assert 2 == len({code["ticket"] for code in codes})
    assert "bind_required" == (await screens[1].receive())["type"]
    assert screens[0].frames.empty()
    assert 2 == saoma.counted["issued"]


async def test_code_that_was_taken_is_replaced(saoma: Installation, ready: Process) -> None:
    """
    Behind the back of a page that took a code another one is made.
    """
    screen = await ready.open_page()
    await screen.get_qr()

    await ready.has_ready(1)
    await ready.has_ready(2)

    assert {"leased": 3, "resting": 0, "free": 97} == await saoma.pool.count()


async def test_process_that_ends_while_a_page_takes_a_code_does_end(
    saoma: Installation, ready: Process
) -> None:
    """
    To be told of both in the same moment must not let it forget one.
    """
    codes = ready.pages.codes.ready
    taken = codes.take()
    assert taken
    codes.put_back(taken)

    (running,) = saoma.tasks
    running.cancel()
    await asyncio.wait([running], timeout=5)

    assert running.cancelled()


async def test_page_is_told_the_seconds_that_are_left(saoma: Installation, ready: Process) -> None:
    """
    A code that was ready for a minute is shown for two.
    """
    saoma.client.later = 60
    screen = await ready.open_page()

    code = await screen.get_qr()

    assert pytest.approx(120, abs=2) == code["expires"]


async def test_old_code_is_shown_to_nobody(saoma: Installation, ready: Process) -> None:
    """
    A code that has lived through half of its life rests, and another is made in its place.
    """
    saoma.client.later = 91
    screen = await ready.open_page()

    code = await screen.get_qr()
    await ready.has_ready(0)
    await ready.has_ready(2)

    assert 180 == code["expires"]
    assert 2 == (await saoma.pool.count())["resting"]


async def test_two_processes_never_show_the_same_code(saoma: Installation, ready: Process) -> None:
    """
    Each page of each process has an attempt and a code of its own, whoever made it.
    """
    other = await saoma.start_process()
    await other.has_ready(2)
    screens = [await process.open_page() for process in (ready, other) * 5]

    codes = [await screen.get_qr() for screen in screens]
    for number, code in enumerate(codes):
        await saoma.scan(code["ticket"], f"o{number}")

    assert 10 == len({code["ticket"] for code in codes}) == len({code["uuid"] for code in codes})
    assert ["bind_required"] * 10 == [(await screen.receive())["type"] for screen in screens]


async def test_process_that_ends_gives_its_codes_back(saoma: Installation, ready: Process) -> None:
    """
    The scene ids rest until the tickets are dead, and are free then.
    """
    await ready.pages.codes.ready.close()

    counted = await saoma.pool.count()
    await saoma.time_machine.forward(SECONDS_OF_A_REST)

    assert {"leased": 0, "resting": 2, "free": 98} == counted
    assert {"leased": 0, "resting": 0, "free": 100} == await saoma.pool.count()


async def test_process_that_is_cancelled_gives_its_codes_back(
    saoma: Installation, ready: Process
) -> None:
    """
    Who stops without a drain keeps no scene id either.
    """
    saoma.tasks[0].cancel()
    await ready.has_ready(0)

    assert {"leased": 0, "resting": 2, "free": 98} == await saoma.pool.count()


async def test_process_that_dies_loses_no_scene_id(saoma: Installation, ready: Process) -> None:
    """
    What nobody gives back is free by itself, and a page that was too late gets another code.
    """
    await saoma.time_machine.forward(SECONDS_OF_A_REST + 20)
    counted = await saoma.pool.count()

    code = await (await ready.open_page()).get_qr()
    await saoma.scan(code["ticket"])

    assert {"leased": 0, "resting": 0, "free": 100} == counted
    assert 180 == code["expires"]


async def test_ready_code_whose_ticket_is_another_s_is_not_shown(
    saoma: Installation, ready: Process
) -> None:
    """
    When WeChat made the same ticket twice, the second page gets one of its own.
    """
    saoma.sandbox.platform.repeat_tickets = True
    for _ in range(2):
        await (await ready.open_page()).get_qr()
        await ready.has_ready(1)
        await ready.has_ready(2)
    saoma.sandbox.platform.repeat_tickets = False
    screens = [await ready.open_page() for _ in range(2)]

    codes = [await screen.get_qr() for screen in screens]

    assert 2 == len({code["ticket"] for code in codes})


async def test_none_are_made_when_the_days_codes_run_low(
    saoma: Installation, ready: Process
) -> None:
    """
    The reserve is for visitors who ask: what is ready goes back, and nothing is made ahead.
    """
    saoma.client.budget.limits = Limits(daily_codes=6, reserve_percent=50)
    code = await (await ready.open_page()).get_qr()
    await ready.has_ready(0)
    other = await (await ready.open_page("another browser")).get_qr()

    assert code["ticket"] != other["ticket"]
    assert 4 == await saoma.client.budget.today()
    assert "waiting" == (await saoma.attempts.read(other["uuid"])).state  # type: ignore[union-attr]


async def test_open_circuit_is_not_asked_for_codes(
    saoma: Installation, process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    """
    What only the operator can mend ends making ahead: WeChat is asked once, not again and again.
    """
    saoma.sandbox.platform.fail(CREATE, errcode=48001, times=None)

    async def was_tried() -> bool:
        return "no codes made ahead" in caplog.text

    screen = await process.open_page()
    await screen.send("get_qr")
    told = await screen.expect("error")

    saoma.pool.rules = pool_rules(ready=1)
    await screen.send("get_qr")
    await until(was_tried)

    assert "wechat_unavailable" == told["code"]
    assert {"leased": 0, "resting": 0, "free": 100} == await saoma.pool.count()
    assert 1 == await saoma.client.budget.today()


async def test_ready_codes_count_for_an_address(saoma: Installation, ready: Process) -> None:
    """
    Who has had his codes of the minute gets none that is ready; it stays for the next visitor.
    """
    saoma.rules.replace(login_rules(codes_per_address=1))
    await (await ready.open_page(address="192.0.2.1")).get_qr()
    await ready.has_ready(2)
    saoma.sandbox.platform.fail(CREATE, errcode=-1, times=None)
    greedy = await ready.open_page(address="192.0.2.1")

    await greedy.send("get_qr")
    told = await greedy.expect("error")
    for number in range(2):
        await (await ready.open_page(address=f"198.51.100.{number}")).get_qr()

    assert "rate_limited" == told["code"]


async def test_fewer_are_kept_when_the_settings_say_so(saoma: Installation) -> None:
    """
    What is too much goes back.
    """
    saoma.pool.rules = pool_rules(ready=4)
    process = await saoma.start_process()
    await process.has_ready(4)

    saoma.pool.rules = pool_rules(ready=2)
    await (await process.open_page()).get_qr()
    await process.has_ready(2)

    assert {"leased": 3, "resting": 1, "free": 96} == await saoma.pool.count()

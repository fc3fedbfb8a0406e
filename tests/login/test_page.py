"""A page: codes, outcomes, and every trouble on the way as a message."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

import scene_pool
from login import Confirmation, SignedIn
from login.pages import SWEEP_BATCH
from login.signal import signal
from scene_pool import Attempts
from store import StoreUnavailable, connect, digest
from tests.login.installation import (
    CREATE,
    OPENID,
    Installation,
    Process,
    Screen,
    pool_rules,
    push_of,
)
from tests.store.lossy_link import lossy_store

ADVANCE = Path(scene_pool.__file__).parent / "advance.lua"


async def test_page_shows_a_code_of_its_own(saoma: Installation, process: Process) -> None:
    """
    A code has everything that a page needs, and two pages share nothing of it.
    """
    first, second = await process.open_page(), await process.open_page()

    code, other = await first.get_qr(), await second.get_qr()

    assert {"ticket", "url", "image", "expires", "uuid", "resume"} == code.keys()
    assert 180 == code["expires"]
    assert code["uuid"] == code["resume"].partition(".")[0]
    assert set() == {str(value) for value in code.values()} & {
        str(other[field]) for field in ("ticket", "url", "image", "uuid", "resume")
    }
    assert 2 == saoma.counted["issued"] == len(process.pages)


async def test_page_that_asks_again_is_shown_the_same_code(
    saoma: Installation, screen: Screen
) -> None:
    """
    While a code lives no second one is made for the page.
    """
    first = await screen.get_qr()

    again = await screen.get_qr()

    assert first == again
    assert 1 == saoma.counted["issued"]


async def test_scan_reaches_only_the_page_that_shows_the_ticket(
    saoma: Installation, process: Process
) -> None:
    """
    The first thing that another page hears is its own scan.
    """
    alice, bob = await process.open_page(), await process.open_page()
    alices, bobs = await alice.get_qr(), await bob.get_qr()

    await saoma.scan(alices["ticket"], "o-alice")
    await saoma.scan(bobs["ticket"], "o-bob")

    token, other = await alice.expect("bind_required"), await bob.expect("bind_required")
    assert token["bind_token"] != other["bind_token"]
    assert alice.frames.empty()
    assert bob.frames.empty()
    assert 2 == saoma.counted["delivered"]


async def test_scan_reaches_a_page_of_another_process(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    A push may be answered by any process, and the page hears of it all the same.
    """
    code = await screen.get_qr()
    other_scans = saoma.scans_on(Attempts(saoma.store))
    saoma.scans = other_scans
    await saoma.add_account()

    text = await saoma.scan(code["ticket"])

    success = await screen.expect("success")
    assert "登录成功" in text
    assert 60 == success["expires"]


async def test_expired_is_told_when_the_ticket_is_dead(saoma: Installation, screen: Screen) -> None:
    """
    The page hears that its code ran out, and the next one is of the same attempt.
    """
    saoma.pool.rules = pool_rules(ticket_seconds=0.05, rest_seconds=0)

    first = await screen.get_qr()
    expired = await screen.receive()
    saoma.pool.rules = pool_rules()
    second = await screen.get_qr()

    assert {"type": "expired", "data": {}} == expired
    assert (first["uuid"], first["resume"]) == (second["uuid"], second["resume"])
    assert first["ticket"] != second["ticket"]


async def test_late_scan_counts_although_expired_was_told(
    saoma: Installation, screen: Screen
) -> None:
    """
    Who dwelt on WeChat's Follow button is let in by the page that shows nothing any more.
    """
    saoma.pool.rules = pool_rules(ticket_seconds=0.05)
    code = await screen.get_qr()
    await screen.expect("expired")

    await saoma.scan(code["ticket"])

    assert await screen.expect("bind_required")


async def test_late_scan_of_the_former_code_counts_under_the_next_one(
    saoma: Installation, screen: Screen
) -> None:
    """
    A scan of the code before belongs to the same attempt.
    """
    saoma.pool.rules = pool_rules(ticket_seconds=0.05)
    first = await screen.get_qr()
    await screen.expect("expired")
    saoma.pool.rules = pool_rules()
    await screen.get_qr()

    await saoma.scan(first["ticket"])

    assert await screen.expect("bind_required")


async def test_page_is_told_the_outcome_instead_of_a_next_code(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    A code that was scanned while the next one was asked for is not refreshed.
    """
    saoma.pool.rules = pool_rules(ticket_seconds=0.05)
    code = await screen.get_qr()
    await screen.expect("expired")
    process.pages.forget(screen.page)
    await saoma.scan(code["ticket"])

    await screen.send("get_qr")

    assert await screen.expect("bind_required")
    assert screen.frames.empty()


async def test_scan_during_the_making_of_the_next_code_wins(
    saoma: Installation, screen: Screen
) -> None:
    """
    The scan of the former code is told, and the code that was being made is not shown.
    """
    saoma.pool.rules = pool_rules(ticket_seconds=0.05)
    code = await screen.get_qr()
    await screen.expect("expired")
    saoma.client.asked.get_nowait()
    saoma.client.gate.clear()
    asking = asyncio.create_task(screen.send("get_qr"))
    await saoma.client.asked.get()

    await saoma.scan(code["ticket"])
    told = await screen.expect("bind_required")
    saoma.client.gate.set()
    await asking

    found = await saoma.attempts.granted(digest(told["bind_token"]))
    assert code["uuid"] == (found or [])[0]
    assert screen.frames.empty()


async def test_page_that_goes_while_its_first_code_is_made_leaves_nothing(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    The ticket that comes too late is nobody's, and nothing waits for the page.
    """
    saoma.client.gate.clear()
    asking = asyncio.create_task(screen.send("get_qr"))
    await saoma.client.asked.get()

    await screen.leave()
    saoma.client.gate.set()
    await asking

    assert 0 == len(process.pages)
    assert screen.frames.empty()
    assert 0 == (await saoma.pool.count())["leased"]


async def test_page_that_goes_while_it_starts_anew_leaves_nothing(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    A page that leaves in the middle of another start is not kept in memory.
    """
    code = await screen.get_qr()
    await saoma.scan(code["ticket"])
    await screen.expect("bind_required")

    starting = asyncio.create_task(screen.send("get_qr"))
    await asyncio.sleep(0)
    await screen.leave()
    await starting

    assert 0 == len(process.pages)
    assert screen.frames.empty()
    assert 0 == (await saoma.pool.count())["leased"]


async def test_get_qr_after_an_outcome_starts_another_attempt(
    saoma: Installation, screen: Screen
) -> None:
    """
    What came of the first stays valid, and the second has a name of its own.
    """
    await saoma.add_account()
    first = await screen.get_qr()
    await saoma.scan(first["ticket"])
    success = await screen.expect("success")

    second = await screen.get_qr()
    signed_in = await saoma.entrance.by_code(success["code"], screen.page.opener.browser)

    assert first["uuid"] != second["uuid"]
    assert "alice" == signed_in.account.username


async def test_page_closes_when_its_attempt_is_done(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    After the trade there is nothing more to say.
    """
    await saoma.add_account()
    code = await screen.get_qr()
    await saoma.scan(code["ticket"])
    success = await screen.expect("success")

    await saoma.entrance.by_code(success["code"], screen.page.opener.browser)
    await process.pages.sweep()

    assert [1000] == screen.closed
    assert screen.frames.empty()


@pytest.mark.parametrize("frame", ["", "{", '{"type": "get_qr", "data": 1}', b"\x00"])
async def test_bad_message_is_told_and_closes(screen: Screen, frame: str | bytes) -> None:
    """
    A frame that no page of ours sends ends the socket with a reason.
    """
    await screen.page.receive(frame)

    error = await screen.expect("error")
    assert "bad_message" == error["code"]
    assert error["message"]
    assert [4400] == screen.closed


async def test_exhausted_pool_says_when_to_come_back(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    The wait is in whole seconds and long enough; afterwards the page gets its code.
    """
    saoma.pool.rules = pool_rules(size=1)
    await screen.get_qr()
    late = await process.open_page()

    await late.send("get_qr")
    error = await late.expect("error")
    await saoma.time_machine.forward(error["retry_after"])
    code = await late.get_qr()

    assert ("pool_exhausted", 200) == (error["code"], error["retry_after"])
    assert code["ticket"]
    assert 1 == saoma.counted["pool_exhausted"]
    assert [] == late.closed


@pytest.mark.parametrize(
    ("fault", "code", "retry_after"),
    [
        ({"errcode": 45009}, "quota_exhausted", 600),
        ({"errcode": 45011}, "quota_exhausted", 60),
        ({"errcode": -1}, "wechat_unavailable", 5),
        ({"errcode": 48001}, "wechat_unavailable", 15),
        ({"drop": True}, "wechat_unavailable", 5),
        ({"status": 502}, "wechat_unavailable", 5),
    ],
)
async def test_trouble_of_wechat_is_told_and_costs_no_id(
    saoma: Installation, screen: Screen, fault: dict[str, Any], code: str, retry_after: int
) -> None:
    """
    The page hears what kind of trouble it is, and the scene id goes back at once.
    """
    saoma.sandbox.platform.fail(CREATE, times=None, **fault)

    await screen.send("get_qr")
    error = await screen.expect("error")
    counted = await saoma.pool.count()
    saoma.sandbox.platform.faults.clear()
    await saoma.time_machine.forward(60)
    shown = await screen.get_qr()

    assert (code, retry_after) == (error["code"], error["retry_after"])
    assert {"leased": 0, "resting": 0, "free": 100} == counted
    assert shown["ticket"]


async def test_ticket_that_is_taken_makes_the_page_try_another_id(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    When WeChat repeats a living ticket, the page gets one of another scene id.
    """
    saoma.pool.rules = pool_rules(rest_seconds=0)
    saoma.sandbox.platform.repeat_tickets = True
    first = await screen.get_qr()
    await screen.leave()
    other = await process.open_page()

    second = await other.get_qr()

    assert first["ticket"] != second["ticket"]


async def test_store_that_is_down_is_told(saoma: Installation, unused_tcp_port: int) -> None:
    """
    A page without a store hears that a part of us does not answer, and stays open.
    """
    async with connect(f"redis://127.0.0.1:{unused_tcp_port}", "down") as store:
        saoma.store, saoma.attempts = store, Attempts(store)
        saoma.pool = type(saoma.pool)(store, pool_rules())
        screen = await Process(saoma).open_page()

        await screen.send("get_qr")
        first = await screen.expect("error")
        await screen.send("get_qr", resume="u.secret")
        second = await screen.expect("error")
        await screen.leave()

    assert [("store_unavailable", 3)] * 2 == [
        (error["code"], error["retry_after"]) for error in (first, second)
    ]
    assert [] == screen.closed


# ---- signals and reads that cross


async def test_sweep_tells_what_a_lost_signal_did_not(
    saoma: Installation, screen: Screen, process: Process
) -> None:
    """
    A page whose signal was lost hears its outcome by the next sweep, and once.
    """
    code = await screen.get_qr()
    process.pages.forget(screen.page)
    await saoma.scan(code["ticket"])
    process.pages.register(screen.page)

    await process.pages.sweep()
    await process.pages.sweep()

    token = (await screen.expect("bind_required"))["bind_token"]
    found = await saoma.attempts.granted(digest(token))
    assert code["uuid"] == (found or [])[0]
    assert screen.frames.empty()


async def test_sweep_of_pages_that_know_everything_says_nothing(
    saoma: Installation, screen: Screen, process: Process
) -> None:
    """
    What was told is not told again.
    """
    code = await screen.get_qr()
    await process.pages.sweep()
    await saoma.scan(code["ticket"])
    token = (await screen.expect("bind_required"))["bind_token"]

    await process.pages.sweep()

    assert screen.frames.empty()
    found = await saoma.attempts.granted(digest(token))
    assert code["uuid"] == (found or [])[0]


async def deaf_pages(saoma: Installation, process: Process, pages: int = 5) -> list[Screen]:
    """Return so many pages, each of which was scanned and its signal lost."""
    screens = [await process.open_page() for _ in range(pages)]
    codes = [await screen.get_qr() for screen in screens]
    for screen in screens:
        process.pages.forget(screen.page)
    for number, code in enumerate(codes):
        await saoma.scan(code["ticket"], f"{OPENID}{number}")
    for screen in screens:
        process.pages.register(screen.page)
    return screens


async def attentive_process(saoma: Installation) -> Process:
    """Return a process that does not hear signals, and has looked at all changes there were."""
    process = Process(saoma)
    for screen in await deaf_pages(saoma, process, 1):
        for _ in range(3):
            await process.pages.look()
        await screen.leave()
    return process


async def test_look_finds_the_page_whose_signal_was_lost(saoma: Installation) -> None:
    """
    Whatever signals do, the list of changes says whose pages to compare, and no others are.
    """
    process = await attentive_process(saoma)
    other = await process.open_page()
    code = await other.get_qr()
    await saoma.store.redis.delete(saoma.store.key("attempt", code["uuid"]))
    screens = await deaf_pages(saoma, process, 2)

    await process.pages.look()

    assert ["bind_required"] * 2 == [(await screen.receive())["type"] for screen in screens]
    assert other.frames.empty()
    await asyncio.gather(*(screen.leave() for screen in (other, *screens)))


async def test_look_finds_the_page_of_a_step_that_was_carried_out_late(
    saoma: Installation, store_url: str, prefix: str
) -> None:
    """
    A slow network brings it to the store when whoever asked has given up: nobody is told of it.
    """
    process = await attentive_process(saoma)
    screen = await process.open_page()
    code = await screen.get_qr()
    async with lossy_store(store_url, prefix) as (store, link):
        attempts = Attempts(store)
        attempts.tell_directly(process.pages.process, pytest.fail, pytest.fail)
        link.keep_next_question(ADVANCE)
        scans = saoma.scans_on(attempts)
        scan = asyncio.create_task(scans.scanned(push_of(code["ticket"]), time.time()))
        await link.waiting.wait()
        scan.cancel()
        await process.pages.look()
        link.gate.set()  # and what is under way ends before the link does

    await process.pages.look()

    assert await screen.expect("bind_required")
    await screen.leave()


async def test_change_is_looked_at_twice(saoma: Installation) -> None:
    """
    A page that did not show its code yet when its change was read hears its outcome all the same.
    """
    process = await attentive_process(saoma)
    (screen,) = await deaf_pages(saoma, process, 1)
    process.pages.forget(screen.page)

    await process.pages.look()
    process.pages.register(screen.page)
    await process.pages.look()

    assert await screen.expect("bind_required")
    await screen.leave()


async def test_look_at_changes_that_are_not_all_there_compares_all_pages(
    saoma: Installation,
) -> None:
    """
    A store that lost the list may have lost records too, or steps may be missing in it.
    """
    saoma.pool.rules = pool_rules(size=SWEEP_BATCH + 2)
    process = await attentive_process(saoma)
    screens = await deaf_pages(saoma, process, SWEEP_BATCH + 1)
    await saoma.store.redis.delete(saoma.store.key("changes"))

    await process.pages.look()

    assert not any(screen.frames.empty() for screen in screens)
    await asyncio.gather(*(screen.leave() for screen in screens))


async def test_look_after_trouble_compares_all_pages(saoma: Installation, process: Process) -> None:
    """
    Where the store was away for a page, the next look trusts no list.
    """
    screens = await deaf_pages(saoma, process)

    process.pages.spawn(away())
    await process.pages.settled()
    await process.pages.look()

    assert not any(screen.frames.empty() for screen in screens)


async def test_look_without_a_store_looks_again_at_the_same(saoma: Installation) -> None:
    """
    What was not read is read by the next look.
    """
    process = await attentive_process(saoma)
    screens = await deaf_pages(saoma, process, 2)
    changes, aside = saoma.store.key("changes"), saoma.store.key("aside")
    await saoma.store.redis.rename(changes, aside)
    await saoma.store.redis.set(changes, "what no list is")

    await process.pages.look()
    unread = [screen.frames.empty() for screen in screens]
    await saoma.store.redis.rename(aside, changes)
    await process.pages.look()

    assert [True, True] == unread
    assert not any(screen.frames.empty() for screen in screens)
    await asyncio.gather(*(screen.leave() for screen in screens))


async def away() -> None:
    """Do what a page does while the store is away."""
    raise StoreUnavailable


async def test_sweep_tells_a_page_that_its_record_is_gone(
    saoma: Installation, screen: Screen, process: Process
) -> None:
    """
    After a loss of the store the page starts anew, instead of waiting for ever.
    """
    first = await screen.get_qr()
    await saoma.store.redis.delete(saoma.store.key("attempt", first["uuid"]))

    await process.pages.sweep()
    await screen.expect("expired")
    second = await screen.get_qr()
    await saoma.scan(second["ticket"])

    assert first["uuid"] != second["uuid"]
    assert await screen.expect("bind_required")


async def test_signal_of_an_unknown_state_silences_nobody(
    saoma: Installation, screen: Screen, process: Process
) -> None:
    """
    A later version may know more states: its signals are skipped and all others arrive.
    """
    code = await screen.get_qr()
    channel = saoma.store.key("signal", process.pages.process)
    socket = screen.page.holder.partition(":")[2]
    for text in (f"{socket} {signal(code['uuid'], 'perplexed')}", "junk", f"{socket} junk"):
        await saoma.store.redis.publish(channel, text)

    await saoma.scan(code["ticket"])

    assert await screen.expect("bind_required")


async def test_record_of_an_unknown_state_does_not_end_the_sweep(
    saoma: Installation, process: Process
) -> None:
    """
    A record that a later version wrote is left alone, and the next page is brought up to date.
    """
    first, second = await process.open_page(), await process.open_page()
    odd, code = await first.get_qr(), await second.get_qr()
    await saoma.store.redis.hset(saoma.store.key("attempt", odd["uuid"]), "state", "perplexed")
    process.pages.forget(second.page)
    await saoma.scan(code["ticket"])
    process.pages.register(second.page)

    await process.pages.sweep()

    assert await second.expect("bind_required")
    assert first.frames.empty()


# ---- coming back


async def test_page_comes_back_to_the_same_code(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    After a lost socket the code is shown with the seconds that it has left.
    """
    code = await screen.get_qr()
    await screen.leave()
    await saoma.time_machine.forward(50)
    other_process = await saoma.start_process()
    back = await other_process.open_page()

    again = await back.get_qr(resume=code["resume"])

    assert 130 == again["expires"]
    assert code | {"expires": 130} == again
    assert 1 == saoma.counted["issued"]


async def test_page_comes_back_to_the_outcome(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    What came while the page was away is told with a fresh proof, and the proof works.
    """
    account = await saoma.add_account()
    code = await screen.get_qr()
    await screen.leave()
    await saoma.scan(code["ticket"])
    back = await process.open_page()

    await back.send("get_qr", resume=code["resume"])

    success = await back.expect("success")
    signed_in = await saoma.entrance.by_code(success["code"], back.page.opener.browser)
    assert account.id == signed_in.account.id


@pytest.mark.parametrize("used", [0, 1])
async def test_proof_that_is_used_uses_up_the_other_of_its_scan(
    saoma: Installation, process: Process, screen: Screen, used: int
) -> None:
    """
    Of two proofs that were told for one scan either works, and one session comes of it.
    """
    await saoma.add_account()
    code = await screen.get_qr()
    await saoma.scan(code["ticket"])
    first = await screen.expect("success")
    await screen.leave()
    back = await process.open_page()
    await back.send("get_qr", resume=code["resume"])
    proofs = [first["code"], (await back.expect("success"))["code"]]

    assert proofs[0] != proofs[1]
    assert await saoma.entrance.by_code(proofs[used], back.page.opener.browser)
    with pytest.raises(Exception, match="not valid any more"):
        await saoma.entrance.by_code(proofs[1 - used], back.page.opener.browser)


async def test_of_two_proofs_that_are_used_at_once_one_counts(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    Whichever is first takes the step, and the session of the other is none.
    """
    await saoma.add_account()
    code = await screen.get_qr()
    await saoma.scan(code["ticket"])
    proofs = [(await screen.expect("success"))["code"]]
    back = await process.open_page()
    await back.send("get_qr", resume=code["resume"])
    proofs.append((await back.expect("success"))["code"])

    browser = back.page.opener.browser
    trades = (saoma.entrance.by_code(proof, browser) for proof in proofs * 5)
    answers = await asyncio.gather(*trades, return_exceptions=True)

    assert 1 == sum(isinstance(answer, SignedIn) for answer in answers)
    assert 1 == len(await saoma.store.redis.keys(saoma.store.key("session", "*")))


async def test_page_comes_back_to_an_expired_code(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    A code that ran out meanwhile is told as such, and the next one is of the same attempt.
    """
    code = await screen.get_qr()
    await saoma.time_machine.forward(181)
    back = await process.open_page()

    await back.send("get_qr", resume=code["resume"])
    await back.expect("expired")
    second = await back.get_qr()

    assert code["uuid"] == second["uuid"]
    assert code["ticket"] != second["ticket"]


async def test_page_that_another_continues_is_superseded(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    The attempt goes on in the page that came last; the former hears so and nothing more.
    """
    code = await screen.get_qr()
    other_process = await saoma.start_process()
    back = await other_process.open_page()

    await back.get_qr(resume=code["resume"])
    superseded = await screen.expect("superseded")
    await saoma.scan(code["ticket"])
    told = await back.expect("bind_required")
    await process.pages.sweep()

    assert {} == superseded
    assert told["bind_token"]
    assert screen.frames.empty()
    assert 0 == len(process.pages)


async def test_superseded_page_that_missed_the_signal_hears_it_by_the_sweep(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    Without the signal the sweep finds that somebody else holds the attempt.
    """
    code = await screen.get_qr()
    other_process = await saoma.start_process()
    back = await other_process.open_page()
    process.pages.forget(screen.page)
    await back.get_qr(resume=code["resume"])
    process.pages.register(screen.page)

    await process.pages.sweep()

    assert {"type": "superseded", "data": {}} == await screen.receive()


async def test_superseded_page_may_start_an_attempt_of_its_own(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    The two pages have nothing to do with one another from then on.
    """
    code = await screen.get_qr()
    back = await process.open_page()
    await back.get_qr(resume=code["resume"])
    await screen.expect("superseded")

    own = await screen.get_qr()
    await saoma.scan(code["ticket"], "o-1")
    await saoma.scan(own["ticket"], "o-2")

    assert code["uuid"] != own["uuid"]
    assert await back.expect("bind_required")
    assert await screen.expect("bind_required")


async def test_superseded_page_does_not_take_the_attempt_back(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    A next code that comes after the supersession is not shown, and says nothing to the old page.
    """
    saoma.pool.rules = pool_rules(ticket_seconds=0.05)
    code = await screen.get_qr()
    await screen.expect("expired")
    saoma.client.asked.get_nowait()
    saoma.client.gate.clear()
    asking = asyncio.create_task(screen.send("get_qr"))
    await saoma.client.asked.get()
    back = await process.open_page()
    await back.send("get_qr", resume=code["resume"])
    await back.expect("expired")
    await screen.expect("superseded")

    saoma.client.gate.set()
    await asking
    await process.pages.sweep()
    saoma.pool.rules = pool_rules()
    newer = await back.get_qr()
    await saoma.scan(newer["ticket"])

    assert code["uuid"] == newer["uuid"]
    assert await back.expect("bind_required")
    assert screen.frames.empty()


async def test_superseded_page_does_not_spoil_the_outcome_of_the_other(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    A scan while the old page still makes a code is told to the new page, whose proof stays good.
    """
    saoma.pool.rules = pool_rules(ticket_seconds=0.05)
    code = await screen.get_qr()
    await screen.expect("expired")
    saoma.client.asked.get_nowait()
    saoma.client.gate.clear()
    asking = asyncio.create_task(screen.send("get_qr"))
    await saoma.client.asked.get()
    back = await process.open_page()
    await back.send("get_qr", resume=code["resume"])
    await back.expect("expired")
    await screen.expect("superseded")
    await saoma.scan(code["ticket"])
    token = (await back.expect("bind_required"))["bind_token"]

    saoma.client.gate.set()
    await asking

    record = await saoma.attempts.read(code["uuid"])
    assert record is not None
    assert (code["uuid"], record.grant) == await saoma.attempts.granted(digest(token))
    assert screen.frames.empty()


@pytest.mark.parametrize("token", ["", ".", "u", "u.", ".s", "u.s.t", "x" * 3000, "{a}:b.c"])
async def test_resume_with_a_made_up_token_is_an_unknown_attempt(
    process: Process, screen: Screen, token: str
) -> None:
    """
    Who guesses learns that there is no such attempt, and may start one.
    """
    await screen.send("get_qr", resume=token or "-")

    error = await screen.expect("error")
    code = await screen.get_qr()
    assert "unknown_attempt" == error["code"]
    assert code["ticket"]


async def test_resume_by_another_browser_is_an_unknown_attempt(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    The token alone is not enough: the browser's cookie belongs to it.
    """
    code = await screen.get_qr()
    thief = await process.open_page(digest("another cookie"))

    await thief.send("get_qr", resume=code["resume"])
    error = await thief.expect("error")
    await saoma.scan(code["ticket"])

    assert "unknown_attempt" == error["code"]
    assert await screen.expect("bind_required")
    assert thief.frames.empty()


async def test_resume_too_late_is_an_unknown_attempt(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    A page that was away for longer than `resume_seconds` starts anew.
    """
    code = await screen.get_qr()
    await screen.leave()
    await saoma.time_machine.forward(61)
    back = await process.open_page()

    await back.send("get_qr", resume=code["resume"])

    assert "unknown_attempt" == (await back.expect("error"))["code"]


# ---- the number


@pytest.fixture
def asking(saoma: Installation) -> Installation:
    """An installation that asks for a number after the scan."""
    saoma.rules.confirmation = Confirmation.NUMBER
    return saoma


def number_in(text: str, choices: list[int]) -> int:
    """Return which of the choices the phone shows."""
    (number,) = [choice for choice in choices if str(choice) in text]
    return number


async def test_right_number_lets_in(asking: Installation, screen: Screen) -> None:
    """
    The visitor picks the number that the phone shows, and the bound user is signed in.
    """
    await asking.add_account()
    code = await screen.get_qr()

    text = await asking.scan(code["ticket"])
    choices = (await screen.expect("scanned"))["choices"]
    await screen.send("choose", number=number_in(text, choices))

    success = await screen.expect("success")
    assert 3 == len(set(choices))
    assert all(10 <= choice <= 99 for choice in choices)
    assert await asking.entrance.by_code(success["code"], screen.page.opener.browser)
    assert 1 == asking.counted["success"]


async def test_right_number_asks_a_new_user_to_bind(asking: Installation, screen: Screen) -> None:
    """
    Who has no account yet is asked for one after the number.
    """
    code = await screen.get_qr()
    text = await asking.scan(code["ticket"])
    choices = (await screen.expect("scanned"))["choices"]

    await screen.send("choose", number=number_in(text, choices))

    assert await screen.expect("bind_required")


async def test_right_number_registers_a_new_user_where_that_is_wished(
    asking: Installation, screen: Screen
) -> None:
    """
    With automatic registration the account is made after the number, not before.
    """
    asking.rules.auto_register = True
    code = await screen.get_qr()
    text = await asking.scan(code["ticket"])
    choices = (await screen.expect("scanned"))["choices"]
    before = await asking.directory.by_openid(OPENID)

    await screen.send("choose", number=number_in(text, choices))

    assert before is None
    assert await screen.expect("success")
    assert await asking.directory.by_openid(OPENID)


async def test_wrong_number_denies_for_good(asking: Installation, screen: Screen) -> None:
    """
    One wrong pick ends the attempt; the right one afterwards changes nothing.
    """
    await asking.add_account()
    code = await screen.get_qr()
    text = await asking.scan(code["ticket"])
    choices = (await screen.expect("scanned"))["choices"]
    right = number_in(text, choices)

    await screen.send("choose", number=next(choice for choice in choices if choice != right))
    await screen.expect("denied")
    await screen.send("choose", number=right)
    await asking.scans.choose(code["uuid"], right)

    record = await asking.attempts.read(code["uuid"])
    assert record is not None
    assert "denied" == record.state
    assert screen.frames.empty()
    assert 1 == asking.counted["denied"]


async def test_number_that_is_not_picked_in_time_denies(
    asking: Installation, screen: Screen
) -> None:
    """
    A visitor who does not answer did not want to sign in.
    """
    asking.rules.choose_seconds = 0.05
    code = await screen.get_qr()

    await asking.scan(code["ticket"])

    await screen.expect("scanned")
    assert await screen.expect("denied") == {}


async def test_page_that_asks_or_comes_back_sees_the_same_numbers(
    asking: Installation, process: Process, screen: Screen
) -> None:
    """
    A reload does not make another guess possible.
    """
    code = await screen.get_qr()
    await asking.scan(code["ticket"])
    first = await screen.expect("scanned")
    await screen.send("get_qr")
    second = await screen.expect("scanned")
    back = await process.open_page()
    await back.send("get_qr", resume=code["resume"])

    assert first == second == await back.expect("scanned")


@pytest.mark.parametrize("state", ["nothing", "waiting", "bind_required"])
async def test_choose_means_nothing_when_nothing_is_asked(
    saoma: Installation, screen: Screen, state: str
) -> None:
    """
    A number that nobody asked for changes nothing and is not answered.
    """
    code = await screen.get_qr() if state != "nothing" else {"ticket": ""}
    if state == "bind_required":
        await saoma.scan(code["ticket"])
        await screen.expect("bind_required")

    await screen.send("choose", number=42)

    assert screen.frames.empty()
    assert [] == screen.closed


async def test_denied_attempt_is_told_to_a_page_that_comes_back(
    asking: Installation, process: Process, screen: Screen
) -> None:
    """
    The page that was away hears of the refusal, and may start anew.
    """
    code = await screen.get_qr()
    await asking.scan(code["ticket"])
    await screen.expect("scanned")
    await screen.leave()
    await asking.scans.choose(code["uuid"], None)
    back = await process.open_page()

    await back.send("get_qr", resume=code["resume"])
    await back.expect("denied")
    fresh = await back.get_qr()

    assert code["uuid"] != fresh["uuid"]

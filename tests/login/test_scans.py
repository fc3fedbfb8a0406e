"""Scans: by their ticket, once, answered alike when repeated."""

import asyncio
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

import scene_pool
from accounts import AccountsUnavailable, open_directory
from login import Confirmation, Receipts, Scans
from scene_pool import Attempts
from store import StoreUnavailable, connect
from tests.login.installation import (
    OPENID,
    REPLIES,
    Installation,
    Process,
    Screen,
    push_of,
)
from tests.store.lossy_link import lossy_store
from wechat import BadSignature, Letter

ADVANCE = Path(scene_pool.__file__).parent / "advance.lua"
SIGNED_IN, BIND, USED, EXPIRED = "登录成功", "还没有绑定", "已经使用过", "已过期"


async def test_scan_of_a_bound_user_signs_in(saoma: Installation, screen: Screen) -> None:
    """
    The phone is told, the page gets a code, and the scan is counted.
    """
    await saoma.add_account()
    code = await screen.get_qr()

    text = await saoma.scan(code["ticket"], scene="1")

    assert SIGNED_IN in text
    assert "login.example.com" in text
    assert await screen.expect("success")
    assert 1 == saoma.counted["success"]


async def test_scan_without_a_scene_counts_by_its_ticket(
    saoma: Installation, screen: Screen
) -> None:
    """
    WeChat was seen to leave the scene empty; the ticket says whose code it is.
    """
    code = await screen.get_qr()

    text = await saoma.scan(code["ticket"], scene="")

    assert BIND in text
    assert await screen.expect("bind_required")


@pytest.mark.parametrize("scene", ["2", "0", "01", "1 ", "abc", "4294967296", "-1"])
async def test_scan_whose_scene_contradicts_its_ticket_is_stale(
    saoma: Installation, screen: Screen, scene: str
) -> None:
    """
    Ticket and scene must agree; if not, no page hears of it.
    """
    code = await screen.get_qr()

    text = await saoma.scan(code["ticket"], scene=scene)
    await saoma.scan(code["ticket"], "o-second")

    assert EXPIRED in text
    assert 1 == saoma.counted["stale"]
    assert await screen.expect("bind_required")
    record = await saoma.attempts.read(code["uuid"])
    assert record is not None
    assert "o-second" == record.openid


async def test_scan_of_an_unknown_ticket_changes_nothing(
    saoma: Installation, screen: Screen
) -> None:
    """
    A ticket that is not ours reaches no page, even with the scene id of one.
    """
    await screen.get_qr()

    text = await saoma.scan("another campaign's", scene="1")

    assert EXPIRED in text
    assert 1 == saoma.counted["unknown"]
    assert screen.frames.empty()


async def test_scan_after_its_time_is_stale(saoma: Installation, screen: Screen) -> None:
    """
    A dead code of ours is told from a foreign one.
    """
    code = await screen.get_qr()
    await saoma.time_machine.forward(196)

    text = await saoma.scan(code["ticket"])

    assert EXPIRED in text
    assert (1, 0) == (saoma.counted["stale"], saoma.counted["unknown"])


async def test_scan_never_reaches_the_next_owner_of_its_scene(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    The scene id is another page's by now, and a scan of the old code is not that page's.
    """
    old = await screen.get_qr()
    await saoma.time_machine.forward(201)
    newer = await process.open_page()
    code = await newer.get_qr()

    text = await saoma.scan(old["ticket"], scene="1")
    await saoma.scan(code["ticket"], "o-second", scene="1")

    assert EXPIRED in text
    assert await newer.expect("bind_required")
    record = await saoma.attempts.read(code["uuid"])
    assert record is not None
    assert "o-second" == record.openid


async def test_scan_of_a_page_that_is_away_is_kept(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    The outcome waits for the page to come back.
    """
    code = await screen.get_qr()
    await screen.leave()

    text = await saoma.scan(code["ticket"])
    back = await process.open_page()
    await back.send("get_qr", resume=code["resume"])

    assert BIND in text
    assert await back.expect("bind_required")


@pytest.mark.parametrize("bound", [True, False])
@pytest.mark.parametrize("confirmation", Confirmation)
async def test_repeated_push_is_answered_alike(
    saoma: Installation, screen: Screen, *, bound: bool, confirmation: Confirmation
) -> None:
    """
    WeChat repeats what was not answered in time: same reply, no second effect.
    """
    saoma.rules.confirmation = confirmation
    if bound:
        await saoma.add_account()
    code = await screen.get_qr()
    push = push_of(code["ticket"])

    texts = [await saoma.scans.scanned(push, time.time()) for _ in range(3)]

    assert 1 == len(set(texts))
    assert await screen.receive()
    assert screen.frames.empty()
    assert 2 == saoma.counted["duplicate"]


async def test_copies_of_a_push_at_the_same_time_take_effect_once(
    saoma: Installation, screen: Screen
) -> None:
    """
    Of ten copies on many connections one is accepted, and all are answered alike.
    """
    await saoma.add_account()
    code = await screen.get_qr()
    push = push_of(code["ticket"])

    texts = await asyncio.gather(*(saoma.scans.scanned(push, time.time()) for _ in range(10)))

    assert 1 == len(set(texts))
    assert (1, 9) == (saoma.counted["success"], saoma.counted["duplicate"])
    assert await screen.expect("success")
    assert screen.frames.empty()


@pytest.mark.parametrize("confirmation", [Confirmation.NONE, Confirmation.NUMBER])
async def test_copies_of_a_push_at_the_end_of_its_code_are_answered_alike(
    saoma: Installation, screen: Screen, store_url: str, prefix: str, confirmation: Confirmation
) -> None:
    """
    One copy finds the code alive and is slow, the other finds it dead: none of them takes effect.
    """
    saoma.rules.confirmation = confirmation
    code = await screen.get_qr()
    push = push_of(code["ticket"])
    async with lossy_store(store_url, prefix) as (store, link):
        link.keep_next_question(ADVANCE)
        slow = asyncio.create_task(saoma.scans_on(Attempts(store)).scanned(push, time.time()))
        await link.waiting.wait()
        await saoma.time_machine.forward(196)

        text = await saoma.scans.scanned(push, time.time())
        link.gate.set()

        assert EXPIRED in text
        assert text == await slow
    record = await saoma.attempts.read(code["uuid"])
    assert record is not None
    assert ("waiting", "") == (record.state, record.openid)
    assert 2 == saoma.counted["stale"]


async def test_process_knows_whose_code_it_shows(saoma: Installation, process: Process) -> None:
    """
    What it knows is what the record says; of a code that was scanned, replaced or left, nothing.
    """
    scanned, replaced, left = [await process.open_page() for _ in range(3)]
    codes = [await page.get_qr() for page in (scanned, replaced, left)]
    known = [process.pages.shown(code["ticket"]) for code in codes]
    stored = [await saoma.attempts.scanned(code["ticket"]) for code in codes]

    await saoma.scan(codes[0]["ticket"])
    await scanned.expect("bind_required")
    await replaced.send("get_qr", resume="u.secret")
    await left.leave()

    of_a_scan = ("state", "holder", "browser", "device", "place", "linker", "replaces")
    for ours, theirs in zip(known, stored, strict=True):
        assert ours
        assert theirs
        assert theirs[1]
        assert theirs[0] == ours[0]
        assert all(getattr(theirs[1], name) == getattr(ours[1], name) for name in of_a_scan)
    assert [None] * 3 == [process.pages.shown(code["ticket"]) for code in codes]


async def test_scan_of_a_page_of_this_process_is_one_question(
    saoma: Installation, process: Process, store_url: str, prefix: str
) -> None:
    """
    Whose code it is needs no asking, and its signature is remembered in the step itself.
    """
    await saoma.add_account()
    former, page = await process.open_page(), await process.open_page()
    await saoma.scan((await former.get_qr())["ticket"])  # now the store knows the script
    letter = Letter(body=b"one", nonce="n", signature="s1")
    push = push_of((await page.get_qr())["ticket"], letter=letter)
    async with lossy_store(store_url, prefix) as (store, link):
        scans, receipts = saoma.scans_on(Attempts(store)), Receipts(store, window_seconds=300)
        scans.look_first(process.pages.shown)
        await store.ping()
        before = link.asked

        await scans.scanned(push, time.time(), receipts)
        asked = link.asked - before

        with pytest.raises(BadSignature):
            await receipts.check(replace(letter, body=b"two"))
    assert await page.expect("success")
    assert 1 == asked


async def test_people_at_the_same_time_get_one_outcome(saoma: Installation, screen: Screen) -> None:
    """
    Of ten people who scan one code at once, one is asked to bind and nine are told it is used.
    """
    code = await screen.get_qr()

    texts = await asyncio.gather(
        *(saoma.scan(code["ticket"], f"o-{number}") for number in range(10))
    )

    assert 1 == sum(BIND in text for text in texts)
    assert 9 == sum(USED in text for text in texts)
    assert await screen.expect("bind_required")
    assert screen.frames.empty()


async def test_second_scan_by_the_same_user_is_told_what_is_asked(
    saoma: Installation, screen: Screen
) -> None:
    """
    Who scans again before he has bound is asked again; after signing in the code is used.
    """
    code = await screen.get_qr()

    first, second = await saoma.scan(code["ticket"]), await saoma.scan(code["ticket"])
    await saoma.add_account()
    await screen.expect("bind_required")
    other = await screen.get_qr()
    third, fourth = await saoma.scan(other["ticket"]), await saoma.scan(other["ticket"])

    assert BIND in first
    assert BIND in second
    assert SIGNED_IN in third
    assert USED in fourth


async def test_scan_registers_a_new_user_where_that_is_wished(
    saoma: Installation, screen: Screen
) -> None:
    """
    With automatic registration the first scan makes the account and signs in to it.
    """
    saoma.rules.auto_register = True
    code = await screen.get_qr()

    text = await saoma.scan(code["ticket"])

    success = await screen.expect("success")
    signed_in = await saoma.entrance.by_code(success["code"], screen.page.opener.browser)
    assert SIGNED_IN in text
    assert signed_in.account.wechat_bound
    assert signed_in.account.password_hash is None


async def test_scan_that_does_not_count_registers_nobody(
    saoma: Installation, screen: Screen
) -> None:
    """
    A used, dead or foreign code makes no account.
    """
    saoma.rules.auto_register = True
    code = await screen.get_qr()
    await saoma.scan(code["ticket"], "o-first")
    await saoma.scan(code["ticket"], "o-used")
    await saoma.scan("foreign", "o-foreign")
    await saoma.time_machine.forward(196)

    await saoma.scan(code["ticket"], "o-late")

    assert ["o-first"] == [
        openid
        for openid in ("o-first", "o-used", "o-foreign", "o-late")
        if await saoma.directory.by_openid(openid)
    ]


async def test_scan_before_the_ticket_is_recorded_waits_for_it(
    saoma: Installation, screen: Screen
) -> None:
    """
    WeChat's push can be faster than its answer to us.
    """
    saoma.client.gate.clear()
    asking = asyncio.create_task(screen.send("get_qr"))
    await saoma.client.asked.get()
    (made,) = saoma.sandbox.platform.codes.waiting(5)

    scanning = asyncio.create_task(saoma.scan(made.ticket, scene="1"))
    await asyncio.wait([scanning], timeout=0.01)
    saoma.client.gate.set()
    await asking
    text = await scanning

    assert BIND in text
    assert ["qr", "bind_required"] == [(await screen.receive())["type"] for _ in range(2)]


async def test_scan_whose_answer_from_the_store_was_lost_is_answered_alike(
    saoma: Installation, screen: Screen, store_url: str, prefix: str
) -> None:
    """
    The step that was taken twice is one step, and the phone is told that it worked.
    """
    await saoma.add_account()
    code = await screen.get_qr()
    async with lossy_store(store_url, prefix) as (store, link):
        scans = saoma.scans_on(Attempts(store))
        link.lose_next_answer()

        text = await scans.scanned(push_of(code["ticket"]), time.time())

    assert 1 == link.lost
    assert SIGNED_IN in text
    assert await screen.expect("success")
    assert screen.frames.empty()


async def test_scan_without_a_store_is_for_wechat_to_repeat(
    saoma: Installation, unused_tcp_port: int
) -> None:
    """
    Nothing is known to have happened, so the caller answers with an error.
    """
    async with connect(f"redis://127.0.0.1:{unused_tcp_port}", "down") as store:
        scans = saoma.scans_on(Attempts(store))

        with pytest.raises(StoreUnavailable):
            await scans.scanned(push_of("t"), time.time())


async def test_scan_without_a_database_is_for_wechat_to_repeat(
    saoma: Installation, screen: Screen, folder: Path
) -> None:
    """
    Without accounts nothing is decided, and the repeated push decides.
    """
    code = await screen.get_qr()
    async with open_directory(f"sqlite+aiosqlite:///{folder}", "wx") as down:
        scans = Scans(saoma.books(directory=down), saoma.rules, REPLIES, count=saoma.count)
        with pytest.raises(AccountsUnavailable):
            await scans.scanned(push_of(code["ticket"]), time.time())

    await saoma.scan(code["ticket"], OPENID)

    assert await screen.expect("bind_required")


async def test_number_differs_from_attempt_to_attempt(
    saoma: Installation, process: Process
) -> None:
    """
    Who looks over a shoulder learns nothing for the next time.
    """
    saoma.rules.confirmation = Confirmation.NUMBER
    asked = []

    for number in range(5):
        screen = await process.open_page()
        code = await screen.get_qr()
        await saoma.scan(code["ticket"], f"o-{number}")
        asked.append(tuple((await screen.expect("scanned"))["choices"]))

    assert len(set(asked)) > 1


async def test_scanning_again_while_the_page_binds_says_so(
    saoma: Installation, screen: Screen
) -> None:
    """
    The number was picked, so the phone does not ask to pick it; a repeated push says what it said.
    """
    saoma.rules.confirmation = Confirmation.NUMBER
    code = await screen.get_qr()
    asked = await saoma.scan(code["ticket"], created=1_700_000_000)
    record = await saoma.attempts.read(code["uuid"])
    assert record
    await screen.send("choose", number=int(record.number))

    again = await saoma.scan(code["ticket"], created=1_700_000_060)
    repeated = await saoma.scan(code["ticket"], created=1_700_000_000)

    assert "还没有绑定" in again
    assert record.number not in again
    assert asked == repeated

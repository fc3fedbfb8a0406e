"""A session whose answer never arrived: its page gets another in its place, nobody else does."""

import asyncio
import time
from pathlib import Path

import pytest

import scene_pool
from login import BindAsked, Farewells, LoginError, SignedIn
from login.errors import CodeGone
from store import digest
from tests.login.installation import BROWSER, OPENID, Installation, Process, Screen, push_of
from tests.store.lossy_link import lossy_store
from wechat import PushKind

ADVANCE = Path(scene_pool.__file__).parent / "advance.lua"


class Lost:
    """A page whose trade was carried out, and that heard nothing of it."""

    def __init__(self, resume: str, code: str, token: str) -> None:
        self.resume, self.code, self.token = resume, code, token


@pytest.fixture
async def lost(saoma: Installation, screen: Screen) -> Lost:
    """The session of a scan that its browser does not know of."""
    await saoma.add_account()
    shown = await screen.get_qr()
    await saoma.scan(shown["ticket"])
    code = (await screen.expect("success"))["code"]
    token = (await saoma.entrance.by_code(code, BROWSER)).session.token
    await screen.leave()
    return Lost(shown["resume"], code, token)


async def come_back(process: Process, lost: Lost, browser: str = BROWSER) -> Screen:
    """Return a page of the same tab that has asked for its attempt."""
    back = await process.open_page(browser)
    await back.send("get_qr", resume=lost.resume)
    return back


async def sessions_of(saoma: Installation) -> int:
    """Return how many sessions there are."""
    return len(await saoma.store.redis.keys(saoma.store.key("session", "*")))


async def test_page_that_comes_back_gets_a_session_in_place_of_the_lost_one(
    saoma: Installation, process: Process, lost: Lost
) -> None:
    """
    A new code, a new session, and the lost one is worth nothing; the page is let go as ever.
    """
    back = await come_back(process, lost)
    code = (await back.expect("success"))["code"]

    signed_in = await saoma.entrance.by_code(code, BROWSER)

    await asyncio.wait_for(back.end.wait(), 5)
    assert [1000] == back.closed
    assert 1 == await sessions_of(saoma)
    assert await saoma.entrance.account_of(lost.token) is None
    assert signed_in == await saoma.entrance.account_of(signed_in.session.token)


async def test_used_codes_stay_used(saoma: Installation, process: Process, lost: Lost) -> None:
    """
    The first code is gone before and after its page comes back, and so is the second once traded.
    """
    back = await come_back(process, lost)
    code = (await back.expect("success"))["code"]
    with pytest.raises(CodeGone):
        await saoma.entrance.by_code(lost.code, BROWSER)
    assert await saoma.entrance.by_code(code, BROWSER)

    for used in (lost.code, code):
        with pytest.raises(CodeGone):
            await saoma.entrance.by_code(used, BROWSER)

    assert 1 == await sessions_of(saoma)


async def test_page_may_lose_its_session_again_and_again(
    saoma: Installation, process: Process, lost: Lost
) -> None:
    """
    As long as no answer arrives the page may come back; one session lives at a time.
    """
    for _ in range(3):
        back = await come_back(process, lost)
        code = (await back.expect("success"))["code"]
        signed_in = await saoma.entrance.by_code(code, BROWSER)
        assert 1 == await sessions_of(saoma)

    assert await saoma.entrance.account_of(signed_in.session.token)


async def test_session_that_was_used_is_not_given_again(
    saoma: Installation, process: Process, lost: Lost
) -> None:
    """
    Any request with the session shows that it arrived: the attempt is over.
    """
    await saoma.entrance.account_of(lost.token)

    back = await come_back(process, lost)

    assert "unknown_attempt" == (await back.expect("error"))["code"]
    assert (await back.get_qr())["ticket"]


async def test_browser_that_has_the_session_is_not_given_another(
    saoma: Installation, process: Process, lost: Lost
) -> None:
    """
    Its cookie comes with the socket, so the answer has arrived.
    """
    back = await process.open_page(session=digest(lost.token))

    await back.send("get_qr", resume=lost.resume)

    assert "unknown_attempt" == (await back.expect("error"))["code"]


async def test_session_that_is_used_after_all_is_not_replaced(
    saoma: Installation, process: Process, lost: Lost
) -> None:
    """
    The answer was slow, not lost: the code that was told again opens nothing then.
    """
    back = await come_back(process, lost)
    code = (await back.expect("success"))["code"]
    await saoma.entrance.account_of(lost.token)

    with pytest.raises(CodeGone):
        await saoma.entrance.by_code(code, BROWSER)

    assert 1 == await sessions_of(saoma)
    assert await saoma.entrance.account_of(lost.token)


async def test_session_that_was_signed_out_is_not_given_again(
    saoma: Installation, process: Process, lost: Lost
) -> None:
    """
    Who ended it did so on purpose.
    """
    await saoma.entrance.sign_out(lost.token)

    back = await come_back(process, lost)

    assert "unknown_attempt" == (await back.expect("error"))["code"]


@pytest.mark.parametrize("told_again", [False, True])
async def test_session_that_its_visitor_took_back_is_not_given_again(
    saoma: Installation, process: Process, lost: Lost, *, told_again: bool
) -> None:
    """
    After T the page hears that it was denied, and a code that it was told is worth nothing.
    """
    back = await come_back(process, lost)
    code = (await back.expect("success"))["code"]
    text = await saoma.write("T")
    if not told_again:
        back = await come_back(process, lost)

    await back.expect("denied")
    with pytest.raises(CodeGone):
        await saoma.entrance.by_code(code, BROWSER)
    assert 0 == await sessions_of(saoma)
    assert text == await saoma.write("T")


async def test_session_of_who_unfollowed_is_not_given_again(
    saoma: Installation, process: Process, lost: Lost
) -> None:
    """
    A farewell ends what rests upon a scan, also what was told again.
    """
    back = await come_back(process, lost)
    code = (await back.expect("success"))["code"]
    now = int(time.time()) + 1
    leave = push_of("", kind=PushKind.UNSUBSCRIBE, name="unsubscribe", created=now)
    await Farewells(saoma.books(), saoma.rules).said(leave)

    with pytest.raises(CodeGone):
        await saoma.entrance.by_code(code, BROWSER)
    back = await come_back(process, lost)

    assert "unknown_attempt" == (await back.expect("error"))["code"]
    assert 0 == await sessions_of(saoma)


async def test_other_browser_gets_no_lost_session(
    saoma: Installation, process: Process, lost: Lost
) -> None:
    """
    Neither the token nor the code is enough without the cookie of the browser that began.
    """
    thief = await come_back(process, lost, digest("another cookie"))
    back = await come_back(process, lost)
    code = (await back.expect("success"))["code"]

    with pytest.raises(CodeGone):
        await saoma.entrance.by_code(code, digest("another cookie"))

    assert "unknown_attempt" == (await thief.expect("error"))["code"]
    assert await saoma.entrance.by_code(code, BROWSER)


async def test_of_two_pages_that_come_back_the_later_gets_the_session(
    saoma: Installation, process: Process, lost: Lost
) -> None:
    """
    The earlier is superseded, its code is used up with the other, and it hears of nothing more.
    """
    earlier = await come_back(process, lost)
    spare = (await earlier.expect("success"))["code"]
    later = await come_back(process, lost)
    code = (await later.expect("success"))["code"]

    assert await saoma.entrance.by_code(code, BROWSER)

    with pytest.raises(CodeGone):
        await saoma.entrance.by_code(spare, BROWSER)
    await earlier.expect("superseded")
    assert earlier.frames.empty()


async def test_code_that_was_told_again_is_traded_once(
    saoma: Installation, process: Process, lost: Lost
) -> None:
    """
    Of many trades at the same time one wins, and one session is left.
    """
    code = (await (await come_back(process, lost)).expect("success"))["code"]

    answers = await asyncio.gather(
        *(saoma.entrance.by_code(code, BROWSER) for _ in range(20)), return_exceptions=True
    )

    assert 1 == sum(isinstance(answer, SignedIn) for answer in answers)
    assert 1 == await sessions_of(saoma)


async def test_word_on_the_phone_stops_the_trade_of_a_code_told_again(
    saoma: Installation, process: Process, lost: Lost, store_url: str, prefix: str
) -> None:
    """
    It comes between the new session and the step that counts: neither session is left.
    """
    record = await saoma.attempts.read(lost.resume.partition(".")[0])
    assert record is not None
    code = (await (await come_back(process, lost)).expect("success"))["code"]
    async with lossy_store(store_url, prefix) as (store, link):
        link.keep_next_question(ADVANCE)
        trade = asyncio.create_task(saoma.entrance_on(store).by_code(code, BROWSER))
        await link.waiting.wait()

        await saoma.write("T")
        link.gate.set()

        with pytest.raises(CodeGone):
            await trade
    assert 0 == await sessions_of(saoma)
    assert not await saoma.browsers.knows(int(record.account), BROWSER)


async def test_trade_of_a_code_told_again_survives_a_lost_answer_of_the_store(
    saoma: Installation, process: Process, lost: Lost, store_url: str, prefix: str
) -> None:
    """
    The step that was taken twice is the same visitor's.
    """
    code = (await (await come_back(process, lost)).expect("success"))["code"]
    async with lossy_store(store_url, prefix) as (store, link):
        link.lose_next_answer(ADVANCE)

        signed_in = await saoma.entrance_on(store).by_code(code, BROWSER)

    assert 1 == link.lost
    assert 1 == await sessions_of(saoma)
    assert await saoma.entrance.account_of(signed_in.session.token)


async def test_page_whose_bind_was_not_answered_is_signed_in(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    The account is bound already: coming back is told success, and T still undoes both.
    """
    account = await saoma.add_account(openid=None)
    session = await saoma.sessions.begin(account.id)
    shown = await screen.get_qr()
    await saoma.scan(shown["ticket"])
    token = (await screen.expect("bind_required"))["bind_token"]
    asked = BindAsked(bind_token=token, browser=BROWSER, address="10.0.0.1", session=session)
    await saoma.entrance.by_binding(asked)
    back = await process.open_page()

    await back.send("get_qr", resume=shown["resume"])
    code = (await back.expect("success"))["code"]
    signed_in = await saoma.entrance.by_code(code, BROWSER)

    assert account.id == signed_in.account.id
    with pytest.raises(LoginError):
        await saoma.entrance.by_binding(asked)
    await saoma.write("T")
    assert await saoma.entrance.account_of(signed_in.session.token) is None
    assert await saoma.directory.by_openid(OPENID) is None


async def test_page_that_is_up_is_not_told_again_what_it_has_traded(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    A sweep that finds the attempt done closes the page; only coming back asks for more.
    """
    await saoma.add_account()
    shown = await screen.get_qr()
    await saoma.scan(shown["ticket"])
    code = (await screen.expect("success"))["code"]
    process.pages.forget(screen.page)  # so that the signal does not find it
    await saoma.entrance.by_code(code, BROWSER)
    process.pages.register(screen.page)

    await process.pages.sweep()

    assert [1000] == screen.closed
    assert screen.frames.empty()

"""Taking back on the phone: it ends what came of one scan, and touches nothing else."""

import asyncio

import pytest

from accounts import Identity
from login import BindAsked, Confirmation
from login.errors import BindTokenGone, CodeGone
from login.flow import Event, steps
from login.signal import signal
from scene_pool import Advance
from store import digest
from tests.login.installation import BROWSER, OPENID, Installation, Process, Screen

OTHER = "o-another-user"
UNDONE, REFUSED, NOTHING = "已撤销", "已拒绝", "没有可以撤销"


async def bind(saoma: Installation, screen: Screen, token: str) -> tuple[int, str]:
    """Bind on the page, by the session of a new account; return the account and the new session."""
    account = await saoma.add_account(f"carol{saoma.counted['account']}", None)
    saoma.count("account")
    session = await saoma.sessions.begin(account.id)
    asked = BindAsked(bind_token=token, browser=BROWSER, address="10.0.0.1", session=session)
    return account.id, (await saoma.entrance.by_binding(asked)).session.token


async def bind_to(saoma: Installation, screen: Screen, account_id: int) -> None:
    """Let a scan be bound to an account whose owner is signed in."""
    await saoma.scan((await screen.get_qr())["ticket"])
    token = (await screen.expect("bind_required"))["bind_token"]
    session = await saoma.sessions.begin(account_id)
    asked = BindAsked(bind_token=token, browser=BROWSER, address="10.0.0.1", session=session)
    await saoma.entrance.by_binding(asked)


async def sign_in(saoma: Installation, process: Process, openid: str = OPENID) -> str:
    """Sign an account in by a scan; return its session's token."""
    screen = await process.open_page()
    await saoma.scan((await screen.get_qr())["ticket"], openid)
    code = (await screen.expect("success"))["code"]
    return (await saoma.entrance.by_code(code, BROWSER)).session.token


async def ask(saoma: Installation, screen: Screen, openid: str = OPENID) -> str:
    """Have the page ask for a number; return the right one."""
    saoma.rules.confirmation = Confirmation.NUMBER
    uuid = (code := await screen.get_qr())["uuid"]
    await saoma.scan(code["ticket"], openid)
    await screen.expect("scanned")
    record = await saoma.attempts.read(uuid)
    assert record
    return record.number


@pytest.mark.parametrize("said", ["T", "t", " T ", "\n t\n", "Ｔ", "ｔ　"])
async def test_word_ends_the_session_that_the_scan_began(
    saoma: Installation, process: Process, said: str
) -> None:
    """
    The session is over at once, however the word is written, and the phone is told so.
    """
    await saoma.add_account()
    token = await sign_in(saoma, process)

    text = await saoma.write(said)

    assert UNDONE in (text or "")
    assert "Linux 上的 Firefox" in (text or "")
    assert await saoma.sessions.find(token) is None


@pytest.mark.parametrize("said", ["", "TT", "T.", "the", "不是我", "N T", "т", "T" * 70_000])
async def test_other_words_say_nothing_to_us(
    saoma: Installation, process: Process, said: str
) -> None:
    """
    What else somebody writes to the account is not ours to answer.
    """
    await saoma.add_account()
    token = await sign_in(saoma, process)

    assert await saoma.write(said) is None
    assert await saoma.sessions.find(token)


async def test_other_sessions_of_the_account_stay(saoma: Installation, process: Process) -> None:
    """
    Of two sign-ins of one person, the last is taken back and the other stays.
    """
    await saoma.add_account()
    former, last = [await sign_in(saoma, process) for _ in range(2)]

    await saoma.write("T")
    again = await saoma.write("T")

    assert UNDONE in (again or "")
    assert await saoma.sessions.find(last) is None
    assert await saoma.sessions.find(former)


async def test_other_people_take_nothing_back(saoma: Installation, process: Process) -> None:
    """
    The word of one is about his own scans only.
    """
    await saoma.add_account()
    token = await sign_in(saoma, process)

    text = await saoma.write("T", OTHER)

    assert NOTHING in (text or "")
    assert await saoma.sessions.find(token)


async def test_login_code_that_was_not_traded_dies(saoma: Installation, screen: Screen) -> None:
    """
    Between the scan and the session the code is worth nothing any more, and the page hears it.
    """
    await saoma.add_account()
    await saoma.scan((await screen.get_qr())["ticket"])
    code = (await screen.expect("success"))["code"]

    text = await saoma.write("T")
    denied = await screen.expect("denied")

    assert UNDONE in (text or "")
    assert {} == denied
    with pytest.raises(CodeGone):
        await saoma.entrance.by_code(code, BROWSER)
    assert [] == await saoma.store.redis.keys(saoma.store.key("session", "*"))


async def test_page_that_comes_back_hears_that_it_was_taken_back(
    saoma: Installation, process: Process, screen: Screen
) -> None:
    """
    A page that lost its socket is told, and gets no new code for what is undone.
    """
    await saoma.add_account()
    code = await screen.get_qr()
    await saoma.scan(code["ticket"])
    await screen.expect("success")
    await screen.leave()
    await saoma.write("T")

    again = await process.open_page()
    await again.send("get_qr", resume=code["resume"])

    assert {} == await again.expect("denied")


async def test_session_that_is_being_made_does_not_stay(
    saoma: Installation, process: Process
) -> None:
    """
    Whichever is faster, the word or the page's trade: in the end there is no session.
    """
    await saoma.add_account()
    for _ in range(20):
        screen = await process.open_page()
        await saoma.scan((await screen.get_qr())["ticket"])
        code = (await screen.expect("success"))["code"]

        await asyncio.gather(
            saoma.entrance.by_code(code, BROWSER), saoma.write("T"), return_exceptions=True
        )

        assert [] == await saoma.store.redis.keys(saoma.store.key("session", "*"))


async def test_bind_token_dies(saoma: Installation, screen: Screen) -> None:
    """
    Nobody can bind by a scan that was taken back, and the page leaves its form.
    """
    await saoma.scan((await screen.get_qr())["ticket"])
    token = (await screen.expect("bind_required"))["bind_token"]

    await saoma.write("T")

    assert {} == await screen.expect("denied")
    with pytest.raises(BindTokenGone):
        await bind(saoma, screen, token)


async def test_binding_of_that_scan_is_undone(saoma: Installation, screen: Screen) -> None:
    """
    Who was made to scan somebody's code is not bound to somebody's account.
    """
    await saoma.scan((await screen.get_qr())["ticket"])
    token = (await screen.expect("bind_required"))["bind_token"]
    account = await saoma.directory.add("mallory", "a hash")
    session = await saoma.sessions.begin(account.id)
    asked = BindAsked(bind_token=token, browser=BROWSER, address="10.0.0.1", session=session)
    signed_in = await saoma.entrance.by_binding(asked)

    text = await saoma.write("T")
    repeated = await saoma.write("T")

    assert text == repeated
    assert await saoma.directory.by_openid(OPENID) is None
    assert await saoma.sessions.find(signed_in.session.token) is None
    assert await saoma.sessions.find(session.token)


async def test_binding_that_was_there_before_stays(saoma: Installation, process: Process) -> None:
    """
    Taking a sign-in back does not unbind whom another scan has bound.
    """
    account = await saoma.add_account()
    await sign_in(saoma, process)

    await saoma.write("T")

    assert account == await saoma.directory.by_openid(OPENID)


async def test_binding_that_is_being_made_does_not_stay(
    saoma: Installation, process: Process
) -> None:
    """
    Whichever is faster, the word or the form: in the end there is neither binding nor session.
    """
    account = await saoma.directory.add("mallory", "a hash")
    session = await saoma.sessions.begin(account.id)
    for _ in range(20):
        screen = await process.open_page()
        await saoma.scan((await screen.get_qr())["ticket"])
        token = (await screen.expect("bind_required"))["bind_token"]
        asked = BindAsked(bind_token=token, browser=BROWSER, address="10.0.0.1", session=session)

        await asyncio.gather(
            saoma.entrance.by_binding(asked), saoma.write("T"), return_exceptions=True
        )

        assert await saoma.directory.by_openid(OPENID) is None
        sessions = await saoma.store.redis.keys(saoma.store.key("session", "*"))
        assert [saoma.store.key("session", digest(session.token))] == sessions


async def test_word_comes_too_late_after_a_while(saoma: Installation, process: Process) -> None:
    """
    After `undo_seconds` the session stays.
    """
    await saoma.add_account()
    token = await sign_in(saoma, process)
    await saoma.time_machine.forward(299)
    found = await saoma.sessions.find(token)
    await saoma.time_machine.forward(2)

    text = await saoma.write("T")

    assert NOTHING in (text or "")
    assert found == await saoma.sessions.find(token)


async def test_word_counts_until_the_while_is_over(saoma: Installation, process: Process) -> None:
    """
    The time begins with the session, not with the scan.
    """
    await saoma.add_account()
    token = await sign_in(saoma, process)
    await saoma.time_machine.forward(298)

    text = await saoma.write("T")

    assert UNDONE in (text or "")
    assert await saoma.sessions.find(token) is None


async def test_bind_token_can_be_taken_back_as_long_as_it_lives(
    saoma: Installation, screen: Screen
) -> None:
    """
    A visitor may take ten minutes to bind; so may the one who scanned to take it back.
    """
    await saoma.scan((await screen.get_qr())["ticket"])
    token = (await screen.expect("bind_required"))["bind_token"]
    await saoma.time_machine.forward(590)

    text = await saoma.write("T")

    assert UNDONE in (text or "")
    with pytest.raises(BindTokenGone):
        await bind(saoma, screen, token)


async def test_word_that_is_older_than_the_scan_is_not_about_it(
    saoma: Installation, process: Process
) -> None:
    """
    A push that comes late, or again, undoes nothing that its writer had not seen.
    """
    await saoma.add_account()
    token = await sign_in(saoma, process)

    text = await saoma.write("T", created=1_600_000_000)

    assert NOTHING in (text or "")
    assert await saoma.sessions.find(token)


async def test_same_second_counts(saoma: Installation, screen: Screen) -> None:
    """
    WeChat's times have seconds only; a quick answer is an answer.
    """
    await saoma.add_account()
    await saoma.scan((await screen.get_qr())["ticket"], created=1_800_000_000)

    assert UNDONE in (await saoma.write("T", created=1_800_000_000) or "")


# ---- refusing what asks for a number


@pytest.mark.parametrize("said", ["N", "n", "Ｎ ", "T"])
async def test_who_scanned_refuses_the_question(
    saoma: Installation, screen: Screen, said: str
) -> None:
    """
    The page hears at once that it was refused, the right number opens nothing, and it counts.
    """
    await saoma.add_account()
    number = await ask(saoma, screen)

    text = await saoma.write(said)
    denied = await screen.expect("denied")
    await screen.send("choose", number=int(number))

    assert (REFUSED if said != "T" else UNDONE) in (text or "")
    assert {} == denied
    assert screen.frames.empty()
    assert 1 == saoma.counted["denied"]


async def test_refusing_again_says_the_same(saoma: Installation, screen: Screen) -> None:
    """
    A repeated push finds what it did, and it counts once.
    """
    await ask(saoma, screen)

    texts = {await saoma.write("N") for _ in range(3)}

    assert 1 == len(texts)
    assert 1 == saoma.counted["denied"]


async def test_refusal_of_another_person_changes_nothing(
    saoma: Installation, screen: Screen
) -> None:
    """
    Only the one who scanned is asked, so only he can refuse.
    """
    number = await ask(saoma, screen)

    text = await saoma.write("N", OTHER)
    await screen.send("choose", number=int(number))

    assert NOTHING in (text or "")
    assert await screen.expect("bind_required")


async def test_refusal_without_a_question_ends_no_session(
    saoma: Installation, process: Process
) -> None:
    """
    The word for questions is not about sign-ins that nobody asked about.
    """
    await saoma.add_account()
    token = await sign_in(saoma, process)

    assert NOTHING in (await saoma.write("N") or "")
    assert await saoma.sessions.find(token)


@pytest.mark.parametrize("said", ["N", "T"])
async def test_word_after_the_number_was_picked_takes_back_all_the_same(
    saoma: Installation, screen: Screen, said: str
) -> None:
    """
    Who sees too late what he has confirmed may still say either word.
    """
    await saoma.add_account()
    await screen.send("choose", number=int(await ask(saoma, screen)))
    code = (await screen.expect("success"))["code"]
    token = (await saoma.entrance.by_code(code, BROWSER)).session.token

    text = await saoma.write(said)

    assert NOTHING not in (text or "")
    assert await saoma.sessions.find(token) is None


async def test_question_does_not_hide_the_sign_in_before_it(
    saoma: Installation, process: Process
) -> None:
    """
    Who is made to scan once more can still end the session of the first scan.
    """
    await saoma.add_account()
    token = await sign_in(saoma, process)
    await ask(saoma, await process.open_page())

    await saoma.write("T")

    assert await saoma.sessions.find(token) is None


async def test_wrong_number_cannot_deny_what_was_approved(
    saoma: Installation, screen: Screen
) -> None:
    """
    The end of the time to choose comes too late for an attempt that was approved.
    """
    leave, reach = steps(Event.REFUSED)
    await saoma.add_account()
    await screen.send("choose", number=int(await ask(saoma, screen)))
    await screen.expect("success")
    uuid = screen.page.uuid

    step = Advance(uuid=uuid, leave=leave, reach=reach, signal=signal(uuid, reach), keep_seconds=60)

    assert await saoma.attempts.advance(step)


async def test_no_openid_is_in_a_key(saoma: Installation, process: Process) -> None:
    """
    The names under which a person's attempts are kept say nothing about the person.
    """
    await saoma.add_account()
    await sign_in(saoma, process)
    await ask(saoma, await process.open_page())

    keys = await saoma.store.redis.keys("*")
    assert [] == [key for key in keys if OPENID in str(key)]


async def test_way_in_of_another_app_stays(saoma: Installation, screen: Screen) -> None:
    """
    Only the binding of that scan is undone: the account's website app is another matter.
    """
    account = await saoma.directory.add("mallory", "a hash")
    other = Identity(appid="wx-website-app", openid="o-there")
    await saoma.directory.bind(other, account.id)
    await bind_to(saoma, screen, account.id)

    await saoma.write("T")

    assert await saoma.directory.by_openid(OPENID) is None
    found = await saoma.directory.recognise(other)
    assert found is not None
    assert account.id == found.id


async def test_binding_to_an_account_without_a_password_is_undone(
    saoma: Installation, screen: Screen
) -> None:
    """
    Whose code it was had another way in, and keeps it; the victim's WeChat opens it no more.
    """
    account = await saoma.directory.register(Identity(appid="wx-website-app", openid="o-there"))
    await bind_to(saoma, screen, account.id)

    await saoma.write("T")

    assert await saoma.directory.by_openid(OPENID) is None

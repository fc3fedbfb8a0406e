"""What somebody who is signed in can see and do about it."""

import asyncio

import pytest

from accounts import Account, By, Passwords
from login import BindAsked, OwnSessions, SignedIn, Visit
from login.errors import ServiceUnavailable, SessionUnknown
from store import connect
from tests.login.installation import BROWSER, OPENID, Installation, Screen

PASSWORD = "a right password"
ADDRESS = "10.1.2.3"
DESK = Visit("Firefox/Linux", "Hangzhou")


@pytest.fixture
async def alice(saoma: Installation, passwords: Passwords) -> Account:
    """An account with a password, bound to a WeChat user."""
    alice = await saoma.directory.add("Alice", await passwords.hash(PASSWORD))
    await saoma.directory.bind(OPENID, alice.id)
    return alice


@pytest.fixture
def own(saoma: Installation) -> OwnSessions:
    """What a signed-in visitor can do about sessions."""
    return OwnSessions(saoma.books())


async def login_code(saoma: Installation, screen: Screen) -> str:
    """Return the code that a page gets after a scan."""
    await saoma.scan((await screen.get_qr())["ticket"])
    return str((await screen.expect("success"))["code"])


async def sign_in(saoma: Installation) -> SignedIn:
    """Sign in with the password."""
    return await saoma.entrance.by_password("alice", PASSWORD, ADDRESS, BROWSER, DESK)


async def test_list_knows_how_each_session_began(
    saoma: Installation, screen: Screen, alice: Account, own: OwnSessions
) -> None:
    """
    By scan or by password, in which browser and where.
    """
    await sign_in(saoma)
    code = await login_code(saoma, screen)
    scanned = await saoma.entrance.by_code(code, BROWSER, Visit("Chrome/Windows"))

    told = [(each.by, each.device, each.place) for each in await own.all(scanned.session)]

    assert sorted([(By.PASSWORD, *_words(DESK)), (By.SCAN, "Chrome/Windows", "")]) == sorted(told)


def _words(visit: Visit) -> tuple[str, str]:
    return visit.device, visit.place


async def test_binding_is_told_with_browser_and_place(
    saoma: Installation, screen: Screen, alice: Account, own: OwnSessions
) -> None:
    """
    A session that begins by binding rests upon the scan.
    """
    await saoma.directory.unbind(alice.id)
    await saoma.scan((await screen.get_qr())["ticket"])
    token = (await screen.expect("bind_required"))["bind_token"]
    bound = await saoma.entrance.by_binding(
        BindAsked(
            bind_token=token,
            browser=BROWSER,
            address=ADDRESS,
            visit=DESK,
            username="alice",
            password=PASSWORD,
        )
    )

    (entry,) = await own.all(bound.session)

    assert (By.SCAN, *_words(DESK)) == (entry.by, entry.device, entry.place)


async def test_strangers_sessions_cannot_be_ended(
    saoma: Installation, alice: Account, own: OwnSessions
) -> None:
    """
    To whoever is not its owner, a session is as unknown as one that never was.
    """
    theirs = await sign_in(saoma)
    mine = await saoma.sessions.begin(alice.id + 1)

    for session_id in (theirs.session.id, "0" * 16):
        with pytest.raises(SessionUnknown):
            await own.end(mine, session_id)
    await own.end_others(mine)

    assert await saoma.entrance.account_of(theirs.session.token)


async def test_sessions_are_unavailable_without_a_store(
    saoma: Installation, alice: Account, unused_tcp_port: int
) -> None:
    """
    An outage is one error, with a time to come back.
    """
    session = await saoma.sessions.begin(alice.id)
    async with connect(f"redis://127.0.0.1:{unused_tcp_port}", "down") as store:
        own = OwnSessions(saoma.books_on(store))

        answers = await asyncio.gather(
            own.all(session), own.end(session, "x"), own.end_others(session), return_exceptions=True
        )

    assert [ServiceUnavailable] * 3 == [type(answer) for answer in answers]

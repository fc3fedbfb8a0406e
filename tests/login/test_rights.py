"""What becomes of an account's sessions when what they came from changes."""

import pytest

from accounts import Account, By, Passwords
from login import SignedIn
from login.errors import BadCredentials, CodeGone
from tests.login.installation import BROWSER, OPENID, Installation, Screen

PASSWORD = "a right password"
ADDRESS = "10.1.2.3"


@pytest.fixture
async def alice(saoma: Installation, passwords: Passwords) -> Account:
    """An account with a password, bound to a WeChat user."""
    alice = await saoma.directory.add("Alice", await passwords.hash(PASSWORD))
    await saoma.directory.bind(OPENID, alice.id)
    return alice


async def login_code(saoma: Installation, screen: Screen) -> str:
    """Return the code that a page gets after a scan."""
    await saoma.scan((await screen.get_qr())["ticket"])
    return str((await screen.expect("success"))["code"])


async def sign_in(saoma: Installation) -> SignedIn:
    """Sign in with the password."""
    return await saoma.entrance.by_password("alice", PASSWORD, ADDRESS, BROWSER)


async def living(saoma: Installation, *asked: SignedIn) -> list[bool]:
    """Tell which of these sessions can be used."""
    return [await saoma.entrance.account_of(each.session.token) is not None for each in asked]


async def test_unbinding_ends_what_came_from_wechat(
    saoma: Installation, screen: Screen, alice: Account
) -> None:
    """
    Who asks goes on in a new session, which rests upon the password; other passwords' stay.
    """
    asking = await saoma.entrance.by_code(await login_code(saoma, screen), BROWSER)
    scanned = await saoma.entrance.by_code(await login_code(saoma, screen), BROWSER)
    website = SignedIn(await saoma.sessions.begin(alice.id, by=By.WEB), alice)
    elsewhere = await sign_in(saoma)

    renewed = await saoma.own_wechats.unbind(asking.session, PASSWORD, ADDRESS)

    assert [False] * 3 == await living(saoma, asking, scanned, website)
    assert [True] * 2 == await living(saoma, elsewhere, renewed)
    assert not renewed.account.wechat_bound
    assert {By.PASSWORD} == {each.by for each in await saoma.sessions.all_of(alice.id)}


async def test_session_of_a_password_is_new_after_unbinding(
    saoma: Installation, alice: Account
) -> None:
    """
    The former token opens nothing after a change of rights.
    """
    asking = await sign_in(saoma)

    renewed = await saoma.own_wechats.unbind(asking.session, PASSWORD, ADDRESS)

    assert [False, True] == await living(saoma, asking, renewed)


async def test_unbinding_that_is_refused_ends_nothing(
    saoma: Installation, screen: Screen, alice: Account
) -> None:
    """
    A wrong password leaves every session as it was.
    """
    asking = await saoma.entrance.by_code(await login_code(saoma, screen), BROWSER)

    with pytest.raises(BadCredentials):
        await saoma.own_wechats.unbind(asking.session, "wrong", ADDRESS)

    assert [True] == await living(saoma, asking)


async def test_code_of_a_scan_opens_nothing_after_unbinding(
    saoma: Installation, screen: Screen, alice: Account
) -> None:
    """
    A login code that was not traded yet came from the binding too.
    """
    asking = await sign_in(saoma)
    code = await login_code(saoma, screen)
    renewed = await saoma.own_wechats.unbind(asking.session, PASSWORD, ADDRESS)

    with pytest.raises(CodeGone):
        await saoma.entrance.by_code(code, BROWSER)

    assert [renewed.session.id] == [each.id for each in await saoma.sessions.all_of(alice.id)]


async def test_sessions_of_a_deleted_account_end(saoma: Installation) -> None:
    """
    The first that is used finds out, and takes all others with it.
    """
    begun = [await saoma.sessions.begin(4711) for _ in range(3)]

    assert await saoma.entrance.account_of(begun[0].token) is None
    assert [None] * 3 == [await saoma.sessions.find(each.token) for each in begun]

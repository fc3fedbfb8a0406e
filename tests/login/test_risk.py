"""`login.confirmation: risk`: a number is asked for in browsers that are new to the account."""

import asyncio

import pytest

from login import BindAsked, Confirmation, Entrance
from login.errors import BadCredentials
from store import digest
from tests.login.installation import BROWSER, OPENID, Installation, Process, Screen

OTHER_BROWSER = digest("another browser's cookie")
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def _risk(saoma: Installation) -> None:
    saoma.rules.confirmation = Confirmation.RISK


async def scanned(
    saoma: Installation, process: Process, browser: str = BROWSER, openid: str = OPENID
) -> tuple[Screen, str]:
    """Let somebody scan in a browser; return the page, and the kind of what it heard."""
    screen = await process.open_page(browser)
    await saoma.scan((await screen.get_qr())["ticket"], openid)
    return screen, (await screen.receive())["type"]


async def pick(saoma: Installation, screen: Screen) -> str:
    """Pick the right number; return the login code."""
    record = await saoma.attempts.read(screen.page.uuid)
    assert record
    await screen.send("choose", number=int(record.number))
    return str((await screen.expect("success"))["code"])


async def test_browser_is_asked_once(saoma: Installation, process: Process) -> None:
    """
    The first scan in a browser asks; after that sign-in the browser is known and asks no more.
    """
    await saoma.add_account()
    screen, first = await scanned(saoma, process)
    await saoma.entrance.by_code(await pick(saoma, screen), BROWSER)

    _, second = await scanned(saoma, process)
    _, elsewhere = await scanned(saoma, process, OTHER_BROWSER)

    assert ("scanned", "success", "scanned") == (first, second, elsewhere)


async def test_known_browser_of_one_account_is_new_to_another(
    saoma: Installation, process: Process
) -> None:
    """
    Whoever shows his own code to a victim has a browser that is known to himself only.
    """
    await saoma.add_account()
    await saoma.add_account("mallory", "o-mallory")
    screen, _ = await scanned(saoma, process, openid="o-mallory")
    await saoma.entrance.by_code(await pick(saoma, screen), BROWSER)

    _, victim = await scanned(saoma, process)

    assert "scanned" == victim


async def test_who_has_no_account_is_asked(saoma: Installation, process: Process) -> None:
    """
    A binding is at stake, which nobody should get by showing a code; registering is no way around.
    """
    _, without = await scanned(saoma, process)
    saoma.rules.auto_register = True
    _, registering = await scanned(saoma, process, openid="o-another")

    assert ("scanned", "scanned") == (without, registering)
    assert await saoma.directory.by_openid("o-another") is None


async def test_code_that_is_not_traded_makes_no_browser_known(
    saoma: Installation, process: Process
) -> None:
    """
    A browser is known by a sign-in that was completed in it.
    """
    await saoma.add_account()
    screen, _ = await scanned(saoma, process)
    await pick(saoma, screen)

    _, again = await scanned(saoma, process)

    assert "scanned" == again


async def test_password_makes_the_browser_known(
    saoma: Installation, process: Process, passworded: Entrance
) -> None:
    """
    A sign-in of any kind counts; one with a wrong password does not.
    """
    with pytest.raises(BadCredentials):
        await passworded.by_password("alice", "wrong", "10.0.0.1", BROWSER)
    _, before = await scanned(saoma, process)
    await passworded.by_password("alice", PASSWORD, "10.0.0.1", BROWSER)

    _, after = await scanned(saoma, process)

    assert ("scanned", "success") == (before, after)


async def test_binding_makes_the_browser_known(saoma: Installation, process: Process) -> None:
    """
    Who has bound in a browser is not asked at the next scan in it.
    """
    saoma.rules.confirmation = Confirmation.NONE
    account = await saoma.add_account("alice", None)
    session = await saoma.sessions.begin(account.id)
    screen = await process.open_page()
    await saoma.scan((await screen.get_qr())["ticket"])
    token = (await screen.expect("bind_required"))["bind_token"]
    await saoma.entrance.by_binding(
        BindAsked(bind_token=token, browser=BROWSER, address="10.0.0.1", session=session)
    )
    saoma.rules.confirmation = Confirmation.RISK

    _, after = await scanned(saoma, process)

    assert "success" == after


async def test_browser_is_new_again_after_a_while(saoma: Installation, process: Process) -> None:
    """
    A browser that was not signed in to for long is asked again.
    """
    account = await saoma.add_account()
    await saoma.browsers.learn(account.id, BROWSER, saoma.rules.known_browser_seconds)
    _, known = await scanned(saoma, process)
    await saoma.time_machine.forward(saoma.rules.known_browser_seconds + 1)

    _, unknown = await scanned(saoma, process)

    assert ("success", "scanned") == (known, unknown)


async def test_sign_in_that_is_taken_back_makes_no_browser_known(
    saoma: Installation, process: Process
) -> None:
    """
    The browser of a thief is new again after the word on the phone.
    """
    await saoma.add_account()
    screen, _ = await scanned(saoma, process)
    await saoma.entrance.by_code(await pick(saoma, screen), BROWSER)
    await saoma.write("T")

    _, after = await scanned(saoma, process)

    assert "scanned" == after


async def test_sign_in_that_is_taken_back_at_that_moment_makes_no_browser_known(
    saoma: Installation, process: Process
) -> None:
    """
    Whichever is faster, the word or the trade: the browser is new again in the end.
    """
    account = await saoma.add_account()
    for _ in range(20):
        screen, _ = await scanned(saoma, process)
        code = await pick(saoma, screen)

        await asyncio.gather(
            saoma.entrance.by_code(code, BROWSER), saoma.write("T"), return_exceptions=True
        )

        assert not await saoma.browsers.knows(account.id, BROWSER)


async def test_confirmation_changes_between_two_scans(
    saoma: Installation, process: Process
) -> None:
    """
    A new rule counts from the next scan on, whatever was shown before.
    """
    await saoma.add_account()
    heard = []

    for rule in (Confirmation.RISK, Confirmation.NONE, Confirmation.NUMBER):
        saoma.rules.confirmation = rule
        heard.append((await scanned(saoma, process))[1])

    assert ["scanned", "success", "scanned"] == heard


@pytest.fixture
async def passworded(saoma: Installation) -> Entrance:
    """The entrance, with an account that has a password and the first user's WeChat."""
    hashed = await saoma.passwords.hash(PASSWORD)
    await saoma.directory.add("alice", hashed, OPENID)
    return saoma.entrance

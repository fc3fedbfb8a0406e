"""Farewells: who unfollows is forgotten, at once, and not twice."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from accounts import Account, Directory, Identity, open_database
from login import BindAsked, Confirmation, Farewells, SignedIn
from login.errors import BindTokenGone, CodeGone
from store import StoreUnavailable, connect
from tests.login.installation import BROWSER, OPENID, Installation, Process, Screen
from wechat import Push, PushKind

PASSWORD = "a right password"
SCANNED = 1_700_000_500


@pytest.fixture
def farewells(saoma: Installation) -> Farewells:
    """What forgets people."""
    return Farewells(saoma.books(), saoma.rules)


@pytest.fixture
async def alice(saoma: Installation) -> Account:
    """An account with a password, not bound."""
    return await saoma.directory.add("Alice", await saoma.passwords.hash(PASSWORD))


def unfollow(at: int = SCANNED, openid: str = OPENID) -> Push:
    """Return the push of somebody who unfollows."""
    return Push(
        kind=PushKind.UNSUBSCRIBE, name="unsubscribe", openid=openid, account="gh_1", created=at
    )


async def scanned(saoma: Installation, screen: Screen, kind: str, at: int = SCANNED) -> str:
    """Let the user scan; return the one-time proof that the page gets."""
    code = await screen.get_qr()
    await saoma.scan(code["ticket"], created=at)
    data = await screen.expect(kind)
    return str(data["code"] if kind == "success" else data["bind_token"])


async def bind(saoma: Installation, token: str) -> SignedIn:
    """Bind with a password."""
    asked = BindAsked(
        bind_token=token, browser=BROWSER, address="10.1.2.3", username="Alice", password=PASSWORD
    )
    return await saoma.entrance.by_binding(asked)


async def bound(saoma: Installation) -> bool:
    """Tell whether the user is bound to an account."""
    return await saoma.directory.by_openid(OPENID) is not None


async def alive(saoma: Installation, signed_in: SignedIn) -> bool:
    """Tell whether a session still is one."""
    return await saoma.sessions.find(signed_in.session.token) is not None


async def test_farewell_unbinds_and_ends_the_sessions_of_scans(
    saoma: Installation, screen: Screen, alice: Account, farewells: Farewells
) -> None:
    """
    The session of a scan ends, the one of a password stays.
    """
    await saoma.directory.bind(OPENID, alice.id, SCANNED)
    by_scan = await saoma.entrance.by_code(await scanned(saoma, screen, "success"), BROWSER)
    by_password = await saoma.entrance.by_password("Alice", PASSWORD, "10.1.2.3", BROWSER)

    await farewells.said(unfollow())

    assert not await bound(saoma)
    assert (False, True) == (await alive(saoma, by_scan), await alive(saoma, by_password))


async def test_farewell_takes_the_last_way_in(
    saoma: Installation, screen: Screen, farewells: Farewells
) -> None:
    """
    WeChat's rule does not ask whether there is a password.
    """
    saoma.rules.auto_register = True
    signed_in = await saoma.entrance.by_code(await scanned(saoma, screen, "success"), BROWSER)

    await farewells.said(unfollow())

    assert not await bound(saoma)
    assert not await alive(saoma, signed_in)


async def test_farewell_voids_a_login_code(
    saoma: Installation, screen: Screen, alice: Account, farewells: Farewells
) -> None:
    """
    A scan that was approved and not yet traded signs nobody in afterwards.
    """
    await saoma.directory.bind(OPENID, alice.id, SCANNED)
    code = await scanned(saoma, screen, "success")

    await farewells.said(unfollow())

    with pytest.raises(CodeGone):
        await saoma.entrance.by_code(code, BROWSER)
    assert 0 == saoma.counted["session"]


async def test_farewell_voids_a_bind_token(
    saoma: Installation, screen: Screen, alice: Account, farewells: Farewells
) -> None:
    """
    Nobody is bound by a scan from before the farewell.
    """
    token = await scanned(saoma, screen, "bind_required")

    await farewells.said(unfollow())

    with pytest.raises(BindTokenGone):
        await bind(saoma, token)
    assert not await bound(saoma)


async def test_farewell_voids_a_number_that_was_not_picked_yet(
    saoma: Installation, screen: Screen, alice: Account, farewells: Farewells
) -> None:
    """
    Picking the right number does not bring the scan back.
    """
    saoma.rules.confirmation = Confirmation.NUMBER
    await saoma.directory.bind(OPENID, alice.id, SCANNED)
    code = await screen.get_qr()
    text = await saoma.scan(code["ticket"], created=SCANNED)
    choices = (await screen.expect("scanned"))["choices"]
    number = next(each for each in choices if str(each) in text)

    await farewells.said(unfollow())
    await screen.send("choose", number=number)

    token = (await screen.expect("bind_required"))["bind_token"]
    with pytest.raises(BindTokenGone):
        await bind(saoma, token)


async def test_scan_that_comes_after_its_farewell_makes_no_account(
    saoma: Installation, screen: Screen, farewells: Farewells
) -> None:
    """
    Pushes overtake one another: what was scanned before the farewell registers nobody.
    """
    saoma.rules.auto_register = True
    await farewells.said(unfollow())

    await scanned(saoma, screen, "bind_required", at=SCANNED - 1)

    assert [] == await saoma.directory.all()


async def test_who_follows_and_scans_again_is_let_in_again(
    saoma: Installation, process: Process, alice: Account, farewells: Farewells
) -> None:
    """
    A farewell is not a ban.
    """
    await saoma.directory.bind(OPENID, alice.id, SCANNED)
    await farewells.said(unfollow())

    token = await scanned(saoma, await process.open_page(), "bind_required", at=SCANNED + 1)
    signed_in = await bind(saoma, token)

    assert await bound(saoma)
    assert await alive(saoma, signed_in)


async def test_late_farewell_undoes_nothing_newer(
    saoma: Installation, process: Process, alice: Account, farewells: Farewells
) -> None:
    """
    A farewell that WeChat repeats after the user has come back leaves binding and session.
    """
    token = await scanned(saoma, await process.open_page(), "bind_required", at=SCANNED + 1)
    signed_in = await bind(saoma, token)

    await farewells.said(unfollow(SCANNED))

    assert await bound(saoma)
    assert await alive(saoma, signed_in)


async def test_late_farewell_undoes_a_binding_of_an_older_scan(
    saoma: Installation, screen: Screen, alice: Account, farewells: Farewells
) -> None:
    """
    What counts is when was scanned, not how long the visitor took to type a password.
    """
    signed_in = await bind(saoma, await scanned(saoma, screen, "bind_required"))

    await farewells.said(unfollow(SCANNED + 1))

    assert not await bound(saoma)
    assert not await alive(saoma, signed_in)


async def test_farewell_is_logged_by_account_only(
    saoma: Installation,
    alice: Account,
    farewells: Farewells,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """
    The log has the account's number; a repeat finds nobody.
    """
    caplog.set_level(logging.INFO)
    await saoma.directory.bind(OPENID, alice.id, SCANNED)

    for _ in range(2):
        await farewells.said(unfollow())

    lines = [record.getMessage() for record in caplog.records if "unsubscribed" in record.message]
    assert [f"unsubscribed account={alice.id}", "unsubscribed account=none"] == lines
    assert OPENID not in caplog.text


async def test_farewell_keeps_everything_where_the_site_must(
    saoma: Installation, process: Process, alice: Account, farewells: Farewells
) -> None:
    """
    With `keep_unsubscribed` a farewell changes nothing.
    """
    saoma.rules.keep_unsubscribed = True
    await saoma.directory.bind(OPENID, alice.id, SCANNED)
    first = await process.open_page()
    signed_in = await saoma.entrance.by_code(await scanned(saoma, first, "success"), BROWSER)
    code = await scanned(saoma, await process.open_page(), "success")

    await farewells.said(unfollow())

    assert await bound(saoma)
    assert await alive(saoma, signed_in)
    assert await saoma.entrance.by_code(code, BROWSER)


async def test_farewell_without_the_store_can_be_repeated(
    saoma: Installation, screen: Screen, alice: Account, farewells: Farewells
) -> None:
    """
    Whatever is left undone leaves the binding, so that a repeat finds whose sessions to end.
    """
    await saoma.directory.bind(OPENID, alice.id, SCANNED)
    signed_in = await saoma.entrance.by_code(await scanned(saoma, screen, "success"), BROWSER)
    async with connect("unix:///nowhere/at/all", "p") as away:
        broken = type(saoma.sessions)(away, idle_seconds=1, absolute_seconds=1)
        half = Farewells(saoma.books(sessions=broken), saoma.rules)

        with pytest.raises(StoreUnavailable):
            await half.said(unfollow())
    still = await bound(saoma)
    await farewells.said(unfollow())

    assert still
    assert not await bound(saoma)
    assert not await alive(saoma, signed_in)


# ---- at the same time


class HeldDirectory(Directory):
    """The accounts, whose answers wait while `gate` is closed."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.asked, self.gate = asyncio.Event(), asyncio.Event()
        self.holds_looks = False

    async def by_openid(self, openid: str) -> Account | None:
        """Look, and tell when the gate is open, if looks are held too."""
        account = await super().by_openid(openid)
        if self.holds_looks:
            await self._wait()
        return account

    async def bind(self, openid: str | Identity, account_id: int, since: int | None = None) -> None:
        """Bind, and go on when the gate is open."""
        await super().bind(openid, account_id, since)
        await self._wait()

    async def register(self, openid: str | Identity, since: int | None = None) -> Account:
        """Make an account, and go on when the gate is open."""
        account = await super().register(openid, since)
        await self._wait()
        return account

    async def _wait(self) -> None:
        self.asked.set()
        await self.gate.wait()


@pytest.fixture
async def held(saoma: Installation, folder: Path) -> AsyncIterator[HeldDirectory]:
    """The same accounts, held; what is asked of `saoma` from now on waits."""
    async with open_database(f"sqlite+aiosqlite:///{folder}/accounts.db") as database:
        held, usual = HeldDirectory(database, saoma.sandbox.account.appid), saoma.directory
        saoma.directory = held
        saoma.scans, saoma.entrance = saoma.scans_on(saoma.attempts), saoma.entrance_on(saoma.store)
        saoma.directory = usual
        yield held


async def test_farewell_during_a_claim_leaves_no_session(
    saoma: Installation,
    screen: Screen,
    alice: Account,
    farewells: Farewells,
    held: HeldDirectory,
) -> None:
    """
    A farewell that comes when the claim has looked for one already still counts.
    """
    await saoma.directory.bind(OPENID, alice.id, SCANNED)
    code = await scanned(saoma, screen, "success")

    held.holds_looks = True
    claim = asyncio.create_task(saoma.entrance.by_code(code, BROWSER))
    await held.asked.wait()
    await farewells.said(unfollow())
    held.gate.set()

    with pytest.raises(CodeGone):
        await claim
    assert [] == await saoma.store.redis.keys(saoma.store.key("session", "*"))


async def test_farewell_during_a_binding_leaves_none(
    saoma: Installation,
    screen: Screen,
    alice: Account,
    farewells: Farewells,
    held: HeldDirectory,
) -> None:
    """
    A farewell that is noted but has not found the new binding is made good by who bound.
    """
    token = await scanned(saoma, screen, "bind_required")

    binding = asyncio.create_task(bind(saoma, token))
    await held.asked.wait()
    await saoma.attempts.say_farewell(OPENID, SCANNED, 100)
    held.gate.set()

    with pytest.raises(BindTokenGone):
        await binding
    assert not await bound(saoma)
    assert [] == await saoma.store.redis.keys(saoma.store.key("session", "*"))


async def test_farewell_during_a_registration_leaves_no_binding(
    saoma: Installation,
    screen: Screen,
    farewells: Farewells,
    held: HeldDirectory,
) -> None:
    """
    A farewell that is noted but has not found the new account is made good by who made it.
    """
    saoma.rules.auto_register = True
    code = await screen.get_qr()

    scan = asyncio.create_task(saoma.scan(code["ticket"], created=SCANNED))
    await held.asked.wait()
    await saoma.attempts.say_farewell(OPENID, SCANNED, 100)
    held.gate.set()
    await scan

    assert await screen.expect("bind_required")
    assert not await bound(saoma)

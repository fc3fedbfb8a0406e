"""The ways in: once, for one browser, within the limits, and never half."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

import scene_pool
from accounts import Account, Passwords, Session, open_directory
from login import BindAsked, Entrance, LoginError, SignedIn
from login.errors import (
    AccountTakenError,
    BadCredentials,
    BindTokenGone,
    CodeGone,
    LastWayInError,
    OpenidTakenError,
    RateLimited,
    ServiceUnavailable,
    SignedOut,
)
from store import connect, digest
from tests.login.installation import BROWSER, OPENID, Installation, Screen, login_rules
from tests.store.lossy_link import LossyLink, lossy_store

PASSWORD = "a right password"
ADDRESS = "10.1.2.3"
ADVANCE = Path(scene_pool.__file__).parent / "advance.lua"


@pytest.fixture(scope="package")
async def password_hash(passwords: Passwords) -> str:
    """The hash of `PASSWORD`, made once because it takes its time."""
    return await passwords.hash(PASSWORD)


@pytest.fixture
async def alice(saoma: Installation, password_hash: str) -> Account:
    """An account with a password and no WeChat."""
    return await saoma.directory.add("Alice", password_hash)


@pytest.fixture
async def lossy_entrance(
    saoma: Installation, store_url: str, prefix: str
) -> AsyncIterator[tuple[Entrance, LossyLink]]:
    """The same ways in over a link that can lose answers."""
    async with lossy_store(store_url, prefix) as (store, link):
        yield saoma.entrance_on(store), link


async def login_code(saoma: Installation, screen: Screen, openid: str = OPENID) -> str:
    """Return the code that a page gets after the scan of a bound user."""
    code = await screen.get_qr()
    await saoma.scan(code["ticket"], openid)
    return str((await screen.expect("success"))["code"])


async def bind_token(saoma: Installation, screen: Screen, openid: str = OPENID) -> str:
    """Return the token that a page gets after the scan of a new user."""
    code = await screen.get_qr()
    await saoma.scan(code["ticket"], openid)
    return str((await screen.expect("bind_required"))["bind_token"])


def asked(
    token: str,
    username: str = "alice",
    password: str = PASSWORD,
    *,
    browser: str = BROWSER,
    session: Session | None = None,
) -> BindAsked:
    """Return a request to bind."""
    return BindAsked(
        bind_token=token,
        browser=browser,
        address=ADDRESS,
        username=username,
        password=password,
        session=session,
    )


async def sessions_of(saoma: Installation) -> int:
    """Return how many sessions there are."""
    return len(await saoma.store.redis.keys(saoma.store.key("session", "*")))


# ---- the login code


async def test_code_is_traded_for_a_session(saoma: Installation, screen: Screen) -> None:
    """
    The session is of the account that the scanning user is bound to.
    """
    account = await saoma.add_account()
    code = await login_code(saoma, screen)

    signed_in = await saoma.entrance.by_code(code, BROWSER)

    known = await saoma.entrance.account_of(signed_in.session.token)
    assert SignedIn(signed_in.session, account) == signed_in == known
    assert 1 == saoma.counted["session"]


async def test_code_works_once(saoma: Installation, screen: Screen) -> None:
    """
    The second trade is refused and makes no session.
    """
    await saoma.add_account()
    code = await login_code(saoma, screen)
    await saoma.entrance.by_code(code, BROWSER)

    with pytest.raises(CodeGone):
        await saoma.entrance.by_code(code, BROWSER)

    assert 1 == await sessions_of(saoma) == saoma.counted["session"]


async def test_code_traded_many_times_at_once_makes_one_session(
    saoma: Installation, screen: Screen
) -> None:
    """
    Of fifty trades at the same time one wins, and the others leave nothing behind.
    """
    await saoma.add_account()
    code = await login_code(saoma, screen)

    answers = await asyncio.gather(
        *(saoma.entrance.by_code(code, BROWSER) for _ in range(50)), return_exceptions=True
    )

    assert 1 == sum(isinstance(answer, SignedIn) for answer in answers)
    assert 49 == sum(isinstance(answer, CodeGone) for answer in answers)
    assert 1 == await sessions_of(saoma) == saoma.counted["session"]


async def test_code_works_in_its_own_browser_only(saoma: Installation, screen: Screen) -> None:
    """
    A code that was seen elsewhere opens nothing there, and still works at home.
    """
    await saoma.add_account()
    code = await login_code(saoma, screen)

    with pytest.raises(CodeGone):
        await saoma.entrance.by_code(code, digest("another cookie"))

    assert 0 == await sessions_of(saoma)
    assert await saoma.entrance.by_code(code, BROWSER)


async def test_code_runs_out(saoma: Installation, screen: Screen) -> None:
    """
    A code that nobody traded in time is gone.
    """
    await saoma.add_account()
    code = await login_code(saoma, screen)
    await saoma.time_machine.forward(61)

    with pytest.raises(CodeGone):
        await saoma.entrance.by_code(code, BROWSER)


@pytest.mark.parametrize("code", ["", "x", "é\x00", "a" * 5000])
async def test_code_that_was_never_given_is_gone(saoma: Installation, code: str) -> None:
    """
    Whatever somebody makes up is no code.
    """
    with pytest.raises(CodeGone):
        await saoma.entrance.by_code(code, BROWSER)


async def test_bind_token_is_no_login_code_and_the_other_way_round(
    saoma: Installation, screen: Screen, alice: Account
) -> None:
    """
    Each proof is good for its own door.
    """
    token = await bind_token(saoma, screen, "o-new")
    await saoma.add_account("bob")
    code = await login_code(saoma, screen)

    with pytest.raises(CodeGone):
        await saoma.entrance.by_code(token, BROWSER)
    with pytest.raises(BindTokenGone):
        await saoma.entrance.by_binding(asked(code))

    assert not (await saoma.directory.all())[0].wechat_bound
    assert await saoma.entrance.by_code(code, BROWSER)


async def test_code_of_an_account_that_is_gone_opens_nothing(
    saoma: Installation, screen: Screen
) -> None:
    """
    Between scan and trade the account may have been removed.
    """
    await saoma.add_account()
    code = await screen.get_qr()
    await saoma.scan(code["ticket"])
    success = await screen.expect("success")
    key = saoma.store.key("attempt", code["uuid"])
    await saoma.store.redis.hset(key, "account", "4711")

    with pytest.raises(CodeGone):
        await saoma.entrance.by_code(success["code"], BROWSER)

    assert 0 == await sessions_of(saoma)


async def test_trade_whose_answer_from_the_store_was_lost_signs_in(
    saoma: Installation, screen: Screen, lossy_entrance: tuple[Entrance, LossyLink]
) -> None:
    """
    A step that was taken twice is the same visitor's, who keeps the session.
    """
    entrance, link = lossy_entrance
    await saoma.add_account()
    code = await login_code(saoma, screen)
    link.lose_next_answer(ADVANCE)

    signed_in = await entrance.by_code(code, BROWSER)

    assert 1 == link.lost
    assert await saoma.entrance.account_of(signed_in.session.token)


async def test_trade_without_a_database_uses_no_code_up(
    saoma: Installation, screen: Screen, folder: Path
) -> None:
    """
    While accounts are down nothing is consumed; afterwards the same code works.
    """
    await saoma.add_account()
    code = await login_code(saoma, screen)
    directory = saoma.directory
    async with open_directory(f"sqlite+aiosqlite:///{folder}", "wx") as down:
        saoma.directory = down
        with pytest.raises(ServiceUnavailable):
            await saoma.entrance_on(saoma.store).by_code(code, BROWSER)

    saoma.directory = directory

    assert await saoma.entrance_on(saoma.store).by_code(code, BROWSER)


# ---- the password


@pytest.mark.parametrize("username", ["Alice", "alice", " ALICE ", "Ａｌｉｃｅ"])
async def test_password_signs_in(saoma: Installation, alice: Account, username: str) -> None:
    """
    Case, width and blanks around a user name do not matter.
    """
    signed_in = await saoma.entrance.by_password(username, PASSWORD, ADDRESS, BROWSER)

    assert alice == signed_in.account
    assert 1 == saoma.counted["session"]


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("alice", "wrong"),
        ("alice", ""),
        ("alice", PASSWORD + " "),
        ("nobody", PASSWORD),
        ("", ""),
        ("scan only", ""),
        ("scan only", PASSWORD),
        ("alice", PASSWORD * 100),
    ],
)
async def test_bad_credentials_look_all_the_same(
    saoma: Installation, alice: Account, username: str, password: str
) -> None:
    """
    A wrong password, an unknown name and an account without a password are one error.
    """
    await saoma.directory.add("scan only", None, OPENID)

    with pytest.raises(BadCredentials) as refused:
        await saoma.entrance.by_password(username, password, ADDRESS, BROWSER)

    assert ("bad_credentials", 401, None) == (
        refused.value.code,
        refused.value.status,
        refused.value.retry_after,
    )
    assert 0 == await sessions_of(saoma)


@pytest.mark.parametrize("username", ["alice", "nobody"])
async def test_too_many_wrong_passwords_have_to_wait(
    saoma: Installation, alice: Account, username: str
) -> None:
    """
    After the limit even the right password waits, for names that exist and for others.
    """
    saoma.rules.replace(login_rules(password_tries_per_account=2))
    for _ in range(2):
        with pytest.raises(BadCredentials):
            await saoma.entrance.by_password(username, "wrong", ADDRESS, BROWSER)

    with pytest.raises(RateLimited) as refused:
        await saoma.entrance.by_password(username.upper(), PASSWORD, "another address", BROWSER)

    assert pytest.approx(300, abs=5) == refused.value.retry_after


async def test_wait_is_as_long_as_it_was_told(saoma: Installation, alice: Account) -> None:
    """
    When the told seconds are over the right password works.
    """
    saoma.rules.replace(login_rules(password_tries_per_account=1))
    with pytest.raises(BadCredentials):
        await saoma.entrance.by_password("alice", "wrong", ADDRESS, BROWSER)
    with pytest.raises(RateLimited) as refused:
        await saoma.entrance.by_password("alice", PASSWORD, ADDRESS, BROWSER)

    assert refused.value.retry_after
    await saoma.time_machine.forward(refused.value.retry_after)

    assert await saoma.entrance.by_password("alice", PASSWORD, ADDRESS, BROWSER)


async def test_address_is_limited_over_all_names(saoma: Installation, alice: Account) -> None:
    """
    Trying one password with many names is limited too, for that address alone.
    """
    saoma.rules.replace(login_rules(password_tries_per_address=2))
    for name in ("a", "b"):
        with pytest.raises(BadCredentials):
            await saoma.entrance.by_password(name, "wrong", ADDRESS, BROWSER)

    with pytest.raises(RateLimited):
        await saoma.entrance.by_password("alice", PASSWORD, ADDRESS, BROWSER)

    assert await saoma.entrance.by_password("alice", PASSWORD, "another", BROWSER)


async def test_right_passwords_are_not_counted(saoma: Installation, alice: Account) -> None:
    """
    Signing in often is no attack.
    """
    saoma.rules.replace(login_rules(password_tries_per_account=1))

    for _ in range(3):
        await saoma.entrance.by_password("alice", PASSWORD, ADDRESS, BROWSER)

    assert 3 == saoma.counted["session"]


async def test_wrong_passwords_at_once_are_counted_exactly(
    saoma: Installation, alice: Account
) -> None:
    """
    Twenty tries at the same time are no way around the limit.
    """
    saoma.rules.replace(login_rules(password_tries_per_account=3))

    answers = await asyncio.gather(
        *(saoma.entrance.by_password("alice", "wrong", ADDRESS, BROWSER) for _ in range(20)),
        return_exceptions=True,
    )

    assert 3 == sum(isinstance(answer, BadCredentials) for answer in answers)
    assert 17 == sum(isinstance(answer, RateLimited) for answer in answers)


async def test_outage_of_the_database_is_no_wrong_password(
    saoma: Installation, alice: Account, folder: Path
) -> None:
    """
    Tries that nobody could check do not lock the user out.
    """
    saoma.rules.replace(login_rules(password_tries_per_account=1))
    directory = saoma.directory
    async with open_directory(f"sqlite+aiosqlite:///{folder}", "wx") as down:
        saoma.directory = down
        with pytest.raises(ServiceUnavailable):
            await saoma.entrance_on(saoma.store).by_password("alice", PASSWORD, ADDRESS, BROWSER)

    saoma.directory = directory

    assert await saoma.entrance_on(saoma.store).by_password("alice", PASSWORD, ADDRESS, BROWSER)


async def test_weak_hash_is_replaced_when_its_password_is_known(saoma: Installation) -> None:
    """
    A hash of weaker parameters is made anew at the next sign-in, and that works too.
    """
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    account = await saoma.directory.add("alice", weak)

    await saoma.entrance.by_password("alice", PASSWORD, ADDRESS, BROWSER)

    renewed = await saoma.directory.by_id(account.id)
    assert renewed is not None
    assert renewed.password_hash != weak
    assert await saoma.entrance.by_password("alice", PASSWORD, ADDRESS, BROWSER)


# ---- binding


async def test_bind_links_the_scanned_user_and_signs_in(
    saoma: Installation, screen: Screen, alice: Account
) -> None:
    """
    From then on a scan of that user signs in to that account.
    """
    token = await bind_token(saoma, screen)

    signed_in = await saoma.entrance.by_binding(asked(token))
    again = await saoma.entrance.by_code(await login_code(saoma, screen), BROWSER)

    assert alice.id == signed_in.account.id == again.account.id
    assert 1 == saoma.counted["bind success"]
    assert 2 == saoma.counted["session"]


async def test_bind_by_a_signed_in_user_needs_no_password(
    saoma: Installation, screen: Screen, alice: Account
) -> None:
    """
    The session proves the account, the scan proves the WeChat.
    """
    session = await saoma.sessions.begin(alice.id)
    token = await bind_token(saoma, screen)

    await saoma.entrance.by_binding(asked(token, "", "", session=session))

    bound = await saoma.directory.by_openid(OPENID)
    assert bound is not None
    assert alice.id == bound.id


async def test_bind_by_nobody_is_refused(
    saoma: Installation, screen: Screen, alice: Account
) -> None:
    """
    Neither a password nor a session: no account is meant. The token stays good.
    """
    token = await bind_token(saoma, screen)

    with pytest.raises(SignedOut):
        await saoma.entrance.by_binding(asked(token, "", ""))
    with pytest.raises(SignedOut):
        await saoma.entrance.by_binding(asked(token, "", "", session=Session("x", 4711)))

    assert await saoma.entrance.by_binding(asked(token))


async def test_bind_token_works_once(saoma: Installation, screen: Screen, alice: Account) -> None:
    """
    A second use is refused, whoever asks.
    """
    token = await bind_token(saoma, screen)
    await saoma.entrance.by_binding(asked(token))

    with pytest.raises(BindTokenGone):
        await saoma.entrance.by_binding(asked(token))

    assert 1 == await sessions_of(saoma)
    assert 1 == saoma.counted["bind bind_token_gone"]


async def test_bind_token_used_many_times_at_once_makes_one_session(
    saoma: Installation, screen: Screen, alice: Account
) -> None:
    """
    Of ten requests at the same time one signs in; the others leave nothing behind.
    """
    session = await saoma.sessions.begin(alice.id)
    token = await bind_token(saoma, screen)

    answers = await asyncio.gather(
        *(saoma.entrance.by_binding(asked(token, "", "", session=session)) for _ in range(10)),
        return_exceptions=True,
    )

    assert 1 == sum(isinstance(answer, SignedIn) for answer in answers)
    assert 9 == sum(isinstance(answer, BindTokenGone) for answer in answers)
    assert 2 == await sessions_of(saoma)


async def test_bind_token_works_in_its_own_browser_only(
    saoma: Installation, screen: Screen, alice: Account
) -> None:
    """
    A token that was seen elsewhere binds nothing.
    """
    token = await bind_token(saoma, screen)

    with pytest.raises(BindTokenGone):
        await saoma.entrance.by_binding(asked(token, browser=digest("another")))

    assert await saoma.directory.by_openid(OPENID) is None
    assert await saoma.entrance.by_binding(asked(token))


async def test_bind_token_runs_out(saoma: Installation, screen: Screen, alice: Account) -> None:
    """
    After `bind_seconds` the scan has to be repeated.
    """
    token = await bind_token(saoma, screen)
    await saoma.time_machine.forward(601)

    with pytest.raises(BindTokenGone):
        await saoma.entrance.by_binding(asked(token))


async def test_five_wrong_passwords_kill_the_bind_token(
    saoma: Installation, screen: Screen, alice: Account
) -> None:
    """
    The sixth guess fails even if it is right, for whichever account.
    """
    token = await bind_token(saoma, screen)
    for name in ("alice", "bob", "carol", "alice", "alice"):
        with pytest.raises(BadCredentials):
            await saoma.entrance.by_binding(asked(token, name, "wrong"))

    with pytest.raises(BindTokenGone):
        await saoma.entrance.by_binding(asked(token))

    assert await saoma.directory.by_openid(OPENID) is None
    assert 0 == await sessions_of(saoma)


async def test_guesses_at_once_do_not_get_around_the_limit(
    saoma: Installation, screen: Screen, alice: Account
) -> None:
    """
    Twelve guesses at the same time are five.
    """
    token = await bind_token(saoma, screen)

    answers = await asyncio.gather(
        *(saoma.entrance.by_binding(asked(token, "alice", "wrong")) for _ in range(12)),
        return_exceptions=True,
    )

    assert 5 == sum(isinstance(answer, BadCredentials) for answer in answers)
    assert 7 == sum(isinstance(answer, BindTokenGone) for answer in answers)


async def test_try_that_has_to_wait_does_not_count_against_the_bind_token(
    saoma: Installation, screen: Screen, alice: Account
) -> None:
    """
    Who is told to wait keeps the scan.
    """
    saoma.rules.replace(login_rules(password_tries_per_account=1))
    token = await bind_token(saoma, screen)
    with pytest.raises(BadCredentials):
        await saoma.entrance.by_binding(asked(token, "alice", "wrong"))
    for _ in range(10):
        with pytest.raises(RateLimited):
            await saoma.entrance.by_binding(asked(token))

    await saoma.time_machine.forward(301)

    assert await saoma.entrance.by_binding(asked(token))


async def test_outage_of_the_database_does_not_count_against_the_bind_token(
    saoma: Installation, screen: Screen, alice: Account, folder: Path
) -> None:
    """
    Tries that nobody could check do not kill the scan.
    """
    saoma.rules.replace(login_rules(password_tries_per_bind=1))
    token = await bind_token(saoma, screen)
    directory = saoma.directory
    async with open_directory(f"sqlite+aiosqlite:///{folder}", "wx") as down:
        saoma.directory = down
        with pytest.raises(ServiceUnavailable):
            await saoma.entrance_on(saoma.store).by_binding(asked(token))

    saoma.directory = directory

    assert await saoma.entrance_on(saoma.store).by_binding(asked(token))


async def test_bind_of_a_taken_openid_is_a_conflict(
    saoma: Installation, screen: Screen, alice: Account
) -> None:
    """
    When the WeChat user was bound elsewhere meanwhile, nothing is changed.
    """
    token = await bind_token(saoma, screen)
    await saoma.add_account("bob")

    with pytest.raises(OpenidTakenError):
        await saoma.entrance.by_binding(asked(token))

    bound = await saoma.directory.by_openid(OPENID)
    assert bound is not None
    assert "bob" == bound.username
    assert 1 == saoma.counted["bind openid_taken"]


async def test_bind_of_a_taken_account_is_a_conflict_and_keeps_the_token(
    saoma: Installation, screen: Screen, alice: Account, password_hash: str
) -> None:
    """
    An account has one WeChat; another account may still be named.
    """
    await saoma.directory.bind("o-first", alice.id)
    await saoma.directory.add("bob", password_hash)
    token = await bind_token(saoma, screen)

    with pytest.raises(AccountTakenError):
        await saoma.entrance.by_binding(asked(token))

    assert await saoma.entrance.by_binding(asked(token, "bob"))
    assert 1 == saoma.counted["bind account_taken"]


async def test_bind_whose_answer_from_the_store_was_lost_signs_in(
    saoma: Installation,
    screen: Screen,
    alice: Account,
    lossy_entrance: tuple[Entrance, LossyLink],
) -> None:
    """
    A step that was taken twice is the same visitor's, who keeps the session.
    """
    entrance, link = lossy_entrance
    token = await bind_token(saoma, screen)
    link.lose_next_answer(ADVANCE)

    signed_in = await entrance.by_binding(asked(token))

    assert 1 == link.lost
    assert await saoma.entrance.account_of(signed_in.session.token)


# ---- and out again


async def test_unbind_needs_the_password(saoma: Installation, alice: Account) -> None:
    """
    A signed-in browser that somebody else uses cannot unbind.
    """
    await saoma.directory.bind(OPENID, alice.id)
    session = await saoma.sessions.begin(alice.id)

    with pytest.raises(BadCredentials):
        await saoma.own_wechats.unbind(session, "wrong", ADDRESS)
    before = await saoma.directory.by_openid(OPENID)
    await saoma.own_wechats.unbind(session, PASSWORD, ADDRESS)

    assert before is not None
    assert await saoma.directory.by_openid(OPENID) is None


async def test_unbind_of_the_last_way_in_is_refused(saoma: Installation) -> None:
    """
    An account without a password keeps its WeChat.
    """
    account = await saoma.add_account()
    session = await saoma.sessions.begin(account.id)

    with pytest.raises(LastWayInError):
        await saoma.own_wechats.unbind(session, "", ADDRESS)

    assert await saoma.directory.by_openid(OPENID)


async def test_unbind_is_limited_like_every_password(saoma: Installation, alice: Account) -> None:
    """
    Guessing through this door counts under the same limits.
    """
    saoma.rules.replace(login_rules(password_tries_per_account=1))
    session = await saoma.sessions.begin(alice.id)
    with pytest.raises(BadCredentials):
        await saoma.own_wechats.unbind(session, "wrong", ADDRESS)

    with pytest.raises(RateLimited):
        await saoma.own_wechats.unbind(session, PASSWORD, ADDRESS)
    with pytest.raises(RateLimited):
        await saoma.entrance.by_password("alice", PASSWORD, ADDRESS, BROWSER)


async def test_unbind_of_nobody_is_refused(saoma: Installation) -> None:
    """
    A session whose account is gone opens nothing.
    """
    with pytest.raises(SignedOut):
        await saoma.own_wechats.unbind(Session("x", 4711), PASSWORD, ADDRESS)


async def test_sign_out_ends_that_session_only(saoma: Installation, alice: Account) -> None:
    """
    Another browser of the same user stays signed in.
    """
    first, second = [await saoma.sessions.begin(alice.id) for _ in range(2)]

    await saoma.entrance.sign_out(first.token)
    await saoma.entrance.sign_out(first.token)

    assert await saoma.entrance.account_of(first.token) is None
    assert SignedIn(second, alice) == await saoma.entrance.account_of(second.token)


async def test_session_of_an_account_that_is_gone_is_none(saoma: Installation) -> None:
    """
    Nobody is signed in to an account that does not exist.
    """
    session = await saoma.sessions.begin(4711)

    assert await saoma.entrance.account_of(session.token) is None


# ---- without a store


async def test_every_way_in_is_unavailable_without_a_store(
    saoma: Installation, alice: Account, unused_tcp_port: int
) -> None:
    """
    An outage is one error with a time to come back, whichever door is tried.
    """
    session = await saoma.sessions.begin(alice.id)
    async with connect(f"redis://127.0.0.1:{unused_tcp_port}", "down") as store:
        entrance = saoma.entrance_on(store)
        doors = [
            entrance.by_code("x", BROWSER),
            entrance.by_password("alice", PASSWORD, ADDRESS, BROWSER),
            entrance.by_binding(asked("x")),
            saoma.own_wechats_on(store).unbind(session, PASSWORD, ADDRESS),
            entrance.account_of(session.token),
            entrance.sign_out(session.token),
        ]

        answers = await asyncio.gather(*doors, return_exceptions=True)

    assert {("store_unavailable", 503, 3)} == {
        (answer.code, answer.status, answer.retry_after)
        for answer in answers
        if isinstance(answer, LoginError)
    }
    assert all(isinstance(answer, ServiceUnavailable) for answer in answers)


async def test_every_key_of_a_story_ends_by_itself(
    saoma: Installation, screen: Screen, alice: Account
) -> None:
    """
    After codes, scans, wrong and right passwords, binding and signing in, nothing is endless.
    """
    token = await bind_token(saoma, screen)
    with pytest.raises(BadCredentials):
        await saoma.entrance.by_binding(asked(token, "alice", "wrong"))
    await saoma.entrance.by_binding(asked(token))
    await saoma.entrance.by_code(await login_code(saoma, screen), BROWSER)
    await login_code(saoma, screen)

    keys = [str(key) for key in await saoma.store.redis.keys(saoma.store.key("*"))]
    endless = {key for key in keys if await saoma.store.redis.pttl(key) < 0}

    assert {"session", "tries", "grant", "attempt", "ticket"} <= {key.split(":")[1] for key in keys}
    assert {saoma.store.key(name) for name in ("scenes", "ids", "leased")} == endless


async def test_store_holds_no_secret(saoma: Installation, screen: Screen, alice: Account) -> None:
    """
    Whoever reads the store finds nothing that opens a door: neither in keys nor in values.
    """
    shown = await screen.get_qr()
    await saoma.scan(shown["ticket"])
    token = (await screen.expect("bind_required"))["bind_token"]
    signed_in = await saoma.entrance.by_password("alice", PASSWORD, ADDRESS, BROWSER)

    dump = []
    for key in await saoma.store.redis.keys(saoma.store.key("*")):
        kind = await saoma.store.redis.type(key)
        if kind == "hash":
            dump.append(repr(await saoma.store.redis.hgetall(key)))
        elif kind == "string":
            dump.append(repr(await saoma.store.redis.get(key)))
        dump.append(str(key))

    said = "\n".join(dump)
    for secret in (token, shown["resume"].partition(".")[2], signed_in.session.token, PASSWORD):
        assert secret not in said
    assert shown["uuid"] in said

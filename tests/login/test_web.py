"""Web login where something breaks half-way: no code is used twice, and there is a way on."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

import login
from accounts import Account, Directory, Identity, open_directory
from accounts.database import open_database
from login import Arrived, BindAsked, Confirmation, Exchange, Farewells, Trips, Way, WebLogin
from login.errors import LoginError, ServiceUnavailable, WebLoginGone
from sandbox.oauth import Scope
from store import Store, Throttle, digest
from tests.login.installation import OPENID, Installation, Process, push_of
from tests.store.lossy_link import lossy_store
from wechat import OAuth, PushKind, service_account

AGENT = "MicroMessenger"
COOKIE = "the browser's own cookie, forty-three long."
NOW = 1_800_000_000
TAKE = Path(login.__file__).parent / "trip_take.lua"


@pytest.fixture
async def oauth(saoma: Installation) -> AsyncIterator[OAuth]:
    """The calls to WeChat."""
    base_url = saoma.sandbox.base_url
    async with OAuth(
        store=saoma.store, api_base_url=base_url, open_base_url=base_url, timeout_seconds=2
    ) as opened:
        yield opened


def web_login(
    saoma: Installation, oauth: OAuth, store: Store, directory: Directory | None = None
) -> WebLogin:
    """Return a process's web login."""
    account = saoma.sandbox.account
    apps = {Way.INSIDE: service_account(account.appid, account.secret)}
    books = saoma.books_on(store)
    if directory:
        books = replace(books, directory=directory)
    exchange = Exchange(
        oauth,
        apps,
        books,
        saoma.rules,
        None,
        clock=lambda: NOW + 0.5,
        session_created=lambda: saoma.count("session"),
    )
    return WebLogin(
        Trips(store),
        oauth,
        apps,
        exchange,
        books,
        Throttle(store),
        public_url="http://127.0.0.1",
        wait_seconds=0.05,
    )


async def leave_for_wechat(saoma: Installation, web: WebLogin, **asked: Any) -> tuple[str, str]:
    """Start, and agree at WeChat; return state and code."""
    address = await web.start(
        AGENT, browser=digest(COOKIE), address="10.1.2.3", onward="/orders", **asked
    )
    platform = saoma.sandbox.platform
    user = platform.users.get_or_add(OPENID)
    code = platform.oauth.agree(saoma.sandbox.account.appid, user, Scope.BASE)
    return parse_qs(urlsplit(address).query)["state"][0], code


async def failure_of(web: WebLogin, state: str, code: str) -> LoginError:
    """Return what an arrival fails with."""
    with pytest.raises(LoginError) as caught:
        await web.arrive(state, code, cookie=COOKIE)
    return caught.value


async def test_request_whose_first_one_died_is_told_to_start_again(
    saoma: Installation, oauth: OAuth
) -> None:
    """
    Nobody exchanges a code that a dead process has taken, and the wish is kept.
    """
    web = web_login(saoma, oauth, saoma.store)
    state, code = await leave_for_wechat(saoma, web)
    await Trips(saoma.store).take(state, browser=digest(COOKIE), code=code, taker="dead")

    failure = await failure_of(web, state, code)

    assert isinstance(failure, WebLoginGone)
    assert "/orders" == failure.next


async def test_code_that_was_taken_with_a_lost_answer_is_exchanged(
    saoma: Installation, oauth: OAuth, store_url: str, prefix: str
) -> None:
    """
    The request that took the code knows itself again when the store's answer was lost.
    """
    account = await saoma.add_account()
    async with lossy_store(store_url, prefix) as (store, link):
        web = web_login(saoma, oauth, store)
        state, code = await leave_for_wechat(saoma, web)
        await Trips(store).take("none", browser="", code="", taker="")  # the script is known now
        link.lose_next_answer(TAKE)

        arrived = await web.arrive(state, code, cookie=COOKIE)

    assert 1 == link.lost
    assert arrived.signed_in is not None
    assert account.id == arrived.signed_in.account.id
    assert 1 == saoma.counted["session"]


async def test_database_away_is_told_and_remembered(
    saoma: Installation, oauth: OAuth, folder: Path
) -> None:
    """
    A code that was exchanged while nobody could be looked up is lost, and both requests say so.
    """
    async with open_directory(f"sqlite+aiosqlite:///{folder}", "wx") as down:
        web = web_login(saoma, oauth, saoma.store, down)
        state, code = await leave_for_wechat(saoma, web)
        first = await failure_of(web, state, code)
    second = await failure_of(web_login(saoma, oauth, saoma.store), state, code)

    assert isinstance(first, ServiceUnavailable)
    assert isinstance(second, ServiceUnavailable)
    assert "/orders" == first.next == second.next


async def test_way_that_was_closed_meanwhile_signs_nobody_in(
    saoma: Installation, oauth: OAuth
) -> None:
    """
    A trip by an app that a restart has taken away ends in a sentence.
    """
    web = web_login(saoma, oauth, saoma.store)
    trips = Trips(saoma.store)
    state = await trips.begin(browser=digest(COOKIE), app="desk", onward="/orders")

    failure = await failure_of(web, state, "code")

    assert ("web_login_off", "/orders") == (failure.code, failure.next)


# ---- where it meets the other ways in


class UnfollowedMeanwhile(Directory):
    """Accounts of which somebody unfollows at the moment in which they are looked up."""

    farewells: Farewells

    async def recognise(self, identity: Identity) -> Account | None:
        """Return whose identity it is; then it is nobody's any more."""
        account = await super().recognise(identity)
        await self.farewells.said(farewell_at(NOW + 1))
        return account


def farewell_at(second: int) -> Any:
    """Return the push of somebody who unfollows."""
    return push_of("", OPENID, kind=PushKind.UNSUBSCRIBE, name="unsubscribe", created=second)


async def arrive(saoma: Installation, web: WebLogin) -> Arrived:
    """Go to WeChat and back."""
    state, code = await leave_for_wechat(saoma, web)
    return await web.arrive(state, code, cookie=COOKIE)


async def bind_token_of(process: Process, arrived: Arrived) -> str:
    """Return the bind token that the sign-in page gets after web login."""
    screen = await process.open_page(digest(COOKIE))
    await screen.send("get_qr", resume=arrived.resume)
    return str((await screen.expect("bind_required"))["bind_token"])


async def bind(saoma: Installation, token: str) -> str:
    """Bind by the session of a new account; return the new session's token."""
    account = await saoma.directory.add("mallory", "a hash")
    session = await saoma.sessions.begin(account.id)
    asked = BindAsked(bind_token=token, browser=digest(COOKIE), address="10.1.2.3", session=session)
    return (await saoma.entrance.by_binding(asked)).session.token


async def test_binding_of_web_login_is_taken_back_on_the_phone(
    saoma: Installation, oauth: OAuth, process: Process
) -> None:
    """
    The word that ends what a scan began ends what WeChat's page began too.
    """
    arrived = await arrive(saoma, web_login(saoma, oauth, saoma.store))
    token = await bind(saoma, await bind_token_of(process, arrived))

    text = await saoma.write("T", created=NOW + 60)

    assert "已撤销 2027-01-15 16:00 的登录" in (text or "")
    assert await saoma.sessions.find(token) is None
    assert await saoma.directory.by_openid(OPENID) is None


async def test_question_of_web_login_is_taken_back_on_the_phone(
    saoma: Installation, oauth: OAuth, process: Process
) -> None:
    """
    Who has come by WeChat's page and not bound yet can make that count for nothing.
    """
    arrived = await arrive(saoma, web_login(saoma, oauth, saoma.store))
    token = await bind_token_of(process, arrived)

    text = await saoma.write("T", created=NOW + 60)

    assert "已撤销" in (text or "")
    with pytest.raises(LoginError, match="Please scan again"):
        await bind(saoma, token)


async def test_word_that_is_older_than_web_login_is_not_about_it(
    saoma: Installation, oauth: OAuth
) -> None:
    """
    A push that comes late ends no session that its writer had not seen.
    """
    await saoma.add_account()
    arrived = await arrive(saoma, web_login(saoma, oauth, saoma.store))

    text = await saoma.write("T", created=NOW - 1)

    assert arrived.signed_in
    assert "没有可以撤销" in (text or "")
    assert await saoma.sessions.find(arrived.signed_in.session.token)


async def test_unfollowing_voids_a_binding_that_web_login_has_led_to(
    saoma: Installation, oauth: OAuth, process: Process
) -> None:
    """
    Who unfollows before the form is sent is not bound by it.
    """
    arrived = await arrive(saoma, web_login(saoma, oauth, saoma.store))
    token = await bind_token_of(process, arrived)
    farewells = Farewells(saoma.books(), saoma.rules)
    await farewells.said(farewell_at(NOW + 1))

    with pytest.raises(LoginError) as caught:
        await bind(saoma, token)

    assert "bind_token_gone" == caught.value.code
    assert await saoma.directory.by_openid(OPENID) is None


@pytest.mark.parametrize("auto_register", [False, True])
async def test_unfollowing_during_web_login_leaves_neither_session_nor_binding(
    saoma: Installation, oauth: OAuth, folder: Path, auto_register: bool
) -> None:
    """
    Whichever is faster: in the end nobody is signed in by who has said farewell since.
    """
    saoma.rules.auto_register = auto_register
    if not auto_register:
        await saoma.directory.add("alice", None, OPENID, NOW - 1)
    appid = saoma.sandbox.account.appid
    async with open_database(f"sqlite+aiosqlite:///{folder}/accounts.db") as database:
        racing = UnfollowedMeanwhile(database, appid)
        racing.farewells = Farewells(saoma.books(), saoma.rules)
        web = web_login(saoma, oauth, saoma.store, racing)
        state, code = await leave_for_wechat(saoma, web)

        failure = await failure_of(web, state, code)

    assert isinstance(failure, WebLoginGone)
    assert [] == await saoma.store.redis.keys(saoma.store.key("session", "*"))
    assert await saoma.directory.by_openid(OPENID) is None


async def test_web_login_makes_the_browser_known(
    saoma: Installation, oauth: OAuth, process: Process
) -> None:
    """
    Who has signed in by WeChat's page is asked for no number in that browser.
    """
    saoma.rules.confirmation = Confirmation.RISK
    await saoma.add_account()
    await arrive(saoma, web_login(saoma, oauth, saoma.store))

    screen = await process.open_page(digest(COOKIE))
    await saoma.scan((await screen.get_qr())["ticket"])

    await screen.expect("success")

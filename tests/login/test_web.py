"""Web login where something breaks half-way: no code is used twice, and there is a way on."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import login
from accounts import Directory, Sessions, open_directory
from login import Trips, Way, WebLogin
from login.errors import LoginError, ServiceUnavailable, WebLoginGone
from sandbox.oauth import Scope
from scene_pool import Attempts
from store import Store, Throttle, digest
from tests.login.installation import OPENID, Installation
from tests.store.lossy_link import lossy_store
from wechat import OAuth, service_account

AGENT = "MicroMessenger"
COOKIE = "the browser's own cookie, forty-three long."
TAKE = Path(login.__file__).parent / "trip_take.lua"


@pytest.fixture
async def oauth(saoma: Installation) -> AsyncIterator[OAuth]:
    """The calls to WeChat."""
    base_url = saoma.sandbox.base_url
    async with OAuth(api_base_url=base_url, open_base_url=base_url, timeout_seconds=2) as opened:
        yield opened


def web_login(
    saoma: Installation, oauth: OAuth, store: Store, directory: Directory | None = None
) -> WebLogin:
    """Return a process's web login."""
    account = saoma.sandbox.account
    return WebLogin(
        Trips(store),
        oauth,
        Attempts(store),
        directory or saoma.directory,
        Sessions(store, idle_seconds=1000, absolute_seconds=9000),
        Throttle(store),
        saoma.rules,
        unionids=None,
        apps={Way.INSIDE: service_account(account.appid, account.secret)},
        public_url="http://127.0.0.1",
        resume_seconds=lambda: 60,
        session_created=lambda: saoma.count("session"),
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

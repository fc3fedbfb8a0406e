"""Web login's call to WeChat, against the stand-in's real screens and API."""

import traceback
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from sandbox import ManualClock, Sandbox, serve_sandbox
from sandbox.oauth import Scope
from store import Store
from tests.site import ACCOUNT
from tests.time_machine import TimeMachine
from wechat import App, CodeInvalid, OAuth, WeChatError, WeChatRefused, WeChatUnavailable
from wechat.oauth import EXCHANGE, service_account, website_app

INSIDE = service_account(ACCOUNT.appid, ACCOUNT.secret)
ON_DESK = website_app(ACCOUNT.open_appid, ACCOUNT.open_secret)
CODE = "a-code-that-nobody-may-see"


class Odd(RequestHandler):
    """Answers with a body that no description of the API has."""

    def initialize(self, body: bytes) -> None:
        self.body = body

    def get(self) -> None:
        self.finish(self.body)


@pytest.fixture
def clock() -> ManualClock:
    """The stand-in's clock."""
    return ManualClock()


@pytest.fixture
async def platform(clock: ManualClock) -> AsyncIterator[Sandbox]:
    """The stand-in for WeChat."""
    async with serve_sandbox(account=ACCOUNT, clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def calls() -> list[tuple[str, str]]:
    """Endpoint and error code of each call."""
    return []


@pytest.fixture
async def oauth(
    store: Store, platform: Sandbox, calls: list[tuple[str, str]]
) -> AsyncIterator[OAuth]:
    """A client of it."""
    async with open_oauth(store, platform.base_url, calls) as opened:
        yield opened


def open_oauth(store: Store, base_url: str, calls: list[tuple[str, str]] | None = None) -> OAuth:
    """Return a client for the API at *base_url*, to be entered."""
    noted = calls if calls is not None else []
    return OAuth(
        store=store,
        api_base_url=base_url,
        open_base_url=base_url,
        timeout_seconds=2,
        on_call=lambda endpoint, errcode, seconds: noted.append((endpoint, errcode)),
    )


def agreed(platform: Sandbox, app: App, *, snapshot: bool = False) -> str:
    """Return a code that a demo user's consent has made."""
    user = next(iter(platform.platform.users))
    oauth = platform.platform.oauth
    return oauth.agree(app.appid, user, Scope(app.scope), snapshot=snapshot)


async def test_address_has_the_parameters_in_wechats_order(store: Store):
    """
    WeChat does not open an address with its parameters in another order, or without its end.
    """
    oauth = open_oauth(store, "https://open.example/")
    address = oauth.address(INSIDE, "https://login.example/back?a=b", "the state")
    parts = urlsplit(address)

    assert address.startswith("https://open.example/connect/oauth2/authorize?appid=")
    assert ["appid", "redirect_uri", "response_type", "scope", "state"] == list(
        parse_qs(parts.query)
    )
    assert ["https://login.example/back?a=b"] == parse_qs(parts.query)["redirect_uri"]
    assert "wechat_redirect" == parts.fragment


async def test_exchange_tells_who_came_inside_wechat(platform: Sandbox, oauth: OAuth):
    """
    Nobody was asked, so WeChat tells the openid alone.
    """
    user = await oauth.exchange(INSIDE, agreed(platform, INSIDE))

    assert next(iter(platform.platform.users)).openid == user.openid
    assert ("", False) == (user.unionid, user.is_snapshot)


async def test_exchange_tells_who_came_on_a_desk(platform: Sandbox, oauth: OAuth):
    """
    A website app knows its users by openids of its own, and by their unionid.
    """
    user = await oauth.exchange(ON_DESK, agreed(platform, ON_DESK))

    assert next(iter(platform.platform.users)).openid != user.openid
    assert user.unionid


async def test_exchange_tells_a_snapshot(platform: Sandbox, oauth: OAuth):
    """
    The virtual user of a snapshot is told from a person.
    """
    user = await oauth.exchange(INSIDE, agreed(platform, INSIDE, snapshot=True))

    assert user.is_snapshot


async def test_code_that_is_no_good_is_told_from_other_refusals(
    platform: Sandbox, oauth: OAuth, clock: ManualClock
):
    """
    A used, old, foreign or invented code asks the visitor to come again, and WeChat once.
    """
    used, old = (agreed(platform, INSIDE) for _ in range(2))
    await oauth.exchange(INSIDE, used)
    with pytest.raises(CodeInvalid):
        await oauth.exchange(INSIDE, used)
    with pytest.raises(CodeInvalid):
        await oauth.exchange(ON_DESK, agreed(platform, INSIDE))
    clock.advance(300)
    with pytest.raises(CodeInvalid):
        await oauth.exchange(INSIDE, old)


async def test_wrong_secret_is_the_operators_to_mend(platform: Sandbox, oauth: OAuth):
    """
    What is wrong in the settings is told by what mends it.
    """
    with pytest.raises(WeChatRefused, match=r"wechat\.secret"):
        await oauth.exchange(service_account(ACCOUNT.appid, "wrong"), agreed(platform, INSIDE))


@pytest.mark.parametrize("errcode", [40013, 40125, 40164, 48001, 45009])
async def test_broken_account_costs_one_call_a_minute(
    platform: Sandbox,
    oauth: OAuth,
    calls: list[tuple[str, str]],
    time_machine: TimeMachine,
    errcode: int,
):
    """
    Visitors who keep coming do not ask WeChat each; the other account goes on.
    """
    platform.platform.fail(EXCHANGE, errcode=errcode, times=2)
    for _ in range(5):
        with pytest.raises(WeChatError, match=f"errcode={errcode}"):
            await oauth.exchange(ON_DESK, CODE)
    within = len(calls)
    await time_machine.forward(60)
    for _ in range(5):
        with pytest.raises(WeChatError, match=f"errcode={errcode}"):
            await oauth.exchange(ON_DESK, CODE)
    later = len(calls)

    assert (await oauth.exchange(INSIDE, agreed(platform, INSIDE))).openid
    await time_machine.forward(60)
    assert (await oauth.exchange(ON_DESK, agreed(platform, ON_DESK))).openid
    assert (1, 2) == (within, later)


@pytest.mark.parametrize("errcode", [40029, 40163, 41008, 47001])
async def test_one_visitors_code_is_no_reason_to_stop(
    platform: Sandbox, oauth: OAuth, errcode: int
):
    """
    What a visitor makes up keeps nobody else out.
    """
    platform.platform.fail(EXCHANGE, errcode=errcode)
    with pytest.raises(WeChatRefused):
        await oauth.exchange(INSIDE, CODE)

    assert (await oauth.exchange(INSIDE, agreed(platform, INSIDE))).openid


@pytest.mark.parametrize("errcode", [40013, 40125])
async def test_website_apps_trouble_names_its_own_settings(
    platform: Sandbox, oauth: OAuth, errcode: int
):
    """
    The operator is not sent to the service account's keys.
    """
    platform.platform.fail(EXCHANGE, errcode=errcode)

    with pytest.raises(WeChatRefused, match=r"wechat\.open_(appid|secret)"):
        await oauth.exchange(ON_DESK, CODE)


async def test_call_without_an_answer_is_made_once_more(
    platform: Sandbox, oauth: OAuth, calls: list[tuple[str, str]]
):
    """
    A broken gateway or a busy WeChat costs a second call, not a third.
    """
    platform.platform.fail(EXCHANGE, status=502)
    user = await oauth.exchange(INSIDE, agreed(platform, INSIDE))
    platform.platform.fail(EXCHANGE, errcode=-1, times=2)

    with pytest.raises(WeChatUnavailable):
        await oauth.exchange(INSIDE, agreed(platform, INSIDE))

    assert user.openid
    assert [(EXCHANGE, code) for code in ("none", "0", "-1", "-1")] == calls


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 502}, {"errcode": 40029}])
async def test_error_holds_no_secret_and_no_code(
    platform: Sandbox, oauth: OAuth, fault: dict[str, Any]
):
    """
    Secret and code are in the call's address, and in no word about it.
    """
    platform.platform.fail(EXCHANGE, times=None, **fault)

    with pytest.raises(WeChatError) as caught:
        await oauth.exchange(INSIDE, CODE)

    told = f"{INSIDE!r} {''.join(traceback.format_exception(caught.value))}"
    assert ACCOUNT.secret not in told
    assert CODE not in told


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b"{}",
        b'{"openid": 7}',
        b'{"openid": null}',
        b'{"openid": ""}',
        b'{"openid": "' + b"o" * 65 + b'"}',
        b'{"openid": "o", "unionid": "' + b"o" * 65 + b'"}',
        b'{"errcode": "many"}',
    ],
)
async def test_answer_that_is_none_signs_nobody_in(store: Store, body: bytes):
    """
    Whatever stands in the place of an answer is taken for no answer.
    """
    server = HTTPServer(Application([(EXCHANGE, Odd, {"body": body})], log_function=lambda _: None))
    (socket,) = bind_sockets(0, "127.0.0.1")
    server.add_socket(socket)
    base_url = f"http://127.0.0.1:{socket.getsockname()[1]}"

    async with open_oauth(store, base_url) as oauth:
        with pytest.raises(WeChatUnavailable):
            await oauth.exchange(INSIDE, CODE)

    server.stop()
    await server.close_all_connections()


async def test_words_of_wechat_that_repeat_a_secret_are_scrubbed(store: Store):
    """
    An error text that holds what we sent does not hold it any more when it is told.
    """
    body = f'{{"errcode": 40099, "errmsg": "odd {CODE} {ACCOUNT.secret}"}}'.encode()
    server = HTTPServer(Application([(EXCHANGE, Odd, {"body": body})], log_function=lambda _: None))
    (socket,) = bind_sockets(0, "127.0.0.1")
    server.add_socket(socket)

    async with open_oauth(store, f"http://127.0.0.1:{socket.getsockname()[1]}") as oauth:
        with pytest.raises(WeChatRefused, match=r"errcode=40099 .*odd \*\*\* \*\*\*"):
            await oauth.exchange(INSIDE, CODE)

    server.stop()
    await server.close_all_connections()

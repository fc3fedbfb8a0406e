"""Web login: where a browser is sent, and whose code it comes back with.

Secret and code stand in the address of the exchange, because WeChat wants it so:
neither that address nor a library's words about it may reach a log or an error.
"""

import re
import time
from typing import Self
from urllib.parse import urlencode

from msgspec import Struct

from store import Store, digest
from wechat.circuit import Circuits, OnCircuit
from wechat.errors import FATAL_CODES, NO_ANSWER, WeChatRefused, WeChatUnavailable
from wechat.transport import Answer, OnCall, Request, Transport

EXCHANGE = "/sns/oauth2/access_token"
MAX_ID_LENGTH = 64
CODE_CODES = frozenset({40029, 40163})
"""The code is unknown, too old or another appid's; it was used. Source: as `exchange`."""


class CodeInvalid(WeChatRefused):
    """The code is good for nothing (any more); the visitor has to come again."""


class App(Struct, frozen=True, kw_only=True):
    """An appid that people may sign in through."""

    appid: str
    secret: str
    screen: str
    """Path of the screen that asks the user."""
    scope: str
    keys: str = "wechat."
    """How the keys of its AppID and its AppSecret begin in the settings."""

    def __repr__(self) -> str:
        return f"App(appid={self.appid!r})"


class WebUser(Struct, frozen=True, kw_only=True):
    """Who came back, as the app knows them."""

    openid: str
    unionid: str
    """The same for all accounts of one Open Platform account; "" when WeChat does not tell."""
    is_snapshot: bool
    """Whether this is nobody: WeChat showed a snapshot of a page to a virtual user."""

    def __repr__(self) -> str:
        return f"WebUser(is_snapshot={self.is_snapshot})"


def service_account(appid: str, secret: str) -> App:
    """Return the app for pages inside WeChat; nobody is asked.

    Source: WeChat, "Web page authorization".
    """
    return App(appid=appid, secret=secret, screen="/connect/oauth2/authorize", scope="snsapi_base")


def website_app(appid: str, secret: str) -> App:
    """Return the app for browsers on a desk.

    Source: WeChat Open Platform, "Website app: WeChat login".
    """
    return App(
        appid=appid,
        secret=secret,
        screen="/connect/qrconnect",
        scope="snsapi_login",
        keys="wechat.open_",
    )


class OAuth:
    """Web login of any app. Use as `async with`."""

    def __init__(
        self,
        *,
        store: Store,
        api_base_url: str,
        open_base_url: str,
        timeout_seconds: float,
        proxy_url: str = "",
        on_call: OnCall = lambda endpoint, errcode, seconds: None,
        on_circuit: OnCircuit = lambda endpoint, is_open: None,
    ) -> None:
        self._api = api_base_url.rstrip("/")
        self._open = open_base_url.rstrip("/")
        self._transport = Transport(
            timeout_seconds=timeout_seconds, proxy_url=proxy_url, on_call=on_call
        )
        self._store = store
        self._on_circuit = on_circuit
        self._circuits: dict[str, Circuits] = {}

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        for circuits in self._circuits.values():
            await circuits.close()
        await self._transport.__aexit__()

    def address(self, app: App, redirect_uri: str, state: str) -> str:
        """Return where the browser is sent. WeChat wants the parameters in this order."""
        query = {
            "appid": app.appid,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": app.scope,
            "state": state,
        }
        return f"{self._open}{app.screen}?{urlencode(query)}#wechat_redirect"

    async def exchange(self, app: App, code: str) -> WebUser:
        """Return whose *code* it is. It is good once; asked again only when there was no answer.

        Raises:
            CodeInvalid: when the code is unknown, too old or used.
            WeChatError: one of its other kinds.

        Source: WeChat, "Web page authorization", step 2.
        """
        query = {
            "appid": app.appid,
            "secret": app.secret,
            "code": code,
            "grant_type": "authorization_code",
        }
        url = f"{self._api}{EXCHANGE}?{urlencode(query)}"
        request = Request(endpoint=EXCHANGE, url=url, words=("openid",))
        async with self._circuits_of(app).watch(EXCHANGE):
            answer = await self._ask(app, request)
        if isinstance(answer, CodeInvalid):
            raise answer
        return _user(answer)

    async def _ask(self, app: App, request: Request) -> Answer | CodeInvalid:
        """Return the answer; that a code is invalid is one too, of an account that is well."""
        try:
            return await self._transport.ask(request)
        except WeChatRefused as error:
            refused = error
        if refused.errcode in CODE_CODES:
            return CodeInvalid(EXCHANGE, refused.errcode, "the visitor has to come again")
        told = WeChatRefused(
            EXCHANGE,
            refused.errcode,
            re.sub(r"\bwechat\.(?=appid|secret)", app.keys, refused.detail),
            refused.rid,
        )
        told.fatal = refused.errcode in FATAL_CODES  # all else may be this one code's fault
        raise told

    def _circuits_of(self, app: App) -> Circuits:
        name = digest(f"{app.appid} {self._api} oauth")[:16]
        if name not in self._circuits:
            self._circuits[name] = Circuits(
                self._store, name, clock=time.monotonic, on_change=self._on_circuit
            )
        return self._circuits[name]


def _user(answer: Answer) -> WebUser:
    openid, unionid = answer["openid"], answer.get("unionid") or ""
    if not isinstance(unionid, str) or max(len(openid), len(unionid)) > MAX_ID_LENGTH:
        raise WeChatUnavailable(EXCHANGE, NO_ANSWER, "without openid")
    return WebUser(openid=openid, unionid=unionid, is_snapshot=bool(answer.get("is_snapshotuser")))

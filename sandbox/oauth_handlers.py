"""Web login on the network: WeChat's two screens, and the calls behind them.

A screen asks who holds the phone; programs name the user instead: `openid` on
`/connect/oauth2/authorize` answers a silent request at once, and a POST of `openid`, `decision`
(`allow` or `refuse`) and `snapshot` answers both screens.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from tornado.web import RequestHandler

from sandbox.api_handlers import CgiHandler
from sandbox.errors import ApiError, PhoneError
from sandbox.files import STATIC
from sandbox.oauth import Scope
from sandbox.page import LANGUAGES, POLICY, pick_language
from sandbox.platform import Platform

MOST_USERS = 200
# What WeChat's own error page says. Source: WeChat, "Web page authorization", error codes.
WRONG_REDIRECT = "10003"
WRONG_SCOPE = "10005"
NO_SCOPE = "10010"
NO_REDIRECT = "10011"
NO_APPID = "10012"
NO_STATE = "10013"
WRONG_APPID = "10016"
NOT_IN_WECHAT = "outside"


class BadRequest(Exception):
    """WeChat shows an error page: *word* names its text."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class ScreenHandler(RequestHandler):
    """A screen of WeChat: whoever looks at it agrees or refuses."""

    in_wechat: bool
    scopes: frozenset[Scope]

    def initialize(self, platform: Platform) -> None:
        self.platform = platform

    def get(self) -> None:
        try:
            scope = self._scope()
            openid = self.get_query_argument("openid", "")
            if scope is Scope.BASE and openid:
                self._decide(scope, openid, allowed=True, snapshot=False)
            else:
                self._show(scope)
        except (BadRequest, PhoneError) as error:
            self._refuse(error)

    def post(self) -> None:
        try:
            scope = self._scope()
            self._check_origin()
            self._decide(
                scope,
                self.get_body_argument("openid", ""),
                allowed=self.get_body_argument("decision", "allow") == "allow",
                snapshot=bool(self.get_body_argument("snapshot", "")),
            )
        except (BadRequest, PhoneError) as error:
            self._refuse(error)

    def _scope(self) -> Scope:
        """Return what is asked for.

        Raises:
            BadRequest: The request is not one that WeChat shows a screen for.
        """
        asked = {name: self.get_query_argument(name, "") for name in self.request.query_arguments}
        for name, word in (
            ("appid", NO_APPID),
            ("redirect_uri", NO_REDIRECT),
            ("scope", NO_SCOPE),
            ("state", NO_STATE),
        ):
            if not asked.get(name):
                raise BadRequest(word)
        known = self.platform.oauth.scopes_of(asked["appid"])
        if not known & self.scopes:
            raise BadRequest(WRONG_APPID)
        if asked["scope"] not in known or asked.get("response_type") != "code":
            raise BadRequest(WRONG_SCOPE)
        parts = urlsplit(asked["redirect_uri"])
        domain = self.platform.account.web_domain
        if parts.scheme not in {"http", "https"} or parts.hostname != domain:
            raise BadRequest(WRONG_REDIRECT)
        inside = "MicroMessenger" in self.request.headers.get("User-Agent", "")
        if self.in_wechat and not inside:
            raise BadRequest(NOT_IN_WECHAT)
        return Scope(asked["scope"])

    def _check_origin(self) -> None:
        origin = self.request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != self.request.host:
            raise PhoneError("sent by another site's page")

    def _decide(self, scope: Scope, openid: str, *, allowed: bool, snapshot: bool) -> None:
        """Lead back, with a code when the user agrees; with the state alone when not."""
        user = self.platform.users.get(openid)
        back = {"state": self.get_query_argument("state")}
        if allowed:
            appid = self.get_query_argument("appid")
            code = self.platform.oauth.agree(appid, user, scope, snapshot=snapshot)
            back = {"code": code, **back}
        self.redirect(_with(self.get_query_argument("redirect_uri"), back))

    def _show(self, scope: Scope) -> None:
        back = urlsplit(self.get_query_argument("redirect_uri"))
        self._page(
            "oauth.html",
            # A form may lead on to where the answer leads back to.
            policy=POLICY.replace("form-action 'none'", f"form-action 'self' {_origin(back)}"),
            action=self.request.uri,
            site=back.netloc,
            scope=str(scope),
            users=list(self.platform.users)[:MOST_USERS],
            silent=scope is Scope.BASE,
            error="",
        )

    def _refuse(self, error: BadRequest | PhoneError) -> None:
        """Show WeChat's error page; nothing leads back."""
        self.set_status(400 if isinstance(error, BadRequest) else error.status)
        word = error.word if isinstance(error, BadRequest) else "phone"
        self._page("oauth.html", policy=POLICY, error=word)

    def _page(self, template: str, *, policy: str, **variables: Any) -> None:
        asked = self.get_query_argument("lang", "")
        language = pick_language(asked, self.request.headers.get("Accept-Language", ""))
        self.set_header("Cache-Control", "no-store")
        self.set_header("Vary", "Accept-Language")
        self.set_header("Content-Security-Policy", policy)
        # With "no-referrer", browsers send `Origin: null` with the form.
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.render(
            template,
            language=language,
            texts=_texts(language),
            languages={name: _with(self.request.uri or "", {"lang": name}) for name in LANGUAGES},
            in_wechat=self.in_wechat,
            **variables,
        )


class AuthorizeHandler(ScreenHandler):
    """`/connect/oauth2/authorize`: in WeChat's own browser, for the service account."""

    in_wechat = True
    scopes = frozenset({Scope.BASE, Scope.USERINFO})


class QrConnectHandler(ScreenHandler):
    """`/connect/qrconnect`: in any browser, for a website app.

    WeChat shows a code here and asks on the phone that scans it; this screen asks itself.
    """

    in_wechat = False
    scopes = frozenset({Scope.LOGIN})


class SnsHandler(CgiHandler):
    """The calls behind the screens, `GET /sns/...`."""

    async def get(self) -> None:
        query = {
            name: self.get_query_argument(name, strip=False)
            for name in self.request.query_arguments
        }
        try:
            answer = answer_sns(self.platform, self.request.path, query)
        except ApiError as error:
            answer = self.refusal(error)
        await self.finish_json(answer)

    async def post(self) -> None:
        await self.finish_json(self.refusal(ApiError(43001)))


def answer_sns(platform: Platform, path: str, query: Mapping[str, str]) -> dict[str, object]:
    """Answer one call.

    Raises:
        ApiError: WeChat would answer with this error code.
    """
    given = {name: query.get(name, "") for name in ("appid", "access_token", "openid")}
    oauth = platform.oauth
    if path == "/sns/auth":
        oauth.check(given["access_token"], given["openid"])
        return {"errcode": 0, "errmsg": "ok"}
    if path == "/sns/userinfo":
        return oauth.userinfo(given["access_token"], given["openid"])
    if path == "/sns/oauth2/refresh_token":
        _check_grant(query, "refresh_token")
        return oauth.refresh(given["appid"], query.get("refresh_token", ""))
    _check_grant(query, "authorization_code")
    return oauth.exchange(given["appid"], query.get("secret", ""), query.get("code", ""))


SNS_PATHS = ("/sns/oauth2/access_token", "/sns/oauth2/refresh_token", "/sns/auth", "/sns/userinfo")


def _check_grant(query: Mapping[str, str], wanted: str) -> None:
    if query.get("grant_type") != wanted:
        raise ApiError(40002)


def _with(address: str, more: Mapping[str, str]) -> str:
    """Return *address* with further parameters, in the place of those of the same name."""
    parts = urlsplit(address)
    kept = [(name, value) for name, value in parse_qsl(parts.query, True) if name not in more]
    return urlunsplit(parts._replace(query=urlencode([*kept, *more.items()])))


def _origin(parts: Any) -> str:
    return f"{parts.scheme}://{parts.netloc}"


def _texts(language: str) -> dict[str, str]:
    raw = (STATIC / f"oauth.{language}.json").read_bytes()
    return msgspec.json.decode(raw, type=dict[str, str])

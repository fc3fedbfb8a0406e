"""Web login as the platform remembers it: codes, what they are exchanged for, and tokens.

Two appids let people in: the service account's own, for pages inside WeChat, and that of a
website app, for browsers on a desk. Each knows a user by another openid; both know the same
unionid, because one Open Platform account owns the two.
Source: WeChat, "Web page authorization", and WeChat Open Platform, "Website app: WeChat login".
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from enum import StrEnum

from sandbox.account import Account
from sandbox.clock import Clock
from sandbox.errors import ApiError
from sandbox.users import User, Users

TOKEN_SECONDS = 7200
REFRESH_SECONDS = 30 * 86_400
MOST_CODES = 10_000


class Scope(StrEnum):
    """What an account asks for."""

    BASE = "snsapi_base"
    USERINFO = "snsapi_userinfo"
    LOGIN = "snsapi_login"


CODE_SECONDS = {Scope.BASE: 300, Scope.USERINFO: 300, Scope.LOGIN: 600}


@dataclass(slots=True)
class Consent:
    """What a user has agreed to: *openid* is theirs towards *appid*."""

    appid: str
    openid: str
    unionid: str
    user: User
    scope: Scope
    snapshot: bool
    expires_at: float
    used: bool = False


class OAuth:
    """Every code and every web token that the platform has given out and still remembers."""

    def __init__(self, account: Account, users: Users, clock: Clock) -> None:
        self._account = account
        self._users = users
        self._clock = clock
        self._codes: dict[str, Consent] = {}
        self._tokens: dict[str, Consent] = {}
        self._refreshers: dict[str, Consent] = {}

    def scopes_of(self, appid: str) -> frozenset[Scope]:
        """Return what *appid* may ask for; nothing when there is no such account."""
        if appid == self._account.appid:
            return frozenset({Scope.BASE, Scope.USERINFO})
        return frozenset({Scope.LOGIN} if appid == self._account.open_appid else ())

    def openid_of(self, user: User, appid: str) -> str:
        """Return the openid by which *appid* knows *user*."""
        if appid == self._account.appid:
            return user.openid
        return "oW" + _letters(f"{appid} {user.openid}", 26)

    def unionid_of(self, user: User) -> str:
        """Return what all accounts of the same Open Platform account know *user* by, if any."""
        return "o6_" + _letters(user.openid, 25) if self._account.open_bound else ""

    def agree(self, appid: str, user: User, scope: Scope, *, snapshot: bool = False) -> str:
        """Return a new code: *user* lets *appid* know them.

        Args:
            snapshot: WeChat shows a snapshot of the page, to a virtual user.
        """
        now = self._clock()
        self._codes = _living(self._codes, now)
        code = secrets.token_urlsafe(24)
        self._codes[code] = Consent(
            appid=appid,
            openid=self.openid_of(user, appid),
            unionid=self.unionid_of(user),
            user=user,
            scope=scope,
            snapshot=snapshot,
            expires_at=now + CODE_SECONDS[scope],
        )
        return code

    def exchange(self, appid: str, secret: str, code: str) -> dict[str, object]:
        """Return whose code it is, and a web token. A code is good once.

        Raises:
            ApiError: 41002, 41004, 41008 something is missing; 40013 no such appid; 40125 a wrong
                secret; 40029 an unknown or old code, or another appid's; 40163 a used one.
        """
        self._check_app(appid, secret)
        if not code:
            raise ApiError(41008)
        consent = self._codes.get(code)
        if consent is None or consent.appid != appid or self._clock() >= consent.expires_at:
            raise ApiError(40029)
        if consent.used:
            raise ApiError(40163)
        consent.used = True
        refresher = secrets.token_urlsafe(64)
        answer = self._granted(consent, refresher)
        if consent.unionid and consent.scope is not Scope.BASE:
            answer["unionid"] = consent.unionid
        if consent.snapshot:
            answer["is_snapshotuser"] = 1
        return answer

    def refresh(self, appid: str, refresher: str) -> dict[str, object]:
        """Return a new web token for a refresh token.

        Raises:
            ApiError: 40013 no such appid, 40030 no such refresh token.
        """
        consent = self._refreshers.get(refresher)
        if not self.scopes_of(appid):
            raise ApiError(40013)
        if consent is None or consent.appid != appid or self._clock() >= consent.expires_at:
            raise ApiError(40030)
        return self._granted(consent, refresher)

    def check(self, token: str, openid: str) -> Consent:
        """Return what *token* stands for, if it is the one of *openid*.

        Raises:
            ApiError: 41001 none, 40001 unknown, 42001 old, 40003 another user's.
        """
        if not token:
            raise ApiError(41001)
        consent = self._tokens.get(token)
        if consent is None:
            raise ApiError(40001)
        if self._clock() >= consent.expires_at:
            raise ApiError(42001)
        if consent.openid != openid:
            raise ApiError(40003)
        return consent

    def userinfo(self, token: str, openid: str) -> dict[str, object]:
        """Return the user's profile.

        Raises:
            ApiError: as `check`; 48001 when the user has agreed to `snsapi_base` only.
        """
        consent = self.check(token, openid)
        if consent.scope is Scope.BASE:
            raise ApiError(48001)
        # Sex and region are blanked since 2021-10-20.
        profile: dict[str, object] = {
            "openid": consent.openid,
            "nickname": consent.user.name,
            "sex": 0,
            "language": "",
            "city": "",
            "province": "",
            "country": "",
            "headimgurl": "",
            "privilege": [],
        }
        return profile | ({"unionid": consent.unionid} if consent.unionid else {})

    def _granted(self, consent: Consent, refresher: str) -> dict[str, object]:
        now = self._clock()
        self._tokens = _living(self._tokens, now - TOKEN_SECONDS)
        self._refreshers = _living(self._refreshers, now)
        token = f"{secrets.randbelow(90) + 10}_{secrets.token_urlsafe(64)}"
        self._tokens[token] = replace(consent, expires_at=now + TOKEN_SECONDS)
        self._refreshers.setdefault(refresher, replace(consent, expires_at=now + REFRESH_SECONDS))
        return {
            "access_token": token,
            "expires_in": TOKEN_SECONDS,
            "refresh_token": refresher,
            "openid": consent.openid,
            "scope": str(consent.scope),
        }

    def _check_app(self, appid: str, secret: str) -> None:
        account = self._account
        if not appid:
            raise ApiError(41002)
        if not secret:
            raise ApiError(41004)
        if not self.scopes_of(appid):
            raise ApiError(40013)
        right = account.secret if appid == account.appid else account.open_secret
        if not hmac.compare_digest(secret.encode(), right.encode()):
            raise ApiError(40125)


def _living(kept: dict[str, Consent], now: float) -> dict[str, Consent]:
    """Return the consents that are not over, at most so many of them."""
    living = [(name, consent) for name, consent in kept.items() if consent.expires_at > now]
    return dict(living[-MOST_CODES:])


def _letters(of: str, count: int) -> str:
    """Return letters that are always the same: bindings outlive a restart of the stand-in."""
    return base64.urlsafe_b64encode(hashlib.sha256(of.encode()).digest()).decode()[:count]

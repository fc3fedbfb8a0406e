"""A code of WeChat's page, exchanged: who came, and what becomes of them.

Signed in, or a visitor who has no account yet: that one becomes an attempt which
waits for its binding, so that the sign-in page and `Entrance` do the rest.
"""

import logging
from collections.abc import Callable
from uuid import uuid4

from msgspec import Struct

from accounts import AccountsUnavailable, Identity
from login.books import Books
from login.errors import (
    NotOffered,
    ServiceUnavailable,
    SnapshotRefused,
    WebLoginGone,
    WebLoginUnavailable,
)
from login.flow import State
from login.rules import Rules
from login.unionids import Unionids
from login.ways import Way
from store import derive, digest, new_secret
from wechat import App, CodeInvalid, OAuth, WeChatError

log = logging.getLogger(__name__)


class Outcome(Struct, frozen=True, omit_defaults=True):
    """What became of a code: an error, an account, or an attempt that awaits binding."""

    error: str = ""
    account: int = 0
    attempt: str = ""
    nonce: str = ""


class Exchange:
    """Exchanges codes. *unionids* is None where unionids would join nothing."""

    def __init__(
        self,
        oauth: OAuth,
        apps: dict[Way, App],
        books: Books,
        rules: Rules,
        unionids: Unionids | None,
        *,
        clock: Callable[[], float],
        session_created: Callable[[], None],
    ) -> None:
        self._oauth = oauth
        self._apps = apps
        self._attempts = books.attempts
        self._directory = books.directory
        self._sessions = books.sessions
        self._browsers = books.browsers
        self._rules = rules
        self._unionids = unionids
        self._clock = clock
        self._session_created = session_created

    async def outcome(self, way: str, code: str, cookie: str) -> Outcome:
        """Return what becomes of who came back with *code*; *cookie* is their browser's secret.

        Raises:
            StoreUnavailable: when the store did not answer.
        """
        app = next((app for known, app in self._apps.items() if known == way), None)
        if app is None:  # the way was closed while the visitor was away
            return Outcome(error=NotOffered.code)
        try:
            user = await self._oauth.exchange(app, code)
            if user.is_snapshot:
                return Outcome(error=SnapshotRefused.code)
            identity = Identity(appid=app.appid, openid=user.openid, unionid=user.unionid)
            return await self._let_in(way, identity, cookie)
        except CodeInvalid as error:
            log.info("web login refused %s", error)
            return Outcome(error=WebLoginGone.code)
        except WeChatError as error:
            log.warning("web login failed way=%s error=%s %s", way, type(error).__name__, error)
            return Outcome(error=WebLoginUnavailable.code)
        except AccountsUnavailable as error:
            log.warning("unavailable error=%s %s", type(error).__name__, error)
            return Outcome(error=ServiceUnavailable.code)

    async def _let_in(self, way: str, identity: Identity, cookie: str) -> Outcome:
        at = int(self._clock())  # what is said before that is no farewell to what follows
        account = await self._directory.recognise(identity)
        if account is None and way == Way.INSIDE and self._unionids:
            # Perhaps the website app knows them; the silent page does not tell the unionid.
            identity = await self._unionids.complete(identity)
            account = await self._directory.recognise(identity)
        if account is None and self._rules.auto_register:
            account = await self._directory.register(identity, at)
        nonce = new_secret()
        secret = derive(cookie, nonce)
        if account is None:
            return await self._ask_to_bind(identity, cookie, secret, nonce, at)
        await self._browsers.learn(account.id, digest(cookie), self._rules.known_browser_seconds)
        # Who unfollows the service account ends what it let in.
        await self._sessions.begin(account.id, token=secret, scanned=way == Way.INSIDE)
        if way == Way.INSIDE and await self._attempts.withdrawn(identity.openid, str(at)):
            await self._sessions.end(secret)  # the farewell may have missed both
            await self._directory.forget(identity.openid, at)
            return Outcome(error=WebLoginGone.code)
        self._session_created()
        log.info("signed in by=web account=%d", account.id)
        return Outcome(account=account.id, nonce=nonce)

    async def _ask_to_bind(
        self, identity: Identity, cookie: str, secret: str, nonce: str, at: int
    ) -> Outcome:
        uuid = uuid4().hex
        await self._attempts.begin(
            uuid,
            {
                "state": State.BIND_REQUIRED,
                "browser": digest(cookie),
                "resume": digest(secret),
                "openid": identity.openid,
                "appid": identity.appid,
                "unionid": identity.unionid,
                "scanned_at": str(at),
            },
            keep_seconds=self._rules.bind_seconds + self._rules.resume_seconds,
        )
        log.info("web login outcome=bind_required attempt=%s", uuid)
        return Outcome(attempt=uuid, nonce=nonce)

"""A code of WeChat's page, exchanged: who came, and what becomes of them.

Signed in, or a visitor who has no account yet: that one becomes an attempt which
waits for its binding, so that the sign-in page and `Entrance` do the rest.
"""

import logging
from collections.abc import Callable
from uuid import uuid4

from msgspec import Struct

from accounts import AccountsUnavailable, By, Identity
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
from login.traces import entered
from login.unionids import Unionids
from login.visit import Visit
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


class Comer(Struct, frozen=True):
    """A browser that came back: its own secret, and what the phone may be told of it."""

    cookie: str
    visit: Visit

    def __repr__(self) -> str:
        return "Comer(***)"


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
        self._errands = books.errands
        self._rules = rules
        self._unionids = unionids
        self._clock = clock
        self._session_created = session_created

    async def outcome(self, way: str, code: str, comer: Comer) -> Outcome:
        """Return what becomes of *comer*, who came back with *code*.

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
            return await self._let_in(way, identity, comer)
        except CodeInvalid as error:
            log.info("web login refused %s", error)
            return Outcome(error=WebLoginGone.code)
        except WeChatError as error:
            log.warning("web login failed way=%s error=%s %s", way, type(error).__name__, error)
            return Outcome(error=WebLoginUnavailable.code)
        except AccountsUnavailable as error:
            log.warning("unavailable error=%s %s", type(error).__name__, error)
            return Outcome(error=ServiceUnavailable.code)

    async def _let_in(self, way: str, identity: Identity, comer: Comer) -> Outcome:
        at = int(self._clock())  # what is said before that is no farewell to what follows
        account = await self._directory.recognise(identity)
        if account is None and way == Way.INSIDE and self._unionids:
            # Perhaps the website app knows them; the silent page does not tell the unionid.
            identity = await self._unionids.complete(identity.openid)
            account = await self._directory.recognise(identity)
        if account is None and self._rules.auto_register:
            account = await self._directory.register(identity, at)
        if account is None:
            return await self._ask_to_bind(way, identity, comer, at)
        return await self._sign_in(way, identity, account.id, comer, at)

    async def _sign_in(
        self, way: str, identity: Identity, account_id: int, comer: Comer, at: int
    ) -> Outcome:
        nonce, browser = new_secret(), digest(comer.cookie)
        secret = derive(comer.cookie, nonce)
        await self._browsers.learn(account_id, browser, self._rules.known_browser_seconds)
        # Who unfollows the service account ends what it let in.
        by = By.INSIDE if way == Way.INSIDE else By.WEB
        session = await self._sessions.begin(
            account_id, token=secret, by=by, device=comer.visit.device, place=comer.visit.place
        )
        if way == Way.INSIDE and await self._attempts.withdrawn(identity.openid, str(at)):
            await self._sessions.end(secret)  # the farewell may have missed both
            await self._directory.forget(identity.openid, at)
            return Outcome(error=WebLoginGone.code)
        ended = {"account": str(account_id), "redeemer": digest(secret)}
        known = identity.openid if way == Way.INSIDE else None
        follower = known or await self._directory.openid_of(account_id)
        if follower:
            seconds = self._rules.undo_seconds
            fields = _fields(State.DONE, identity, comer, at) | ended | {"follower": follower}
            await self._begin(fields, seconds, follower, seconds)
        await self._sessions.keep(session)
        self._session_created()
        self._errands.run(self._directory.note_use(identity))
        log.info("signed in by=web account=%d", account_id)
        return Outcome(account=account_id, nonce=nonce)

    async def _ask_to_bind(self, way: str, identity: Identity, comer: Comer, at: int) -> Outcome:
        nonce = new_secret()
        fields = _fields(State.BIND_REQUIRED, identity, comer, at)
        fields["resume"] = digest(derive(comer.cookie, nonce))
        keep = self._rules.bind_seconds + self._rules.resume_seconds
        follower = identity.openid if way == Way.INSIDE else ""
        uuid = await self._begin(fields, keep, follower, max(keep, self._rules.undo_seconds))
        log.info("web login outcome=bind_required attempt=%s", uuid)
        return Outcome(attempt=uuid, nonce=nonce)

    async def _begin(self, fields: dict[str, str], keep: float, follower: str, known: float) -> str:
        """Write an attempt down that shows no code; *follower* may take it back on the phone."""
        uuid, latest = uuid4().hex, entered(follower) if follower else ""
        await self._attempts.begin(
            uuid, fields, keep_seconds=keep, latest=latest, latest_seconds=known
        )
        return uuid


def _fields(state: State, identity: Identity, comer: Comer, at: int) -> dict[str, str]:
    """Return what the record of an attempt has that began on WeChat's page."""
    return {
        "state": state,
        "browser": digest(comer.cookie),
        "device": comer.visit.device,
        "place": comer.visit.place,
        "openid": identity.openid,
        "appid": identity.appid,
        "unionid": identity.unionid,
        "scanned_at": str(at),
    }

"""The ways in: a login code, a password, a bind token. Each ends in a new session."""

import logging
from collections.abc import Callable
from contextlib import suppress

from msgspec.structs import replace

from accounts import OF_WECHAT, Account, AccountsUnavailable, By, Session
from login.asked import BindAsked, SignedIn
from login.books import Books, identity_of
from login.credentials import Credentials
from login.errors import (
    BindTokenGone,
    CodeGone,
    LoginError,
    OpenidTakenError,
    PasswordNeeded,
    SignedOut,
    WeChatOwnError,
)
from login.flow import Event, State, steps
from login.outages import outages
from login.rules import Rules
from login.second_thoughts import forget_outcome
from login.signal import signal
from login.traces import entered
from login.visit import NOWHERE, Visit
from scene_pool import Advance, Record
from store import StoreUnavailable, digest

log = logging.getLogger(__name__)

# How long a finished attempt is remembered at least: long enough to answer repeats
# of the push, which come within 15 s, and a page that comes back.
DONE_SECONDS = 60.0

CLAIM, BIND = (Event.CLAIMED,), (Event.BOUND, Event.CLAIMED)


class Entrance:
    """Lets people in. Every method raises `LoginError`s only."""

    def __init__(
        self,
        books: Books,
        credentials: Credentials,
        rules: Rules,
        *,
        session_created: Callable[[], None],
        bind_ended: Callable[[str], None],
    ) -> None:
        self._books = books
        self._attempts = books.attempts
        self._directory = books.directory
        self._sessions = books.sessions
        self._credentials = credentials
        self._rules = rules
        self._session_created = session_created
        self._bind_ended = bind_ended

    async def by_code(self, code: str, browser: str, visit: Visit = NOWHERE) -> SignedIn:
        """Trade the login code of a scan; *browser* is the digest of the browser's cookie.

        A code that was told again, because the first session never reached its page,
        ends that one.

        Raises:
            CodeGone: when it was used, is too old, or belongs to another browser;
                or who scanned was unbound since then.
        """
        with outages():
            uuid, record = await self._attempt_of(code, browser, CLAIM)
            if record is None:
                raise CodeGone
            session = await self._begin(int(record.account), record.browser, visit, By.SCAN)
            account = await self._still_bound(session, record)
            await self._refuse_withdrawn(session, record, CodeGone)
            signed_in = SignedIn(session, account)
            await self._redeem(uuid, record, signed_in, CLAIM, CodeGone)
        self._books.errands.run(self._directory.note_use(record.openid))
        log.info("signed in by=scan account=%d attempt=%s", account.id, uuid)
        return signed_in

    async def by_password(
        self, username: str, password: str, address: str, browser: str, visit: Visit = NOWHERE
    ) -> SignedIn:
        """Sign in with a password, from *address*; *browser* as in `by_code`.

        Raises:
            BadCredentials, RateLimited
        """
        with outages():
            account = await self._credentials.check(username, password, address, browser)
            session = await self._begin(account.id, browser, visit, By.PASSWORD)
            await self._sessions.keep(session)
        self._session_created()
        log.info("signed in by=password account=%d", account.id)
        return SignedIn(session, account)

    async def by_binding(self, asked: BindAsked) -> SignedIn:
        """Bind the WeChat user who scanned to an account, and sign in to it.

        Raises:
            BindTokenGone, BadCredentials, RateLimited, OpenidTakenError, AccountTakenError
            WeChatLimitError, WeChatOwnError, PasswordNeeded
        """
        try:
            with outages():
                signed_in = await self._bind(asked)
        except LoginError as error:
            self._bind_ended(error.code)
            raise
        self._bind_ended("success")
        return signed_in

    async def account_of(self, session_token: str) -> SignedIn | None:
        """Return whose session this token is, if it is one."""
        with outages():
            session = await self._sessions.find(session_token)
            account = await self._directory.by_id(session.account_id) if session else None
            if session and account is None:  # it was deleted, and its sessions go with it
                await self._sessions.end_all(session.account_id)
                await self._sessions.end(session.token)
            return SignedIn(session, account) if session and account else None

    async def sign_out(self, session_token: str) -> None:
        """End the session with that token."""
        with outages():
            account_id = await self._sessions.end(session_token)
        if account_id is not None:
            log.info("signed out account=%d", account_id)

    async def _bind(self, asked: BindAsked) -> SignedIn:
        uuid, record = await self._attempt_of(asked.bind_token, asked.browser, BIND)
        if record is None:
            raise await self._why_not(asked)
        account = await self._account_to_bind(asked, uuid)
        scanned_at = int(record.scanned_at or 0)
        with outages(account):
            identity, since = identity_of(record), scanned_at or None
            if asked.replace:
                await self._directory.rebind(identity, account.id, since, wechat=asked.wechat)
                await self._sessions.end_all(account.id, by=OF_WECHAT)
            else:
                await self._directory.bind(identity, account.id, since)
        session = await self._begin(account.id, record.browser, asked.visit, By.SCAN)
        if not await self._directory.holds(identity, account.id):  # who took it off looked before
            await self._sessions.end(session.token)
            raise BindTokenGone
        try:
            await self._refuse_withdrawn(session, record, BindTokenGone)
        except BindTokenGone:
            await self._directory.forget(identity, scanned_at)
            raise
        signed_in = SignedIn(session, account)
        await self._redeem(uuid, record, signed_in, BIND, BindTokenGone)
        log.info("bound account=%d replace=%s attempt=%s", account.id, asked.replace, uuid)
        return signed_in

    async def _account_to_bind(self, asked: BindAsked, uuid: str) -> Account:
        username = asked.username
        if not username:
            account = await self._account_behind(asked.session)
            if not asked.replace:
                return account
            with outages(account):
                if account.password_hash is None:
                    raise PasswordNeeded
            username = account.username
        return await self._credentials.check_to_bind(
            username, asked.password, asked.address, uuid, asked.browser
        )

    async def _why_not(self, asked: BindAsked) -> LoginError:
        """Return why a proof binds nobody: it may be of a WeChat user who has an account."""
        account = await self._account_behind(asked.session) if asked.session else None
        _, record = await self._attempt_of(asked.bind_token, asked.browser, CLAIM)
        if account is None or record is None:
            return BindTokenGone()
        error = (WeChatOwnError if record.account == str(account.id) else OpenidTakenError)()
        error.account = account
        return error

    async def _account_behind(self, session: Session | None) -> Account:
        account = await self._directory.by_id(session.account_id) if session else None
        if account is None:
            raise SignedOut
        return account

    async def _attempt_of(
        self, grant: str, browser: str, events: tuple[Event, ...]
    ) -> tuple[str, Record | None]:
        """Return the attempt that *grant* is a proof for, in this browser, ready for *events*."""
        uuid, first = await self._attempts.granted(digest(grant)) or ("", "")
        record = await self._attempts.read(uuid) if uuid else None
        leave, _ = steps(*events)
        if record is None or record.browser != browser or record.state not in leave:
            return "", None
        if await self._attempts.withdrawn(record.openid, record.scanned_at):
            return "", None
        return uuid, record if record.grant == first else None

    async def _refuse_withdrawn(
        self, session: Session, record: Record, gone: type[LoginError]
    ) -> None:
        """End the *session* of a scan when the one who scanned has said farewell.

        Looked at when there is a session: a farewell that is said later finds and ends it.
        """
        if await self._attempts.withdrawn(record.openid, record.scanned_at):
            await self._sessions.end(session.token)
            raise gone

    async def _still_bound(self, session: Session, record: Record) -> Account:
        """Return the account whose *session* this is, unless who scanned has left it since then.

        Looked at when there is a session: who unbinds later finds and ends it.
        """
        try:
            account = await self._directory.by_openid(record.openid)
        except AccountsUnavailable:
            await self._sessions.end(session.token)
            raise
        if account and account.id == session.account_id:
            return account
        await self._sessions.end(session.token)
        raise CodeGone

    async def _begin(self, account_id: int, browser: str, visit: Visit, by: By) -> Session:
        """Return a new session, in a browser that is known to the account from now on.

        Known before the session counts: whoever takes that back finds it, and forgets it.
        """
        await self._books.browsers.learn(account_id, browser, self._rules.known_browser_seconds)
        return await self._sessions.begin(account_id, by=by, device=visit.device, place=visit.place)

    async def _follower(self, record: Record, account_id: int) -> str:
        """Return the openid of who may take it back on the phone, "" when there is nobody.

        The user of another app writes from the service account that the same account is bound to.
        """
        if not record.appid:
            return record.openid
        return await self._directory.openid_of(account_id)

    async def _redeem(
        self,
        uuid: str,
        record: Record,
        signed_in: SignedIn,
        events: tuple[Event, ...],
        gone: type[LoginError],
    ) -> None:
        """Use the proof up. The session is made before, so that no crash strands the visitor."""
        leave, reach = steps(*events)
        redeemer, account_id = digest(signed_in.session.token), signed_in.account.id
        follower = await self._follower(record, account_id)
        write = {
            "grant": "",
            "redeemer": redeemer,
            "account": str(account_id),
            "follower": follower,
        }
        if Event.BOUND in events:
            write["bound"] = "1"
        refused = await self._attempts.advance(
            Advance(
                uuid=uuid,
                leave=leave,
                reach=reach,
                signal=signal(uuid, reach),
                keep_seconds=max(DONE_SECONDS, self._rules.undo_seconds),
                guards={"grant": record.grant, "browser": record.browser},
                write=write,
                grant=record.grant,
                former=self._sessions.key_of(record.redeemer) if record.redeemer else "",
                latest=entered(follower) if follower else "",
                latest_seconds=self._rules.undo_seconds,
            )
        )
        # A step that was taken twice, because its answer was lost, is ours all the same.
        if refused and refused.redeemer != redeemer:
            await self._sessions.end(signed_in.session.token)
            if refused.state == State.DENIED:
                # Taken back on the phone meanwhile: what we did for it goes back too.
                told = replace(record, **write)
                await forget_outcome(self._books, told)
            raise gone
        with suppress(StoreUnavailable):  # it counts in a minute; the proof is used up now
            await self._sessions.keep(signed_in.session)
        self._session_created()

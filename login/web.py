"""Web login: WeChat's own page tells who came, without a code on ours. It ends as a scan does.

A repeated request must get what the first one got, and the store must hold
nothing that can be used as a cookie. So session token and resume token are made
of the browser's own cookie and of a random text that the store keeps for a
moment: whoever has only one of the two has nothing.
"""

import asyncio
import logging

import msgspec
from msgspec import Struct

from accounts import AccountsUnavailable
from login.asked import SignedIn
from login.books import Books
from login.errors import (
    LoginError,
    NotOffered,
    OnlyInWeChat,
    RateLimited,
    ServiceUnavailable,
    SnapshotRefused,
    WebLoginGone,
    WebLoginUnavailable,
)
from login.exchange import Comer, Exchange, Outcome
from login.trips import Taken, Trips
from login.visit import NOWHERE, Visit
from login.ways import Way, is_phone, way_for
from store import Limit, StoreUnavailable, Throttle, derive, digest, network_of, new_secret
from wechat import App, OAuth

log = logging.getLogger(__name__)

CALLBACK_PATH = "/login/wechat/callback"
# Each start is a record in the store; many phones may share one address.
STARTS = 300
STARTS_SECONDS = 60.0
# A repeated request waits so long for the first one's answer, asking so often.
WAIT_SECONDS = 8.0
POLL_SECONDS = 0.1


class Arrived(Struct, frozen=True, kw_only=True):
    """Who came back. Without a session, *resume* continues an attempt that awaits binding.

    *first*: this request exchanged the code, and does not repeat another.
    """

    next: str
    signed_in: SignedIn | None = None
    resume: str = ""
    first: bool = False


ERRORS: dict[str, type[LoginError]] = {
    error.code: error
    for error in (
        NotOffered,
        WebLoginGone,
        SnapshotRefused,
        WebLoginUnavailable,
        ServiceUnavailable,
    )
}


GONE = Outcome(error=WebLoginGone.code)


class WebLogin:
    """Lets people in by WeChat's pages. Every method raises `LoginError`s only."""

    def __init__(
        self,
        trips: Trips,
        oauth: OAuth,
        apps: dict[Way, App],
        exchange: Exchange,
        books: Books,
        throttle: Throttle,
        *,
        public_url: str,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._trips = trips
        self._oauth = oauth
        self._apps = apps
        self._exchange = exchange
        self._directory = books.directory
        self._sessions = books.sessions
        self._throttle = throttle
        self._callback = public_url + CALLBACK_PATH
        self._wait_seconds = wait_seconds

    def way_of(self, user_agent: str) -> Way:
        """Return the way that is open to a browser, by what it calls itself."""
        way = way_for(user_agent)
        return way if way in self._apps else Way.NONE

    def helps_in_wechat(self, user_agent: str) -> bool:
        """Tell whether this browser's visitor had better open the page in WeChat."""
        return Way.INSIDE in self._apps and is_phone(user_agent) and not self.way_of(user_agent)

    async def start(self, user_agent: str, *, browser: str, address: str, onward: str) -> str:
        """Return the address at WeChat for *browser* (the digest of its cookie).

        *onward* is the path of this site where the visitor wants to go then.

        Raises:
            NotOffered, OnlyInWeChat, RateLimited
        """
        way = self.way_of(user_agent)
        if not way:
            raise _failure(OnlyInWeChat if Way.INSIDE in self._apps else NotOffered, onward)
        try:
            limit = Limit(f"web {network_of(address)}", STARTS, STARTS_SECONDS)
            _, wait = await self._throttle.count([limit])
            if wait:
                raise RateLimited(wait)
            state = await self._trips.begin(browser=browser, app=way, onward=onward)
        except StoreUnavailable as error:
            raise _unavailable(error) from None
        return self._oauth.address(self._apps[way], self._callback, state)

    async def refused(self, state: str, *, cookie: str) -> str:
        """Note that the visitor refused at WeChat; return where they wanted to go."""
        try:
            taken = await self._trips.take(
                state, browser=digest(cookie), code="", taker=new_secret()
            )
        except StoreUnavailable as error:
            raise _unavailable(error) from None
        return taken.next if taken else ""

    async def arrive(
        self, state: str, code: str, *, cookie: str, visit: Visit = NOWHERE
    ) -> Arrived:
        """Let in who came back with *code*; *cookie* is the browser's own secret.

        *visit* is what the phone is told of the browser, should its owner take it back.

        Asked again, also at the same time and on another process, it answers the same.

        Raises:
            WebLoginGone: the trip is over, another browser's, or none.
            SnapshotRefused, WebLoginUnavailable, ServiceUnavailable
        """
        try:
            taken = await self._trips.take(
                state, browser=digest(cookie), code=code, taker=new_secret()
            )
            if taken is None:
                raise WebLoginGone
            if taken.mine:
                outcome = await self._settle(taken, state, code, Comer(cookie, visit))
            else:
                outcome = await self._await_settled(taken, state, code, cookie)
            return await self._arrived(outcome, taken, cookie)
        except (StoreUnavailable, AccountsUnavailable) as error:
            raise _unavailable(error) from None

    # ---- the request that exchanges the code

    async def _settle(self, taken: Taken, state: str, code: str, comer: Comer) -> Outcome:
        outcome = await self._exchange.outcome(taken.app, code, comer)
        text = msgspec.json.encode(outcome).decode()
        await self._trips.settle(state, taken.taker, text)
        return outcome

    # ---- the requests that repeat it

    async def _await_settled(self, taken: Taken, state: str, code: str, cookie: str) -> Outcome:
        found: Taken | None = taken
        try:
            async with asyncio.timeout(self._wait_seconds):
                while found and not found.outcome:
                    await asyncio.sleep(POLL_SECONDS)
                    found = await self._trips.take(
                        state, browser=digest(cookie), code=code, taker=taken.taker
                    )
        except TimeoutError:
            found = None
        # The request that took the code may have died with its process.
        return msgspec.json.decode(found.outcome, type=Outcome) if found else GONE

    async def _arrived(self, outcome: Outcome, taken: Taken, cookie: str) -> Arrived:
        onward = taken.next
        if outcome.error:
            raise _failure(ERRORS.get(outcome.error, WebLoginGone), onward)
        secret = derive(cookie, outcome.nonce)
        if outcome.attempt:
            return Arrived(next=onward, resume=f"{outcome.attempt}.{secret}")
        # Who has signed out since then is not signed in by coming back to the address.
        session = await self._sessions.find(secret)
        account = await self._directory.by_id(outcome.account) if session else None
        if session is None or account is None:
            raise _failure(WebLoginGone, onward)
        return Arrived(next=onward, signed_in=SignedIn(session, account), first=taken.mine)


def _failure(kind: type[LoginError], onward: str) -> LoginError:
    failure = kind()
    failure.next = onward
    return failure


def _unavailable(error: Exception) -> ServiceUnavailable:
    log.warning("unavailable error=%s %s", type(error).__name__, error)
    return ServiceUnavailable()

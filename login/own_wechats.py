"""A visitor's own WeChats: which are bound to the account, and taking them off."""

import logging
from collections.abc import Sequence

from accounts import OF_WECHAT, Account, By, Session, WeChat
from login.asked import SignedIn
from login.books import Books
from login.credentials import Credentials
from login.errors import LastWayInError, PasswordNeeded, SignedOut
from login.outages import outages
from login.visit import NOWHERE, Visit

log = logging.getLogger(__name__)


class OwnWeChats:
    """The WeChat users of whoever asks. Every method raises `LoginError`s only."""

    def __init__(self, books: Books, credentials: Credentials) -> None:
        self._directory = books.directory
        self._sessions = books.sessions
        self._credentials = credentials

    async def all(self, account: Account) -> list[WeChat]:
        """Return them, the one that was bound first at the head."""
        with outages():
            return await self._directory.wechats(account.id)

    def may_add(self, wechats: Sequence[WeChat]) -> bool:
        """Tell whether an account with these may have another."""
        return len(wechats) < self._directory.limit

    async def unbind(
        self,
        session: Session,
        password: str,
        address: str,
        browser: str = "",
        visit: Visit = NOWHERE,
        *,
        wechat: int | None = None,
    ) -> SignedIn:
        """Forget the WeChat user *wechat*, or all, and end the sessions that came from WeChat.

        Also *session* ends: who knows the password goes on in a new one, which rests upon that.

        Raises:
            BadCredentials, RateLimited, LastWayInError, PasswordNeeded
        """
        with outages():
            account = await self._directory.by_id(session.account_id)
            if account is None:
                raise SignedOut
        with outages(account):
            if account.password_hash is None:
                several = wechat and len(await self._directory.wechats(account.id)) > 1
                raise PasswordNeeded if several else LastWayInError
            await self._credentials.check(account.username, password, address, browser)
            await self._directory.unbind(account.id, wechat)
            await self._sessions.end_all(account.id, by=OF_WECHAT)
            await self._sessions.end(session.token)
            renewed = await self._sessions.begin(
                account.id, by=By.PASSWORD, device=visit.device, place=visit.place
            )
            await self._sessions.keep(renewed)
            account = await self._directory.by_id(account.id) or account
        log.info("unbound account=%d all=%s", account.id, wechat is None)
        return SignedIn(renewed, account)

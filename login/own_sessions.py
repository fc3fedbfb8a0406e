"""A visitor's own sessions: in which browsers the account is signed in, and the way out of them."""

import logging

from accounts import Session, SessionEntry
from login.books import Books
from login.errors import SessionUnknown
from login.outages import outages

log = logging.getLogger(__name__)


class OwnSessions:
    """The sessions of whoever asks, and nobody else's. Every method raises `LoginError`s only."""

    def __init__(self, books: Books) -> None:
        self._sessions = books.sessions

    async def all(self, asking: Session) -> list[SessionEntry]:
        """Return them, the one that was used last first."""
        with outages():
            return await self._sessions.all_of(asking.account_id)

    async def end(self, asking: Session, session_id: str) -> None:
        """End the one with that id, which may be the one that asks.

        Raises:
            SessionUnknown: when there is none (any more).
        """
        with outages():
            ended = await self._sessions.end_one(asking.account_id, session_id)
        if not ended:
            raise SessionUnknown
        log.info("session ended by its owner account=%d", asking.account_id)

    async def end_others(self, asking: Session) -> None:
        """End all but the one that asks."""
        with outages():
            await self._sessions.end_all(asking.account_id, spare=asking)
        log.info("other sessions ended by their owner account=%d", asking.account_id)

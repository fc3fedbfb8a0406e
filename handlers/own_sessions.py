"""`/sessions`: in which browsers the visitor is signed in, and the way out of them."""

from http import HTTPStatus
from typing import Any

from accounts import By, Session, SessionEntry
from handlers.base import BaseHandler
from login import Deed, SignedIn
from login.errors import SignedOut


class OwnHandler(BaseHandler):
    """About the sessions of whoever asks."""

    async def asking(self) -> SignedIn:
        """Return who asks.

        Raises:
            SignedOut: when there is none.
        """
        signed_in = await self.signed_in()
        if signed_in is None:
            raise SignedOut
        return signed_in


class OwnSessionsHandler(OwnHandler):
    """`/sessions`: all of them."""

    async def get(self) -> None:
        """List them, the one that was used last first."""
        asking = (await self.asking()).session
        entries = await self.context.own_sessions.all(asking)
        self.write_json({"sessions": [_shown(entry, asking) for entry in entries]})

    async def delete(self) -> None:
        """End all others."""
        signed_in = await self.asking()
        await self.context.own_sessions.end_others(signed_in.session)
        self.note(Deed.END_SESSIONS, signed_in)
        self.set_status(HTTPStatus.NO_CONTENT)


class OwnSessionHandler(OwnHandler):
    """`/sessions/<id>`: one of them."""

    async def delete(self, session_id: str) -> None:
        """End it; it may be the one that asks."""
        signed_in = await self.asking()
        await self.context.own_sessions.end(signed_in.session, session_id)
        if session_id == signed_in.session.id:
            self.end_session()
            self.note(Deed.SIGN_OUT, signed_in)
        else:
            self.note(Deed.END_SESSIONS, signed_in)
        self.set_status(HTTPStatus.NO_CONTENT)


def _shown(entry: SessionEntry, asking: Session) -> dict[str, Any]:
    """Return what the owner sees of a session; times are whole seconds ago."""
    return {
        "id": entry.id,
        "browser": entry.device,
        "place": entry.place,
        "by": By.WEB if entry.by is By.INSIDE else entry.by,
        "first_used": int(entry.first_used),
        "last_used": int(entry.last_used),
        "current": entry.id == asking.id,
    }

"""Signed-in browsers, in Redis.

The browser keeps the token in an HttpOnly cookie; the store knows its digest,
so nothing in a dump of the store can be used as a cookie.
"""

from pathlib import Path

from msgspec import Struct

from store import Script, Store, digest, new_secret
from store.connection import store_errors

HERE = Path(__file__).parent


class Session(Struct, frozen=True):
    """One signed-in browser. *token* is the secret in its cookie."""

    token: str
    account_id: int

    def __repr__(self) -> str:
        return f"Session(account_id={self.account_id})"


class Sessions:
    """All sessions; *idle_seconds* and *absolute_seconds* limit the life of new ones."""

    def __init__(self, store: Store, *, idle_seconds: float, absolute_seconds: float) -> None:
        self.absolute_seconds = absolute_seconds
        self._idle_ms = round(idle_seconds * 1000)
        self._life_ms = round(absolute_seconds * 1000)
        self._store = store
        self._begin = Script(store, HERE / "session_begin.lua")
        self._touch = Script(store, HERE / "session_touch.lua")

    async def begin(self, account_id: int, *, token: str = "", scanned: bool = False) -> Session:
        """Return a new session of the account, with a new *token* when none is given.

        *scanned*: it rests upon a scan.

        Raises:
            StoreUnavailable: as every method here, when the store did not answer.
        """
        session = Session(token or new_secret(), account_id)
        name = digest(session.token)
        await self._begin(
            [self._store.key("session", name), self._scanned(account_id)],
            [account_id, self._idle_ms, self._life_ms, name if scanned else ""],
        )
        return session

    async def find(self, token: str) -> Session | None:
        """Return the living session with that token and count it as used now."""
        account_id = await self._touch([self._key(token)], [self._idle_ms])
        return Session(token, int(account_id)) if account_id else None

    async def end(self, token: str) -> int | None:
        """End the session with that token; return whose it was, if there was one."""
        with store_errors():
            async with self._store.redis.pipeline(transaction=True) as pipe:
                pipe.hget(self._key(token), "account")
                pipe.delete(self._key(token))
                account_id, _ = await pipe.execute()
        return int(account_id) if account_id else None

    async def end_scanned(self, account_id: int) -> None:
        """End every session of the account that rests upon a scan. Those of passwords stay."""
        index = self._scanned(account_id)
        with store_errors():
            names = [str(name) for name in await self._store.redis.zrange(index, 0, -1)]
            async with self._store.redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.delete(self._store.key("session", name))
                    pipe.zrem(index, name)
                await pipe.execute()

    async def end_by_digest(self, token_digest: str) -> bool:
        """End the session whose token has that digest: for one who must not know the token.

        Returns whether there was one.
        """
        with store_errors():
            return bool(await self._store.redis.delete(self._store.key("session", token_digest)))

    def _scanned(self, account_id: int) -> str:
        return self._store.key("scanned", str(account_id))

    def _key(self, token: str) -> str:
        return self._store.key("session", digest(token))

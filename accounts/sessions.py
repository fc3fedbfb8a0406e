"""Signed-in browsers, in Redis.

The browser keeps the token in an HttpOnly cookie; the store knows its digest,
so nothing in a dump of the store can be used as a cookie. Each account has an
index of its sessions. One that ended by itself may stay there for a while: what
lives is what has a hash of its own.
"""

import asyncio
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from store import Script, Store, digest, new_secret

HERE = Path(__file__).parent
# Of a digest of 64: enough to name one of an account's sessions, and no way to its token.
ID_LETTERS = 16
# A use is noted when the noted one is that old. Idle time is counted from every use.
NOTE_SECONDS = 60
# What a sign-in may take: a session that was not kept by then counts all the same.
KEEP_SECONDS = 60


class By(StrEnum):
    """How a session began."""

    PASSWORD = "password"  # noqa: S105, opens nothing
    SCAN = "scan"
    WEB = "web"
    """On WeChat's page for a website."""
    INSIDE = "inside"
    """On the service account's page inside WeChat."""


OF_FOLLOWERS = frozenset({By.SCAN, By.INSIDE})
"""These rest upon a WeChat user of the service account, who may unfollow it."""
OF_WECHAT = OF_FOLLOWERS | {By.WEB}
"""These came from a binding, of whichever appid."""
ANY = frozenset(By)


class Session(Struct, frozen=True):
    """One signed-in browser. *token* is the secret in its cookie."""

    token: str
    account_id: int

    @property
    def id(self) -> str:
        """What others may call it: neither the token nor a way to it."""
        return digest(self.token)[:ID_LETTERS]

    def __repr__(self) -> str:
        return f"Session(account_id={self.account_id})"


class SessionEntry(Struct, frozen=True, kw_only=True):
    """A session as a list shows it."""

    id: str
    by: By
    device: str
    place: str
    first_used: float
    """When it began, in seconds ago."""
    last_used: float
    """When it was used last, in seconds ago; up to `NOTE_SECONDS` less than that."""


class Sessions:
    """All sessions; *idle_seconds* and *absolute_seconds* limit the life of new ones.

    An account may have *per_account* of them, 0 being any number; see `keep`.
    """

    def __init__(
        self,
        store: Store,
        *,
        idle_seconds: float,
        absolute_seconds: float,
        per_account: int = 0,
    ) -> None:
        self.absolute_seconds = absolute_seconds
        self._idle_ms = round(idle_seconds * 1000)
        self._life_ms = round(absolute_seconds * 1000)
        self._per_account = per_account
        self._store = store
        self._begin = Script(store, HERE / "session_begin.lua")
        self._keep = Script(store, HERE / "session_keep.lua")
        self._touch = Script(store, HERE / "session_touch.lua")
        self._read = Script(store, HERE / "session_read.lua")
        self._end = Script(store, HERE / "session_end.lua")

    async def begin(
        self,
        account_id: int,
        *,
        token: str = "",
        by: By = By.PASSWORD,
        device: str = "",
        place: str = "",
    ) -> Session:
        """Return a new session of the account, with a new *token* when none is given.

        *device* and *place* are words for the account's owner. What comes of it is
        `keep` or `end`.

        Raises:
            StoreUnavailable: as every method here, when the store did not answer.
        """
        session = Session(token or new_secret(), account_id)
        name = digest(session.token)
        await self._begin(
            [self._index(account_id), *self._keys([name])],
            [name, self._idle_ms, self._life_ms, account_id, by, device, place],
        )
        return session

    async def keep(self, session: Session) -> None:
        """Let a session count that has begun: the way in to it is used up, and nobody else's.

        When that makes too many, those that were not used the longest end.
        """
        if not self._per_account:
            return
        own = digest(session.token)
        names: list[str] = []
        while True:
            told = await self._keep(
                [self._index(session.account_id), *self._keys([own, *names])],
                [self._per_account, KEEP_SECONDS * 1000, *names],
            )
            if not told:
                return
            names = [name for name in told if name != own]

    async def find(self, token: str) -> Session | None:
        """Return the living session with that token and count it as used now."""
        account_id = await self._touch(
            self._keys([digest(token)]), [self._idle_ms, NOTE_SECONDS * 1000]
        )
        return Session(token, int(account_id)) if account_id else None

    async def is_unused(self, token_digest: str) -> bool:
        """Tell whether the session whose token has that digest lives, and was never found."""
        return bool(await self._store.ask("HEXISTS", self.key_of(token_digest), "unused"))

    async def all_of(self, account_id: int) -> list[SessionEntry]:
        """Return the account's living sessions, the one that was used last first."""
        names = await self._names(account_id)
        found = await self._read(self._keys(names), []) if names else []
        read = dict(zip(names, found, strict=True))
        dead = [name for name in names if not read[name]]
        if dead:
            await self._store.ask("ZREM", self._index(account_id), *dead)
        entries = [_entry(name, fields) for name, fields in read.items() if fields]
        return sorted(entries, key=lambda entry: entry.last_used)

    async def end(self, token: str) -> int | None:
        """End the session with that token; return whose it was, if there was one."""
        key = self.key_of(digest(token))
        account_id, _ = await asyncio.gather(
            self._store.ask("HGET", key, "account"), self._store.ask("DEL", key)
        )
        return int(account_id) if account_id else None

    async def end_by_digest(self, token_digest: str) -> bool:
        """End the session whose token has that digest: for one who must not know the token.

        Returns whether there was one.
        """
        return bool(await self._store.ask("DEL", self.key_of(token_digest)))

    def key_of(self, token_digest: str) -> str:
        """Return where the session whose token has that digest is kept."""
        return self._store.key("session", token_digest)

    async def end_one(self, account_id: int, session_id: str) -> bool:
        """End the account's session of that id; tell whether there was one."""
        names = await self._names(account_id)
        found = [name for name in names if name[:ID_LETTERS] == session_id]
        return await self._end_named(account_id, found, ANY)

    async def end_all(
        self, account_id: int, *, by: Collection[By] = ANY, spare: Session | None = None
    ) -> None:
        """End the account's sessions that began in one of these ways, except *spare*."""
        spared = digest(spare.token) if spare else ""
        names = [name for name in await self._names(account_id) if name != spared]
        await self._end_named(account_id, names, by)

    async def _end_named(self, account_id: int, names: list[str], by: Collection[By]) -> bool:
        if not names:
            return False
        keys = [self._index(account_id), *self._keys(names)]
        return bool(await self._end(keys, [" ".join(by), *names]))

    async def _names(self, account_id: int) -> list[str]:
        names = await self._store.ask("ZRANGE", self._index(account_id), 0, -1)
        return [str(name) for name in names]

    def _index(self, account_id: int) -> str:
        return self._store.key("sessions", str(account_id))

    def _keys(self, names: Collection[str]) -> list[str]:
        return [self.key_of(name) for name in names]


def _entry(name: str, fields: list[str | int]) -> SessionEntry:
    by, device, place, first_used_ms, last_used_ms = fields
    return SessionEntry(
        id=name[:ID_LETTERS],
        by=By(str(by)),
        device=str(device),
        place=str(place),
        first_used=int(first_used_ms) / 1000,
        last_used=int(last_used_ms) / 1000,
    )

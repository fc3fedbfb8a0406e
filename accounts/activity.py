"""What happened to an account lately, in Redis: short lists that end by themselves.

What somebody was refused has a list of its own: whoever tries passwords by the
hundred must not push out of sight what really happened.
"""

from collections.abc import Iterable
from itertools import chain

from msgspec import Struct

from store import Store
from store.connection import store_errors

# Entries of an account: of what was done, and of what was refused.
MOST = {"done": 20, "refused": 5}
LIFE_SECONDS = 90 * 86_400


class Line(Struct, frozen=True):
    """One entry, as a text, and whose list it belongs on."""

    account_id: int
    text: str
    refused: bool


class Activity:
    """The lists of all accounts. Methods raise `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, lines: Iterable[Line]) -> None:
        """Put *lines* on their accounts' lists, in one round trip; the oldest entries go."""
        with store_errors():
            async with self._store.redis.pipeline(transaction=False) as pipe:
                for line in lines:
                    kind = "refused" if line.refused else "done"
                    key = self._key(line.account_id, kind)
                    pipe.lpush(key, line.text)
                    pipe.ltrim(key, 0, MOST[kind] - 1)
                    pipe.expire(key, LIFE_SECONDS)
                await pipe.execute()

    async def of(self, account_id: int) -> list[str]:
        """Return the account's entries; of each list, the newest first."""
        with store_errors():
            async with self._store.redis.pipeline(transaction=False) as pipe:
                for kind in MOST:
                    pipe.lrange(self._key(account_id, kind), 0, -1)
                return list(map(str, chain.from_iterable(await pipe.execute())))

    def _key(self, account_id: int, kind: str) -> str:
        return self._store.key("activity", str(account_id), kind)

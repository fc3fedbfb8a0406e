"""The browsers in which an account has signed in, in Redis.

A browser is the digest of its own cookie. Only pairs of account and browser are
kept, and each ends by itself: nobody can list where somebody has been.
"""

from store import Store


class KnownBrowsers:
    """Which browser is known to which account. Methods raise `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def knows(self, account_id: int, browser: str) -> bool:
        """Tell whether the account has signed in in that browser not too long ago."""
        return bool(await self._store.ask("EXISTS", self._key(account_id, browser)))

    async def learn(self, account_id: int, browser: str, seconds: float) -> None:
        """Know the browser for *seconds* from now on."""
        life_ms = max(1, round(seconds * 1000))
        await self._store.ask("SET", self._key(account_id, browser), "1", "PX", life_ms)

    async def forget(self, account_id: int, browser: str) -> bool:
        """Have the browser be new to the account again; return whether it was known."""
        return bool(await self._store.ask("DEL", self._key(account_id, browser)))

    def _key(self, account_id: int, browser: str) -> str:
        return self._store.key("browser", str(account_id), browser)

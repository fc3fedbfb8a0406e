"""Trips: a browser's way to WeChat's page and back, with the state that proves it is the same.

The state is a secret of the browser and of WeChat's page; the store knows its
digest. A trip takes one code, and one request exchanges it: browsers repeat a
request whose answer is slow, and a code is good once. What became of it is kept
for a moment, so that the repeated request, on whichever process, hears the same.
"""

from pathlib import Path

from msgspec import Struct

from store import Script, Store, digest, new_secret

HERE = Path(__file__).parent

# A visitor may look at WeChat's page for as long as a code of it lives.
TRIP_SECONDS = 600.0
# How long a code may take to be exchanged, all in all.
TAKEN_SECONDS = 30.0
# How long a repeated request gets the answer of the first.
SETTLED_SECONDS = 60.0


class Taken(Struct, frozen=True, kw_only=True):
    """A trip that is back. *mine*: this request is the one to exchange the code."""

    mine: bool
    taker: str
    app: str
    next: str
    outcome: str
    """What became of the code, in the words of whoever settled it; "" = not yet known."""


class Trips:
    """All trips of one installation. Every method may raise `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._begin = Script(store, HERE / "trip_begin.lua")
        self._take = Script(store, HERE / "trip_take.lua")
        self._settle = Script(store, HERE / "trip_settle.lua")

    async def begin(self, *, browser: str, app: str, onward: str) -> str:
        """Return the state for a new trip of *browser* (a digest)."""
        state = new_secret()
        await self._begin([self._key(state)], [browser, app, onward, _ms(TRIP_SECONDS)])
        return state

    async def take(self, state: str, *, browser: str, code: str, taker: str) -> Taken | None:
        """Return the trip that came back with *code*, or None when it is not (or no more) one.

        Another browser's request changes nothing; *taker* names this request.
        """
        found, *rest = await self._take(
            [self._key(state)], [browser, digest(code) if code else "", taker, _ms(TAKEN_SECONDS)]
        )
        if found == "gone":
            return None
        app, onward, outcome = rest
        return Taken(mine=found == "mine", taker=taker, app=app, next=onward, outcome=outcome)

    async def settle(self, state: str, taker: str, outcome: str) -> None:
        """Note what became of the code that *taker* took."""
        await self._settle([self._key(state)], [taker, outcome, _ms(SETTLED_SECONDS)])

    def _key(self, state: str) -> str:
        return self._store.key("trip", digest(state))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)

"""One access token for all processes and nodes.

It is kept in the store, where one process at a time has the right to fetch the
next. Each process remembers it for a minute, so calls cost no round trip to the
store. Before its end one process fetches the next while all others, and itself,
go on with the old one. When WeChat refuses a token it is fetched anew only if
nobody has done so since: each fetch has a name, its *turn*, and the script
compares the turns.

While the store is away a process fetches a token of its own. That does no harm:
the stable token does not change while it is valid.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from store import Script, Store, StoreUnavailable, new_secret
from wechat.circuit import Circuits
from wechat.errors import NO_ANSWER, WeChatError, WeChatUnavailable
from wechat.transport import Request, Transport, seconds_in

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
# Whatever it says, an answer is good for at least 300 s: WeChat renews its token
# in the last five minutes and lets the former one live through them.
# Source: WeChat, "Get stable access token".
MARGIN = 200.0
LONGEST = 7200.0  # as above: expires_in is at most that
# The next is fetched when WeChat has surely renewed its own.
AHEAD = 90.0
# How long a process believes its copy, and how soon it looks again after a failure.
REMEMBERED, PAUSE = 60.0, 5.0


class AccessToken(Struct, frozen=True):
    """A token, used until *good_until*; from *look_at* on the store may have the next."""

    value: str
    turn: str
    look_at: float
    good_until: float

    def __repr__(self) -> str:
        return "AccessToken(***)"


class AccessTokens:
    """The access token of one account, which *request* asks for.

    *name* tells accounts that share a store apart; *clock* counts seconds. Use
    `close` at the end.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        transport: Transport,
        circuits: Circuits,
        request: Request,
        clock: Callable[[], float],
    ) -> None:
        self._keys = [store.key("wechat", name, kind) for kind in ("token", "fetching")]
        self._transport = transport
        self._circuits = circuits
        self._request = request
        self._clock = clock
        self._take_script = Script(store, HERE / "token_take.lua")
        self._save_script = Script(store, HERE / "token_save.lua")
        self._token: AccessToken | None = None
        self._look_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self._replacing: asyncio.Task[AccessToken] | None = None

    async def close(self) -> None:
        """End what runs in the background."""
        tasks = [task for task in (self._looking, self._replacing) if task]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def get(self) -> AccessToken:
        """Return a token that is good as far as anybody here knows.

        Raises:
            WeChatError: when there is none and none can be had.
        """
        token, now = self._token, self._clock()
        if token is None or now >= token.good_until:
            return await self._replaced(token, refused=None)
        if now >= max(token.look_at, self._look_at) and not self._looking:
            self._look_at = now + PAUSE
            self._looking = asyncio.create_task(self._look())
            self._looking.add_done_callback(self._looked)
        return token

    async def renewed(self, refused: AccessToken) -> AccessToken:
        """Return the token after *refused*; its text may be the same when it was confirmed since.

        Raises:
            WeChatError: when none can be had.
        """
        return await self._replaced(refused, refused=refused)

    async def _replaced(
        self, former: AccessToken | None, *, refused: AccessToken | None
    ) -> AccessToken:
        """Return the token after *former*. All who need it share one fetch, and its failure."""
        if self._token is not None and (former is None or self._token.turn != former.turn):
            return self._token
        if self._replacing is None:
            self._replacing = asyncio.create_task(self._replace(refused))
            self._replacing.add_done_callback(self._was_replaced)
        return await asyncio.shield(self._replacing)

    async def _replace(self, refused: AccessToken | None) -> AccessToken:
        try:
            self._token = await self._from_store(refused)
        except StoreUnavailable as error:
            log.warning("access token of our own: no store error=%s", error)
            self._token = await self._fetch(new_secret(), ask=False)
        return self._token

    def _was_replaced(self, task: asyncio.Task[AccessToken]) -> None:
        self._replacing = None
        if not task.cancelled():
            task.exception()  # seen, even when everybody who waited has gone

    async def _look(self) -> None:
        """Take over what the store has by now, or fetch the next ahead of the end."""
        with suppress(StoreUnavailable, WeChatError):
            turn, former = new_secret(), self._token
            found, is_ours = await self._take("", turn)
            if is_ours:
                found = await self._fetch_and_save(turn)
            if self._token is former:  # else it was refused and replaced meanwhile
                self._token = found or former

    def _looked(self, _: asyncio.Task[None]) -> None:
        self._looking = None

    async def _from_store(self, refused: AccessToken | None) -> AccessToken:
        """Return the shared token, or fetch it, or wait for whoever does.

        A fetcher that dies is followed by another when its right ends.
        """
        turn, waited = new_secret(), False
        refused_turn = refused.turn if refused else ""
        deadline = time.monotonic() + self._transport.patience
        while time.monotonic() < deadline:
            found, is_ours = await self._take(refused_turn, turn)
            if found and (waited or refused is None or found.value != refused.value):
                return found
            if is_ours:
                return await self._fetch_and_save(turn)
            if found:
                # The refused text, under a turn that may be older than the refusal.
                refused_turn = found.turn
            else:
                waited = True
                await asyncio.sleep(random.uniform(0.05, 0.1))  # noqa: S311, jitter
        raise WeChatUnavailable(self._request.endpoint, NO_ANSWER, "another process asks, in vain")

    async def _take(self, refused_turn: str, turn: str) -> tuple[AccessToken | None, bool]:
        """Return the shared token, if there is one, and whether the next is ours to fetch."""
        hold = self._transport.patience + 1
        asked_at = self._clock()
        value, of_turn, left, ahead, is_ours = await self._take_script(
            self._keys, [refused_turn, turn, _ms(hold)]
        )
        found = _token(value, of_turn, asked_at, left / 1000, ahead / 1000) if value else None
        return found, bool(is_ours)

    async def _fetch_and_save(self, turn: str) -> AccessToken:
        """Fetch the token and share it; when that fails the next may try."""
        try:
            token = await self._fetch(turn)
        except BaseException:
            with suppress(StoreUnavailable):
                await self._save_script(self._keys, [turn, "", 0, 0])
            raise
        left = token.good_until - self._clock()
        with suppress(StoreUnavailable):
            saved = await self._save_script(
                self._keys, [turn, token.value, max(1, _ms(left)), _ms(_ahead(left))]
            )
            return replace(token, turn=saved or turn)
        return token

    async def _fetch(self, turn: str, *, ask: bool = True) -> AccessToken:
        endpoint, asked_at = self._request.endpoint, self._clock()
        async with self._circuits.watch(endpoint, ask=ask):
            answer = await self._transport.ask(self._request)
            life = seconds_in(answer, "expires_in")
            if life is None:
                raise WeChatUnavailable(endpoint, NO_ANSWER, "an answer without expires_in")
        life = min(life, LONGEST)
        usable = life - min(MARGIN, life / 2)
        return _token(answer["access_token"], turn, asked_at, usable, _ahead(usable))


def _token(value: str, turn: str, asked_at: float, usable: float, ahead: float) -> AccessToken:
    look_at = asked_at + min(REMEMBERED, max(0.0, usable - ahead))
    return AccessToken(value, turn, look_at, asked_at + usable)


def _ahead(usable: float) -> float:
    return min(AHEAD, usable / 3)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)

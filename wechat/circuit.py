"""Circuits: when a call fails for a reason that stays, it is not made again and again.

Each kind of call has its own. It opens on a fatal error, for all processes;
while it is open calls fail at once with that error, and one of them in a minute,
over all processes and nodes, is let through to see whether somebody has mended
it. A process that makes no more such calls looks as often whether others found
that out. While it is closed nothing is asked of the store: a process learns of an
open circuit by its own first failure, or when it asks for a token.

Trouble is logged when it begins, changes and ends, not at each call.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from msgspec import Struct

from store import Script, Store, StoreUnavailable, new_secret
from wechat.errors import WeChatError, WeChatUnavailable, error_for

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
PROBE_SECONDS = 60.0
# An hour without a single call: then nobody knows any more.
MEMORY_SECONDS = 3600.0

OnCircuit = Callable[[str, bool], None]
"""Told of a change: endpoint, whether its circuit is open."""


class _Trouble(Struct):
    """What one kind of call suffers from, as this process knows it."""

    error: WeChatError
    since: float
    told: bool
    """Whether the log has it; its end is told then too."""


class Circuits:
    """The circuits of one account's calls, and what each call suffers from.

    *name* tells accounts that share a store apart; *clock* counts seconds. Use
    `close` at the end.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        *,
        clock: Callable[[], float],
        on_change: OnCircuit,
        look_seconds: float = PROBE_SECONDS,
    ) -> None:
        self._store = store
        self._name = name
        self._clock = clock
        self._on_change = on_change
        self._ask = Script(store, HERE / "circuit_ask.lua")
        self._open = Script(store, HERE / "circuit_open.lua")
        self._troubles: dict[str, _Trouble] = {}
        self._probed_at: dict[str, float] = {}
        self._last_told: dict[str, tuple[int | str, float]] = {}
        self._look_seconds = look_seconds
        self._looking: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Look no more."""
        if self._looking:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    @asynccontextmanager
    async def watch(self, endpoint: str, *, ask: bool = False) -> AsyncIterator[None]:
        """Make a call to *endpoint* inside of this block, if its circuit lets it.

        With *ask* the store is asked even if this process knows of no trouble.

        Raises:
            WeChatError: the trouble, when the circuit is open; nothing was called.
        """
        probing = await self._enter(endpoint, ask=ask)
        try:
            yield
        except WeChatError as error:
            if error.endpoint == endpoint:
                await self._met(error, probing=probing)
            raise
        await self._went_well(endpoint, probing=probing)

    async def trouble(self) -> WeChatError | None:
        """Return what calls suffer from, or None; makes none."""
        for endpoint in [*filter(self._is_open, self._troubles)]:
            with suppress(StoreUnavailable):
                if not await self._store.ask("EXISTS", self._keys(endpoint)[0]):
                    self._end(endpoint)  # mended, as another process found out
        return next((trouble.error for trouble in self._troubles.values()), None)

    async def _look_now_and_then(self) -> None:
        """Look for the ends of open circuits, as long as there are any."""
        while any(map(self._is_open, self._troubles)):
            await asyncio.sleep(self._look_seconds)
            await self.trouble()

    def _is_open(self, endpoint: str) -> bool:
        trouble = self._troubles.get(endpoint)
        return trouble is not None and trouble.error.fatal

    async def _enter(self, endpoint: str, *, ask: bool) -> bool:
        """Return whether the call is a probe; raise when there is to be none."""
        if not self._is_open(endpoint) and not ask:
            return False
        try:
            errcode, detail, probe = await self._ask(
                self._keys(endpoint), [new_secret(), _ms(PROBE_SECONDS)]
            )
        except StoreUnavailable:
            return self._enter_alone(endpoint)
        if not errcode and self._is_open(endpoint):
            self._end(endpoint)
        if errcode and not probe:
            error = _again(endpoint, int(errcode), detail)
            self._note(error)
            raise error
        return bool(probe)

    def _enter_alone(self, endpoint: str) -> bool:
        """Keep the pace of probes in this process while the store is away."""
        if not self._is_open(endpoint):
            return False
        now = self._clock()
        if now - self._probed_at.get(endpoint, float("-inf")) < PROBE_SECONDS:
            error = self._troubles[endpoint].error
            raise _again(endpoint, int(error.errcode), error.detail)
        self._probed_at[endpoint] = now
        return True

    async def _met(self, error: WeChatError, *, probing: bool) -> None:
        if self._is_open(error.endpoint) and not error.fatal:
            if not probing or isinstance(error, WeChatUnavailable):
                return  # whether the trouble is over, nobody knows
            await self._forget(error.endpoint)
        self._note(error)
        if error.fatal:
            self._probed_at[error.endpoint] = self._clock()
            numbers = (_ms(PROBE_SECONDS), _ms(MEMORY_SECONDS))
            with suppress(StoreUnavailable):
                await self._open(
                    self._keys(error.endpoint), [str(error.errcode), error.detail, *numbers]
                )

    async def _went_well(self, endpoint: str, *, probing: bool) -> None:
        # A call that began before the circuit opened proves nothing.
        if probing or not self._is_open(endpoint):
            self._end(endpoint)
        if probing:
            await self._forget(endpoint)

    async def _forget(self, endpoint: str) -> None:
        """Close the circuit for every process."""
        with suppress(StoreUnavailable):
            await self._store.ask("DEL", *self._keys(endpoint))

    def _note(self, error: WeChatError) -> None:
        former = self._troubles.get(error.endpoint)
        if former and former.error.errcode == error.errcode:
            return
        now = self._clock()
        told = self._tell(error, now)
        self._troubles[error.endpoint] = _Trouble(error, former.since if former else now, told)
        if error.fatal != (former is not None and former.error.fatal):
            self._on_change(error.endpoint, error.fatal)
        if error.fatal and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look_now_and_then())

    def _tell(self, error: WeChatError, now: float) -> bool:
        """Write the line, but not for the same trouble that comes and goes within a minute."""
        last = self._last_told.get(error.endpoint)
        if last and last[0] == error.errcode and now - last[1] < PROBE_SECONDS:
            return False
        self._last_told[error.endpoint] = error.errcode, now
        log.log(
            logging.ERROR if error.fatal else logging.WARNING,
            "wechat trouble endpoint=%s errcode=%s rid=%s: %s",
            error.endpoint,
            error.errcode,
            error.rid or "none",
            error.detail,
        )
        return True

    def _end(self, endpoint: str) -> None:
        trouble = self._troubles.pop(endpoint, None)
        if trouble is None:
            return
        if trouble.error.fatal:
            self._on_change(endpoint, False)
        if trouble.told:
            seconds = self._clock() - trouble.since
            log.info("wechat well endpoint=%s after=%ds", endpoint, seconds)

    def _keys(self, endpoint: str) -> list[str]:
        return [
            self._store.key("wechat", self._name, kind, endpoint) for kind in ("trouble", "probed")
        ]


def _again(endpoint: str, errcode: int, detail: str) -> WeChatError:
    """Return the error of an open circuit: a new one for each caller."""
    error = error_for(endpoint, errcode, detail)
    error.fatal = True
    return error


def _ms(seconds: float) -> int:
    return round(seconds * 1000)

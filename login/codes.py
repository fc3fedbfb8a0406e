"""Making a code: lease a scene id, have WeChat make a ticket for it, record whose it is.

Only then may it be shown: a scan of a ticket that is not recorded finds nobody.
"""

import logging
import time
from collections.abc import Callable

from msgspec import Struct

from login.ready import ReadyCode, ReadyCodes, make_code
from login.rules import Rules
from login.visit import NOWHERE, Visit
from scene_pool import LeaseLost, ScenePool, TicketTaken
from store import Limit, Throttle, is_loopback, network_of
from wechat import Client

log = logging.getLogger(__name__)

# How often another scene id is tried when WeChat returns a ticket that is taken.
TRIES = 3
MINUTE = 60.0


class Link(Struct, frozen=True):
    """What a scan is to link, if it does not sign in.

    *account*: to which account WeChat is linked, "" = it signs in; *replaces*: in the
    place of a WeChat user that the account has.
    """

    account: str = ""
    replaces: bool = False


class Owner(Struct, frozen=True, kw_only=True):
    """Whom a code is for: an attempt, its socket, and the digests of its two secrets.

    *rounds*: how many codes of the attempt came before it since somebody asked for one.
    """

    uuid: str
    holder: str
    resume: str
    browser: str
    rounds: int = 0
    visit: Visit = NOWHERE
    link: Link = Link()
    address: str = ""
    """Whom the code counts for; not kept. "" = nobody."""


class ShownCode(Struct, frozen=True):
    """A code that may be shown for *left* seconds; *serial*: which one of its attempt, from 1."""

    ticket: str
    url: str
    left: float
    serial: int
    scene_id: int | None = None
    """What a scan of it carries, where that is known."""


class TooManyCodes(Exception):
    """An address has had its codes of this minute; the next one may be in `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(f"no code for this address for {retry_after:.1f} s")


class Codes:
    """Makes codes.

    *issued* is told of each that may be shown, *kept* how many are ready; *clock* counts
    seconds as `Ticket.made_at` does.
    """

    def __init__(
        self,
        pool: ScenePool,
        client: Client,
        throttle: Throttle,
        rules: Rules,
        *,
        issued: Callable[[], None],
        kept: Callable[[int], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pool = pool
        self.client = client
        self.ready = ReadyCodes(pool, client, kept=kept, clock=clock)
        self._throttle = throttle
        self._rules = rules
        self._issued = issued
        self._clock = clock

    async def make(self, owner: Owner, ready: ReadyCode | None = None) -> ShownCode:
        """Return a new code for *owner*: the *ready* one of its attempt, if it has one.

        Raises:
            PoolExhausted, AlreadyScanned, LeaseLost, StoreUnavailable: as the pool does.
            TooManyCodes: when its address has had too many.
            TicketTaken: when WeChat keeps returning tickets that others show.
            BudgetUsedUp, BudgetLow, WeChatError: when WeChat makes none; the scene id has gone
                back then.
        """
        try:
            await self._admit(owner.address)
        except BaseException:
            if ready:
                self.ready.put_back(ready)
            raise
        if ready:
            try:
                return await self._attach(owner, ready)
            except (LeaseLost, TicketTaken) as error:  # the store has lost it, or WeChat's mistake
                log.warning("ready code lost error=%s", type(error).__name__)
        for _ in range(TRIES - 1):
            try:
                return await self._make(owner)
            except TicketTaken:
                log.warning("ticket taken attempt=%s", owner.uuid)
        return await self._make(owner)

    async def _admit(self, address: str) -> None:
        """Count a code for *address*.

        A loopback address is a proxy that the settings do not name, or this machine: behind
        it is everybody, or nobody who has to be kept out.
        """
        tries = self._rules.codes_per_address
        if not tries or not address or is_loopback(address):
            return
        limit = Limit(f"codes {network_of(address)}", tries, MINUTE)
        _, wait = await self._throttle.count([limit])
        if wait:
            raise TooManyCodes(wait)

    async def _make(self, owner: Owner) -> ShownCode:
        code = await make_code(self.pool, self.client, owner.uuid, owner.browser)
        return await self._attach(owner, code)

    async def _attach(self, owner: Owner, code: ReadyCode) -> ShownCode:
        """Record that *code* is the owner's."""
        ticket = code.ticket
        attached = await self.pool.attach(
            code.lease,
            ticket=ticket.ticket,
            url=ticket.url,
            age=self._clock() - ticket.made_at,
            life=min(ticket.life, self.pool.rules.ticket_seconds),
            holder=owner.holder,
            resume=owner.resume,
            browser=owner.browser,
            rounds=owner.rounds,
            device=owner.visit.device,
            place=owner.visit.place,
            linker=owner.link.account,
            replaces=owner.link.replaces,
        )
        await self.client.budget.given(owner.browser)
        self._issued()
        scene_id = code.lease.scene_id
        return ShownCode(ticket.ticket, ticket.url, attached.left, attached.serial, scene_id)

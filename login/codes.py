"""Making a code: lease a scene id, have WeChat make a ticket for it, record whose it is.

Only then may it be shown: a scan of a ticket that is not recorded finds nobody.
"""

import logging
import math
import time
from collections.abc import Callable

from msgspec import Struct

from login.rules import Rules
from login.visit import NOWHERE, Visit
from scene_pool import Lease, ScenePool, TicketTaken
from store import Limit, StoreUnavailable, Throttle, is_loopback, network_of
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


class TooManyCodes(Exception):
    """An address has had its codes of this minute; the next one may be in `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(f"no code for this address for {retry_after:.1f} s")


class Codes:
    """Makes codes. *issued* is told of each."""

    def __init__(
        self,
        pool: ScenePool,
        client: Client,
        throttle: Throttle,
        rules: Rules,
        *,
        issued: Callable[[], None],
    ) -> None:
        self.pool = pool
        self.client = client
        self._throttle = throttle
        self._rules = rules
        self._issued = issued

    async def make(self, owner: Owner) -> ShownCode:
        """Return a new code for *owner*.

        Raises:
            PoolExhausted, AlreadyScanned, LeaseLost, StoreUnavailable: as the pool does.
            TooManyCodes: when its address has had too many.
            TicketTaken: when WeChat keeps returning tickets that others show.
            BudgetUsedUp, BudgetLow, WeChatError: when WeChat makes none; the scene id has gone
                back then.
        """
        await self._admit(owner.address)
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
        seconds = self.pool.rules.ticket_seconds
        lease = await self.pool.lease(owner.uuid)
        try:
            ticket = await self.client.create_ticket(
                lease.scene_id, math.ceil(seconds), owner.browser
            )
        except BaseException:
            # Also when cancelled: nobody has seen a ticket, so the id may go back.
            await self._give_back(lease)
            raise
        attached = await self.pool.attach(
            lease,
            ticket=ticket.ticket,
            url=ticket.url,
            age=time.monotonic() - ticket.made_at,
            life=min(ticket.life, seconds),
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
        return ShownCode(ticket.ticket, ticket.url, attached.left, attached.serial)

    async def _give_back(self, lease: Lease) -> None:
        try:
            await self.pool.give_back(lease)
        except StoreUnavailable as error:
            log.warning("scene not given back error=%s", error)

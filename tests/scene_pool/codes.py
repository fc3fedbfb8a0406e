"""A page's way to a code, in small steps."""

import itertools

from msgspec import Struct

from scene_pool import Advance, Attempts, Lease, Rules, ScenePool, TicketOwner
from store import digest

RULES = Rules(
    size=3,
    first_scene_id=1,
    ticket_seconds=180,
    late_seconds=15,
    rest_seconds=200,
    resume_seconds=60,
)
SECRET, BROWSER = digest("secret"), digest("browser")
HOLDER = "p:1"
_numbers = itertools.count(1)


class Shown(Struct, frozen=True):
    """A code on a page."""

    lease: Lease
    ticket: str
    left: float

    @property
    def uuid(self) -> str:
        """The attempt's name."""
        return self.lease.uuid

    @property
    def scene_id(self) -> int:
        """What the code carries."""
        return self.lease.scene_id


async def attach(
    pool: ScenePool,
    lease: Lease,
    *,
    ticket: str | None = None,
    holder: str = HOLDER,
    age: float = 0,
    life: float = 180,
) -> Shown:
    """Attach a ticket, a new one by default, to *lease*."""
    ticket = ticket or f"ticket{next(_numbers)}"
    attached = await pool.attach(
        lease,
        ticket=ticket,
        url=f"http://weixin.qq.com/q/{ticket}",
        age=age,
        life=life,
        holder=holder,
        resume=SECRET,
        browser=BROWSER,
    )
    return Shown(lease, ticket, attached.left)


async def show_code(pool: ScenePool, uuid: str, *, holder: str = HOLDER) -> Shown:
    """Lease a scene id and attach a ticket, as a page does."""
    return await attach(pool, await pool.lease(uuid), holder=holder)


def scan(uuid: str, openid: str = "o1", *, keep_seconds: float = 120) -> Advance:
    """Return the step that a scan takes."""
    return Advance(
        uuid=uuid,
        leave=("waiting", "expired"),
        reach="approved",
        signal=f"scanned {uuid}",
        keep_seconds=keep_seconds,
        write={"openid": openid, "scanned_at": "1700000000", "answer": "signed_in", "grant": "g"},
        grant="g",
        grant_seconds=60,
    )


async def owner_of(attempts: Attempts, ticket: str) -> TicketOwner | None:
    """Return the attempt that a scan of *ticket* belongs to."""
    found = await attempts.scanned(ticket)
    return found[0] if found else None

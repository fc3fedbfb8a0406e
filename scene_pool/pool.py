"""Leases on scene ids.

A scene id inside a code that somebody may still scan must not be shown by
anybody else. So an id is *leased* for one code and then *rests* until that
code's ticket is surely dead: the pool is a sorted set, scene id -> the moment
it is free again, and needs no release, no renewal, no reaper and no leader.
A crashed process costs nothing but time. Ids enter the set when they are first
used, so start-up writes nothing however large the pool is.

With `rest_seconds` 0 an id is free as soon as its page is gone. Resting is the
second line of defence only: a scan belongs to the attempt whose *ticket* it
carries, whatever has become of the scene id.
"""

from pathlib import Path

from msgspec import Struct

from store import Script, Store, digest, new_secret

HERE = Path(__file__).parent
# How long WeChat may take to make a ticket, on top of all retries.
MAKING_SECONDS = 15.0
# The least time between two requests of a page that polls.
POLL_SECONDS = 5.0
# How long a dead code is known as ours, for the figures of scans.
MEMORY_SECONDS = 600.0


class Rules(Struct, frozen=True, kw_only=True):
    """How the pool behaves; durations are seconds (see `config.yaml`)."""

    size: int
    first_scene_id: int
    ticket_seconds: float
    late_seconds: float
    rest_seconds: float
    resume_seconds: float
    ready: int = 0
    """How many codes each process keeps ready for pages that open."""


class Lease(Struct, frozen=True):
    """The right to show one code with `scene_id`, for the attempt `uuid`."""

    uuid: str
    name: str
    scene_id: int


class Attached(Struct, frozen=True):
    """A code that may be shown for *left* seconds; *serial*: which one of its attempt, from 1."""

    left: float
    serial: int


class PoolExhausted(Exception):
    """Every scene id is in use or rests; the next is free in `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(f"no scene id is free for {retry_after:.1f} s")


class AlreadyScanned(Exception):
    """The attempt's last code was scanned: there is an outcome, not a new code."""


class LeaseLost(Exception):
    """The attempt's record is gone or belongs to a newer lease."""


class TicketTaken(Exception):
    """WeChat returned a ticket that another living lease already shows."""


class ScenePool:
    """The scene ids of one service account. *rules* may be replaced at any time."""

    def __init__(self, store: Store, rules: Rules) -> None:
        self.rules = rules
        self._store = store
        self._scenes, self._ids, self._leased, self._making = map(
            store.key, ("scenes", "ids", "leased", "making")
        )
        self._lease = Script(store, HERE / "lease.lua")
        self._attach = Script(store, HERE / "attach.lua")
        self._give_back = Script(store, HERE / "give_back.lua")
        self._detach = Script(store, HERE / "detach.lua")
        self._count = Script(store, HERE / "count.lua")

    async def lease(self, uuid: str) -> Lease:
        """Take the scene id that has rested the longest, for the next code of *uuid*.

        Raises:
            PoolExhausted: when no id is free.
            AlreadyScanned: when the attempt's last code has been scanned.
            StoreUnavailable: when the store did not answer.
        """
        rules, name = self.rules, new_secret()
        lived = rules.rest_seconds or rules.ticket_seconds + rules.late_seconds
        keys = [self._scenes, self._ids, self._leased, self._attempt(uuid), self._making]
        arguments: list[str | int | float] = [
            name,
            rules.first_scene_id,
            rules.size,
            _ms(MAKING_SECONDS + lived),
            _flag(not rules.rest_seconds),
            _ms(MAKING_SECONDS),
        ]
        scene_id, wait_ms = await self._lease(keys, arguments)
        while not scene_id and not wait_ms:
            scene_id, wait_ms = await self._lease(keys, arguments)
        if wait_ms < 0:
            raise AlreadyScanned
        if not scene_id:
            raise PoolExhausted(wait_ms / 1000)
        return Lease(uuid, name, scene_id)

    async def attach(
        self,
        lease: Lease,
        *,
        ticket: str,
        url: str,
        age: float,
        life: float,
        holder: str,
        resume: str,
        browser: str,
        rounds: int = 0,
        device: str = "",
        place: str = "",
        linker: str = "",
        replaces: bool = False,
    ) -> Attached:
        """Make *ticket* the code of the attempt.

        *age* is how old the ticket may be by now, *life* how long WeChat lets it
        live; *resume* and *browser* are digests of the two secrets that a page
        must show to come back; *rounds* is kept for whoever comes back, *device* and
        *place* for the words on the phone, *linker* and *replaces* for whoever
        decides about a scan.

        Raises:
            LeaseLost, AlreadyScanned, TicketTaken: when the code must not be shown.
            StoreUnavailable: when the store did not answer; do not show it either.
        """
        rules = self.rules
        answer = await self._attach(
            [
                self._scenes,
                self._leased,
                self._attempt(lease.uuid),
                self._store.key("ticket", digest(ticket)),
                self._store.key("issued", digest(ticket)),
                self._making,
            ],
            [
                lease.name,
                lease.uuid,
                ticket,
                url,
                _ms(age),
                _ms(life),
                _ms(rules.late_seconds),
                _ms(rules.rest_seconds),
                _ms(rules.resume_seconds),
                holder,
                resume,
                browser,
                _ms(MEMORY_SECONDS),
                rounds,
                device,
                place,
                linker,
                int(replaces),
            ],
        )
        match answer:
            case ["ok", left_ms, serial]:
                return Attached(float(left_ms) / 1000, serial)
            case ["scanned"]:
                raise AlreadyScanned
            case ["taken"]:
                raise TicketTaken
        raise LeaseLost

    async def give_back(self, lease: Lease, rest: float = 0.0) -> None:
        """Free the scene id of *lease*, which was never shown.

        At once where no ticket was made for it, else when the ticket is dead: after *rest*.

        Raises:
            StoreUnavailable: when the store did not answer; the id then comes
                back by itself, later.
        """
        keys = [self._scenes, self._leased, self._attempt(lease.uuid), self._making]
        await self._give_back(keys, [lease.name, _ms(rest)])

    async def detach(self, uuid: str, holder: str, *, polls: bool = False) -> None:
        """Note that *holder* is gone; the page may come back within `resume_seconds`.

        A page that *polls* is away between any two of its requests: it keeps its scene id
        for as long, and has `POLL_SECONDS` even when `resume_seconds` is less.

        Raises:
            StoreUnavailable: when the store did not answer.
        """
        keys = [self._attempt(uuid), self._scenes, self._leased]
        resume, scene = self.rules.resume_seconds, "rest" if self.rules.rest_seconds else "free"
        if polls:
            resume, scene = max(resume, POLL_SECONDS), "keep"
        await self._detach(keys, [holder, _ms(resume), scene])

    async def count(self) -> dict[str, int]:
        """Return how many scene ids are leased, resting and free.

        Raises:
            StoreUnavailable: when the store did not answer.
        """
        leased, resting = await self._count([self._scenes, self._leased], [])
        free = max(0, self.rules.size - leased - resting)
        return {"leased": leased, "resting": resting, "free": free}

    def _attempt(self, uuid: str) -> str:
        return self._store.key("attempt", uuid)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _flag(value: bool) -> str:
    return "1" if value else "0"

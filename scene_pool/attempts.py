"""The records of attempts: what is true of each, whoever asks and whenever.

A record is a hash that outlives sockets, codes and processes, and ends by
itself. What happens to it is decided in `login`; here it is carried out, each
step at once or not at all.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from msgspec import Struct, convert

from store import Script, Store, digest

HERE = Path(__file__).parent

# The list of changes is read every few seconds. With more than this between, to compare all
# pages is less work than to read it.
CHANGES_KEPT = 5_000
# How long it is kept when no process reads it any more.
CHANGES_KEPT_MS = 60_000
FIRST_CHANGE = "0"
"""An id before all others."""


class TicketOwner(Struct, frozen=True):
    """Whose code a ticket is."""

    uuid: str
    scene_id: int


class Record(Struct, frozen=True, kw_only=True):
    """One attempt, as the store has it. A text that was never written is empty."""

    state: str = ""
    holder: str = ""
    """process:socket of the page; "" = it is gone, "away" = it polls, between two requests."""
    browser: str = ""
    device: str = ""
    """Browser and system of the page, in words."""
    place: str = ""
    """Where the page was opened, in words."""
    replaces: bool = False
    """Whether the scan is for the place of a WeChat user that the linker has."""
    linker: str = ""
    """Number of the account that a scan is to link WeChat to; "" = it signs in."""
    denial: str = ""
    """Why a scan may not link, where it may not."""
    grant: str = ""
    """Digest of the proof that counts, or that those stand for which were told again."""
    ticket: str = ""
    url: str = ""
    openid: str = ""
    appid: str = ""
    """Whose openid it is, where it did not come by a scan."""
    unionid: str = ""
    follower: str = ""
    """Openid by which the service account knows who may take back what it ended in."""
    scanned_at: str = ""
    answer: str = ""
    account: str = ""
    number: str = ""
    choices: str = ""
    codes: int = 0
    """How many codes it has had."""
    rounds: int = 0
    """How many codes came before this one since the visitor asked for one."""
    redeemer: str = ""
    """Digest of the session's token that the attempt ended in."""
    bound: str = ""
    """Set when the attempt bound its WeChat user to the account."""
    left_seconds: float = 0.0
    """What the code has left; negative when its ticket is dead."""
    kept_seconds: float = 0.0
    """What the record itself has left."""


class Advance(Struct, frozen=True, kw_only=True):
    """One step from state to state, with all that is written in the same moment."""

    uuid: str
    leave: Sequence[str]
    reach: str
    signal: str
    keep_seconds: float
    guards: Mapping[str, str] = {}
    write: Mapping[str, str] = {}
    grant: str = ""
    """Digest of a one-time proof; lives `grant_seconds`, dies at once when that is 0."""
    grant_seconds: float = 0.0
    ticket: str = ""
    """Of the scan that this step is: it must count still; "" = it is no scan."""
    former: str = ""
    """Key of the session that the attempt led to before: nobody has used it, and it ends."""
    receipt: str = ""
    """Key of the receipt of the push that the step comes by; "" = it needs none."""
    body: str = ""
    """Digest of the push's body: the receipt must not be of another one."""
    receipt_seconds: float = 0.0
    latest: str = ""
    """Whose latest attempt this is from now on, for `latest_seconds`; "" = nobody's."""
    latest_seconds: float = 0.0


class ReceiptTaken(Exception):
    """The signature of a push came with another body before."""


class Refused(Struct, frozen=True):
    """Why a step was not taken: what the record says instead."""

    state: str | None
    openid: str | None
    scanned_at: str | None
    answer: str | None
    redeemer: str | None


class Changes(Struct, frozen=True):
    """Whose attempts have changed since a certain change."""

    last: str
    """Id of the last change that there is."""
    whole: bool
    """Whether all are known; where not, anybody's attempt may have changed."""
    holders: Sequence[str]


Hear = Callable[[str], None]
"""Takes a signal as it comes from a channel: the socket, a space, the text."""
Look = Callable[[str], None]
"""Takes a socket whose attempt may have changed unheard; "" = none of ours."""


class Attempts:
    """All attempts of one installation."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._channel = store.key("signal", "")
        self._process = ""
        self._hear: Hear = _nobody
        self._look: Look = _nobody
        self._begin = Script(store, HERE / "begin.lua")
        self._advance = Script(store, HERE / "advance.lua")
        self._read = Script(store, HERE / "read.lua")
        self._scanned = Script(store, HERE / "scanned.lua")
        self._resume = Script(store, HERE / "resume.lua")
        self._renew = Script(store, HERE / "renew.lua")
        self._outdated = Script(store, HERE / "outdated.lua")
        self._changes = Script(store, HERE / "changes.lua")
        self._change_list = store.key("changes")
        self._being_made = Script(store, HERE / "being_made.lua")
        self._farewell = Script(store, HERE / "farewell.lua")

    def tell_directly(self, process: str, hear: Hear, look: Look) -> None:
        """Tell holders of *process*, which is this one, without the store between.

        Of a step that was taken once before, its answer lost, they have not heard:
        they *look* at their record then.
        """
        self._process, self._hear, self._look = process, hear, look

    async def scanned(self, ticket: str) -> tuple[TicketOwner, Record | None] | None:
        """Return the attempt that a scan of *ticket* belongs to, if it is one of ours.

        Raises:
            StoreUnavailable: as every method here, when the store did not answer.
        """
        found = await self._scanned([self._ticket(ticket)], [self._attempt("")])
        if not found:
            return None
        owner, *record = found
        uuid, scene_id, _ = owner.split("|")
        return TicketOwner(uuid, int(scene_id)), _record_of(*record)

    async def being_made(self, scene: str) -> bool:
        """Tell whether a ticket for the scene id *scene* is on its way to the store."""
        return bool(await self._being_made([self._store.key("making")], [scene]))

    async def issued_to(self, ticket: str) -> str | None:
        """Return the attempt that *ticket* was made for not long ago, alive or dead by now."""
        uuid = await self._store.ask("GET", self._store.key("issued", digest(ticket)))
        return str(uuid) if uuid else None

    async def read(self, uuid: str) -> Record | None:
        """Return the record of *uuid*, or None when there is none (any more)."""
        return _record_of(*await self._read([self._attempt(uuid)], []))

    async def begin(
        self,
        uuid: str,
        fields: Mapping[str, str],
        *,
        keep_seconds: float,
        latest: str = "",
        latest_seconds: float = 0.0,
    ) -> None:
        """Begin an attempt that shows no code, with what is known of its visitor.

        It is the latest of *latest*, as after a step (see `Advance`).
        """
        keep_ms = max(1, round(keep_seconds * 1000))
        latest_ms = round(latest_seconds * 1000) if latest else 0
        await self._begin(
            [self._attempt(uuid), self._store.key("latest", latest)],
            [uuid, keep_ms, latest_ms, len(fields), *chain.from_iterable(fields.items())],
        )

    async def granted(self, proof: str) -> tuple[str, str] | None:
        """Return whose the *proof* with this digest is: the uuid, and the grant it stands for."""
        found = await self._store.ask("GET", self._grant(proof))
        uuid, _, grant = str(found or "").partition("|")
        return (uuid, grant or proof) if uuid else None

    async def latest(self, name: str) -> str | None:
        """Return the uuid of the attempt that a step called the latest of *name*."""
        uuid = await self._store.ask("GET", self._store.key("latest", name))
        return str(uuid) if uuid else None

    async def advance(self, step: Advance) -> Refused | None:
        """Take *step* and signal the holder; return None, or why it was not taken.

        Raises:
            ReceiptTaken: and then nothing was done.
        """
        moved, ours, *found = await self._take(step)
        if moved < 0:
            raise ReceiptTaken
        if not moved:
            self._look(ours)
            return Refused(*found)
        if ours:
            self._hear(f"{ours} {step.signal}")
        return None

    async def _take(self, step: Advance) -> Any:
        return await self._advance(
            [
                self._attempt(step.uuid),
                self._grant(step.grant),
                self._store.key("latest", step.latest),
                self._ticket(step.ticket),
                step.former or self._store.key("session", ""),
                step.receipt or self._store.key("receipt", ""),
                self._change_list,
            ],
            [
                " ".join(step.leave),
                step.reach,
                step.uuid,
                round(step.grant_seconds * 1000),
                max(1, round(step.keep_seconds * 1000)),
                self._channel,
                self._process,
                step.signal,
                round(step.latest_seconds * 1000) if step.latest else 0,
                int(bool(step.ticket)),
                int(bool(step.former)),
                step.body,
                round(step.receipt_seconds * 1000),
                CHANGES_KEPT,
                len(step.guards),
                *chain.from_iterable(step.guards.items()),
                *chain.from_iterable(step.write.items()),
            ],
        )

    async def resume(
        self, uuid: str, *, secret: str, browser: str, holder: str, signal: str
    ) -> bool:
        """Make *holder* the attempt's holder and send *signal* to the former one.

        Returns False when there is no such attempt, or one of the digests
        *secret* and *browser* is not its own.
        """
        keys = [self._attempt(uuid), *map(self._store.key, ("leased", "scenes")), self._change_list]
        given = (secret, browser, holder, self._channel, signal, CHANGES_KEPT)
        return bool(await self._resume(keys, given))

    async def renew(self, uuid: str, *, state: str, grant: str, seconds: float) -> float:
        """Let another one-time proof, with the digest *grant*, stand for the one that there is.

        Returns the seconds that it lives, or 0 when the attempt is not in *state*.
        """
        keys = [self._attempt(uuid), self._grant(grant)]
        life_ms = await self._renew(keys, [state, uuid, grant, round(seconds * 1000)])
        return float(life_ms) / 1000

    async def changes(self, process: str, since: str = FIRST_CHANGE) -> Changes:
        """Return which holders of *process* have had their attempts changed since *since*.

        This knows also of a step whose signal was lost, or the answer to who asked for it.
        *since* is the `last` of an earlier answer. Steps are noted while somebody asks now
        and then.
        """
        given = (since, process, CHANGES_KEPT_MS)
        last, whole, *holders = await self._changes([self._change_list], given)
        return Changes(last, bool(whole), holders)

    async def outdated(self, told: Sequence[tuple[str, str, str]]) -> list[int]:
        """Return the places of those *told* (uuid, state, holder) that are not so any more."""
        if not told:
            return []
        keys = [self._attempt(uuid) for uuid, _, _ in told]
        places = await self._outdated(keys, [part for _, *rest in told for part in rest])
        return [int(place) for place in places]

    async def say_farewell(self, openid: str, at: int, keep_seconds: float) -> None:
        """Let every scan of *openid* up to *at*, in WeChat's seconds, count no more.

        Attempts are not looked for: who takes one further asks `withdrawn`.
        """
        await self._farewell([self._last_farewell(openid)], [at, round(keep_seconds * 1000)])

    async def withdrawn(self, openid: str, scanned_at: str) -> bool:
        """Tell whether *openid* has said farewell since that scan."""
        farewell = await self._store.ask("GET", self._last_farewell(openid))
        return bool(farewell and scanned_at) and int(farewell or 0) >= int(scanned_at)

    def _last_farewell(self, openid: str) -> str:
        return self._store.key("farewell", digest(openid))

    def _attempt(self, uuid: str) -> str:
        return self._store.key("attempt", uuid)

    def _ticket(self, ticket: str) -> str:
        return self._store.key("ticket", digest(ticket))

    def _grant(self, grant: str) -> str:
        return self._store.key("grant", grant)


def _record_of(now_ms: int, kept_ms: int, pairs: Sequence[str]) -> Record | None:
    fields = dict(zip(pairs[::2], pairs[1::2], strict=True))
    if not fields.get("state"):
        return None
    left = (float(fields.get("dead_at", 0)) - now_ms) / 1000
    times = {"left_seconds": left, "kept_seconds": kept_ms / 1000}
    return convert({**fields, **times}, Record, strict=False)


def _nobody(_: str) -> None:
    """Tell nobody: no process was named whose holders could be told directly."""

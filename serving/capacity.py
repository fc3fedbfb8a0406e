"""What a configuration carries, and what to change for more: figures only, no I/O.

A code uses two things up: a scene id, for as long as nobody else may have it,
and one of the codes that WeChat makes in a day. A page uses one code, and
others by itself while it is open, until it pauses for its visitor.
"""

import math
from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

DAY = 86_400
MAX_SCENE_ID = 4_294_967_295
# Codes in a day for a verified service account. Source: WeChat, "API Call Limits".
WECHAT_CODES = 100_000

KEYS = {
    "size": "pool.size",
    "first_scene_id": "pool.first_scene_id",
    "refreshes": "login.refreshes",
    "daily_codes": "wechat.daily_codes",
}
"""What advice may change, and what it is called in `config.yaml`."""


class Setup(Struct, frozen=True, kw_only=True):
    """The settings that matter here, by their own names (see `config.yaml`)."""

    size: int
    first_scene_id: int
    ticket_seconds: int
    late_seconds: float
    rest_seconds: float
    daily_codes: int
    reserve_percent: int
    refreshes: int
    ready_codes: int = 0
    """Codes that a day uses up because so many are made ahead (`pool.ready`), at the most."""

    @property
    def taken_seconds(self) -> float:
        """How long a code keeps its scene id; the most, where a page that goes gives it back."""
        return self.rest_seconds or self.ticket_seconds + self.late_seconds

    @property
    def codes_a_second(self) -> float:
        """New codes that the pool carries for any length of time."""
        return self.size / self.taken_seconds

    @property
    def open_pages(self) -> int:
        """Pages that may be open at once, each with a living code.

        Where ids rest, a page has the id of its former code too for a while.
        """
        if not self.rest_seconds:
            return self.size
        return int(Fraction(self.size) * self.ticket_seconds / Fraction(self.rest_seconds))

    @property
    def codes_a_day(self) -> int:
        """Codes in a day; where there is no limit of ours, WeChat's."""
        return self.daily_codes or WECHAT_CODES

    @property
    def for_pages(self) -> int:
        """Codes in a day that pages may have."""
        return max(0, self.codes_a_day - self.ready_codes)

    @property
    def low_from(self) -> int:
        """How many codes are spent in a day before pages slow down."""
        return self.codes_a_day - self.codes_a_day * self.reserve_percent // 100

    @property
    def forgotten_page(self) -> int:
        """Codes that a page uses which nobody comes back to."""
        return 1 + self.refreshes

    @property
    def clicked_page(self) -> int:
        """Codes that a page uses in a day whose visitor always asks for another."""
        return math.ceil(DAY / self.ticket_seconds)

    def codes_of(self, stay: float) -> int:
        """Return how many codes a page uses that is open for *stay* seconds without a click."""
        return 1 + min(int(stay // self.ticket_seconds), self.refreshes)


class Arrivals(Struct, frozen=True):
    """Visitors: how many come in a second when most of them do, and how many in a day."""

    a_second: Fraction
    a_day: Fraction
    stay: float
    """How long each page is open, seconds."""


class Change(Struct, frozen=True):
    """A key of `config.yaml` and the value that it should have."""

    key: str
    value: int


class Advice(Struct, frozen=True):
    """What to change; and what stands in the way all the same, if anything does."""

    changes: tuple[Change, ...]
    obstacles: tuple[str, ...]


def ids_needed(setup: Setup, arrivals: Arrivals) -> int:
    """Return how many scene ids are in use or resting when most visitors come."""
    codes = arrivals.a_second * setup.codes_of(arrivals.stay)
    return math.ceil(codes * Fraction(setup.taken_seconds))


def codes_needed(setup: Setup, arrivals: Arrivals) -> int:
    """Return how many codes a day uses."""
    return setup.ready_codes + math.ceil(arrivals.a_day * setup.codes_of(arrivals.stay))


def carries(setup: Setup, arrivals: Arrivals) -> bool:
    """Tell whether both pool and quota are large enough."""
    enough_ids = ids_needed(setup, arrivals) <= setup.size
    return enough_ids and codes_needed(setup, arrivals) <= setup.codes_a_day


def advise(setup: Setup, arrivals: Arrivals) -> Advice:
    """Return the changes after which *setup* carries *arrivals*, as far as there are such."""
    wished, obstacles = setup, []
    if not _quota_fits(setup, arrivals):
        fitting = _with_fitting_quota(setup, arrivals)
        if fitting is None:
            obstacles.append(
                f"WeChat makes {_most_codes(setup):,} codes a day for an account, "
                "and so many visitors need more" + _beside(setup)
            )
        wished = fitting or setup
    needed = ids_needed(wished, arrivals)
    if needed > MAX_SCENE_ID:
        obstacles.append("there are not so many scene ids: shorten pool.ticket_seconds")
    elif needed > wished.size:
        first = min(wished.first_scene_id, MAX_SCENE_ID - needed + 1)
        wished = replace(wished, size=needed, first_scene_id=first)
    return Advice(_changes(setup, wished), tuple(obstacles))


def apply(setup: Setup, changes: tuple[Change, ...]) -> Setup:
    """Return *setup* with *changes*."""
    return replace(setup, **{change.key.rpartition(".")[2]: change.value for change in changes})


def _quota_fits(setup: Setup, arrivals: Arrivals) -> bool:
    return codes_needed(setup, arrivals) <= setup.codes_a_day


def _with_fitting_quota(setup: Setup, arrivals: Arrivals) -> Setup | None:
    """Return *setup* with fewer codes for each page, else with more codes in a day too."""
    for limit in (setup.codes_a_day, _most_codes(setup)):
        refreshes = int((limit - setup.ready_codes) // arrivals.a_day) - 1
        if refreshes < 0:
            continue  # not even one code for each
        fewer = setup
        if setup.codes_of(arrivals.stay) > 1 + refreshes:
            fewer = replace(setup, refreshes=refreshes)
        if _quota_fits(fewer, arrivals):
            return fewer
        return replace(fewer, daily_codes=codes_needed(fewer, arrivals))
    return None


def _beside(setup: Setup) -> str:
    """Return what else the codes of a day are used for."""
    return f" than the {setup.ready_codes:,} of pool.ready leave" if setup.ready_codes else ""


def _most_codes(setup: Setup) -> int:
    """Return how many codes WeChat can be taken to make in a day."""
    return max(WECHAT_CODES, setup.codes_a_day)


def _changes(setup: Setup, wished: Setup) -> tuple[Change, ...]:
    return tuple(
        Change(key, getattr(wished, field))
        for field, key in KEYS.items()
        if getattr(wished, field) != getattr(setup, field)
    )

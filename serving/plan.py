"""`saoma plan`: what a configuration carries and what to change, in plain words."""

import argparse
import re
from collections.abc import Iterator
from fractions import Fraction

from msgspec import Struct

from login import ready_codes_a_day
from serving.capacity import (
    DAY,
    Advice,
    Arrivals,
    Setup,
    advise,
    codes_needed,
    ids_needed,
)
from serving.rules import code_limits
from settings import Settings
from store import StoreUnavailable, connect
from wechat import FIRST_GAP, GROWN_GAP, Budget

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": DAY}
RATE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)/(second|minute|hour|day)")


class Rate(Struct, frozen=True):
    """Visitors who come within so many seconds."""

    visitors: Fraction
    seconds: int

    @property
    def a_second(self) -> Fraction:
        """How many that is in a second."""
        return self.visitors / self.seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `saoma plan` takes beside the file."""
    parser.add_argument(
        "--arrivals",
        metavar="N/UNIT",
        type=rate,
        nargs="+",
        default=[],
        help="visitors, like 40/minute; several, like 900/hour 6000/day, for peak and day",
    )
    parser.add_argument(
        "--stay",
        metavar="SECONDS",
        type=seconds,
        default=60.0,
        help="how long a visitor's page is open (60)",
    )


def rate(text: str) -> Rate:
    """Return the visitors that *text* means, like 900/hour."""
    match = RATE.fullmatch(text)
    if not match or not Fraction(match[1]):
        raise argparse.ArgumentTypeError(f"expected a rate like 900/hour, found {text}")
    return Rate(Fraction(match[1]), UNITS[match[2]])


def seconds(text: str) -> float:
    """Return *text* as a duration."""
    if not re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text):
        raise argparse.ArgumentTypeError(f"expected seconds, found {text}")
    return float(text)


async def plan(settings: Settings, rates: list[Rate], stay: float) -> str:
    """Return the plan for *settings* and visitors who come at these *rates*."""
    setup = _setup_of(settings)
    lines = [*_carries(setup), *_quota(setup, await _used_today(settings))]
    if rates:
        arrivals = _arrivals(rates, stay)
        lines += [*_needs(setup, arrivals), *_advice(advise(setup, arrivals))]
    return "\n".join(lines)


def _setup_of(settings: Settings) -> Setup:
    pool, wechat = settings.pool, settings.wechat
    return Setup(
        size=pool.size,
        first_scene_id=pool.first_scene_id,
        ticket_seconds=pool.ticket_seconds,
        late_seconds=pool.late_seconds,
        rest_seconds=pool.rest_seconds,
        daily_codes=wechat.daily_codes,
        reserve_percent=wechat.reserve_percent,
        refreshes=settings.login.refreshes,
        ready_codes=ready_codes_a_day(pool.ready, pool.ticket_seconds) * settings.server.workers,
    )


def _arrivals(rates: list[Rate], stay: float) -> Arrivals:
    """Return the peak, which is the highest of *rates*, and the day, which the longest tells."""
    longest = max(rates, key=lambda each: each.seconds)
    return Arrivals(max(each.a_second for each in rates), longest.a_second * DAY, stay)


async def _used_today(settings: Settings) -> int | None:
    """Return how many codes were used today, or None when the store cannot be reached."""
    redis = settings.redis
    try:
        async with connect(redis.url, redis.key_prefix) as store:
            return await Budget(store, code_limits(settings)).today()
    except StoreUnavailable:
        return None


def _carries(setup: Setup) -> Iterator[str]:
    kept = "rests for" if setup.rest_seconds else "is taken for at most"
    yield f"Pool: {setup.size:,} scene ids; the id of a code {kept} {setup.taken_seconds:g} s."
    yield f"  {_number(setup.codes_a_second)} new codes a second, for any length of time"
    yield f"  {setup.open_pages:,} pages open at once"


def _quota(setup: Setup, used: int | None) -> Iterator[str]:
    whose = "wechat.daily_codes" if setup.daily_codes else "WeChat's own limit; there is none here"
    yield f"Quota: {setup.codes_a_day:,} codes a day ({whose})."
    if setup.daily_codes:
        first, grown = (round(gap / 60) for gap in (FIRST_GAP, GROWN_GAP))
        yield f"  from {setup.low_from:,} on, only visitors who click get another code,"
        yield f"  a browser after waits that grow from {first} to {grown} minutes"
    if used is None:
        yield "  used today: not known, the store cannot be reached"
    else:
        yield f"  used today: {used:,} ({used * 100 // setup.codes_a_day} %)"
    if setup.ready_codes:
        yield f"  at most {setup.ready_codes:,} for codes made ahead on this node (pool.ready)"
    yield f"  {setup.for_pages:,} visitors a day who scan their first code"
    forgotten, clicked = setup.forgotten_page, setup.clicked_page
    yield (
        f"  or {setup.for_pages // forgotten:,} pages that are left alone "
        f"({_codes(forgotten)} each, then they pause)"
    )
    yield (
        f"  or {setup.for_pages // clicked:,} pages open all day long whose visitors "
        f"always ask for more ({_codes(clicked)} each)"
    )


def _needs(setup: Setup, arrivals: Arrivals) -> Iterator[str]:
    yield (
        f"Arrivals: up to {_number(arrivals.a_second)} a second, {_number(arrivals.a_day)} a day, "
        f"pages open for {arrivals.stay:g} s: {_codes(setup.codes_of(arrivals.stay))} each."
    )
    yield "  " + _enough(ids_needed(setup, arrivals), setup.size, "scene ids")
    yield "  " + _enough(codes_needed(setup, arrivals), setup.codes_a_day, "codes a day")


def _enough(needed: int, there: int, what: str) -> str:
    verdict = "enough" if needed <= there else "NOT ENOUGH"
    return f"{needed:,} of {there:,} {what}: {verdict}"


def _advice(advice: Advice) -> Iterator[str]:
    if not advice.changes and not advice.obstacles:
        yield "This configuration carries them."
    if advice.changes:
        yield "Change, and send SIGHUP:"
    for change in advice.changes:
        yield f"  {change.key}: {change.value}"
    for obstacle in advice.obstacles:
        yield f"Not to be had by settings: {obstacle}."


def _codes(count: int) -> str:
    return f"{count:,} {'code' if count == 1 else 'codes'}"


def _number(value: float | Fraction) -> str:
    """Return *value* with as many digits as are of use."""
    return f"{float(value):,.0f}" if value >= 100 else f"{float(value):,.3g}"

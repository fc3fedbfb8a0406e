"""Quotas of the API, by the day and by the minute, and how they are cleared.

Limits are those of a verified service account. Source: WeChat, "API Call Limits",
/doc/service/Message_Management/API_Call_Limits.html, and "Get stable access_token" for its limit
by the minute; the others' are not documented. That a day starts at midnight in Beijing is an
assumption, as is that a minute starts with the first call in it: no page says so.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

from sandbox.clock import Clock
from sandbox.errors import ApiError

DAILY_LIMITS = {
    "/cgi-bin/token": 2_000,
    "/cgi-bin/stable_token": 500_000,
    "/cgi-bin/qrcode/create": 100_000,
    "/cgi-bin/user/info": 5_000_000,
    "/cgi-bin/message/custom/send": 500_000,
}
ANY_DAILY_LIMIT = 1_000_000
"""Of a path that has none above, once it is declared used up."""
MINUTE_LIMITS = {"/cgi-bin/stable_token": 10_000}
CLEARS_A_MONTH = 10
MINUTE = 60

_BEIJING = timezone(timedelta(hours=8))


def beijing_day(at: float) -> date:
    """Return the date in Beijing at *at*, Unix seconds."""
    return datetime.fromtimestamp(at, UTC).astimezone(_BEIJING).date()


@dataclass(slots=True)
class Minute:
    """The calls of one path in one minute; `over` once that minute is declared used up."""

    ends_at: float
    used: int = 0
    over: bool = False


class Quotas:
    """Calls made today and in this minute, by path.

    `limits` (by the day) and `minute_limits` may be changed at any time; a path without either is
    free.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._clears: Counter[tuple[int, int]] = Counter()
        self.restore()

    def restore(self) -> None:
        """Start again with WeChat's own limits and nothing used; clears made stay counted."""
        self.limits = dict(DAILY_LIMITS)
        self.minute_limits = dict(MINUTE_LIMITS)
        self._day = beijing_day(self._clock())
        self._used: Counter[str] = Counter()
        self._minutes: dict[str, Minute] = {}

    def spend(self, path: str) -> None:
        """Count one call.

        Raises:
            ApiError: 45011 when this minute's calls are used up, 45009 when today's are.
        """
        self._turn_day()
        if self.minute_over(path):
            raise ApiError(45011)
        daily = self.limits.get(path)
        if daily is not None and self._used[path] >= daily:
            raise ApiError(45009)
        minute = self._minutes[path] = self._minute(path)
        minute.used += 1
        self._used[path] += 1

    def used(self, path: str) -> int:
        """Return how many calls were counted today."""
        self._turn_day()
        return self._used[path]

    def use_up_day(self, path: str) -> None:
        """Let *path* answer 45009 until midnight in Beijing, or until its quota is cleared."""
        self._turn_day()
        self.limits.setdefault(path, ANY_DAILY_LIMIT)
        self._used[path] = max(self._used[path], self.limits[path])

    def use_up_minute(self, path: str) -> None:
        """Let *path* answer 45011 for 60 seconds."""
        self._minutes[path] = Minute(self._clock() + MINUTE, over=True)

    def minute_over(self, path: str) -> bool:
        """Return whether the next call of *path* would be 45011."""
        minute, limit = self._minute(path), self.minute_limits.get(path)
        return minute.over or (limit is not None and minute.used >= limit)

    def clear(self) -> None:
        """Start the day's counts again.

        Raises:
            ApiError: 48006 after ten times in a month.
        """
        today = beijing_day(self._clock())
        if self._clears[today.year, today.month] >= CLEARS_A_MONTH:
            raise ApiError(48006)
        self._clears[today.year, today.month] += 1
        self._used.clear()

    def _minute(self, path: str) -> Minute:
        minute = self._minutes.get(path)
        if minute is None or minute.ends_at <= self._clock():
            return Minute(self._clock() + MINUTE)
        return minute

    def _turn_day(self) -> None:
        today = beijing_day(self._clock())
        if today != self._day:
            self._day = today
            self._used.clear()

"""Daily quotas of the API, and how they are cleared.

Limits are those of a verified service account. Source: WeChat, "API Call Limits",
/doc/service/Message_Management/API_Call_Limits.html. That a day starts at midnight in Beijing is
an assumption: no page says so.
"""

from collections import Counter
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
CLEARS_A_MONTH = 10

_BEIJING = timezone(timedelta(hours=8))


def beijing_day(at: float) -> date:
    """Return the date in Beijing at *at*, Unix seconds."""
    return datetime.fromtimestamp(at, UTC).astimezone(_BEIJING).date()


class Quotas:
    """Calls made today, by path.

    `limits` may be changed at any time; a path without a limit is not counted.
    """

    def __init__(self, clock: Clock) -> None:
        self.limits = dict(DAILY_LIMITS)
        self._clock = clock
        self._day = beijing_day(clock())
        self._used: Counter[str] = Counter()
        self._clears: Counter[tuple[int, int]] = Counter()

    def spend(self, path: str) -> None:
        """Count one call.

        Raises:
            ApiError: 45009 when today's calls are used up.
        """
        self._turn_day()
        if path not in self.limits:
            return
        if self._used[path] >= self.limits[path]:
            raise ApiError(45009)
        self._used[path] += 1

    def used(self, path: str) -> int:
        """Return how many calls were counted today."""
        self._turn_day()
        return self._used[path]

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

    def _turn_day(self) -> None:
        today = beijing_day(self._clock())
        if today != self._day:
            self._day = today
            self._used.clear()

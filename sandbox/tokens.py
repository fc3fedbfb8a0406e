"""Access tokens: two families that do not know each other.

`/cgi-bin/token` gives a new token at every call; the one before lives five more minutes at most.
`/cgi-bin/stable_token` repeats its token while it is valid, renews it in the last five minutes and
lets both live through those; a forced refresh kills the old one at once.
Source: WeChat, "Get access_token" and "Get stable access_token",
/doc/service/api/base/api_getstableaccesstoken.
"""

import re
import secrets
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.errors import ApiError
from sandbox.quotas import beijing_day

LIFETIME = 7200
OVERLAP = 300
FORCED_A_DAY = 20
FORCED_APART = 30
REMEMBERED = 3600
"""Seconds after its end for which a token is still told apart from an invented one."""

_SHAPE = re.compile(r"[0-9]{1,3}_[A-Za-z0-9_-]{64,508}")


@dataclass(slots=True)
class Grant:
    """One token: valid before `expires_at`, `replaced` when a newer one of its family exists."""

    value: str
    expires_at: float
    replaced: bool = False


class AccessTokens:
    """Every token the platform has given out and still remembers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, Grant] = {}
        self._rotating: Grant | None = None
        self._stable: Grant | None = None
        self._forced_at: list[float] = []

    def rotate(self) -> Grant:
        """Give a new token of the rotating family."""
        old, self._rotating = self._rotating, self._mint()
        self._retire(old, after=OVERLAP)
        return self._rotating

    def stable(self, *, force: bool = False) -> Grant:
        """Give the token of the stable family, a new one when the old is near its end.

        A forced refresh too soon or too often is ignored, as WeChat does.
        """
        current = self._stable
        if force and current is not None and self._may_force():
            self._forced_at.append(self._clock())
            self._retire(current, after=0)
            current = None
        if current is None or current.expires_at - self._clock() <= OVERLAP:
            self._retire(current, after=OVERLAP)
            current = self._stable = self._mint()
        return current

    def seconds_left(self, grant: Grant) -> int:
        """Return `expires_in` for an answer."""
        return max(0, int(grant.expires_at - self._clock()))

    def check(self, value: str) -> None:
        """Accept a valid token.

        Raises:
            ApiError: 41001 none, 40014 no token's shape, 42001 ran out, 40001 replaced or invented.
        """
        if not value:
            raise ApiError(41001)
        if not _SHAPE.fullmatch(value):
            raise ApiError(40014)
        grant = self._known.get(value)
        if grant is None:
            raise ApiError(40001)
        if self._clock() >= grant.expires_at:
            raise ApiError(40001 if grant.replaced else 42001)

    def revoke(self) -> None:
        """Make every token invalid at once, as when another server fetches one twice."""
        for grant in self._known.values():
            self._retire(grant, after=0)
        self._rotating = self._stable = None

    def expire(self) -> None:
        """Let every token reach its end now, as after two hours."""
        for grant in self._known.values():
            grant.expires_at = min(grant.expires_at, self._clock())

    def _mint(self) -> Grant:
        now = self._clock()
        self._known = {
            value: grant
            for value, grant in self._known.items()
            if grant.expires_at + REMEMBERED > now
        }
        # 136 characters and a two-digit prefix: the shape of real tokens, not a contract.
        value = f"{secrets.randbelow(90) + 10}_{secrets.token_urlsafe(99)}"
        grant = self._known[value] = Grant(value, now + LIFETIME)
        return grant

    def _retire(self, grant: Grant | None, *, after: float) -> None:
        if grant is not None:
            grant.replaced = True
            grant.expires_at = min(grant.expires_at, self._clock() + after)

    def _may_force(self) -> bool:
        now = self._clock()
        today = [at for at in self._forced_at if beijing_day(at) == beijing_day(now)]
        self._forced_at = today
        return len(today) < FORCED_A_DAY and (not today or now - today[-1] >= FORCED_APART)

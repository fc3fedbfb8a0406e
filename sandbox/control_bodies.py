"""The JSON bodies that steer the stand-in; an unknown field is an error."""

from typing import Annotated, Literal

import msgspec

LONGEST_JUMP = 31 * 24 * 3600

Limit = Annotated[int, msgspec.Meta(ge=0)]


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /sandbox/settings`; what is missing stays as it is."""

    mode: Literal["plain", "compatible", "safe"] | None = None
    data: Literal["xml", "json"] | None = None
    repeat_tickets: bool | None = None


class Tokens(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /sandbox/tokens`."""

    act: Literal["rotate", "expire"]


class Quota(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /sandbox/quotas`; what is missing stays as it is."""

    path: str
    daily_limit: Limit | None = None
    minute_limit: Limit | None = None
    use_up: Literal["day", "minute"] | None = None


class Jump(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /sandbox/clock`."""

    forward: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_JUMP)]

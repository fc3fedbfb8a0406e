"""What is known of a visitor: browser and place in words, for phone and journal."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from scene_pool import Record


class Visit(Struct, frozen=True):
    """Where a page was opened. Neither the User-Agent nor the address is kept."""

    device: str = ""
    """Browser and system, like "Chrome/Windows"; either may be missing."""
    place: str = ""
    """Where the address is, in the language of the phone's texts."""


NOWHERE = Visit()

AccountOf = Callable[[], Awaitable[str]]
"""Returns the number of the account that the browser is signed in to, or ""."""


async def nobody() -> str:
    """Tell of no account."""
    return ""


class Opener(Struct, frozen=True, kw_only=True):
    """Who opened a page."""

    browser: str
    """Digest of the browser's own cookie."""
    visit: Visit = NOWHERE
    address: str = ""
    """Codes are counted for it; "" is not counted."""
    session: str = ""
    """Digest of the session's token that the browser has, if it has one."""
    account_of: AccountOf = nobody


class Whence(Struct, frozen=True):
    """Where a request came from."""

    address: str = ""
    visit: Visit = NOWHERE


UNKNOWN = Whence()


def visit_of(record: Record) -> Visit:
    """Return where the page of an attempt was opened."""
    return Visit(record.device, record.place)

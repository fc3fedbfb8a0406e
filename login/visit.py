"""What is known of a visitor's browser and place, for the words on the phone."""

from msgspec import Struct

from scene_pool import Record


class Visit(Struct, frozen=True):
    """Where a page was opened. Neither the User-Agent nor the address is kept."""

    device: str = ""
    """Browser and system, like "Chrome/Windows"; either may be missing."""
    place: str = ""
    """Where the address is, in the language of the phone's texts."""


NOWHERE = Visit()


def visit_of(record: Record) -> Visit:
    """Return where the page of an attempt was opened."""
    return Visit(record.device, record.place)

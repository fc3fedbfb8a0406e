"""The books: where it is written down who tries to get in, who has, and who they are."""

from msgspec import Struct

from accounts import Directory, KnownBrowsers, Sessions
from scene_pool import Attempts


class Books(Struct, frozen=True, kw_only=True):
    """What scans, ways in and farewells read and write, each the part that concerns it."""

    attempts: Attempts
    directory: Directory
    sessions: Sessions
    browsers: KnownBrowsers

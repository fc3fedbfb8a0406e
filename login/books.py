"""The books: where it is written down who tries to get in, who has, and who they are."""

from msgspec import Struct

from accounts import Directory, Identity, KnownBrowsers, Sessions
from login.errands import Errands
from login.journal import Journal
from scene_pool import Attempts, Record


class Books(Struct, frozen=True, kw_only=True):
    """What scans, ways in and farewells read and write, each the part that concerns it."""

    attempts: Attempts
    directory: Directory
    sessions: Sessions
    browsers: KnownBrowsers
    journal: Journal
    errands: Errands


def identity_of(record: Record) -> str | Identity:
    """Return the WeChat user: of a scan by the openid alone, of web login with its app."""
    if not record.appid:
        return record.openid
    return Identity(appid=record.appid, openid=record.openid, unionid=record.unionid)

"""What is asked of the ways in, and what comes of it."""

from msgspec import Struct

from accounts import Account, Session
from login.visit import NOWHERE, Visit


class SignedIn(Struct, frozen=True):
    """A new session and whose it is."""

    session: Session
    account: Account


class BindAsked(Struct, frozen=True, kw_only=True):
    """A request to bind: the proof of the scan, and a password or a session for the account."""

    bind_token: str
    browser: str
    address: str
    visit: Visit = NOWHERE
    username: str = ""
    password: str = ""
    session: Session | None = None
    replace: bool = False
    """Whether the new WeChat user takes the place of *wechat*, or of all, with the password."""
    wechat: int | None = None

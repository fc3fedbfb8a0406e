"""Who someone is: accounts and their WeChat identities, passwords, sessions."""

from accounts.account import Account
from accounts.activity import Activity, Line
from accounts.browsers import KnownBrowsers
from accounts.database import open_database
from accounts.deadlocks import AccountsUnavailable
from accounts.directory import (
    Directory,
    open_directory,
)
from accounts.identities import AccountTaken, Identity, OpenidTaken
from accounts.names import NameFixed, UsernameTaken, fold, is_name
from accounts.passwords import Passwords
from accounts.sessions import OF_FOLLOWERS, OF_WECHAT, By, Session, SessionEntry, Sessions
from accounts.wechats import LastWayIn, WeChat

__all__ = [
    "OF_FOLLOWERS",
    "OF_WECHAT",
    "Account",
    "AccountTaken",
    "AccountsUnavailable",
    "Activity",
    "By",
    "Directory",
    "Identity",
    "KnownBrowsers",
    "LastWayIn",
    "Line",
    "NameFixed",
    "OpenidTaken",
    "Passwords",
    "Session",
    "SessionEntry",
    "Sessions",
    "UsernameTaken",
    "WeChat",
    "fold",
    "is_name",
    "open_database",
    "open_directory",
]

"""Who someone is: accounts and their WeChat identities, passwords, sessions."""

from accounts.account import Account
from accounts.activity import Activity, Line
from accounts.browsers import KnownBrowsers
from accounts.database import open_database
from accounts.deadlocks import AccountsUnavailable
from accounts.directory import Directory, open_directory
from accounts.identities import AccountTaken, Identity, OpenidTaken
from accounts.judges import by_hashes
from accounts.mapped import Mapping, open_table
from accounts.names import NameFixed, UsernameTaken, fold, is_name
from accounts.passwords import Passwords
from accounts.people import AccountInactive, Judge, People, Person, Unlisted
from accounts.sessions import OF_FOLLOWERS, OF_WECHAT, By, Session, SessionEntry, Sessions
from accounts.verifier import open_verifier
from accounts.wechats import LastWayIn, WeChat

__all__ = [
    "OF_FOLLOWERS",
    "OF_WECHAT",
    "Account",
    "AccountInactive",
    "AccountTaken",
    "AccountsUnavailable",
    "Activity",
    "By",
    "Directory",
    "Identity",
    "Judge",
    "KnownBrowsers",
    "LastWayIn",
    "Line",
    "Mapping",
    "NameFixed",
    "OpenidTaken",
    "Passwords",
    "People",
    "Person",
    "Session",
    "SessionEntry",
    "Sessions",
    "Unlisted",
    "UsernameTaken",
    "WeChat",
    "by_hashes",
    "fold",
    "is_name",
    "open_database",
    "open_directory",
    "open_table",
    "open_verifier",
]

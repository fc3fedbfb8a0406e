"""The heart: from a page's first code to a signed-in browser.

What may happen when is a table (`flow`), what pages are told is a list
(`messages`). `page` is one page's side of an attempt, `pages` all pages of
this process; `scans` decides about scans, `entrance` lets people in, `web` those who come
from a page of WeChat, `second_thoughts` takes that back. No Tornado here: sockets and requests
are the callers' business.
"""

from login.books import Books
from login.codes import Codes
from login.credentials import Credentials
from login.entrance import BindAsked, Entrance, SignedIn
from login.errors import LoginError
from login.exchange import Exchange
from login.farewells import Farewells
from login.messages import CloseCode
from login.own_sessions import OwnSessions
from login.page import Page
from login.pages import Pages
from login.poll import Poll
from login.receipts import Receipts
from login.replies import Replies
from login.rules import Confirmation, Rules
from login.scans import Scans
from login.second_thoughts import SecondThoughts
from login.trips import Trips
from login.unionids import Unionids
from login.visit import Opener, Visit
from login.ways import Way
from login.web import CALLBACK_PATH, Arrived, WebLogin

__all__ = [
    "CALLBACK_PATH",
    "Arrived",
    "BindAsked",
    "Books",
    "CloseCode",
    "Codes",
    "Confirmation",
    "Credentials",
    "Entrance",
    "Exchange",
    "Farewells",
    "LoginError",
    "Opener",
    "OwnSessions",
    "Page",
    "Pages",
    "Poll",
    "Receipts",
    "Replies",
    "Rules",
    "Scans",
    "SecondThoughts",
    "SignedIn",
    "Trips",
    "Unionids",
    "Visit",
    "Way",
    "WebLogin",
]

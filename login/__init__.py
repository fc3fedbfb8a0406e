"""The heart: from a page's first code to a signed-in browser.

What may happen when is a table (`flow`), what pages are told is a list
(`messages`). `page` is one page's side of an attempt, `pages` all pages of
this process; `scans` decides about scans, `entrance` lets people in, `web` those who come
from a page of WeChat, `second_thoughts` takes that back. No Tornado here: sockets and requests
are the callers' business.
"""

from login.asked import BindAsked, SignedIn
from login.books import Books
from login.codes import Codes
from login.credentials import Credentials
from login.entrance import Entrance
from login.errands import Errands
from login.errors import LoginError
from login.exchange import Exchange
from login.farewells import Farewells
from login.journal import Deed, Entry, Journal, SignInBy, open_journal
from login.messages import CloseCode
from login.names import Names
from login.own_sessions import OwnSessions
from login.own_wechats import OwnWeChats
from login.page import Page
from login.pages import Pages
from login.poll import Poll
from login.ready import codes_a_day as ready_codes_a_day
from login.receipts import Receipts
from login.replies import Replies
from login.rules import Confirmation, Rules
from login.scans import Scans
from login.second_thoughts import SecondThoughts
from login.trips import Trips
from login.unionids import Unionids
from login.visit import Opener, Visit, Whence
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
    "Deed",
    "Entrance",
    "Entry",
    "Errands",
    "Exchange",
    "Farewells",
    "Journal",
    "LoginError",
    "Names",
    "Opener",
    "OwnSessions",
    "OwnWeChats",
    "Page",
    "Pages",
    "Poll",
    "Receipts",
    "Replies",
    "Rules",
    "Scans",
    "SecondThoughts",
    "SignInBy",
    "SignedIn",
    "Trips",
    "Unionids",
    "Visit",
    "Way",
    "WebLogin",
    "Whence",
    "open_journal",
    "ready_codes_a_day",
]

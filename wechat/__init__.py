"""The WeChat platform as a client library: calls to it, pushes from it, replies.

Knows nothing of logins. The platform's facts and their sources stand where
they are used.
"""

from wechat.budget import FIRST_GAP, GROWN_GAP, Budget, BudgetLow, BudgetUsedUp, Limits
from wechat.client import Client, Ticket
from wechat.errors import QuotaExhausted, WeChatError, WeChatRefused, WeChatUnavailable
from wechat.fields import BadPush, Form
from wechat.oauth import App, CodeInvalid, OAuth, WebUser, service_account, website_app
from wechat.pushes import Push, Pushes, PushKind
from wechat.seal import BadSignature, Letter
from wechat.senders import Senders
from wechat.users import unionid_of

__all__ = [
    "FIRST_GAP",
    "GROWN_GAP",
    "App",
    "BadPush",
    "BadSignature",
    "Budget",
    "BudgetLow",
    "BudgetUsedUp",
    "Client",
    "CodeInvalid",
    "Form",
    "Letter",
    "Limits",
    "OAuth",
    "Push",
    "PushKind",
    "Pushes",
    "QuotaExhausted",
    "Senders",
    "Ticket",
    "WeChatError",
    "WeChatRefused",
    "WeChatUnavailable",
    "WebUser",
    "service_account",
    "unionid_of",
    "website_app",
]

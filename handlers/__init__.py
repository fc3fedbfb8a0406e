"""Tornado's edge: parse the request, call `login`, write the answer. No decisions."""

from handlers.account import BindHandler, NameHandler, UnbindHandler
from handlers.callback import CallbackHandler
from handlers.context import Context, Mailroom, Readiness, Site, networks, origin_of
from handlers.embed import EmbedHandler
from handlers.front_door import FrontDoor
from handlers.kept_files import KeptFiles, read_static
from handlers.oauth import WebLoginCallbackHandler, WebLoginHandler
from handlers.operations import HealthHandler, MetricsHandler, ReadyHandler
from handlers.own_sessions import OwnSessionHandler, OwnSessionsHandler
from handlers.pages import SignInHandler, UnknownHandler, UserHandler
from handlers.polling import AttemptHandler, AttemptsHandler
from handlers.sessions import LoginHandler, SessionHandler
from handlers.socket import SocketHandler
from handlers.static import StaticHandler
from handlers.texts import Texts
from handlers.visits import Visits

__all__ = [
    "AttemptHandler",
    "AttemptsHandler",
    "BindHandler",
    "CallbackHandler",
    "Context",
    "EmbedHandler",
    "FrontDoor",
    "HealthHandler",
    "KeptFiles",
    "LoginHandler",
    "Mailroom",
    "MetricsHandler",
    "NameHandler",
    "OwnSessionHandler",
    "OwnSessionsHandler",
    "Readiness",
    "ReadyHandler",
    "SessionHandler",
    "SignInHandler",
    "Site",
    "SocketHandler",
    "StaticHandler",
    "Texts",
    "UnbindHandler",
    "UnknownHandler",
    "UserHandler",
    "Visits",
    "WebLoginCallbackHandler",
    "WebLoginHandler",
    "networks",
    "origin_of",
    "read_static",
]

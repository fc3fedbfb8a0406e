"""What a request tells of the browser that it comes from, in cookies and headers."""

import secrets
import time
from collections.abc import Mapping
from functools import partial
from http.cookies import Morsel
from typing import Any

from msgspec import Struct
from tornado.httputil import format_timestamp

from handlers.context import XSRF_COOKIE, Asked, Context, Site
from login import Opener
from store import digest, new_secret

BROWSER_COOKIE = "saoma_browser"
SECRET_LENGTH = 43
"""Characters of the browser's own cookie."""
# The longest that browsers keep a cookie. A browser is known to accounts by it.
# Source: RFC 6265bis, "The Max-Age Attribute".
BROWSER_DAYS = 400
XSRF_BYTES = 16


class Came(Struct):
    """A request as far as its sender's address goes."""

    remote_ip: str
    headers: Mapping[str, str]


def cookie_flags(site: Site, request: Asked) -> dict[str, Any]:
    """Return how every cookie of ours is set."""
    return {"path": "/", "httponly": True, "secure": site.is_secure(request), "samesite": "Lax"}


def know_browser(
    site: Site, request: Asked, cookies: Mapping[str, str]
) -> tuple[str, list[tuple[str, str]]]:
    """Return the secret of the browser's own cookie, and headers with the cookies it lacks.

    As `BaseHandler.prepare`, which has Tornado write them. The XSRF token is of the form that
    Tornado calls version 1.
    """
    lacks = []
    name = site.cookie_name(BROWSER_COOKIE)
    secret = cookies.get(name, "")
    if len(secret) != SECRET_LENGTH:
        secret = new_secret()
        expires = format_timestamp(time.time() + BROWSER_DAYS * 86_400)
        lacks.append(_cookie(name, secret, expires=expires, **cookie_flags(site, request)))
    if XSRF_COOKIE not in cookies:
        token = secrets.token_hex(XSRF_BYTES)
        lacks.append(_cookie(XSRF_COOKIE, token, path="/", samesite="Lax", secure=site.secure))
    return secret, lacks


def _cookie(name: str, value: str, **flags: Any) -> tuple[str, str]:
    written: Morsel[str] = Morsel()
    written.set(name, value, value)
    written.update(flags)
    return "Set-Cookie", written.OutputString()


def opener_of(context: Context, *, browser: str, session: str, agent: str, address: str) -> Opener:
    """Return who opens a page.

    *browser*: the digest of the browser's own cookie; *session*: its session cookie, ""
    = none; *agent*: its User-Agent.
    """
    return Opener(
        browser=browser,
        visit=context.visits.of(agent, address),
        address=address,
        session=digest(session) if session else "",
        account_of=partial(_account_of, context, session),
    )


async def _account_of(context: Context, session: str) -> str:
    signed_in = await context.entrance.account_of(session) if session else None
    return str(signed_in.account.id) if signed_in else ""

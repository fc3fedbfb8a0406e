"""What a request tells of the browser that it comes from, in cookies and headers."""

from functools import partial

from handlers.context import Context
from login import Opener
from store import digest

BROWSER_COOKIE = "saoma_browser"
SECRET_LENGTH = 43
"""Characters of the browser's own cookie."""


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

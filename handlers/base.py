"""What all requests share: who asks, in which browser, and how errors are told."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from hmac import compare_digest
from http import HTTPStatus
from typing import Any

import msgspec
from tornado.web import RequestHandler

from handlers.browsers import (
    BROWSER_COOKIE,
    BROWSER_DAYS,
    SECRET_LENGTH,
    cookie_flags,
    opener_of,
)
from handlers.context import Context
from handlers.errors import error_of, log_error, tell_error
from handlers.headers import standing_headers
from login import Deed, LoginError, Opener, SignedIn, SignInBy, Visit, Whence
from store import digest, new_secret

log = logging.getLogger(__name__)

NEXT_COOKIE = "saoma_next"
ATTEMPT_COOKIE = "saoma_attempt"
USER_PAGE = "/user"
ELSEWHERE = ("cross-site", "same-site")
"""What `Sec-Fetch-Site` says of requests from pages of other origins."""
# How long browsers need not ask again; a change of allowed origins takes no longer to be felt.
PREFLIGHT_SECONDS = 600


class BadRequest(LoginError):
    """The request is not of the form that this endpoint takes."""

    code, status = "bad_request", HTTPStatus.BAD_REQUEST
    text = "This request is not understood."


class OriginRefused(LoginError):
    """A page of another site may not ask this."""

    code, status = "origin_refused", HTTPStatus.FORBIDDEN
    text = "This page may not do that."


class HostRefused(LoginError):
    """Asked under a name that is not the site's."""

    code, status = "host_refused", HTTPStatus.MISDIRECTED_REQUEST
    text = "This site is not asked under this name. Please use its own address."


class BaseHandler(RequestHandler):
    """A request. Answers are JSON; pages override `write_error`."""

    @property
    def context(self) -> Context:
        """What this server's handlers work with."""
        context: Context = self.settings["context"]
        return context

    def prepare(self) -> None:
        """Refuse what comes from pages of other sites; know the browser."""
        self.context.requests.begin()
        self.browser = ""
        self._check_host()
        self.browser = self._know_browser()
        if self.request.method not in {"GET", "HEAD", "OPTIONS"}:
            self.refuse_foreign()
        _ = self.xsrf_token  # sets the cookie that the next change needs

    def on_finish(self) -> None:
        if hasattr(self, "browser"):
            self.context.requests.end()

    def set_default_headers(self) -> None:
        site = self.context.site
        for name, value in standing_headers(site, secure=site.is_secure(self.request)):
            self.set_header(name, value)
        self._allow_origin()

    def options(self, *_: str) -> None:
        """Answer the question that browsers ask before a request of another origin."""
        self.set_header("Access-Control-Allow-Methods", "GET, POST, DELETE")
        self.set_header("Access-Control-Allow-Headers", "Content-Type, X-Resume, X-XSRFToken")
        self.set_header("Access-Control-Max-Age", str(PREFLIGHT_SECONDS))
        self.set_status(HTTPStatus.NO_CONTENT)

    # ---- what handlers ask of a request

    def address(self) -> str:
        """Return the visitor's address."""
        return self.context.site.address_of(self.request)

    def visit(self) -> Visit:
        """Return what may be said of the visitor's browser and place."""
        agent = self.request.headers.get("User-Agent", "")
        return self.context.visits.of(agent, self.address())

    def whence(self) -> Whence:
        """Return where the request comes from, for the journal."""
        return Whence(self.address(), self.visit())

    def note(self, deed: Deed, signed_in: SignedIn, by: SignInBy = SignInBy.NONE) -> None:
        """Note in the journal what the visitor has done."""
        self.context.journal.note(
            deed, signed_in.account, self.whence(), by=by, session=signed_in.session
        )

    @contextmanager
    def noting_refusal(self, deed: Deed) -> Iterator[None]:
        """Note in the journal when *deed* is refused."""
        try:
            yield
        except LoginError as error:
            self.context.journal.note_refusal(deed, error, self.whence())
            raise

    def opener(self) -> Opener:
        """Return who opens a page by this request."""
        return opener_of(
            self.context,
            browser=self.browser,
            session=self.get_cookie(self.context.site.session_cookie, ""),
            agent=self.request.headers.get("User-Agent", ""),
            address=self.address(),
        )

    def fields(self, **wanted: type) -> dict[str, Any]:
        """Return the *wanted* fields of a JSON body or a form; what is missing is "", 0 or False.

        Raises:
            BadRequest: when the body is neither, or a field is of another type.
        """
        if self.is_form():
            texts = {name: self.get_body_argument(name, "", strip=False) for name in wanted}
            return {name: _typed(texts[name], kind) for name, kind in wanted.items()}
        try:
            body = msgspec.json.decode(self.request.body or b"{}", type=dict[str, Any])
        except msgspec.DecodeError:
            raise BadRequest from None
        found = {name: body.get(name, kind()) for name, kind in wanted.items()}
        if not all(type(found[name]) is kind for name, kind in wanted.items()):
            raise BadRequest
        return found

    def is_form(self) -> bool:
        """Tell whether this is a plain form's request, of a page without JavaScript."""
        return self.request.headers.get("Content-Type", "").startswith(
            "application/x-www-form-urlencoded"
        )

    async def signed_in(self) -> SignedIn | None:
        """Return whose session the browser has."""
        token = self.get_cookie(self.context.site.session_cookie)
        return await self.context.entrance.account_of(token) if token else None

    async def begin_session(self, signed_in: SignedIn) -> None:
        """Give the browser its new session, and end the one that it had."""
        site = self.context.site
        former = self.get_cookie(site.session_cookie)
        token = signed_in.session.token
        if former and not compare_digest(former.encode(), token.encode()):
            # Else a repeated request, which has it already.
            await self.context.entrance.sign_out(former)
        self.set_cookie(
            site.session_cookie,
            token,
            max_age=int(site.session_seconds),
            domain=site.session_domain or None,
            **self.cookie_flags(),
        )

    def end_session(self) -> None:
        """Take the session from the browser."""
        site = self.context.site
        domain = site.session_domain or None
        self.clear_cookie(site.session_cookie, domain=domain, **self.cookie_flags())

    def tell_xsrf_token(self) -> None:
        """Tell it in a header: pages of other origins cannot read our cookies."""
        self.set_header("Access-Control-Expose-Headers", "X-XSRFToken")
        self.set_header("X-XSRFToken", self.xsrf_token)

    def cookie_flags(self) -> dict[str, Any]:
        """Return how every cookie of ours is set."""
        return cookie_flags(self.context.site, self.request)

    def get_cookie(self, name: str, default: Any = None) -> Any:
        """Return a cookie's value; how it is called in browsers is settled here."""
        return super().get_cookie(self.context.site.cookie_name(name), default)

    def set_cookie(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Give the browser a cookie, or take it (`clear_cookie`)."""
        super().set_cookie(self.context.site.cookie_name(name), *args, **kwargs)

    # ---- errors

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the error as JSON: a code, a sentence, and when to come back."""
        tell_error(self, status_code, self._told(status_code, kwargs))

    def write_json(self, value: object) -> None:
        """Write *value* as the answer."""
        self.set_header("Content-Type", "application/json")
        self.finish(msgspec.json.encode(value))

    def _told(self, status_code: int, kwargs: dict[str, Any]) -> LoginError:
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, LoginError):
            return error
        return error_of(status_code)

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Let errors of ours keep their status."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        super().send_error(error.status if isinstance(error, LoginError) else status_code, **kwargs)

    def log_exception(self, kind: Any, value: Any, trace: Any) -> None:
        log_error(self, kind, value, trace)

    def refuse_foreign(self) -> None:
        """Refuse pages of other sites.

        Raises:
            OriginRefused: when the request names a foreign origin; who names none is no page.
        """
        origin = self.request.headers.get("Origin")
        if origin is not None and origin not in self.context.site.origins:
            raise OriginRefused
        # Some browsers leave Origin out where they tell this.
        if origin is None and self.request.headers.get("Sec-Fetch-Site", "none") in ELSEWHERE:
            raise OriginRefused

    # ---- browsers

    def _know_browser(self) -> str:
        """Return the digest of the browser's own cookie; give it one if it has none."""
        secret = self.get_cookie(BROWSER_COOKIE) or ""
        if len(secret) != SECRET_LENGTH:
            secret = new_secret()
            self.set_cookie(
                BROWSER_COOKIE, secret, expires_days=BROWSER_DAYS, **self.cookie_flags()
            )
        return digest(secret)

    def _check_host(self) -> None:
        if not self.context.site.answers_to(self.request.host_name):
            log.info("host refused; those of server.public_url and allowed_origins are ours")
            raise HostRefused

    def _allow_origin(self) -> None:
        """Let pages of the other allowed origins read the answer."""
        origin = self.request.headers.get("Origin")
        if origin and origin in self.context.site.origins:
            self.set_header("Access-Control-Allow-Origin", origin)
            self.set_header("Access-Control-Allow-Credentials", "true")


def _typed(text: str, kind: type) -> object:
    """Return the text of a form's field as what it stands for."""
    if kind is str:
        return text
    if not text:
        return kind()
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError:
        raise BadRequest from None

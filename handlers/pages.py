"""The pages that people see."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from tornado.web import HTTPError

from handlers.base import ATTEMPT_COOKIE, NEXT_COOKIE, USER_PAGE, BaseHandler
from handlers.errors import name_methods
from handlers.same_site import same_site
from handlers.texts import LANGUAGES, language_of

LANGUAGE_COOKIE = "saoma_lang"
YEAR_DAYS = 365


class PageHandler(BaseHandler):
    """A page, in the visitor's language."""

    def prepare(self) -> None:
        super().prepare()
        wished = self.get_query_argument("lang", "")
        if wished in LANGUAGES:
            self.set_cookie(LANGUAGE_COOKIE, wished, expires_days=YEAR_DAYS, **self.cookie_flags())

    def page(self, template: str, **variables: Any) -> None:
        """Write the page made from *template*."""
        language = self._language()
        texts = self.context.texts
        version = self.context.static_version
        shown = {
            "lang": language,
            "t": texts[language],
            "texts_json": texts.json(language),
            "asset": lambda path: f"/static/{version}/{path}",
            "next": "",
            "sandbox_phone": self.context.site.phone_url,
            "request_path": same_site(self.request.path) or "/",
            "error": "",
            "username": "",
            "resume": "",
            "iso": _iso,
            "moment": _moment,
        }
        self.set_header("Vary", "Accept-Language, Cookie, User-Agent")
        self.render(template, **(shown | variables))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Show the error as a page."""
        texts = self.context.texts[self._language()]
        name_methods(self, status_code)
        kind = "error_not_found" if status_code == HTTPStatus.NOT_FOUND else "error_internal"
        self.set_status(status_code)
        self.page("error.html", status=status_code, message=texts.get(kind, ""))

    def _language(self) -> str:
        wished = self.get_query_argument("lang", "") or self.get_cookie(LANGUAGE_COOKIE)
        return language_of(wished, self.request.headers.get("Accept-Language", ""))


class SignInHandler(PageHandler):
    """`/`: the sign-in page."""

    async def get(self) -> None:
        """Show the page; whoever is signed in goes on at once."""
        wished = same_site(self.get_query_argument("next", ""))
        if await self.signed_in():
            self.redirect(wished or USER_PAGE)
            return
        # A page keeps its own `next`; the cookie is for those that cannot.
        if wished:
            self.set_cookie(NEXT_COOKIE, quote(wished), **self.cookie_flags())
        elif self.get_cookie(NEXT_COOKIE):
            self.clear_cookie(NEXT_COOKIE, **self.cookie_flags())
        agent, web = self.request.headers.get("User-Agent", ""), self.context.web
        self.page(
            "index.html",
            next=wished,
            error=self.get_query_argument("error", ""),
            web_login=web.way_of(agent),
            opens_in_wechat=web.helps_in_wechat(agent),
            resume=self._take_attempt(),
        )

    def _take_attempt(self) -> str:
        """Return, once, what continues the attempt that web login has left to this browser."""
        resume: str = self.get_cookie(ATTEMPT_COOKIE, "")
        if resume:
            self.clear_cookie(ATTEMPT_COOKIE, **self.cookie_flags())
        return resume


class UserHandler(PageHandler):
    """`/user`: the signed-in visitor's own page."""

    async def get(self) -> None:
        """Show the page, or the way in."""
        signed_in = await self.signed_in()
        if signed_in is None:
            self.redirect(f"/?next={USER_PAGE}")
            return
        account = signed_in.account
        own = self.context.own_wechats
        activity = await self.context.journal.latest(account.id)
        wechats = await own.all(account)
        self.page(
            "user.html",
            username=account.username,
            wechats=wechats,
            may_add=own.may_add(wechats),
            has_password=account.password_hash is not None,
            generated=account.generated,
            activity=activity,
        )


class UnknownHandler(PageHandler):
    """Every address that is not ours."""

    def prepare(self) -> None:
        super().prepare()
        raise HTTPError(HTTPStatus.NOT_FOUND)


def _iso(at: float) -> str:
    """Return *at* (Unix seconds) as machines read it."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _moment(at: float) -> str:
    """Return *at* (Unix seconds) for people; scripts make the visitor's own time of it."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"

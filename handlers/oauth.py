"""Web login: to WeChat's page, and back from it."""

from typing import Any
from urllib.parse import urlencode

from handlers.base import ATTEMPT_COOKIE, USER_PAGE
from handlers.browsers import BROWSER_COOKIE
from handlers.errors import name_methods
from handlers.pages import PageHandler
from handlers.same_site import same_site
from login import Deed, SignInBy

# The sign-in page is next, and takes the cookie at once.
ATTEMPT_SECONDS = 60
REFUSED = "wechat_refused"


class WebLoginPageHandler(PageHandler):
    """A step of web login. What goes wrong is told on a page, with a way on."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what happened and what to do."""
        error = self._told(status_code, kwargs)
        name_methods(self, status_code)
        if error.retry_after:
            self.set_header("Retry-After", str(error.retry_after))
        self.set_status(status_code)
        self.page(
            "web_login.html",
            code=error.code,
            message=error.text,
            next=error.next,
            # The address of this page is good once: other languages are for the sign-in page.
            request_path="/",
        )


class WebLoginHandler(WebLoginPageHandler):
    """`/login/wechat`: off to WeChat."""

    async def get(self) -> None:
        """Send the browser to the page of WeChat that is right for it."""
        wished = same_site(self.get_query_argument("next", ""))
        if await self.signed_in():
            self.redirect(wished or USER_PAGE)
            return
        address = await self.context.web.start(
            self.request.headers.get("User-Agent", ""),
            browser=self.browser,
            address=self.address(),
            onward=wished,
        )
        self.redirect(address)


class WebLoginCallbackHandler(WebLoginPageHandler):
    """`/login/wechat/callback`: back from WeChat, with a code or, after a refusal, without."""

    async def get(self) -> None:
        """Let the visitor in, or show the form that binds an account."""
        state, code = (self.get_query_argument(name, "") for name in ("state", "code"))
        cookie = self.get_cookie(BROWSER_COOKIE, "")
        if not code:
            onward = await self.context.web.refused(state, cookie=cookie)
            self.redirect(_sign_in_page(onward, error=REFUSED))
            return
        arrived = await self.context.web.arrive(state, code, cookie=cookie, visit=self.visit())
        if arrived.signed_in:
            if arrived.first:
                self.note(Deed.SIGN_IN, arrived.signed_in, SignInBy.WEB)
            await self.begin_session(arrived.signed_in)
            self.redirect(same_site(arrived.next) or USER_PAGE)
            return
        self.set_cookie(
            ATTEMPT_COOKIE, arrived.resume, max_age=ATTEMPT_SECONDS, **self.cookie_flags()
        )
        self.redirect(_sign_in_page(arrived.next))


def _sign_in_page(onward: str, **query: str) -> str:
    if same_site(onward):
        query["next"] = onward
    return f"/?{urlencode(query)}" if query else "/"

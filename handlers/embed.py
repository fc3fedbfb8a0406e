"""`/embed/<language>`: what `saoma.js` shows on a page of another site."""

from typing import Any

from handlers.base import BaseHandler, OriginRefused
from handlers.browsers import BROWSER_COOKIE, SECRET_LENGTH
from handlers.pages import PageHandler

COOKIES_HEADER = "X-Saoma-Cookies"


class EmbedHandler(PageHandler):
    """The code, the forms and the words, for a page of an allowed origin."""

    async def get(self, language: str) -> None:
        """Write them, with what the page cannot know: who is signed in, the XSRF token."""
        origin = self.request.headers.get("Origin")
        if origin is not None and origin not in self.context.site.origins:
            raise OriginRefused
        signed_in = await self.signed_in()
        self.tell_xsrf_token()
        self.add_header("Access-Control-Expose-Headers", COOKIES_HEADER)
        if len(self.get_cookie(BROWSER_COOKIE, "")) == SECRET_LENGTH:
            self.set_header(COOKIES_HEADER, "kept")
        self.page("embed.html", username=signed_in.account.username if signed_in else "")

    async def head(self, language: str) -> None:
        """Tell in the headers whether the browser has kept the cookies of an answer before."""
        await self.get(language)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the error as JSON. Without cookies any page may read why, and tell its console."""
        if "Access-Control-Allow-Origin" not in self._headers:
            self.set_header("Access-Control-Allow-Origin", "*")
        BaseHandler.write_error(self, status_code, **kwargs)

    def _language(self) -> str:
        return self.path_args[0] if self.path_args else ""

"""Signing in with a login code or a password, asking who one is, signing out."""

from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlencode

from handlers.base import NEXT_COOKIE, USER_PAGE, BaseHandler
from handlers.same_site import same_site
from login import Deed, LoginError, SignedIn, SignInBy
from login.errors import SignedOut


class EntranceHandler(BaseHandler):
    """A way in."""

    async def let_in(self, signed_in: SignedIn, fields: dict[str, Any]) -> None:
        """Give the browser its session and say where it wanted to go."""
        await self.begin_session(signed_in)
        onward = same_site(fields["next"]) or same_site(unquote(self.get_cookie(NEXT_COOKIE, "")))
        if self.wants_page():
            self.redirect(onward or USER_PAGE, status=HTTPStatus.SEE_OTHER)
        else:
            username = signed_in.account.username
            self.write_json({"username": username, "next": onward or USER_PAGE})

    def wants_page(self) -> bool:
        """Tell whether a plain form asks, on a page without JavaScript."""
        return self.is_form() and "text/html" in self.request.headers.get("Accept", "")


class SessionHandler(EntranceHandler):
    """`/session`: the signed-in browser."""

    async def get(self) -> None:
        """Tell who is signed in."""
        self.tell_xsrf_token()
        signed_in = await self.signed_in()
        if signed_in is None:
            raise SignedOut
        account = signed_in.account
        self.write_json({"username": account.username, "wechat_bound": account.wechat_bound})

    async def post(self) -> None:
        """Trade a login code for a session."""
        fields = self.fields(code=str, next=str)
        signed_in = await self.context.entrance.by_code(fields["code"], self.browser, self.visit())
        self.note(Deed.SIGN_IN, signed_in, SignInBy.SCAN)
        await self.let_in(signed_in, fields)

    async def delete(self) -> None:
        """Sign out."""
        token = self.get_cookie(self.context.site.session_cookie)
        if token:
            signed_in = await self.signed_in()
            await self.context.entrance.sign_out(token)
            self.end_session()
            if signed_in:
                self.note(Deed.SIGN_OUT, signed_in)
        self.set_status(HTTPStatus.NO_CONTENT)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the error; whoever is signed out needs the token too, to sign in."""
        self.tell_xsrf_token()
        super().write_error(status_code, **kwargs)


class LoginHandler(EntranceHandler):
    """`/login`: user name and password."""

    async def post(self) -> None:
        """Sign in; a plain form is sent on, a program gets JSON."""
        fields = self.fields(username=str, password=str, next=str)
        try:
            with self.noting_refusal(Deed.SIGN_IN):
                signed_in = await self.context.entrance.by_password(
                    fields["username"],
                    fields["password"],
                    self.address(),
                    self.browser,
                    self.visit(),
                )
        except LoginError as error:
            if not self.wants_page():
                raise
            query = urlencode({"error": error.code, "next": same_site(fields["next"])})
            self.redirect(f"/?{query}", status=HTTPStatus.SEE_OTHER)
        else:
            self.note(Deed.SIGN_IN, signed_in, SignInBy.PASSWORD)
            await self.let_in(signed_in, fields)

"""Binding WeChat to an account, taking it off, and the account's name."""

from handlers.base import BaseHandler
from login import BindAsked, Deed, SignedIn, SignInBy
from login.errors import SignedOut


class BindHandler(BaseHandler):
    """`/user/bind`: link the WeChat user who scanned to an account."""

    async def post(self) -> None:
        """Bind, with the account's password or by the session, and sign in.

        To *replace* a WeChat user takes the password, also of who is signed in.
        """
        fields = self.fields(bind_token=str, username=str, password=str, replace=bool, wechat=int)
        deed = Deed.REBIND if fields["replace"] else Deed.BIND
        current = None if fields["username"] else await self.signed_in()
        with self.noting_refusal(deed):
            signed_in = await self.context.entrance.by_binding(
                BindAsked(
                    bind_token=fields["bind_token"],
                    browser=self.browser,
                    address=self.address(),
                    visit=self.visit(),
                    username=fields["username"],
                    password=fields["password"],
                    session=current.session if current else None,
                    replace=fields["replace"],
                    wechat=fields["wechat"] or None,
                )
            )
        self.note(deed, signed_in)
        if not current:
            self.note(Deed.SIGN_IN, signed_in, SignInBy.BIND)
        await self.begin_session(signed_in)
        self.write_json({"status": True, "username": signed_in.account.username})


class UnbindHandler(BaseHandler):
    """`/user/unbind`: forget the account's WeChat."""

    async def post(self) -> None:
        """Unbind one, or all; the password proves that it is the owner who asks."""
        fields = self.fields(password=str, wechat=int)
        current = await self.signed_in()
        if current is None:
            raise SignedOut
        with self.noting_refusal(Deed.UNBIND):
            signed_in = await self.context.own_wechats.unbind(
                current.session,
                fields["password"],
                self.address(),
                self.browser,
                self.visit(),
                wechat=fields["wechat"] or None,
            )
        self.note(Deed.UNBIND, signed_in)
        await self.begin_session(signed_in)
        self.write_json({"status": True, "username": signed_in.account.username})


class NameHandler(BaseHandler):
    """`/user/name`: a name of the owner's own in the place of a generated one."""

    async def post(self) -> None:
        """Rename, once."""
        fields = self.fields(username=str)
        signed_in = await self.signed_in()
        if signed_in is None:
            raise SignedOut
        with self.noting_refusal(Deed.RENAME):
            account = await self.context.names.choose(signed_in.account, fields["username"])
        self.note(Deed.RENAME, SignedIn(signed_in.session, account))
        self.write_json({"status": True, "username": account.username})

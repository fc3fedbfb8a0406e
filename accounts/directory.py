"""Accounts and the WeChat identities bound to them, in SQL.

One openid has at most one account, and one account at most so many WeChat users:
the database holds that, so two processes binding at once cannot break it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from accounts.account import Account
from accounts.bindings import binding_of
from accounts.database import Database, open_database
from accounts.deadlocks import begun_anew
from accounts.identities import (
    AccountTaken,
    Identity,
    OpenidTaken,
    learn_unionid,
    owner_of,
    owner_of_person,
    refuse_strangers,
)
from accounts.links import link
from accounts.lookups import Lookups
from accounts.names import UsernameTaken, fold, new_name, rename
from accounts.people import AccountInactive, People, Person
from accounts.schema import accounts, identities
from accounts.wechats import insert_identity, not_used_lately, note_use, take_off


@asynccontextmanager
async def open_directory(
    url: str, appid: str, wechat_per_account: int = 1, people: People | None = None
) -> AsyncIterator["Directory"]:
    """Open the accounts at *url* with the identities of the service account *appid*.

    An account may have *wechat_per_account* WeChat users. *people* are those of a site
    that keeps them itself.
    """
    async with open_database(url) as database:
        yield Directory(database, appid, wechat_per_account, people)


class Directory(Lookups):
    """All accounts. Every method may raise `AccountsUnavailable`."""

    def __init__(
        self,
        database: Database,
        appid: str,
        wechat_per_account: int = 1,
        people: People | None = None,
    ) -> None:
        super().__init__(database, appid, people)
        self.limit = wechat_per_account

    @begun_anew
    async def recognise(self, identity: Identity) -> Account | None:
        """Return the account of a WeChat user, who may be known to it by another appid only.

        What is news, the identity or its unionid, is written down.
        """
        async with self._database.writing() as connection:
            owner = await owner_of(connection, identity)
            if owner is not None:
                await learn_unionid(connection, identity)
            else:
                owner = await owner_of_person(connection, identity.unionid)
                if owner is None:
                    return None
                try:
                    await insert_identity(connection, identity, owner, limit=self.limit)
                except (OpenidTaken, AccountTaken):
                    return None  # another WeChat user of this appid has the account
        return await self.by_id(owner)

    async def welcome(self, person: Person) -> Account:
        """Return the account of one of the site's people, who has shown who they are.

        Raises:
            AccountInactive: when the site does not let them in.
        """
        account = await self.by_id(await self._link(person)) if person.active else None
        if account is None:
            raise AccountInactive
        return account

    @begun_anew
    async def add(
        self,
        username: str,
        password_hash: str | None,
        openid: str | Identity | None = None,
        since: int | None = None,
        *,
        generated: bool = False,
    ) -> Account:
        """Make an account, bound to *openid* (see `bind`) when that is given.

        A plain openid, here and below, is one of the service account. *generated*: the
        name is one of ours.

        Raises:
            UsernameTaken, OpenidTaken: and then nothing was made.
        """
        async with self._database.writing() as connection:
            try:
                made = await connection.execute(
                    insert(accounts).values(
                        username=username,
                        folded=fold(username),
                        password_hash=password_hash,
                        generated=generated or None,
                    )
                )
            except IntegrityError:
                raise UsernameTaken from None
            (account_id,) = made.inserted_primary_key or (0,)
            if openid:
                await insert_identity(
                    connection, self._identity(openid), account_id, since, limit=self.limit
                )
        return Account(
            id=account_id,
            username=username,
            password_hash=password_hash,
            wechat_bound=bool(openid),
            generated=generated,
        )

    async def register(self, openid: str | Identity, since: int | None = None) -> Account:
        """Return the account of *openid*, made now under a generated name if there is none."""
        while True:
            known = await self.recognise(self._identity(openid))
            if known:
                return known
            try:
                return await self.add(new_name(), None, openid, since, generated=True)
            except (UsernameTaken, OpenidTaken):
                continue  # a generated name that exists, or another process was faster

    @begun_anew
    async def bind(self, openid: str | Identity, account_id: int, since: int | None = None) -> None:
        """Bind *openid* to the account. Binding the two again changes nothing.

        *since* is when the WeChat user did what the binding rests upon, in Unix
        seconds by WeChat's clock; without it, now by the database's.

        Raises:
            OpenidTaken, AccountTaken: when one of them is bound otherwise.
        """
        identity = self._identity(openid)
        async with self._database.writing() as connection:
            if await owner_of(connection, identity) == account_id:
                await learn_unionid(connection, identity)
            else:
                await refuse_strangers(connection, identity, account_id)
                await insert_identity(connection, identity, account_id, since, limit=self.limit)

    @begun_anew
    async def rebind(
        self,
        openid: str | Identity,
        account_id: int,
        since: int | None = None,
        *,
        wechat: int | None = None,
    ) -> list[Identity]:
        """Bind *openid* in the place of the account's WeChat user *wechat*, or of all of them.

        Returns whom it replaces. When it fails, all is as it was.

        Raises:
            OpenidTaken, AccountTaken: as `bind` does.
        """
        identity = self._identity(openid)
        async with self._database.writing() as connection:
            gone = await take_off(connection, account_id, wechat, last=True)
            await refuse_strangers(connection, identity, account_id)
            await insert_identity(connection, identity, account_id, since, limit=self.limit)
        return gone

    @begun_anew
    async def unbind(self, account_id: int, wechat: int | None = None) -> list[Identity]:
        """Forget the account's WeChat user *wechat*, or all of them; return their identities.

        Raises:
            LastWayIn: when the account has no password and nobody would be left.
        """
        async with self._database.writing() as connection:
            has_password = await connection.scalar(
                select(accounts.c.password_hash.is_not(None)).where(accounts.c.id == account_id)
            )
            return await take_off(connection, account_id, wechat, last=bool(has_password))

    @begun_anew
    async def note_use(self, openid: str | Identity) -> None:
        """Write down that a binding was used just now: at most once in an hour."""
        identity = self._identity(openid)
        async with self._database.transaction() as connection:
            due = await not_used_lately(connection, identity)
        if due:
            async with self._database.writing() as connection:
                await note_use(connection, identity)

    @begun_anew
    async def forget(self, openid: str | Identity, at: int) -> None:
        """Forget *openid*, also as the last way in, unless it was bound after *at*."""
        async with self._database.writing() as connection:
            who = self._identity(openid)
            binding = await binding_of(connection, who.appid, who.openid, at)
            if binding:
                await connection.execute(delete(identities).where(identities.c.id == binding.id))

    @begun_anew
    async def rename(self, account_id: int, username: str) -> None:
        """Give the account the name that its owner chose in the place of ours, once.

        Raises:
            UsernameTaken, NameFixed: and then it keeps the one that it has.
        """
        async with self._database.writing() as connection:
            await rename(connection, account_id, username)

    @begun_anew
    async def set_password_hash(self, account_id: int, password_hash: str) -> None:
        """Replace the account's password hash."""
        async with self._database.writing() as connection:
            await connection.execute(
                update(accounts)
                .where(accounts.c.id == account_id)
                .values(password_hash=password_hash)
            )

    @begun_anew
    async def _link(self, person: Person) -> int:
        async with self._database.writing() as connection:
            return await link(connection, person)

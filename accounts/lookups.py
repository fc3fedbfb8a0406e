"""Reading accounts: who has a name, a number or an openid, and what is bound to whom."""

from sqlalchemy import select

from accounts.account import (
    BY_ID,
    BY_NAME,
    BY_NAMES_ORDER,
    BY_OPENID,
    BY_SITE_ID,
    Account,
    account_of,
    as_the_site_has,
)
from accounts.bindings import binding_of
from accounts.database import Database
from accounts.file_reader import Query
from accounts.identities import Identity, lacks_unionid, owner_of
from accounts.names import fold
from accounts.people import People, Person
from accounts.schema import identities
from accounts.wechats import WeChat, wechats_of


class Lookups:
    """What can be asked of all accounts. Every method may raise `AccountsUnavailable`."""

    def __init__(self, database: Database, appid: str, people: People | None) -> None:
        self._database = database
        self._appid = appid
        self._people = people

    async def ping(self) -> None:
        """Return when the database answers and has its tables, and people can be found."""
        async with self._database.transaction():
            pass
        if self._people:
            await self._people.ping()

    async def by_openid(self, openid: str) -> Account | None:
        """Return the account that *openid*, of the service account, is bound to."""
        return await self._one(BY_OPENID, openid=openid, appid=self._appid)

    async def by_username(self, username: str) -> Account | None:
        """Return the account of that name; case and width do not matter where we keep it.

        Somebody of the site's who never came here has none.
        """
        if "\x00" in username:  # which no name has, and PostgreSQL takes for a mistake
            return None
        if self._people is None:
            return await self._one(BY_NAME, folded=fold(username))
        person = await self._people.by_name(username)
        account = await self._found(BY_SITE_ID, site_id=person.site_id if person else "")
        return as_the_site_has(account, person)

    async def person(self, username: str) -> Person | None:
        """Return who has that name at a site that keeps its people itself."""
        return await self._people.by_name(username) if self._people else None

    async def by_id(self, account_id: int) -> Account | None:
        """Return the account with that number."""
        return await self._one(BY_ID, id=account_id)

    async def all(self) -> list[Account]:
        """Return every account, by name."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(BY_NAMES_ORDER)
            return [account_of(row) for row in rows]

    async def lacks_unionid(self, openid: str) -> bool:
        """Tell whether this openid of the service account is bound, without its unionid so far."""
        async with self._database.transaction() as connection:
            return await lacks_unionid(connection, self._identity(openid))

    async def wechats(self, account_id: int) -> list[WeChat]:
        """Return the account's WeChat users, the one that was bound first at the head."""
        async with self._database.transaction() as connection:
            return await wechats_of(connection, account_id)

    async def holds(self, openid: str | Identity, account_id: int) -> bool:
        """Tell whether *openid* is bound to the account now."""
        async with self._database.transaction() as connection:
            return await owner_of(connection, self._identity(openid)) == account_id

    async def openid_of(self, account_id: int) -> str:
        """Return the openid of the service account that the account is bound to, or ""."""
        async with self._database.transaction() as connection:
            found = await connection.scalar(
                select(identities.c.openid).where(
                    identities.c.account_id == account_id, identities.c.appid == self._appid
                )
            )
            return found or ""

    async def bound_by(self, openid: str | Identity, at: int) -> int | None:
        """Return the account that *openid* was bound to by then (Unix seconds), and still is."""
        async with self._database.transaction() as connection:
            who = self._identity(openid)
            binding = await binding_of(connection, who.appid, who.openid, at)
            return binding.account_id if binding else None

    def _identity(self, who: str | Identity) -> Identity:
        return who if isinstance(who, Identity) else Identity(appid=self._appid, openid=who)

    async def _one(self, query: Query, **values: str | int) -> Account | None:
        """Return the account as whoever keeps it has it now, if it may come in."""
        account = await self._found(query, **values)
        if account is None or bool(account.site_id) != bool(self._people):
            return None  # of the other kind: the settings were changed
        if self._people is None:
            return account
        return as_the_site_has(account, await self._people.by_id(account.site_id))

    async def _found(self, query: Query, **values: str | int) -> Account | None:
        row = await self._database.first(query, **values)
        return account_of(row) if row else None

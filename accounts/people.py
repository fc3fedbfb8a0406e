"""People whom the site knew before Saoma did: in a table of its own, or by a check of its own."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import Struct

KEPT_BY_THE_SITE = "*"
"""In the place of a password hash: there is a password, and no hash of it here."""
MAX_ID = 63
MAX_NAME = 64


class AccountInactive(Exception):
    """The site does not let this account in."""


class Person(Struct, frozen=True, kw_only=True):
    """Someone as the site knows them."""

    site_id: str
    """The site's own id, as text."""

    username: str
    """"" = the name that they came by last."""

    password_hash: str | None
    """None = no password sign-in."""

    active: bool = True

    def __repr__(self) -> str:
        return f"Person(site_id={self.site_id!r})"


Judge = Callable[[str, str], Awaitable[Person | None]]
"""Tells who has that user name and that password. May raise `AccountsUnavailable`."""


class People(Protocol):
    """Those who may come. Every method may raise `AccountsUnavailable`."""

    async def ping(self) -> None:
        """Return when people can be found."""

    async def by_name(self, username: str) -> Person | None:
        """Return who has that name."""

    async def by_id(self, site_id: str) -> Person | None:
        """Return who has that id."""


class Unlisted:
    """People of whom the site tells only when they come with their password."""

    async def ping(self) -> None:
        """Return: nobody is asked."""

    async def by_name(self, username: str) -> Person | None:
        """Return nobody: who has a name is not known without the password."""
        return None

    async def by_id(self, site_id: str) -> Person | None:
        """Return who has that id; who came once may come again."""
        return Person(site_id=site_id, username="", password_hash=KEPT_BY_THE_SITE)

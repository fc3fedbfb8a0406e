"""User names: when two are one, how we make one, and how its owner chooses another, once."""

import secrets
from unicodedata import normalize

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from accounts.schema import accounts

# Letters and digits that cannot be mistaken for one another.
NAME_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
MAX_NAME = 64
"""Letters of a name, as it is written and as it is folded: what the columns hold."""


class UsernameTaken(Exception):
    """There is an account of that name."""


class NameFixed(Exception):
    """A person has given this account its name: it stays."""


def fold(username: str) -> str:
    """Return the form of *username* in which equal names are equal."""
    return normalize("NFKC", username).strip().casefold()


def is_name(text: str) -> bool:
    """Tell whether *text* may be a user name: on one line, to be seen, and not too long."""
    return bool(fold(text)) and text.isprintable() and max(len(text), len(fold(text))) <= MAX_NAME


def new_name() -> str:
    """Return a name for somebody of whom no name is known."""
    return "wx_" + "".join(secrets.choice(NAME_LETTERS) for _ in range(8))


async def rename(connection: AsyncConnection, account_id: int, username: str) -> None:
    """Give the account the name that its owner chose.

    Raises:
        UsernameTaken, NameFixed: and then it keeps the one that it has.
    """
    try:
        changed = await connection.execute(
            update(accounts)
            .where(accounts.c.id == account_id, accounts.c.generated.is_(True))
            .values(username=username, folded=fold(username), generated=None)
        )
    except IntegrityError:
        raise UsernameTaken from None
    if not changed.rowcount:
        raise NameFixed

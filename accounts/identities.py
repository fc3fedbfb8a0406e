"""WeChat identities in SQL: whose they are, and which of them are one person.

A person has another openid towards every appid. What two appids of one owner
have in common is the unionid, and WeChat does not always tell it: so it is
written down wherever it is heard.
"""

from msgspec import Struct
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from accounts.schema import identities


class OpenidTaken(Exception):
    """This WeChat user is bound to another account."""


class AccountTaken(Exception):
    """This account is bound to other WeChat users, as many as it may have: *limit*."""

    def __init__(self, limit: int = 1) -> None:
        self.limit = limit
        super().__init__()


class Identity(Struct, frozen=True, kw_only=True):
    """A WeChat user as one appid knows them; *unionid* is "" when WeChat did not tell it."""

    appid: str
    openid: str
    unionid: str = ""

    def __repr__(self) -> str:
        return f"Identity(appid={self.appid!r})"


async def owner_of(connection: AsyncConnection, identity: Identity) -> int | None:
    """Return the account that this appid's openid is bound to."""
    owner: int | None = await connection.scalar(
        select(identities.c.account_id).where(
            identities.c.openid == identity.openid, identities.c.appid == identity.appid
        )
    )
    return owner


async def owner_of_person(connection: AsyncConnection, unionid: str) -> int | None:
    """Return the account that the person is bound to by any appid; the first if there are more."""
    if not unionid:
        return None
    owner: int | None = await connection.scalar(
        select(identities.c.account_id)
        .where(identities.c.unionid == unionid)
        .order_by(identities.c.id)
        .limit(1)
    )
    return owner


async def refuse_strangers(
    connection: AsyncConnection, identity: Identity, account_id: int
) -> None:
    """Return when, as far as is known, the person belongs to no other account.

    Raises:
        OpenidTaken: when the unionids say otherwise.
    """
    if await owner_of_person(connection, identity.unionid) not in (None, account_id):
        raise OpenidTaken


async def lacks_unionid(connection: AsyncConnection, identity: Identity) -> bool:
    """Tell whether an identity is bound and its unionid not written down."""
    known = await connection.scalar(
        select(identities.c.id).where(
            identities.c.openid == identity.openid,
            identities.c.appid == identity.appid,
            identities.c.unionid.is_(None),
        )
    )
    return known is not None


async def learn_unionid(connection: AsyncConnection, identity: Identity) -> None:
    """Write down the unionid of an identity that is bound, if it was told."""
    if identity.unionid:
        await connection.execute(
            update(identities)
            .where(identities.c.openid == identity.openid, identities.c.appid == identity.appid)
            .values(unionid=identity.unionid)
        )

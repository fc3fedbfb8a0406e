"""WeChat identities in SQL: whose they are, and which of them are one person.

A person has another openid towards every appid. What two appids of one owner
have in common is the unionid, and WeChat does not always tell it: so it is
written down wherever it is heard.
"""

from msgspec import Struct
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from accounts.bindings import bound_at
from accounts.schema import identities


class OpenidTaken(Exception):
    """This WeChat user is bound to another account."""


class AccountTaken(Exception):
    """This account is bound to another WeChat user."""


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
    """Return when, as far as is known, person and account belong to nobody else.

    Raises:
        OpenidTaken, AccountTaken: when the unionids say otherwise.
    """
    if not identity.unionid:
        return
    if await owner_of_person(connection, identity.unionid) not in (None, account_id):
        raise OpenidTaken
    stranger = await connection.scalar(
        select(identities.c.id).where(
            identities.c.account_id == account_id, identities.c.unionid != identity.unionid
        )
    )
    if stranger is not None:
        raise AccountTaken


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


async def insert_identity(
    connection: AsyncConnection, identity: Identity, account_id: int, since: int | None = None
) -> None:
    """Bind the identity to the account, *since* a moment (Unix seconds) or now.

    Binding the two again changes nothing.

    Raises:
        OpenidTaken, AccountTaken: when one of them is bound otherwise.
    """
    try:
        # A savepoint: after the refusal we still ask which of the two it was.
        async with connection.begin_nested():
            await connection.execute(
                insert(identities).values(
                    appid=identity.appid,
                    openid=identity.openid,
                    unionid=identity.unionid or None,
                    account_id=account_id,
                    **bound_at(since),
                )
            )
    except IntegrityError:
        other = await owner_of(connection, identity)
        if other == account_id:
            return
        raise (OpenidTaken if other else AccountTaken) from None

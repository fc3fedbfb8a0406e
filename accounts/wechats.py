"""The WeChat users of one account: at most so many, each in a slot of its own.

A slot is unique by appid and account in the database, so two processes never
fill one twice: the slower one is refused, looks again, and finds the next slot
or none. One user's identities of several appids share a slot, as far as their
unionids tell; where WeChat told none, an empty slot is preferred, and without
one the password or the session that binds is the proof that the two are one.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from accounts.bindings import aware, bound_at
from accounts.identities import AccountTaken, Identity, OpenidTaken, owner_of
from accounts.schema import identities

# How exactly it is known when a binding was last used: what costs a write each time.
USED_SECONDS = 3600


class LastWayIn(Exception):
    """Without WeChat nobody could sign in to this account any more."""


class WeChat(Struct, frozen=True, kw_only=True):
    """A WeChat user of an account. Instants are Unix seconds."""

    id: int
    bound_at: float
    last_used_at: float | None
    """Within `USED_SECONDS`; None = not known."""


class Place(Struct, frozen=True):
    """An identity of an account, as far as the choice of a slot needs it."""

    appid: str
    unionid: str | None
    slot: int


def slot_for(identity: Identity, places: Sequence[Place], limit: int) -> int | None:
    """Return the slot that *identity* may have beside *places*, None when there is none."""
    own = {each.slot for each in places if each.appid == identity.appid}
    known = {each.slot: each.unionid for each in places if each.unionid}
    used = {each.slot for each in places}
    joinable = sorted(used - own)
    same = [slot for slot in joinable if identity.unionid and known.get(slot) == identity.unionid]
    empty = sorted(set(range(1, limit + 1)) - used) if len(used) < limit else []
    perhaps = [slot for slot in joinable if not (identity.unionid and slot in known)]
    return next(iter([*same, *empty, *perhaps]), None)


async def insert_identity(
    connection: AsyncConnection,
    identity: Identity,
    account_id: int,
    since: int | None = None,
    *,
    limit: int,
) -> None:
    """Bind the identity to the account, *since* a moment (Unix seconds) or now.

    Binding the two again changes nothing. *limit*: the account's WeChat users.

    Raises:
        OpenidTaken, AccountTaken: when one of them is bound otherwise.
    """
    for _ in range(limit + 1):
        slot = slot_for(identity, await _places(connection, account_id), limit)
        if slot and await _inserted(connection, identity, account_id, since, slot):
            return
        owner = await owner_of(connection, identity)
        if owner == account_id:
            return
        if owner:
            raise OpenidTaken
        if not slot:
            break
    raise AccountTaken(limit)


async def _inserted(
    connection: AsyncConnection, identity: Identity, account_id: int, since: int | None, slot: int
) -> bool:
    try:
        # A savepoint: after the refusal we still ask what was faster.
        async with connection.begin_nested():
            await connection.execute(
                insert(identities).values(
                    appid=identity.appid,
                    openid=identity.openid,
                    unionid=identity.unionid or None,
                    account_id=account_id,
                    slot=slot,
                    **bound_at(since),
                )
            )
    except IntegrityError:
        return False
    return True


async def _places(connection: AsyncConnection, account_id: int) -> list[Place]:
    rows = await connection.execute(
        select(identities.c.appid, identities.c.unionid, identities.c.slot).where(
            identities.c.account_id == account_id
        )
    )
    return [Place(*row) for row in rows]


async def wechats_of(connection: AsyncConnection, account_id: int) -> list[WeChat]:
    """Return the account's WeChat users, the one that was bound first at the head."""
    c = identities.c
    rows = await connection.execute(
        select(func.min(c.id), func.min(c.bound_at), func.max(c.last_used_at))
        .where(c.account_id == account_id)
        .group_by(c.slot)
    )
    found = [
        WeChat(id=each, bound_at=_unix(bound), last_used_at=_unix(used) if used else None)
        for each, bound, used in rows
    ]
    return sorted(found, key=lambda each: (each.bound_at, each.id))


async def take_off(
    connection: AsyncConnection, account_id: int, wechat: int | None, *, last: bool
) -> list[Identity]:
    """Forget the WeChat user *wechat* of the account, or all of them; return their identities.

    Raises:
        LastWayIn: when nobody would be left and the *last* one has to stay.
    """
    c = identities.c
    # Whoever else takes some off, in another process too, waits here until we are done.
    await connection.execute(
        update(identities).where(c.account_id == account_id).values(slot=c.slot)
    )
    rows = (
        await connection.execute(
            select(c.id, c.slot, c.appid, c.openid).where(c.account_id == account_id)
        )
    ).all()
    slots = {row.slot for row in rows if wechat in (None, row.id)}
    gone = [row for row in rows if row.slot in slots]
    if len(gone) == len(rows) and not last:
        raise LastWayIn
    await connection.execute(delete(identities).where(c.id.in_([row.id for row in gone])))
    return [Identity(appid=row.appid, openid=row.openid) for row in gone]


async def not_used_lately(connection: AsyncConnection, identity: Identity) -> bool:
    """Tell whether it should be written down that the binding is used now."""
    c, long_ago = identities.c, datetime.now(UTC) - timedelta(seconds=USED_SECONDS)
    found = await connection.scalar(
        select(c.id).where(
            c.appid == identity.appid,
            c.openid == identity.openid,
            or_(c.last_used_at.is_(None), c.last_used_at < long_ago),
        )
    )
    return found is not None


async def note_use(connection: AsyncConnection, identity: Identity) -> None:
    """Write down that the binding is used now."""
    await connection.execute(
        update(identities)
        .where(identities.c.appid == identity.appid, identities.c.openid == identity.openid)
        .values(last_used_at=datetime.now(UTC))
    )


def _unix(moment: datetime) -> float:
    return aware(moment).timestamp()

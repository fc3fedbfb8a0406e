"""How old a binding is: who unfollows undoes the bindings before that, and no newer one.

The two moments are compared in whole seconds, as WeChat tells them.
"""

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from accounts.schema import identities

LAST = 253_402_214_400
"""9999-12-31, Unix seconds: a push may name a later second, a calendar has none."""


class Binding(Struct, frozen=True):
    """The row of a binding, and whose it is."""

    id: int
    account_id: int


async def binding_of(
    connection: AsyncConnection, appid: str, openid: str, at: int
) -> Binding | None:
    """Return the binding of *openid* that there was at the second *at* (Unix) and still is."""
    found = await connection.execute(
        select(identities.c.id, identities.c.account_id, identities.c.bound_at).where(
            identities.c.appid == appid, identities.c.openid == openid
        )
    )
    row = found.first()
    if row is None or int(aware(row.bound_at).timestamp()) > at:
        return None
    return Binding(row.id, row.account_id)


def bound_at(since: int | None) -> dict[str, Any]:
    """Return what a new binding's row says of its age; nothing when the database is to say it."""
    return {} if since is None else {"bound_at": datetime.fromtimestamp(min(since, LAST), UTC)}


def aware(moment: datetime) -> datetime:
    """Return *moment* with its zone: SQLite keeps none, and what we write is UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

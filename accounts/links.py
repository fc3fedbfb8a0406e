"""Rows of ours for people whom the site keeps: what identities and sessions hang on."""

import logging

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from accounts.people import KEPT_BY_THE_SITE, MAX_NAME, Person
from accounts.schema import accounts

log = logging.getLogger(__name__)


async def link(connection: AsyncConnection, person: Person) -> int:
    """Return the number of the person's row, which is made when there is none yet."""
    found = await _find(connection, person.site_id)
    if found is None:
        try:
            async with connection.begin_nested():
                made = await connection.execute(insert(accounts).values(**_row_of(person)))
            (number,) = made.inserted_primary_key or (0,)
            # Our number stands in every other line; this one tells whose it is.
            log.info("known from now on account=%d person=%s", number, person.site_id)
            return int(number)
        except IntegrityError:  # another process was faster
            found = await _find(connection, person.site_id)
            if found is None:
                raise
    number, username = found
    if person.username[:MAX_NAME] not in {"", username}:
        await connection.execute(
            update(accounts)
            .where(accounts.c.id == number)
            .values(username=person.username[:MAX_NAME])
        )
    return number


async def _find(connection: AsyncConnection, site_id: str) -> Row[int, str] | None:
    found = await connection.execute(
        select(accounts.c.id, accounts.c.username).where(accounts.c.site_id == site_id)
    )
    return found.first()


def _row_of(person: Person) -> dict[str, str]:
    return {
        "site_id": person.site_id,
        "username": person.username[:MAX_NAME],
        # No folded name begins with a blank: none of ours can be taken for it.
        "folded": f" {person.site_id}",
        "password_hash": KEPT_BY_THE_SITE,
    }

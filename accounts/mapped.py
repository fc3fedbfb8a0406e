"""A site's own table of users, which is read and never written."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Column, Connection, MetaData, Select, Table, bindparam, func, select
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.ext.asyncio import AsyncEngine

from accounts import hashes
from accounts.deadlocks import AccountsUnavailable
from accounts.engines import CALL_SECONDS, open_engine, time_limit
from accounts.names import fold
from accounts.people import KEPT_BY_THE_SITE, MAX_ID, Person

log = logging.getLogger(__name__)

YES = {"1", "t", "true", "y", "yes"}
# How many of the newest users are looked at for the kind of hash that is usual.
SAMPLE = 200


class Mapping(Struct, frozen=True, kw_only=True):
    """How the table is named, and its columns; "" = there is no such column."""

    table: str
    """Perhaps with its schema before it and a point between."""
    id: str
    username: str
    password_hash: str
    active: str
    active_value: str
    """What stands in `active` of those who may come in; "" = true, a number, or yes."""
    any_case: bool
    """Whether names that differ by case only are one."""


@asynccontextmanager
async def open_table(
    url: str, mapping: Mapping, typical: Callable[[str], None], seconds: float = CALL_SECONDS
) -> AsyncIterator["MappedTable"]:
    """Open the table in the database at *url*; nothing is asked of it yet.

    A question gets *seconds*. *typical* is told a hash of the kind that is usual in the
    table, once that is known.
    """
    async with open_engine(url, read_only=True) as engine:
        yield MappedTable(engine, mapping, typical, seconds)


class MappedTable:
    """The people in it. Every method may raise `AccountsUnavailable`."""

    def __init__(
        self,
        engine: AsyncEngine,
        mapping: Mapping,
        typical: Callable[[str], None],
        seconds: float,
    ) -> None:
        self._engine = engine
        self._mapping = mapping
        self._typical = typical
        self._seconds = seconds
        self._opening = asyncio.Lock()
        self._columns: Columns | None = None
        self._has_warned = False

    async def ping(self) -> None:
        """Return when the table is there with its columns."""
        async with time_limit(self._seconds):
            columns = await self._opened()
            async with self._engine.connect() as connection:
                await connection.execute(columns.by_id.limit(0), {"id": columns.id_of("0")})

    async def by_name(self, username: str) -> Person | None:
        """Return who has that name, as the table compares names.

        Nobody when that is not clear, or when the name is another one to us: tries of a
        password are counted by what we take for one name.
        """
        if "\x00" in username:  # which PostgreSQL takes for a mistake
            return None
        async with time_limit(self._seconds):
            columns = await self._opened()
            async with self._engine.connect() as connection:
                rows = (await connection.execute(columns.by_name, {"name": username.strip()})).all()
        if len(rows) > 1:
            log.warning("several users of one name: none of them is let in by it")
            return None
        person = self._person(rows[0]) if rows else None
        return person if person and fold(person.username) == fold(username) else None

    async def by_id(self, site_id: str) -> Person | None:
        """Return who has that id."""
        async with time_limit(self._seconds):
            columns = await self._opened()
            value = columns.id_of(site_id)
            async with self._engine.connect() as connection:
                row = (await connection.execute(columns.by_id, {"id": value})).first()
        return self._person(row) if row else None

    async def _opened(self) -> "Columns":
        """Return the columns, which are looked for when the database first answers."""
        async with self._opening:
            if self._columns is None:
                async with self._engine.connect() as connection:
                    columns = await connection.run_sync(_columns, self._mapping)
                    if self._mapping.password_hash:
                        sample = await connection.scalars(columns.sample)
                        self._tell_typical([_text(each) for each in sample if each])
                self._columns = columns
        return self._columns

    def _tell_typical(self, found: list[str]) -> None:
        """Tell a hash of the most usual kind."""
        read = [(stored, known.kind) for stored in found if (known := hashes.read(stored))]
        if read:
            ((usual, _),) = Counter(kind for _, kind in read).most_common(1)
            self._typical(next(stored for stored, kind in read if kind == usual))

    def _person(self, row: Any) -> Person | None:
        site_id, username, stored, active = row
        key = site_id.hex() if isinstance(site_id, bytes) else str(site_id)
        if site_id is None or len(key) > MAX_ID:
            return None
        return Person(
            site_id=key,
            username=_text(username),
            password_hash=self._hash(stored),
            active=_is_active(active, self._mapping),
        )

    def _hash(self, stored: object) -> str | None:
        if not self._mapping.password_hash:
            return KEPT_BY_THE_SITE
        text = _text(stored) if stored else ""
        if hashes.read(text):
            return text
        if text and not self._has_warned:
            self._has_warned = True
            log.warning(
                "a password hash of a kind that is not known: whoever has one signs in by WeChat"
                " only column=%s.%s",
                self._mapping.table,
                self._mapping.password_hash,
            )
        return None


class Columns(Struct, frozen=True):
    """The statements on the table, made once, and what its ids are."""

    id: Column[Any]
    by_id: Select[Any]
    by_name: Select[Any]
    sample: Select[Any]

    def id_of(self, text: str) -> Any:
        """Return an id as the column has it; None, which no id is, when it cannot be one."""
        try:
            kind = self.id.type.python_type
        except NotImplementedError:
            kind = str
        readers: dict[type, Callable[[str], Any]] = {
            int: int,
            UUID: UUID,
            bytes: bytes.fromhex,
        }
        try:
            return readers.get(kind, str)(text)
        except ValueError:
            return None


def _columns(connection: Connection, mapping: Mapping) -> Columns:
    """Find the table and its columns.

    Raises:
        AccountsUnavailable: when one of them is not there.
    """
    schema, _, name = mapping.table.rpartition(".")
    try:
        table = Table(
            name, MetaData(), schema=schema or None, autoload_with=connection, resolve_fks=False
        )
    except NoSuchTableError:
        raise AccountsUnavailable(f"there is no table {mapping.table}") from None
    named = (mapping.id, mapping.username, mapping.password_hash, mapping.active)
    for column in filter(None, named):
        if column not in table.c:
            raise AccountsUnavailable(f"there is no column {column} in {mapping.table}")
    # What has no column is read as the id, and not looked at.
    found = select(
        *(table.c[column or mapping.id].label(f"c{n}") for n, column in enumerate(named))
    )
    key, username = table.c[mapping.id], table.c[mapping.username]
    name_given = bindparam("name", type_=username.type)
    same = username == name_given
    if mapping.any_case:
        same = func.lower(username) == func.lower(name_given)
    newest = select(table.c[mapping.password_hash or mapping.id]).order_by(key.desc()).limit(SAMPLE)
    return Columns(
        id=key,
        by_id=found.where(key == bindparam("id", type_=key.type)),
        by_name=found.where(same).limit(2),
        sample=newest,
    )


def _is_active(value: object, mapping: Mapping) -> bool:
    if not mapping.active:
        return True
    if value is None:
        return False
    if mapping.active_value:
        return _text(value) == mapping.active_value
    if isinstance(value, bytes):  # a BIT of MariaDB's
        return any(value)
    return value.strip().casefold() in YES if isinstance(value, str) else bool(value)


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)

"""Tables of an older release get what they lack, and lose one limit that is too narrow now.

Columns that may be empty or have a default, and indexes, can be added while older
processes go on writing to the same tables. What those write gets slot 1, so the
index on slots refuses them what the former constraint refused. A table of the same
name that lacks what the first release had was never ours, and is not touched.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Inspector,
    MetaData,
    Table,
    UniqueConstraint,
    inspect,
    text,
)
from sqlalchemy.schema import CreateColumn, DropConstraint

from accounts.deadlocks import AccountsUnavailable
from accounts.schema import identities, metadata

LOCK_SECONDS = 2
FORMER = "uq_identities_account"
"""One WeChat user for each account, of each appid."""


def complete_tables(connection: Connection) -> None:
    """Make every table, column and index that is missing. Safe to call again.

    Raises:
        AccountsUnavailable: when there is another's table of one of those names.
    """
    with _alone(connection):
        _complete(connection)


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Have other processes wait that complete the same tables. SQLite needs no help."""
    match connection.dialect.name:
        case "postgresql":  # until the transaction ends
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('saoma'))"))
            yield
        case "mysql" | "mariadb":  # of the connection: each change ends a transaction there
            name = "CONCAT('saoma ', database())"
            connection.execute(text(f"SELECT GET_LOCK({name}, {LOCK_SECONDS})"))
            try:
                yield
            finally:
                connection.execute(text(f"SELECT RELEASE_LOCK({name})"))
        case _:
            yield


def _complete(connection: Connection) -> None:
    inspector = inspect(connection)
    _refuse_foreign_tables(inspector)
    metadata.create_all(connection)
    inspector.clear_cache()
    quote = connection.dialect.identifier_preparer.format_table
    for table in metadata.sorted_tables:
        known = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in known:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.execute(text(f"ALTER TABLE {quote(table)} ADD COLUMN {definition}"))
        for index in table.indexes:
            index.create(connection, checkfirst=True)
    if _has_former(connection):
        _drop_former(connection)


def _refuse_foreign_tables(inspector: Inspector) -> None:
    for table in metadata.sorted_tables:
        if not inspector.has_table(table.name):
            continue
        known = {column["name"] for column in inspector.get_columns(table.name)}
        needed = {column.name for column in table.columns if _was_always_there(column)}
        if not needed <= known:
            raise AccountsUnavailable(
                f"the table {table.name} is not Saoma's: name another database in accounts.url"
            )


def _was_always_there(column: Column[Any]) -> bool:
    """Tell whether the first release had the column: others can be added to a table."""
    return not column.nullable and column.server_default is None


def _has_former(connection: Connection) -> bool:
    constraints = inspect(connection).get_unique_constraints(identities.name)
    return FORMER in {constraint["name"] for constraint in constraints}


def _drop_former(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        _rebuild(connection)
        return
    columns: list[Column[Any]] = [Column("appid"), Column("account_id")]
    constraint = UniqueConstraint(*columns, name=FORMER)
    Table(identities.name, MetaData(), *columns, constraint)
    connection.execute(DropConstraint(constraint))


def _rebuild(connection: Connection) -> None:
    """Make the table anew: SQLite drops no constraint. All of it in one transaction."""
    connection.execute(text("BEGIN IMMEDIATE"))  # Python begins none for such statements
    if not _has_former(connection):
        return  # another process was faster
    names = ", ".join(column.name for column in identities.columns)
    connection.execute(text(f"CREATE TEMPORARY TABLE former AS SELECT {names} FROM identities"))  # noqa: S608, our own names
    identities.drop(connection)
    identities.create(connection)
    connection.execute(text(f"INSERT INTO identities ({names}) SELECT {names} FROM former"))  # noqa: S608
    connection.execute(text("DROP TABLE former"))

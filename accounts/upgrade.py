"""Tables of an older release get what they lack: nullable columns and indexes, nothing else.

Both can be added while older processes go on writing to the same tables.
"""

from sqlalchemy import Connection, inspect, text
from sqlalchemy.schema import CreateColumn

from accounts.schema import metadata


def complete_tables(connection: Connection) -> None:
    """Make every table, column and index that is missing. Safe to call again."""
    metadata.create_all(connection)
    inspector = inspect(connection)
    quote = connection.dialect.identifier_preparer.format_table
    for table in metadata.sorted_tables:
        known = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in known:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.execute(text(f"ALTER TABLE {quote(table)} ADD COLUMN {definition}"))
        for index in table.indexes:
            index.create(connection, checkfirst=True)

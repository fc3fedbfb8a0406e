"""Single rows of an SQLite file, read on the spot.

Looking one row up by an index takes some ten microseconds; to have a thread do
it, fifty times as long. Every scan and every request of somebody signed in
looks one up, so it is done here without a thread. A file that cannot answer at
once, whatever the reason, is asked the long way, which waits for it.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite

Query = Select[*tuple[Any, ...]]


class NotAtOnce(Exception):
    """The file cannot answer without a wait, or not at all."""


class FileReader:
    """Reads the file at *path*, from one thread; opens it when it is first asked."""

    def __init__(self, path: str) -> None:
        self._uri = f"{Path(path).absolute().as_uri()}?mode=rw"  # one that is missing is not made
        self._connection: sqlite3.Connection | None = None

    def first(self, query: Query, values: Mapping[str, Any]) -> Sequence[Any] | None:
        """Return the first row that *query* finds, or None.

        Raises:
            NotAtOnce: when the file is locked, has no such table, or is not there.
        """
        try:
            cursor = self._opened().execute(_text(query), values)
            row: Sequence[Any] | None = cursor.fetchone()
            cursor.close()  # the next look sees what was written meanwhile
        except sqlite3.Error:
            self.close()
            raise NotAtOnce from None
        return row

    def close(self) -> None:
        """Let go of the file."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(self._uri, uri=True, timeout=0)
            self._connection.execute("PRAGMA query_only = ON")
        return self._connection


@cache
def _text(query: Query) -> str:
    """Return *query* as SQLite takes it; its values go in by name. There are a handful."""
    return str(query.compile(dialect=SQLiteDialect_aiosqlite(paramstyle="named")))

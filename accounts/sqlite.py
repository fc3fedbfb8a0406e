"""What SQLite needs."""

import sqlite3
from pathlib import Path
from typing import Any

# A file needs no look whether it is still there, and few connections to it.
POOL: dict[str, Any] = {"pool_size": 4, "max_overflow": 0}


def try_file(_dialect: object, _record: object, place: Any, options: Any) -> None:
    """Open the file once before aiosqlite does.

    After a failure its thread has something to say to a loop that may be closed
    by then, and prints a traceback behind the command's one line.
    """
    sqlite3.connect(*place, **options).close()


def try_to_read(_dialect: object, _record: object, place: Any, options: Any) -> None:
    """Do the same for a file that must be there: one that is not would be made."""
    if not Path(place[0]).is_file():
        raise sqlite3.OperationalError("there is no such file")
    sqlite3.connect(*place, **options).close()


def tune(connection: object, _record: object) -> None:
    """Set a new connection up."""
    _execute(
        connection,
        # First of all to wait: the next line needs the file for itself for a moment,
        # which a process that begins or ends beside us may have.
        "PRAGMA busy_timeout = 1500",
        # Readers do not wait for a writer; a writer waits for another.
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = NORMAL",
        "PRAGMA foreign_keys = ON",
    )


def tune_reader(connection: object, _record: object) -> None:
    """Set a new connection up that changes nothing, the file's own mode included."""
    _execute(connection, "PRAGMA busy_timeout = 1500", "PRAGMA query_only = ON")


def _execute(connection: object, *statements: str) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for statement in statements:
        cursor.execute(statement)
    cursor.close()

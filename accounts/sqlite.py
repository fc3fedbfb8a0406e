"""What SQLite needs."""

import sqlite3
from typing import Any

# A file needs no look whether it is still there, and few connections to it.
POOL: dict[str, Any] = {"pool_size": 4, "max_overflow": 0}


def try_file(_dialect: object, _record: object, place: Any, options: Any) -> None:
    """Open the file once before aiosqlite does.

    After a failure its thread has something to say to a loop that may be closed
    by then, and prints a traceback behind the command's one line.
    """
    sqlite3.connect(*place, **options).close()


def tune(connection: object, _record: object) -> None:
    """Set a new connection up."""
    cursor = connection.cursor()  # type: ignore[attr-defined]
    # First of all to wait: the next line needs the file for itself for a moment,
    # which a process that begins or ends beside us may have.
    cursor.execute("PRAGMA busy_timeout = 1500")
    # Readers do not wait for a writer; a writer waits for another.
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()

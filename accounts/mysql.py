"""What MySQL and MariaDB need: comparisons to the letter, and times in UTC."""

from typing import Any

# By default Openid and oPENID would be one: their comparison ignores case and accents.
TO_THE_LETTER: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in {"charset": "utf8mb4", "collate": "utf8mb4_bin"}.items()
}
"""Of a table, beside its columns."""


def tune(connection: object, _record: object) -> None:
    """Set a new connection up: its times have no zone, and ours are UTC."""
    _execute(connection, "SET time_zone = '+00:00'")


def tune_reader(connection: object, _record: object) -> None:
    """Set a new connection up that changes nothing."""
    _execute(connection, "SET SESSION TRANSACTION READ ONLY")


def _execute(connection: object, statement: str) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute(statement)
    cursor.close()

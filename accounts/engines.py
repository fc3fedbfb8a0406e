"""Connections to the databases that there are: how each wants to be opened, and its time limit."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, InvalidRequestError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from accounts import mysql, sqlite
from accounts.deadlocks import AccountsUnavailable, Deadlock, was_deadlock

# WeChat wants its answer within 5 s, and a page should not wait much longer.
CALL_SECONDS = 2.0
SERVER: dict[str, Any] = {
    # Connections of one process stay: to make one takes longer than most of what is asked.
    "pool_size": 10,
    "max_overflow": 0,
    # One that was idle may be dead.
    "pool_pre_ping": True,
    # After a refusal we look for what was faster: a snapshot from before would not show it.
    "isolation_level": "READ COMMITTED",
}

POSTGRESQL_READER: dict[str, Any] = {
    "connect_args": {"server_settings": {"default_transaction_read_only": "on"}}
}


@asynccontextmanager
async def open_engine(url: str, *, read_only: bool = False) -> AsyncIterator[AsyncEngine]:
    """Open the database at *url*; nothing is asked of it yet.

    *read_only*: it refuses to change anything, and a file that is not there stays so.

    Raises:
        AccountsUnavailable: when there is no driver for it.
    """
    engine = _engine(url, read_only)
    try:
        yield engine
    finally:
        await engine.dispose()


def _engine(url: str, read_only: bool) -> AsyncEngine:
    try:
        parsed = make_url(url)
        match parsed.get_backend_name():
            case "sqlite":
                return _sqlite(parsed, read_only)
            case "mysql" | "mariadb":
                engine = create_async_engine(parsed, **SERVER)
                tune = mysql.tune_reader if read_only else mysql.tune
                event.listen(engine.sync_engine, "connect", tune)
                return engine
            case "postgresql" if read_only:
                return create_async_engine(parsed, **SERVER, **POSTGRESQL_READER)
            case _:
                return create_async_engine(parsed, **SERVER)
    except (ArgumentError, InvalidRequestError, ImportError) as error:
        scheme = url.partition(":")[0]
        raise AccountsUnavailable(f"{type(error).__name__} for {scheme}:") from None


def _sqlite(url: URL, read_only: bool) -> AsyncEngine:
    if url.database and not read_only:
        with suppress(OSError):  # then opening the file fails, and says so
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url, **sqlite.POOL)
    try_file = sqlite.try_to_read if read_only else sqlite.try_file
    event.listen(engine.sync_engine, "do_connect", try_file)
    event.listen(engine.sync_engine, "connect", sqlite.tune_reader if read_only else sqlite.tune)
    return engine


@asynccontextmanager
async def time_limit(seconds: float) -> AsyncIterator[None]:
    """Have what is asked of a database answered in that time, or not at all.

    Raises:
        AccountsUnavailable, Deadlock
    """
    with _one_error():
        async with asyncio.timeout(seconds):
            yield


@contextmanager
def _one_error() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        # The text would hold the statement's values, so only the kind is kept.
        kind = Deadlock if was_deadlock(error) else AccountsUnavailable
        raise kind(type(error).__name__) from None

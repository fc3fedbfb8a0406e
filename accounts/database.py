"""The database that accounts are in: its tables, its transactions, its time limit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from accounts.sqlite import try_file, tune
from accounts.upgrade import complete_tables

# WeChat wants its answer within 5 s, and a page should not wait much longer.
CALL_TIMEOUT = 2.0
SQLITE_POOL: dict[str, Any] = {"pool_size": 4, "max_overflow": 0}
# After a refusal we look for what was faster: a snapshot from before would not show it.
SERVER_POOL: dict[str, Any] = {"pool_pre_ping": True, "isolation_level": "READ COMMITTED"}
# How often tables are made: another process may be making them at the same time, and be
# faster at each of the steps that an old table takes.
TABLE_TRIES = 12
# Transactions of one process that change something at the same time.
MAX_WRITERS = 10


class AccountsUnavailable(Exception):
    """The database did not answer; nothing was changed as far as is known."""


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator["Database"]:
    """Open the database at *url*; nothing is asked of it yet."""
    parsed = make_url(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    if is_sqlite and parsed.database:
        with suppress(OSError):  # then opening the file fails, and says so
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    # A file needs no look whether it is still there, and few connections to it.
    options = SQLITE_POOL if is_sqlite else SERVER_POOL
    engine = create_async_engine(parsed, **options)
    if is_sqlite:
        event.listen(engine.sync_engine, "do_connect", try_file)
        event.listen(engine.sync_engine, "connect", tune)
    try:
        yield Database(engine, one_writer=is_sqlite)
    finally:
        await engine.dispose()


class Database:
    """Transactions. Each may raise `AccountsUnavailable`.

    *one_writer*: the database takes one writer at a time and lets others poll, as
    SQLite does; then those of this process stand in line instead.
    """

    def __init__(self, engine: AsyncEngine, *, one_writer: bool = False) -> None:
        self._engine = engine
        self._writers = asyncio.Semaphore(1 if one_writer else MAX_WRITERS)
        self._preparing = asyncio.Lock()
        self._ready = False

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that changes something."""
        async with self._writers, self.transaction() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Open one transaction, within the time limit, with the tables in place."""
        try:
            async with asyncio.timeout(CALL_TIMEOUT):
                await self._make_tables()
                async with self._engine.begin() as connection:
                    yield connection
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            # The text would hold the statement's values, so only the kind is kept.
            raise AccountsUnavailable(type(error).__name__) from None

    async def _make_tables(self) -> None:
        """Make the tables that are missing, when the database first answers."""
        if self._ready:
            return
        async with self._preparing:
            for tries in range(1, TABLE_TRIES + 1):
                if self._ready:
                    return
                try:
                    async with self._engine.begin() as connection:
                        await connection.run_sync(complete_tables)
                    self._ready = True
                except DBAPIError:
                    if tries == TABLE_TRIES:
                        raise

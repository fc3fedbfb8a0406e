"""The database that accounts are in: its tables and its transactions."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from accounts.engines import CALL_SECONDS, open_engine, time_limit
from accounts.file_reader import FileReader, NotAtOnce, Query
from accounts.upgrade import complete_tables

# How often tables are made: those who may are let in one by one, but for older releases.
TABLE_TRIES = 12
# Transactions of one process that change something at the same time; the other connections read.
MAX_WRITERS = 5
SQLITE = "sqlite"


@asynccontextmanager
async def open_database(url: str, seconds: float = CALL_SECONDS) -> AsyncIterator["Database"]:
    """Open the database at *url*; nothing is asked of it yet. A transaction gets *seconds*."""
    async with open_engine(url) as engine:
        file = engine.url.database if engine.dialect.name == SQLITE else None
        with closing(FileReader(file or "")) as reader:
            yield Database(engine, seconds, reader if file else None)


class Database:
    """Transactions. Each may raise `AccountsUnavailable`. *reader*: of one that is a file."""

    def __init__(self, engine: AsyncEngine, seconds: float, reader: FileReader | None) -> None:
        self._engine = engine
        self._seconds = seconds
        self._reader = reader
        # SQLite takes one writer at a time and lets others poll; ours stand in line instead.
        self._writers = asyncio.Semaphore(1 if engine.dialect.name == SQLITE else MAX_WRITERS)
        self._preparing = asyncio.Lock()
        self._ready = False

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that changes something."""
        async with self._writers, self.transaction() as connection:
            yield connection

    async def first(self, query: Query, **values: Any) -> Sequence[Any] | None:
        """Return the first row that *query* finds as the database is now, or None."""
        if self._reader and self._ready:
            with suppress(NotAtOnce):
                return self._reader.first(query, values)
        async with self.transaction() as connection:
            return (await connection.execute(query, values)).first()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Open one transaction, within the time limit, with the tables in place."""
        async with time_limit(self._seconds):
            await self._make_tables()
            async with self._engine.begin() as connection:
                yield connection

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

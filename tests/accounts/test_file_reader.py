"""Rows of an SQLite file are read on the spot, or not at all."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import delete

from accounts import AccountsUnavailable, Directory, open_directory
from accounts.account import BY_OPENID
from accounts.file_reader import FileReader, NotAtOnce
from accounts.schema import accounts

APPID = "wx0000000000000001"


@pytest.fixture
def file(folder: Path) -> Path:
    """Where the accounts are."""
    return folder / "all accounts%.db"  # not a name to be put into an address as it is


@pytest.fixture
async def directory(file: Path) -> AsyncIterator[Directory]:
    """Accounts in that file; Alice has one, bound to "openid-of-alice"."""
    async with open_directory(f"sqlite+aiosqlite:///{file}", APPID) as opened:
        await opened.add("alice", None, "openid-of-alice")
        yield opened


@pytest.fixture
def reader(file: Path) -> Iterator[FileReader]:
    """A reader of that file, whether it is there or not."""
    with closing(FileReader(str(file))) as opened:
        yield opened


def name_of(reader: FileReader, openid: str) -> str | None:
    row = reader.first(BY_OPENID, {"openid": openid, "appid": APPID})
    return row[1] if row else None


async def test_reader_sees_every_change_at_once(directory: Directory, reader: FileReader) -> None:
    """
    What was committed is found by the next look, and what was removed is not.
    """
    nobody = name_of(reader, "openid-of-bob")
    bob = await directory.add("bob", "hash", "openid-of-bob")
    found = name_of(reader, "openid-of-bob")
    await directory.unbind(bob.id)

    assert (None, "bob", None) == (nobody, found, name_of(reader, "openid-of-bob"))


async def test_locked_file_is_not_waited_for(reader: FileReader, file: Path) -> None:
    """
    A file that somebody has to himself is left to those who wait, and read when he is gone.
    """
    async with open_directory(f"sqlite+aiosqlite:///{file}", APPID) as directory:
        await directory.add("alice", None, "openid-of-alice")

    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(NotAtOnce):
            name_of(reader, "openid-of-alice")
        other.rollback()

        assert "alice" == name_of(reader, "openid-of-alice")


async def test_locked_file_is_asked_the_long_way(directory: Directory, file: Path) -> None:
    """
    Who is asked for while the tables are being moved is found once they are back.
    """
    await directory.by_openid("openid-of-alice")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("ALTER TABLE accounts RENAME TO elsewhere")
        with pytest.raises(AccountsUnavailable):
            await directory.by_openid("openid-of-alice")
        other.execute("ALTER TABLE elsewhere RENAME TO accounts")

    found = await directory.by_openid("openid-of-alice")
    assert found
    assert "alice" == found.username


def test_missing_file_is_not_made(reader: FileReader, file: Path) -> None:
    """
    To look does not make an empty database, which would then have no tables.
    """
    with pytest.raises(NotAtOnce):
        name_of(reader, "openid-of-alice")

    assert not file.exists()


async def test_reader_changes_nothing(directory: Directory, reader: FileReader) -> None:
    """
    A statement that writes is refused, whoever may pass one on.
    """
    with pytest.raises(NotAtOnce):
        reader.first(delete(accounts), {})  # type: ignore[arg-type]

    assert "alice" == name_of(reader, "openid-of-alice")

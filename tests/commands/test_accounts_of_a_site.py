"""`saoma accounts` beside a table of users that a site has already."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from accounts import open_directory
from settings import WeChatSettings
from tests.commands.conftest import Saoma
from tests.commands.program import write_settings

OPENID = "oTest0000000000000000000user"
HEAD = "username,password,openid\n"


@pytest.fixture
def config(folder: Path) -> Path:
    """A file that names a table with two users, of whom bob is switched off."""
    with closing(sqlite3.connect(folder / "site.db")) as connection:
        connection.execute("CREATE TABLE users (id INT, username TEXT, password TEXT, active INT)")
        connection.execute("INSERT INTO users VALUES (7, 'alice', 'x', 1), (8, 'bob', 'x', 0)")
        connection.commit()
    return write_settings(
        folder,
        accounts={
            "url": f"sqlite+aiosqlite:///{folder}/accounts.db",
            "table": {"name": "users", "password_hash": "password", "active": "active"},
            "table_url": f"sqlite+aiosqlite:///{folder}/site.db",
        },
    )


def test_import_binds_openids_to_users_of_the_site(
    saoma: Saoma, folder: Path, config: Path
) -> None:
    """
    Each line stands for itself, and a file can be run again.
    """
    file = folder / "people.csv"
    file.write_text(f"{HEAD}alice,,{OPENID}\nbob,,o-2\ncarol,,o-3\nalice,,\nalice,,o-4\n")

    first = saoma("accounts", "import", str(file), "--config", str(config))
    listed = saoma("accounts", "list", "--config", str(config))

    assert (1, "bound 1, skipped 4\n") == (first.code, first.out)
    assert [
        "people.csv:3: bob is not active",
        "people.csv:4: accounts.table has no carol",
        "people.csv:5: there is no openid for alice",
        "people.csv:6: alice is bound to another openid",
    ] == [line.rpartition("/")[2] for line in first.err.splitlines()]
    assert "alice\t-\twechat\n" == listed.out.replace("password", "-")


def test_accounts_of_a_site_are_not_made_here(saoma: Saoma, folder: Path, config: Path) -> None:
    """
    Neither by name nor from a file with passwords; one line says so, and nothing was done.
    """
    file = folder / "people.csv"
    file.write_text(f"{HEAD}alice,,{OPENID}\nbob,secret,\n")

    added = saoma(
        "accounts", "add", "carol", "--password-stdin", "--config", str(config), given="x\n"
    )
    imported = saoma("accounts", "import", str(file), "--config", str(config))

    assert (1, "") == (added.code, added.out) == (imported.code, imported.out)
    assert "your site makes the accounts" in added.err
    assert "people.csv:3: expected no password" in imported.err
    assert 1 == len(added.err.splitlines()) == len(imported.err.splitlines())
    assert not asyncio.run(_is_bound(folder))


async def _is_bound(folder: Path) -> bool:
    url = f"sqlite+aiosqlite:///{folder}/accounts.db"
    async with open_directory(url, WeChatSettings().appid) as directory:
        return any(account.wechat_bound for account in await directory.all())

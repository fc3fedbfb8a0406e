"""`saoma accounts add | import | list`."""

import asyncio
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import Popen

import pytest

from accounts import Account, Passwords, open_directory
from settings import WeChatSettings
from tests.commands.conftest import Saoma
from tests.commands.program import SAOMA, Ended, run, write_settings

OPENID = "oTest0000000000000000000user"
HEAD = "username,password,openid\n"


@pytest.fixture
def config(folder: Path) -> Path:
    """A file that names the place of the accounts."""
    url = f"sqlite+aiosqlite:///{folder}/accounts.db"
    return write_settings(folder, accounts={"url": url})


@pytest.fixture
def account(folder: Path) -> Callable[[str], Account | None]:
    """Returns an account as the server finds it, by name."""

    async def find(username: str) -> Account | None:
        url = f"sqlite+aiosqlite:///{folder}/accounts.db"
        async with open_directory(url, WeChatSettings().appid) as directory:
            return await directory.by_username(username)

    return lambda username: asyncio.run(find(username))


@pytest.fixture
def accounts(saoma: Saoma, config: Path) -> Saoma:
    """The command `saoma accounts`."""

    def command(*arguments: str, given: str = "") -> Ended:
        return saoma("accounts", *arguments, "--config", str(config), given=given)

    return command


Find = Callable[[str], Account | None]


def one_line(text: str) -> bool:
    """Tell whether *text* is one line that says something."""
    return bool(text.strip()) and 1 == len(text.splitlines())


def test_add_makes_an_account_with_the_password_of_standard_input(
    accounts: Saoma, account: Find
) -> None:
    """
    The account can sign in with exactly that password, spaces included.
    """
    added = accounts("add", "alice", "--password-stdin", given=" a b \n")

    alice = account("alice")
    passwords = Passwords()
    assert (0, "") == (added.code, added.err)
    assert "alice" in added.out
    assert alice
    assert asyncio.run(passwords.verify(alice.password_hash, " a b "))
    passwords.close()


def test_add_asks_for_the_password_twice_without_showing_it(config: Path) -> None:
    """
    At a terminal the password is asked for, and does not appear.
    """
    ours, theirs = os.openpty()
    command = [*SAOMA, "accounts", "add", "alice", "--config", str(config)]
    terminal = partial(os.login_tty, theirs)
    with Popen(command, preexec_fn=terminal, pass_fds=[theirs]) as process:  # noqa: PLW1509
        os.close(theirs)
        shown = ""
        for prompt in ("password:", "again:"):
            while prompt not in shown:
                shown += os.read(ours, 1000).decode()
            os.write(ours, b"open sesame\n")
        while "added" not in shown:
            shown += os.read(ours, 1000).decode()
    os.close(ours)

    assert 0 == process.returncode
    assert "sesame" not in shown


def test_add_of_a_name_that_exists_fails(accounts: Saoma, account: Find) -> None:
    """
    A name is one account, however it is written; the first password stays.
    """
    accounts("add", "alice", "--password-stdin", given="first\n")
    before = account("alice")

    again = accounts("add", "ALICE", "--password-stdin", given="second\n")

    assert 1 == again.code
    assert one_line(again.err)
    assert before == account("alice")


@pytest.mark.parametrize("given", ["", "\n", "\r\n"])
def test_add_without_a_password_fails(accounts: Saoma, account: Find, given: str) -> None:
    """
    An empty password makes no account.
    """
    added = accounts("add", "alice", "--password-stdin", given=given)

    assert 0 != added.code
    assert one_line(added.err)
    assert account("alice") is None


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb"])
def test_add_of_no_name_fails(accounts: Saoma, name: str) -> None:
    """
    A name has 1 to 64 characters that can be printed.
    """
    added = accounts("add", name, "--password-stdin", given="x\n")

    assert 0 != added.code
    assert one_line(added.err)


def test_import_makes_accounts(accounts: Saoma, account: Find, folder: Path) -> None:
    """
    Each line is an account: with a password, bound, both, or neither.
    """
    file = folder / "people.csv"
    file.write_text(f"{HEAD}alice,secret,\nbob,,{OPENID}\ncarol,secret,{OPENID}2\nдана,,\n")

    imported = accounts("import", str(file))

    found = [account(name) for name in ("alice", "bob", "carol", "дана")]
    assert (0, "") == (imported.code, imported.err)
    assert "4" in imported.out
    assert [(True, False), (False, True), (True, True), (False, False)] == [
        (each.password_hash is not None, each.wechat_bound) for each in found if each
    ]


def test_import_can_be_run_again(accounts: Saoma, account: Find, folder: Path) -> None:
    """
    Lines that are there already are named and left as they are; the new ones are made.
    """
    file = folder / "people.csv"
    file.write_text(f"{HEAD}alice,,{OPENID}\n")
    accounts("import", str(file))
    file.write_text(f"{HEAD}alice,,{OPENID}\nbob,,{OPENID}\ncarol,,\n")

    again = accounts("import", str(file))

    assert 1 == again.code
    assert [f"{file}:2", f"{file}:3"] == [
        line.partition(": ")[0] for line in again.err.splitlines()
    ]
    assert OPENID not in again.out + again.err
    assert account("bob") is None
    assert account("carol")


def test_import_reads_what_spreadsheets_write(accounts: Saoma, account: Find, folder: Path) -> None:
    """
    A byte order mark and Windows line ends are no trouble.
    """
    file = folder / "people.csv"
    file.write_bytes("username,password,openid\r\n张三,,\r\n".encode("utf-8-sig"))

    imported = accounts("import", str(file))

    assert 0 == imported.code
    assert account("张三")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "username,password\nalice,x\n",
        "alice,secret,\n",
        f"{HEAD}alice,x\n",
        f"{HEAD}alice,x,y,z\n",
        f"{HEAD},x,\n",
        f"{HEAD}alice,,\n,x,\n",
        None,
    ],
)
def test_import_of_another_file_fails(
    accounts: Saoma, account: Find, folder: Path, text: str | None
) -> None:
    """
    A file of another form makes no account, and the line says where it is wrong.
    """
    file = folder / "people.csv"
    if text is not None:
        file.write_text(text)

    imported = accounts("import", str(file))

    assert 0 != imported.code
    assert one_line(imported.err)
    assert "people.csv" in imported.err
    assert account("alice") is None


def test_list_shows_names_and_ways_in_but_no_secrets(accounts: Saoma, folder: Path) -> None:
    """
    The list tells who can sign in how, by name; neither hashes nor openids are in it.
    """
    file = folder / "people.csv"
    file.write_text(f"{HEAD}bob,,{OPENID}\nalice,secret,\n")
    accounts("import", str(file))

    listed = accounts("list")

    assert (0, "") == (listed.code, listed.err)
    assert [["alice", "password", "-"], ["bob", "-", "wechat"]] == [
        line.split("\t") for line in listed.out.splitlines()
    ]


def test_accounts_that_cannot_be_opened_are_said_in_one_line(saoma: Saoma, folder: Path) -> None:
    """
    A database that is not there ends the command with one line.
    """
    (folder / "file").touch()
    url = f"sqlite+aiosqlite:///{folder}/file/accounts.db"
    config = write_settings(folder, accounts={"url": url})

    listed = saoma("accounts", "list", "--config", str(config))

    assert 1 == listed.code
    assert one_line(listed.err)
    assert "the accounts cannot be opened" in listed.err


async def test_saoma_is_installed_as_a_command(config: Path, folder: Path) -> None:
    """
    `.venv/bin/saoma` is the same program, and its exit code the command's.
    """
    command = (str(Path(sys.executable).parent / "saoma"), "accounts", "--config", str(config))

    fine = await run(*command[:2], "list", *command[2:], folder=folder)
    wrong = await run(*command[:2], "dance", folder=folder)

    assert (0, "", "") == (fine.code, fine.out, fine.err)
    assert (2, "") == (wrong.code, wrong.out)
    assert one_line(wrong.err)

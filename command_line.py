"""The command `saoma`: serve, plan, and look after accounts and the configuration."""

import argparse
import asyncio
import csv
import getpass
import sys
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from msgspec import Struct

import server
from accounts import (
    AccountInactive,
    AccountsUnavailable,
    AccountTaken,
    Directory,
    OpenidTaken,
    Passwords,
    UsernameTaken,
    is_name,
)
from serving import open_residents, plan, site_keeps_accounts
from settings import Settings, SettingsError, load

COLUMNS = ["username", "password", "openid"]


class CommandError(Exception):
    """What was asked for cannot be done; the text is the line for the operator."""


class Row(Struct, frozen=True):
    """One line of a file of accounts. An empty password or openid means that there is none."""

    line: int
    username: str
    password: str
    openid: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except AccountsUnavailable as error:
        print(f"saoma: the accounts cannot be opened: {error}", file=sys.stderr)
        return 1
    except CommandError as error:
        print(f"saoma: {error}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    if options.command == "serve":
        del options.command
        return server.start(server.Options(**vars(options)))
    if options.command == "plan":
        settings = server.Options(config=options.config).load()
        print(asyncio.run(plan.plan(settings, options.arrivals, options.stay)))
        return 0
    settings = load(options.config)
    if options.command == "config":
        print(f"{options.config}: fine")
        return 0
    return asyncio.run(_accounts(options, settings))


def _parser() -> argparse.ArgumentParser:
    parser = server.Parser(prog="saoma", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    server.add_arguments(commands.add_parser("serve", help="run the server"))

    config = commands.add_parser("config", help="look at the configuration")
    checks = config.add_subparsers(dest="action", required=True)
    _with_config(checks.add_parser("check", help="say what is wrong with it"))

    planned = commands.add_parser("plan", help="what the configuration carries, what to change")
    plan.add_arguments(_with_config(planned))

    accounts = commands.add_parser("accounts", help="look after accounts")
    actions = accounts.add_subparsers(dest="action", required=True)
    add = _with_config(actions.add_parser("add", help="make an account"))
    add.add_argument("name", metavar="NAME", help="user name; the password is asked for")
    add.add_argument(
        "--password-stdin", action="store_true", help="read it from standard input, do not ask"
    )
    imports = _with_config(actions.add_parser("import", help="make accounts from a file"))
    imports.add_argument("file", metavar="FILE.csv", type=Path, help=f"columns {','.join(COLUMNS)}")
    _with_config(actions.add_parser("list", help="show all accounts"))
    return parser


def _with_config(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "--config", metavar="FILE", default="config.yaml", help="the settings (config.yaml)"
    )
    return parser


async def _accounts(options: argparse.Namespace, settings: Settings) -> int:
    passwords = Passwords()
    async with AsyncExitStack() as stack:
        stack.callback(passwords.close)
        directory = (await open_residents(stack, settings, passwords)).directory
        if options.action == "list":
            await _list(directory)
        elif site_keeps_accounts(settings):
            if options.action == "add" or not settings.accounts.table:
                raise CommandError("your site makes the accounts (accounts.table, verify_url)")
            return await _import_bindings(directory, options.file)
        elif options.action == "add":
            await _add(directory, passwords, options)
        else:
            return await _import(directory, passwords, options.file)
    return 0


async def _add(directory: Directory, passwords: Passwords, options: argparse.Namespace) -> None:
    name = options.name
    _check_name(name)
    given = options.password_stdin
    password = sys.stdin.readline().rstrip("\r\n") if given else _ask_password()
    if not password:
        raise CommandError("expected a password, found none")
    try:
        await directory.add(name, await passwords.hash(password))
    except UsernameTaken:
        raise CommandError(f"there is an account {name} already") from None
    print(f"added {name}")


def _ask_password() -> str:
    password = getpass.getpass("password: ")
    if getpass.getpass("again: ") != password:
        raise CommandError("the two passwords differ")
    return password


async def _import(directory: Directory, passwords: Passwords, file: Path) -> int:
    """Make the accounts of *file*; each line stands for itself, so a file can be run again."""
    added, skipped = 0, 0
    for row in _rows(file):
        hashed = await passwords.hash(row.password) if row.password else None
        try:
            await directory.add(row.username, hashed, row.openid or None)
        except UsernameTaken:
            skipped += 1
            print(f"{file}:{row.line}: {row.username} exists already", file=sys.stderr)
        except OpenidTaken:
            skipped += 1
            print(f"{file}:{row.line}: this openid has an account already", file=sys.stderr)
        else:
            added += 1
    print(f"added {added}, skipped {skipped}")
    return 1 if skipped else 0


async def _import_bindings(directory: Directory, file: Path) -> int:
    """Bind the openids of *file* to people of the site's own table, who have their passwords."""
    rows = list(_rows(file))
    for row in rows:
        if row.password:
            raise CommandError(f"{file}:{row.line}: expected no password: accounts.table has it")
    skipped = 0
    for row in rows:
        trouble = await _bind(directory, row)
        if trouble:
            skipped += 1
            print(f"{file}:{row.line}: {trouble}", file=sys.stderr)
    print(f"bound {len(rows) - skipped}, skipped {skipped}")
    return 1 if skipped else 0


async def _bind(directory: Directory, row: Row) -> str:
    """Bind the row's openid, and return "" or why not."""
    if not row.openid:
        return f"there is no openid for {row.username}"
    person = await directory.person(row.username)
    if person is None:
        return f"accounts.table has no {row.username}"
    try:
        account = await directory.welcome(person)
        await directory.bind(row.openid, account.id)
    except AccountInactive:
        return f"{row.username} is not active"
    except OpenidTaken:
        return "this openid has an account already"
    except AccountTaken:
        return f"{row.username} is bound to another openid"
    return ""


def _rows(file: Path) -> Iterator[Row]:
    """Yield the accounts in *file*; the whole of it is read before the first."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            lines = csv.DictReader(stream)
            if lines.fieldnames is None or list(lines.fieldnames) != COLUMNS:
                raise CommandError(f"{file}: expected the columns {','.join(COLUMNS)}")
            rows = [_row(file, lines.line_num, line) for line in lines]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{file}: cannot be read: {type(error).__name__}") from None
    yield from rows


def _row(file: Path, number: int, line: dict[str | None, str | None]) -> Row:
    if None in line or None in line.values():
        raise CommandError(f"{file}:{number}: expected {len(COLUMNS)} columns")
    row = Row(number, *((line[column] or "").strip() for column in COLUMNS))
    _check_name(row.username, f"{file}:{number}: ")
    return row


def _check_name(name: str, where: str = "") -> None:
    if not is_name(name):
        raise CommandError(f"{where}expected a user name of 1 to 64 characters")


async def _list(directory: Directory) -> None:
    for account in await directory.all():
        password = "password" if account.password_hash else "-"
        wechat = "wechat" if account.wechat_bound else "-"
        print(f"{account.username}\t{password}\t{wechat}")


if __name__ == "__main__":
    sys.exit(main())

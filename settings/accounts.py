"""What must hold of the accounts: of a table or a check of the site's own."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from settings.schema import AccountsSettings, Settings

TABLE_KEYS = ("name", "id", "username", "password_hash", "active", "active_value", "names")
NAMES = ("exact", "any_case")
MIN_SECRET = 16
IDENTIFIER = re.compile(r"\w+(\.\w+)?")

Problem = tuple[str, str]


def problems_of_accounts(settings: Settings) -> Iterator[Problem]:
    """Yield what is wrong with them."""
    accounts = settings.accounts
    for key in ("url", "table_url"):
        value = getattr(accounts, key)
        if (value or key == "url") and "+" not in value.partition("://")[0]:
            yield (
                f"accounts.{key}",
                "an SQLAlchemy address with an async driver, like sqlite+aiosqlite:///…",
            )
    yield from _table(accounts)
    yield from _verifier(accounts)
    if settings.login.auto_register and (accounts.table or accounts.verify_url):
        yield (
            "login.auto_register",
            "false beside accounts.table and accounts.verify_url: the site makes its accounts",
        )


def _table(accounts: AccountsSettings) -> Iterator[Problem]:
    table = accounts.table
    if not table:
        if accounts.table_url:
            yield "accounts.table_url", "accounts.table beside it"
        return
    if unknown := table.keys() - set(TABLE_KEYS):
        yield "accounts.table", f"no {min(unknown)}, but {', '.join(TABLE_KEYS)}"
    if not IDENTIFIER.fullmatch(table.get("name", "")):
        yield "accounts.table", "the table's name, perhaps with its schema: {name: users}"
    if not all(table.get(key, key) for key in ("id", "username")):
        yield "accounts.table", "columns for id and username"
    if not table.get("password_hash", "password_hash") and not accounts.verify_url:
        yield "accounts.table", "a column for password_hash, or accounts.verify_url"
    if table.get("active_value") and not table.get("active"):
        yield "accounts.table", "a column for active, beside active_value"
    if table.get("names", NAMES[0]) not in NAMES:
        yield "accounts.table", f"names to be one of {', '.join(NAMES)}"


def _verifier(accounts: AccountsSettings) -> Iterator[Problem]:
    if not accounts.verify_url:
        if accounts.verify_secret:
            yield "accounts.verify_secret", "accounts.verify_url beside it"
        return
    parts = urlsplit(accounts.verify_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        yield "accounts.verify_url", "an http:// or https:// address"
    if len(accounts.verify_secret) < MIN_SECRET:
        yield "accounts.verify_secret", f"{MIN_SECRET} characters or more, beside verify_url"

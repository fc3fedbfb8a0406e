"""Whose accounts they are: what the file may say of a table or a check of the site's own."""

from pathlib import Path

import pytest

from settings import SettingsError, load

VERIFY = "verify_url: 'https://a.b/c', verify_secret: 0123456789abcdef"


def written(folder: Path, accounts: str, login: str = "") -> Path:
    """Return a file with that section."""
    file = folder / "config.yaml"
    file.write_text(f"accounts: {{{accounts}}}\n{login}", encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "accounts",
    [
        "table: {name: users}",
        "table: {name: shop.users, id: uid, username: email, password_hash: pw, names: any_case}",
        "table: {name: users, active: status, active_value: active}",
        "table: {name: users}, table_url: mysql+aiomysql://me@host/db",
        f"table: {{name: users, password_hash: ''}}, {VERIFY}",
        VERIFY,
    ],
)
def test_accounts_of_a_site_may_be(folder: Path, accounts: str) -> None:
    """
    A table, a check, or both.
    """
    assert load(written(folder, accounts)).accounts


@pytest.mark.parametrize(
    ("accounts", "key", "expected"),
    [
        ("table: {name: users, pw: x}", "table", "no pw, but name, id"),
        ("table: {id: id}", "table", "the table's name"),
        ("table: {name: users; drop}", "table", "the table's name"),
        ("table: {name: users, id: ''}", "table", "columns for id and username"),
        ("table: {name: users, password_hash: ''}", "table", "or accounts.verify_url"),
        ("table: {name: users, active_value: x}", "table", "a column for active"),
        ("table: {name: users, names: folded}", "table", "one of exact, any_case"),
        ("table: users", "table", "object"),
        ("table: {name: users}, table_url: mysql://host/db", "table_url", "an async driver"),
        ("table_url: sqlite+aiosqlite:///s3cret", "table_url", "accounts.table beside it"),
        ("url: sqlite:///a.db", "url", "an async driver"),
        ("verify_url: 'ftp://a/', verify_secret: 0123456789abcdef", "verify_url", "http"),
        ("verify_url: 'https://a/', verify_secret: s3cret", "verify_secret", "16 characters"),
        ("verify_url: 'https://a/'", "verify_secret", "16 characters"),
        ("verify_secret: 0123456789abcdefs3cret", "verify_secret", "accounts.verify_url beside"),
        ("verify_seconds: 0", "verify_seconds", "> 0"),
    ],
)
def test_accounts_of_a_site_may_not_be(
    folder: Path, accounts: str, key: str, expected: str
) -> None:
    """
    One line names the key and what it takes, and no secret.
    """
    with pytest.raises(SettingsError) as caught:
        load(written(folder, accounts))

    assert f"accounts.{key}: expected " in str(caught.value)
    assert expected in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert 1 == len(str(caught.value).splitlines())


@pytest.mark.parametrize("accounts", ["table: {name: users}", VERIFY])
def test_accounts_of_a_site_are_not_made_by_scans(folder: Path, accounts: str) -> None:
    """
    `login.auto_register` would make accounts that the site does not know.
    """
    with pytest.raises(SettingsError, match=r"login\.auto_register: expected false beside"):
        load(written(folder, accounts, "login: {auto_register: true}"))

"""What an account is to all others, and the statements that find one."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import bindparam, select

from accounts.people import Person
from accounts.schema import accounts, identities

COLUMNS = (
    accounts.c.id,
    accounts.c.username,
    accounts.c.password_hash,
    accounts.c.generated,
    accounts.c.site_id,
)
# Statements are built once: that costs more than asking SQLite.
BY_OPENID = (
    select(*COLUMNS, identities.c.id)
    .join(identities, identities.c.account_id == accounts.c.id)
    .where(identities.c.openid == bindparam("openid"), identities.c.appid == bindparam("appid"))
)
IS_BOUND = (
    select(identities.c.id)
    .where(identities.c.account_id == accounts.c.id)
    .limit(1)
    .scalar_subquery()
)
ACCOUNTS = select(*COLUMNS, IS_BOUND)
BY_NAME = ACCOUNTS.where(accounts.c.folded == bindparam("folded"))
BY_ID = ACCOUNTS.where(accounts.c.id == bindparam("id"))
BY_SITE_ID = ACCOUNTS.where(accounts.c.site_id == bindparam("site_id"))
BY_NAMES_ORDER = ACCOUNTS.order_by(accounts.c.folded)


class Account(Struct, frozen=True, kw_only=True):
    """Someone who can sign in."""

    id: int
    username: str
    password_hash: str | None
    wechat_bound: bool
    generated: bool = False
    """Whether its name is one of ours, which its owner may change once."""
    site_id: str = ""
    """Who it is to a site that keeps its people itself; "" = Saoma keeps the account."""

    def __repr__(self) -> str:
        return f"Account(id={self.id}, username={self.username!r})"


def account_of(row: Sequence[Any]) -> Account:
    """Return the account that one of the statements has found."""
    account_id, username, password_hash, generated, site_id, identity = row
    return Account(
        id=account_id,
        username=username,
        password_hash=password_hash,
        wechat_bound=identity is not None,
        generated=bool(generated),
        site_id=site_id or "",
    )


def as_the_site_has(account: Account | None, person: Person | None) -> Account | None:
    """Return the account with what the site says of its person; None when they may not come in."""
    if account is None or person is None or not person.active:
        return None
    name = person.username or account.username
    return replace(account, username=name, password_hash=person.password_hash)

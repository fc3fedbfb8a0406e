"""An account, and the statements that look one up."""

from typing import Any

from msgspec import Struct
from sqlalchemy import Row, bindparam, select

from accounts.schema import accounts, identities

COLUMNS = (accounts.c.id, accounts.c.username, accounts.c.password_hash, accounts.c.generated)
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
BY_NAMES_ORDER = ACCOUNTS.order_by(accounts.c.folded)


class Account(Struct, frozen=True, kw_only=True):
    """Someone who can sign in."""

    id: int
    username: str
    password_hash: str | None
    wechat_bound: bool
    generated: bool = False
    """Whether its name is one of ours, which its owner may change once."""

    def __repr__(self) -> str:
        return f"Account(id={self.id}, username={self.username!r})"


def account_of(row: Row[*tuple[Any, ...]]) -> Account:
    """Return the account in a row of one of these statements."""
    account_id, username, password_hash, generated, identity = row
    return Account(
        id=account_id,
        username=username,
        password_hash=password_hash,
        wechat_bound=identity is not None,
        generated=bool(generated),
    )

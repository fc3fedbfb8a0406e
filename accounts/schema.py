"""The two tables. What must never happen is a constraint here, not a check in code."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    func,
)

from accounts.mysql import TO_THE_LETTER

metadata = MetaData()

accounts = Table(
    "accounts",
    metadata,
    Column("id", Integer, primary_key=True),
    # As the user writes it, and folded so that Alice and alice are one name.
    Column("username", String(64), nullable=False),
    Column("folded", String(64), nullable=False),
    # The name is ours, and its owner may choose another, once; NULL = a person gave it.
    Column("generated", Boolean),
    # Who it is to a site that has users of its own: then `folded` is a blank and this, the
    # hash is *, and name and right to come in are asked of the site.
    Column("site_id", String(64)),
    # argon2, PHC string format; NULL = no password sign-in.
    Column("password_hash", String(255)),
    Column("created_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    UniqueConstraint("folded", name="uq_accounts_folded"),
    Index("uq_accounts_site_id", "site_id", unique=True),
    **TO_THE_LETTER,
)

identities = Table(
    "identities",
    metadata,
    Column("id", Integer, primary_key=True),
    # An openid belongs to one service account, so the appid is part of it.
    Column("appid", String(32), nullable=False),
    Column("openid", String(64), nullable=False),
    Column("account_id", ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    # What all appids of one owner know the person by; NULL = WeChat has not told it.
    Column("unionid", String(64)),
    # Of a scan, when that was by WeChat's clock: an older unfollow does not undo it.
    Column("bound_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    # Which of the account's WeChat users it is, from 1 on; one user's appids share it.
    Column("slot", Integer, server_default="1", nullable=False),
    # Written now and then only; NULL = not since it is written at all.
    Column("last_used_at", DateTime(timezone=True)),
    UniqueConstraint("appid", "openid", name="uq_identities_openid"),
    Index("uq_identities_slot", "appid", "account_id", "slot", unique=True),
    Index("ix_identities_account", "account_id"),
    Index("ix_identities_unionid", "unionid"),
    # A number names one binding for ever: whoever takes one off does not mean the next.
    sqlite_autoincrement=True,
    **TO_THE_LETTER,
)

"""What an operator may change while pages are open."""

from enum import StrEnum

from msgspec import Struct


class Confirmation(StrEnum):
    """What a scan needs before it signs in."""

    NONE = "none"
    NUMBER = "number"
    RISK = "risk"
    """As NUMBER, but only in a browser that is new to the account."""


class Rules(Struct, kw_only=True):
    """How a scan becomes a session; durations are seconds (see `config.yaml`).

    One object is shared by all who obey it, and changed in place.
    """

    confirmation: Confirmation
    auto_register: bool
    refreshes: int
    """Codes that a page may ask for in a row before it should wait for its visitor."""
    resume_seconds: float
    """How long an attempt waits for a page that is gone."""
    code_seconds: float
    bind_seconds: float
    choose_seconds: float
    undo_seconds: float
    known_browser_seconds: float
    password_window_seconds: float
    password_tries_per_account: int
    password_tries_per_address: int
    password_tries_overall: int
    password_tries_per_bind: int
    codes_per_address: int
    """New codes for one address in a minute; 0 = no limit."""
    keep_unsubscribed: bool = False

    def replace(self, other: "Rules") -> None:
        """Take over every rule of *other*."""
        for field in self.__struct_fields__:
            setattr(self, field, getattr(other, field))

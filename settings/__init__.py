"""Typed settings from a YAML file and the environment.

`load` is the only way in: what it returns is complete and consistent, or it
raises `SettingsError` with the one line an operator needs.
"""

from settings.addresses import (
    callback_url,
    needs_sandbox,
    needs_store,
    sandbox_account,
    sandbox_url,
    with_addresses,
    with_overrides,
)
from settings.loader import SettingsError, load
from settings.schema import (
    WECHAT_ADDRESSES,
    AccountsSettings,
    LimitsSettings,
    LoginSettings,
    Mode,
    PhoneSettings,
    PoolSettings,
    RedisSettings,
    SandboxSettings,
    ServerSettings,
    SessionSettings,
    Settings,
    WeChatSettings,
)

__all__ = [
    "WECHAT_ADDRESSES",
    "AccountsSettings",
    "LimitsSettings",
    "LoginSettings",
    "Mode",
    "PhoneSettings",
    "PoolSettings",
    "RedisSettings",
    "SandboxSettings",
    "ServerSettings",
    "SessionSettings",
    "Settings",
    "SettingsError",
    "WeChatSettings",
    "callback_url",
    "load",
    "needs_sandbox",
    "needs_store",
    "sandbox_account",
    "sandbox_url",
    "with_addresses",
    "with_overrides",
]

"""Every setting, its type, its default and what can be said of it alone.

The sentence and the unit of each key stand in `config.yaml`; a test holds the
file and these classes together. Checks that need two keys are in `checks.py`.
"""

import os
from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

Port = Annotated[int, Meta(ge=1, le=65535)]
Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(ge=0)]
Percent = Annotated[int, Meta(ge=0, le=100)]
PositiveSeconds = Annotated[float, Meta(gt=0)]
# WeChat keeps a temporary code at most 30 days.
# Source: WeChat, "Generating a Parametric QR Code", expire_seconds.
TicketSeconds = Annotated[int, Meta(ge=1, le=2_592_000)]
SceneId = Annotated[int, Meta(ge=1, le=4_294_967_295)]
KeyPrefix = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,32}$", description="1 to 32 of A-Z a-z 0-9 _ . -")
]
# Source: WeChat, "Message encryption": 43 characters, base64 of 32 bytes without its "=".
AesKey = Annotated[
    str,
    Meta(
        pattern=r"^(|[A-Za-z0-9+/]{43})$", description="the console's 43 characters A-Z a-z 0-9 + /"
    ),
]
HeaderText = Annotated[
    str, Meta(pattern=r"^[!-~]*\Z", description="visible ASCII characters without blanks")
]
CookieName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="1 to 64 of A-Z a-z 0-9 _ -")
]

SANDBOX_APPID = "wx5a0a0000000ba5e0"
SANDBOX_SECRET = "a-secret-for-the-sandbox-only"  # noqa: S105, opens nothing
SANDBOX_TOKEN = "sandboxTokenNotForProduction"  # noqa: S105, as above
OFFICIAL_API = "https://api.weixin.qq.com"
OFFICIAL_MP = "https://mp.weixin.qq.com"
WECHAT_ADDRESSES = "wechat"
"""In `wechat.push_allow`: the addresses that WeChat names as its own."""
OFFICIAL_OPEN = "https://open.weixin.qq.com"
SANDBOX_OPEN_APPID = "wx5a0b0000000ba5e0"
SANDBOX_OPEN_SECRET = "another-secret-for-the-sandbox"  # noqa: S105, opens nothing


class Mode(StrEnum):
    """Which WeChat the server talks to."""

    SANDBOX = "sandbox"
    OFFICIAL = "official"


SECRET_KEYS = frozenset(
    {
        *("secret", "token", "encoding_aes_key", "previous_encoding_aes_key", "url"),
        *("proxy_url", "token_url", "token_url_secret", "open_secret"),
        *("table_url", "verify_url", "verify_secret"),
    }
)
"""Keys whose values are, or may contain, a secret: never shown."""


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One block of the file. Unknown keys are errors; secrets do not show in its text."""

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{key}=***" if key in SECRET_KEYS else f"{key}={getattr(self, key)!r}"
            for key in self.__struct_fields__
        )
        return f"{type(self).__name__}({shown})"


class ServerSettings(Section, frozen=True):
    """Where and how the server listens."""

    host: str = "127.0.0.1"
    port: Port = 8888
    processes: Annotated[int, Meta(ge=0, le=256)] = 1
    public_url: str = "http://127.0.0.1:8888"
    allowed_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    drain_seconds: Seconds = 20

    @property
    def workers(self) -> int:
        """How many processes really serve; 0 in the file is one for each core."""
        return self.processes or os.cpu_count() or 1


class RedisSettings(Section, frozen=True):
    """The store of leases, attempts and sessions."""

    url: str = "embedded"
    key_prefix: KeyPrefix = "saoma"
    data_dir: str = "data"


class PoolSettings(Section, frozen=True):
    """Scene ids and the codes made for them."""

    size: Positive = 10_000
    first_scene_id: SceneId = 1
    ticket_seconds: TicketSeconds = 180
    late_seconds: Seconds = 15
    rest_seconds: Seconds = 200
    resume_seconds: Seconds = 60
    sockets_per_address: Count = 200
    ready: Annotated[int, Meta(ge=0, le=1000)] = 0


class WeChatSettings(Section, frozen=True):
    """The service account, as its console shows it."""

    mode: Mode = Mode.SANDBOX
    appid: Annotated[str, Meta(min_length=1)] = SANDBOX_APPID
    secret: Annotated[str, Meta(min_length=1)] = SANDBOX_SECRET
    token: Annotated[str, Meta(min_length=3, max_length=64)] = SANDBOX_TOKEN
    encoding_aes_key: AesKey = ""
    previous_encoding_aes_key: AesKey = ""
    api_base_url: str = OFFICIAL_API
    mp_base_url: str = OFFICIAL_MP
    proxy_url: str = ""
    token_url: str = ""
    token_url_secret: HeaderText = ""
    web_login: bool = False
    open_appid: str = ""
    open_secret: str = ""
    open_base_url: str = OFFICIAL_OPEN
    # Both tries end before pool (MAKING_SECONDS) and page (ANSWER_MS) give up: after 15 s.
    timeout_seconds: Annotated[float, Meta(gt=0, le=7)] = 3
    push_window_seconds: PositiveSeconds = 300
    push_allow: tuple[str, ...] = ()
    daily_codes: Count = 100_000
    reserve_percent: Percent = 10


class SandboxSettings(Section, frozen=True):
    """Where the WeChat sandbox listens in mode `sandbox`."""

    host: str = "127.0.0.1"
    port: Port = 8889


class LoginSettings(Section, frozen=True):
    """From a scan to a signed-in browser."""

    confirmation: Literal["none", "number", "risk"] = "none"
    auto_register: bool = False
    code_seconds: PositiveSeconds = 60
    bind_seconds: PositiveSeconds = 600
    choose_seconds: PositiveSeconds = 60
    refreshes: Count = 5
    keep_unsubscribed: bool = False
    undo_seconds: Annotated[float, Meta(ge=60)] = 300
    known_browser_seconds: PositiveSeconds = 7_776_000


class PhoneSettings(Section, frozen=True):
    """What the phone is told. What texts may contain is in `phone.py`."""

    language: Literal["zh", "en"] = "zh"
    site_name: Annotated[str, Meta(max_length=40)] = ""
    time_zone: str = "Asia/Shanghai"
    city_database: str = ""
    undo_word: Annotated[str, Meta(max_length=16)] = "T"
    refuse_word: Annotated[str, Meta(max_length=16)] = "N"
    texts: dict[str, str] = {}


class AccountsSettings(Section, frozen=True):
    """The database of accounts and their WeChat identities, or whose accounts they are."""

    url: str = "sqlite+aiosqlite:///data/saoma.db"
    wechat_per_account: Annotated[int, Meta(ge=1, le=20)] = 1
    table: dict[str, str] = {}
    table_url: str = ""
    verify_url: str = ""
    verify_secret: str = ""
    verify_seconds: PositiveSeconds = 3


class SessionSettings(Section, frozen=True):
    """Signed-in browsers."""

    idle_seconds: PositiveSeconds = 1_209_600
    absolute_seconds: PositiveSeconds = 7_776_000
    per_account: Count = 20
    cookie_name: CookieName = "saoma_session"
    cookie_domain: str = ""


class LimitsSettings(Section, frozen=True):
    """How often something may be tried before the next try has to wait."""

    password_window_seconds: PositiveSeconds = 300
    password_tries_per_account: Positive = 10
    password_tries_per_address: Positive = 100
    password_tries_overall: Positive = 1000
    password_tries_per_bind: Positive = 5
    codes_per_address: Count = 300


class MetricsSettings(Section, frozen=True):
    """Who may read `/metrics`."""

    allow: tuple[str, ...] = ("127.0.0.0/8", "::1/128")


class AuditSettings(Section, frozen=True):
    """The log of what happened to accounts."""

    file: str = ""


class LogSettings(Section, frozen=True):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(Section, frozen=True):
    """The whole file."""

    server: ServerSettings = ServerSettings()
    redis: RedisSettings = RedisSettings()
    pool: PoolSettings = PoolSettings()
    wechat: WeChatSettings = WeChatSettings()
    sandbox: SandboxSettings = SandboxSettings()
    login: LoginSettings = LoginSettings()
    phone: PhoneSettings = PhoneSettings()
    accounts: AccountsSettings = AccountsSettings()
    session: SessionSettings = SessionSettings()
    limits: LimitsSettings = LimitsSettings()
    metrics: MetricsSettings = MetricsSettings()
    audit: AuditSettings = AuditSettings()
    log: LogSettings = LogSettings()

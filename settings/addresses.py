"""Which addresses are used in the end: `embedded`, `sandbox` and the command line filled in."""

from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from settings.schema import (
    OFFICIAL_API,
    OFFICIAL_MP,
    OFFICIAL_OPEN,
    SANDBOX_OPEN_APPID,
    SANDBOX_OPEN_SECRET,
    Mode,
    ServerSettings,
    Settings,
)


def with_overrides(settings: Settings, host: str | None, port: int | None) -> Settings:
    """Return *settings* with the command line's host and port.

    A `public_url` that is left at its default follows them.
    """
    default = ServerSettings()
    server = replace(
        settings.server, host=host or settings.server.host, port=port or settings.server.port
    )
    moved = (server.host, server.port) != (default.host, default.port)
    if moved and server.public_url == default.public_url:
        server = replace(server, public_url=f"http://{_reachable(server)}")
    return replace(settings, server=server)


def needs_store(settings: Settings) -> bool:
    """Tell whether the server runs its own store."""
    return settings.redis.url == "embedded"


def needs_sandbox(settings: Settings) -> bool:
    """Tell whether the server runs the sandbox: in its mode, unless another address is given."""
    return settings.wechat.mode is Mode.SANDBOX and settings.wechat.api_base_url == OFFICIAL_API


def with_addresses(settings: Settings, store_socket: Path) -> Settings:
    """Return *settings* with real addresses in the place of `embedded` and of the sandbox."""
    redis, wechat = settings.redis, settings.wechat
    if needs_store(settings):
        redis = replace(redis, url=f"unix://{store_socket}")
    if needs_sandbox(settings):
        wechat = replace(wechat, api_base_url=sandbox_url(settings))
        if not wechat.open_appid:  # the demo shows that way too
            wechat = replace(wechat, open_appid=SANDBOX_OPEN_APPID, open_secret=SANDBOX_OPEN_SECRET)
    if wechat.mode is Mode.SANDBOX and wechat.mp_base_url == OFFICIAL_MP:
        wechat = replace(wechat, mp_base_url=wechat.api_base_url)
    if wechat.mode is Mode.SANDBOX and wechat.open_base_url == OFFICIAL_OPEN:
        wechat = replace(wechat, open_base_url=wechat.api_base_url)
    return replace(settings, redis=redis, wechat=wechat)


def sandbox_url(settings: Settings) -> str:
    """Return where the sandbox is that the server runs."""
    return f"http://{settings.sandbox.host}:{settings.sandbox.port}"


def sandbox_account(settings: Settings) -> dict[str, str]:
    """Return the account that the sandbox plays WeChat for, as its environment."""
    wechat = settings.wechat
    return {
        "SANDBOX_APPID": wechat.appid,
        "SANDBOX_SECRET": wechat.secret,
        "SANDBOX_TOKEN": wechat.token,
        "SANDBOX_ENCODING_AES_KEY": wechat.encoding_aes_key,
        "SANDBOX_OPEN_APPID": wechat.open_appid,
        "SANDBOX_OPEN_SECRET": wechat.open_secret,
        "SANDBOX_WEB_DOMAIN": urlsplit(settings.server.public_url).hostname or "",
    }


def callback_url(settings: Settings) -> str:
    """Return where the sandbox pushes to: this server, without a proxy in between."""
    return f"http://{_reachable(settings.server)}/wechat"


def _reachable(server: ServerSettings) -> str:
    """Return host and port by which this machine reaches the server."""
    everywhere = server.host in {"0.0.0.0", "::", ""}  # noqa: S104, compared, not bound
    host = "127.0.0.1" if everywhere else server.host
    return f"[{host}]:{server.port}" if ":" in host else f"{host}:{server.port}"

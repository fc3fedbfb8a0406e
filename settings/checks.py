"""What must hold between keys, and inside values that a type cannot describe."""

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from settings.accounts import problems_of_accounts
from settings.phone import problems_of_phone
from settings.schema import (
    OFFICIAL_API,
    SANDBOX_APPID,
    SANDBOX_SECRET,
    SANDBOX_TOKEN,
    WECHAT_ADDRESSES,
    Mode,
    Settings,
    WeChatSettings,
)

MAX_SCENE_ID = 4_294_967_295
STORE_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "redis+cluster")
SENTINELS = re.compile(r"redis\+sentinel://([^@/]*@)?[^/,@]+:\d+(,[^/,@]+:\d+)*/[^/?]+(\?.*)?")

Problem = tuple[str, str]
"""The key path, and what was expected of its value."""


def problems(settings: Settings) -> Iterator[Problem]:
    """Yield everything about *settings* that no single type could refuse."""
    yield from _pool(settings)
    yield from _addresses(settings)
    yield from _wechat(settings.wechat)
    yield from problems_of_accounts(settings)
    yield from problems_of_phone(settings.phone)
    yield from _session(settings)
    yield from _networks("server.trusted_proxies", settings.server.trusted_proxies)
    yield from _networks("metrics.allow", settings.metrics.allow)
    yield from _networks("wechat.push_allow", settings.wechat.push_allow, WECHAT_ADDRESSES)


def _pool(settings: Settings) -> Iterator[Problem]:
    pool = settings.pool
    if pool.first_scene_id + pool.size - 1 > MAX_SCENE_ID:
        yield "pool.size", f"a last scene id (first_scene_id + size - 1) of at most {MAX_SCENE_ID}"
    if 2 * pool.ready > pool.size:
        yield "pool.ready", "at most half of pool.size"
    needed = pool.ticket_seconds + pool.late_seconds
    if pool.rest_seconds and pool.rest_seconds < needed:
        yield "pool.rest_seconds", f"0, or at least ticket_seconds + late_seconds = {needed:g}"


def _addresses(settings: Settings) -> Iterator[Problem]:
    server = settings.server
    if not is_origin(server.public_url):
        yield "server.public_url", "http:// or https:// with a host and nothing after it"
    for place, origin in enumerate(server.allowed_origins):
        if not is_origin(origin):
            yield (
                f"server.allowed_origins[{place}]",
                "http:// or https:// with a host and nothing after it",
            )
    scheme = urlsplit(settings.redis.url).scheme
    if settings.redis.url != "embedded" and scheme not in STORE_SCHEMES:
        yield "redis.url", f"embedded, {'://…, '.join(STORE_SCHEMES)}://…"
    if scheme == "redis+sentinel" and not SENTINELS.fullmatch(settings.redis.url):
        yield "redis.url", "redis+sentinel://host:port,host:port/service"
    for key in ("api_base_url", "mp_base_url", "open_base_url"):
        if urlsplit(getattr(settings.wechat, key)).scheme not in {"http", "https"}:
            yield f"wechat.{key}", "an http:// or https:// address"


def _session(settings: Settings) -> Iterator[Problem]:
    session = settings.session
    if session.idle_seconds > session.absolute_seconds:
        yield "session.idle_seconds", "at most session.absolute_seconds"
    over_tls = settings.server.public_url.startswith("https:")
    if session.cookie_name.startswith(("__Host-", "__Secure-")) and not over_tls:
        yield "session.cookie_name", "no __Host- or __Secure- unless server.public_url is https"
    if session.cookie_domain and session.cookie_name.startswith("__Host-"):
        yield "session.cookie_domain", '"" beside a cookie_name that begins with __Host-'
    if not _may_set_cookies(settings):
        yield (
            "session.cookie_domain",
            'the host of server.public_url, or a parent domain of it, or ""',
        )


def _may_set_cookies(settings: Settings) -> bool:
    """Tell whether browsers take our cookies for that domain; no top-level one, no address.

    Source: RFC 6265 §5.1.3, domain matching.
    """
    domain = settings.session.cookie_domain
    host = urlsplit(settings.server.public_url).hostname or ""
    if not domain:
        return True
    named = re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", domain) and not _is_ip(host)
    return bool(named) and f".{host}".endswith(f".{domain}")


def _wechat(wechat: WeChatSettings) -> Iterator[Problem]:
    former = wechat.previous_encoding_aes_key
    if former and wechat.encoding_aes_key in {"", former}:
        yield "wechat.previous_encoding_aes_key", "empty, or the key before encoding_aes_key"
    if wechat.proxy_url and not _is_address(wechat.proxy_url, "http"):
        yield "wechat.proxy_url", "http://host:port or http://user:password@host:port"
    if wechat.token_url and not _is_address(wechat.token_url, "http", "https"):
        yield "wechat.token_url", "an http:// or https:// address"
    if wechat.token_url_secret and not wechat.token_url:
        yield "wechat.token_url_secret", "wechat.token_url beside it"
    if bool(wechat.open_appid) != bool(wechat.open_secret):
        missing = "open_secret" if wechat.open_appid else "open_appid"
        yield f"wechat.{missing}", "open_appid and open_secret, or neither"
    if wechat.open_appid == wechat.appid:
        yield "wechat.open_appid", "the website app's own appid, not the service account's"
    if wechat.mode is not Mode.OFFICIAL or wechat.api_base_url != OFFICIAL_API:
        return
    of_the_sandbox = {"appid": SANDBOX_APPID, "secret": SANDBOX_SECRET, "token": SANDBOX_TOKEN}
    for key, value in of_the_sandbox.items():
        needless = key == "secret" and wechat.token_url and not wechat.web_login
        if getattr(wechat, key) == value and not needless:
            yield f"wechat.{key}", f"your account's own {key} in mode official, not the sandbox's"


def _networks(path: str, values: tuple[str, ...], word: str = "") -> Iterator[Problem]:
    for place, value in enumerate(values):
        if word and value == word:
            continue
        try:
            ip_network(value)
        except ValueError:
            yield f"{path}[{place}]", "a network like 10.0.0.0/8" + (f", or {word}" if word else "")


def _is_address(text: str, *schemes: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    visible = re.fullmatch(r"[!-~]+", text) is not None
    return visible and parts.scheme in schemes and bool(parts.hostname)


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_origin(text: str) -> bool:
    """Tell whether *text* is scheme, host and perhaps a port, and nothing else."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and parts.path in {"", "/"}
        and not (parts.query or parts.fragment or parts.username)
    )

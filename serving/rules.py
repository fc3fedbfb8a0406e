"""From settings to what the parts of the server take: the only place that knows both."""

from accounts import Mapping
from handlers import Site, networks, origin_of
from login import Confirmation, Replies
from login import Rules as LoginRules
from scene_pool import Rules as PoolRules
from settings import Mode, Settings
from wechat import Limits


def pool_rules(settings: Settings) -> PoolRules:
    """Return how the pool behaves."""
    pool = settings.pool
    return PoolRules(
        size=pool.size,
        first_scene_id=pool.first_scene_id,
        ticket_seconds=pool.ticket_seconds,
        late_seconds=pool.late_seconds,
        rest_seconds=pool.rest_seconds,
        resume_seconds=pool.resume_seconds,
        ready=pool.ready,
    )


def code_limits(settings: Settings) -> Limits:
    """Return how many codes a day may have."""
    wechat = settings.wechat
    return Limits(daily_codes=wechat.daily_codes, reserve_percent=wechat.reserve_percent)


def login_rules(settings: Settings) -> LoginRules:
    """Return how a scan becomes a session."""
    login, limits = settings.login, settings.limits
    return LoginRules(
        confirmation=Confirmation(login.confirmation),
        auto_register=login.auto_register,
        refreshes=login.refreshes,
        resume_seconds=settings.pool.resume_seconds,
        code_seconds=login.code_seconds,
        bind_seconds=login.bind_seconds,
        choose_seconds=login.choose_seconds,
        undo_seconds=login.undo_seconds,
        known_browser_seconds=login.known_browser_seconds,
        password_window_seconds=limits.password_window_seconds,
        password_tries_per_account=limits.password_tries_per_account,
        password_tries_per_address=limits.password_tries_per_address,
        password_tries_overall=limits.password_tries_overall,
        codes_per_address=limits.codes_per_address,
        password_tries_per_bind=limits.password_tries_per_bind,
        keep_unsubscribed=login.keep_unsubscribed,
    )


def mapping_of(settings: Settings) -> Mapping:
    """Return how the site's own table of users is read."""
    table = settings.accounts.table
    return Mapping(
        table=table["name"],
        id=table.get("id", "id"),
        username=table.get("username", "username"),
        password_hash=table.get("password_hash", "password_hash"),
        active=table.get("active", ""),
        active_value=table.get("active_value", ""),
        any_case=table.get("names") == "any_case",
    )


def replies_of(settings: Settings, rules: LoginRules) -> Replies:
    """Return what the phone is told."""
    phone = settings.phone
    return Replies(
        site=phone.site_name or settings.server.public_url.rstrip("/").partition("://")[2],
        language=phone.language,
        time_zone=phone.time_zone,
        texts=phone.texts,
        undo_word=phone.undo_word,
        refuse_word=phone.refuse_word,
        rules=rules,
    )


def site_of(settings: Settings) -> Site:
    """Return where the site is and who may use it."""
    server, wechat = settings.server, settings.wechat
    in_sandbox = wechat.mode is Mode.SANDBOX
    return Site(
        public_url=server.public_url.rstrip("/"),
        port=server.port,
        allowed_origins=server.allowed_origins,
        trusted_proxies=networks(server.trusted_proxies),
        metrics_allow=networks(settings.metrics.allow),
        session_cookie=settings.session.cookie_name,
        session_domain=settings.session.cookie_domain,
        session_seconds=settings.session.absolute_seconds,
        picture_origin=origin_of(wechat.mp_base_url),
        phone_url=f"{wechat.mp_base_url.rstrip('/')}/phone" if in_sandbox else "",
        sockets_per_address=settings.pool.sockets_per_address,
    )

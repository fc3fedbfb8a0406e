"""Everything that requests need, opened in order and closed in reverse."""

from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path

import maxminddb
from msgspec import Struct

import metrics
from accounts import (
    AccountsUnavailable,
    Directory,
    KnownBrowsers,
    Passwords,
    Sessions,
    open_directory,
)
from handlers import Context, Readiness, Texts, Visits, version_of
from login import (
    Codes,
    Entrance,
    Farewells,
    Pages,
    Receipts,
    Rules,
    Scans,
    SecondThoughts,
    Trips,
    Unionids,
    Way,
    WebLogin,
)
from scene_pool import Attempts, ScenePool
from serving.rules import (
    code_limits,
    login_rules,
    pool_rules,
    replies_of,
    senders_of,
    site_of,
    web_apps,
)
from settings import Settings
from store import Clock, StoreUnavailable, Throttle, connect
from wechat import Budget, Client, OAuth, Pushes


class Resources(Struct, frozen=True, kw_only=True):
    """What a process has open, beside what handlers need."""

    context: Context
    pool: ScenePool
    rules: Rules
    directory: Directory
    passwords: Passwords


async def open_resources(
    stack: AsyncExitStack, settings: Settings, folder: Path, passwords: Passwords | None = None
) -> Resources:
    """Open everything; *stack* closes it, last opened first. Templates are in *folder*."""
    wechat, session = settings.wechat, settings.session
    store = await stack.enter_async_context(connect(settings.redis.url, settings.redis.key_prefix))
    directory = await stack.enter_async_context(open_directory(settings.accounts.url, wechat.appid))
    client = await stack.enter_async_context(
        Client(
            store=store,
            budget=Budget(store, code_limits(settings)),
            appid=wechat.appid,
            secret=wechat.secret,
            api_base_url=wechat.api_base_url,
            mp_base_url=wechat.mp_base_url,
            timeout_seconds=wechat.timeout_seconds,
            on_call=metrics.wechat_call,
            token_url=wechat.token_url,
            token_url_secret=wechat.token_url_secret,
            proxy_url=wechat.proxy_url,
            on_circuit=metrics.wechat_circuit,
        )
    )
    passwords = passwords or Passwords()
    stack.callback(passwords.close)
    pool, attempts = ScenePool(store, pool_rules(settings)), Attempts(store)
    rules, site, clock = login_rules(settings), site_of(settings), Clock(store)
    replies, browsers = replies_of(settings, rules), KnownBrowsers(store)
    scans = Scans(
        attempts,
        directory,
        browsers,
        rules,
        replies,
        resume_seconds=lambda: pool.rules.resume_seconds,
        count=lambda outcome: metrics.scans.labels(outcome).inc(),
    )
    pages = Pages(
        store,
        pool,
        attempts,
        client,
        Codes(pool, client, issued=metrics.qr_issued.inc),
        scans,
        rules,
        clock,
        pool_exhausted=metrics.pool_exhausted.inc,
        delivered=metrics.push_seconds.observe,
    )
    sessions = Sessions(
        store, idle_seconds=session.idle_seconds, absolute_seconds=session.absolute_seconds
    )
    throttle = Throttle(store)
    entrance = Entrance(
        attempts,
        directory,
        sessions,
        browsers,
        passwords,
        throttle,
        rules,
        session_created=metrics.sessions_created.inc,
        bind_ended=lambda outcome: metrics.binds.labels(outcome).inc(),
    )
    apps = web_apps(settings)
    unionids = Unionids(client, directory) if Way.DESK in apps else None
    if unionids:
        stack.push_async_callback(unionids.close)
    oauth = OAuth(
        store=store,
        api_base_url=wechat.api_base_url,
        open_base_url=wechat.open_base_url,
        proxy_url=wechat.proxy_url,
        timeout_seconds=wechat.timeout_seconds,
        on_call=metrics.wechat_call,
        on_circuit=metrics.wechat_circuit,
    )
    web = WebLogin(
        Trips(store),
        await stack.enter_async_context(oauth),
        attempts,
        directory,
        sessions,
        browsers,
        throttle,
        rules,
        apps=apps,
        unionids=unionids,
        public_url=site.public_url,
        resume_seconds=lambda: pool.rules.resume_seconds,
        session_created=metrics.sessions_created.inc,
        clock=clock,
    )
    pushes = Pushes(
        token=wechat.token,
        appid=wechat.appid,
        encoding_aes_key=wechat.encoding_aes_key,
        previous_encoding_aes_key=wechat.previous_encoding_aes_key,
        window_seconds=wechat.push_window_seconds,
        clock=clock,
    )
    cities = settings.phone.city_database
    known_cities = stack.enter_context(maxminddb.open_database(cities)) if cities else None
    context = Context(
        site=site,
        entrance=entrance,
        pages=pages,
        scans=scans,
        farewells=Farewells(attempts, directory, sessions, rules),
        second_thoughts=SecondThoughts(
            attempts,
            directory,
            sessions,
            browsers,
            replies,
            denied=lambda: metrics.scans.labels("denied").inc(),
        ),
        pushes=pushes,
        clock=clock,
        senders=await stack.enter_async_context(senders_of(settings, client)),
        receipts=Receipts(store, window_seconds=wechat.push_window_seconds),
        web=web,
        unionids=unionids,
        texts=Texts(folder / "templates" / "texts.json"),
        visits=Visits(settings.phone.language, known_cities),
        static_version=version_of(folder / "static"),
        readiness=Readiness(
            redis=lambda: _told(store.ping(), StoreUnavailable),
            accounts=lambda: _told(directory.ping(), AccountsUnavailable),
            wechat=client.check,
        ),
    )
    return Resources(
        context=context,
        pool=pool,
        rules=rules,
        directory=directory,
        passwords=passwords,
    )


async def _told(check: Awaitable[None], trouble: type[Exception]) -> str:
    try:
        await check
    except trouble:
        return "no answer"
    return "ok"

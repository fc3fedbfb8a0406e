"""Everything that requests need, opened in order and closed in reverse."""

from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path

import maxminddb
from msgspec import Struct

import metrics
from accounts import (
    AccountsUnavailable,
    Activity,
    Directory,
    Judge,
    KnownBrowsers,
    Passwords,
    Sessions,
)
from handlers import Context, Mailroom, Readiness, Texts, Visits, read_static
from login import (
    Books,
    Codes,
    Credentials,
    Entrance,
    Errands,
    Exchange,
    Farewells,
    Journal,
    Names,
    OwnSessions,
    OwnWeChats,
    Pages,
    Receipts,
    Replies,
    Rules,
    Scans,
    SecondThoughts,
    Trips,
    Unionids,
    Way,
    WebLogin,
    open_journal,
)
from scene_pool import Attempts, ScenePool
from serving.people import open_residents
from serving.rules import login_rules, pool_rules, replies_of, site_of
from serving.wechat_side import client_of, oauth_of, pushes_of, senders_of, web_apps
from settings import Settings
from store import Clock, Store, StoreUnavailable, Throttle, connect
from wechat import Client


class AuditUnavailable(Exception):
    """The file of the audit log cannot be written."""


class Resources(Struct, frozen=True, kw_only=True):
    """What a process has open, beside what handlers need."""

    context: Context
    pool: ScenePool
    rules: Rules
    directory: Directory
    passwords: Passwords
    errands: Errands


class Ground(Struct, frozen=True, kw_only=True):
    """What all else is built on."""

    settings: Settings
    store: Store
    client: Client
    books: Books
    pool: ScenePool
    rules: Rules
    replies: Replies
    clock: Clock
    throttle: Throttle
    judge: Judge | None


async def open_resources(
    stack: AsyncExitStack, settings: Settings, folder: Path, passwords: Passwords | None = None
) -> Resources:
    """Open everything; *stack* closes it, last opened first. Templates are in *folder*."""
    passwords = passwords or Passwords()
    stack.callback(passwords.close)
    ground = await _open_ground(stack, settings, passwords)
    unionids = _open_unionids(stack, ground)
    scans = _scans(ground, unionids)
    credentials = _credentials(ground, passwords)
    cities = settings.phone.city_database
    known_cities = stack.enter_context(maxminddb.open_database(cities)) if cities else None
    context = Context(
        site=site_of(settings),
        entrance=_entrance(ground, credentials),
        own_wechats=OwnWeChats(ground.books, credentials),
        own_sessions=OwnSessions(ground.books),
        names=Names(ground.books.directory, ground.throttle),
        journal=ground.books.journal,
        pages=_pages(ground, scans),
        mailroom=await _open_mailroom(stack, ground, scans, unionids),
        web=await _open_web_login(stack, ground, unionids),
        clock=ground.clock,
        texts=Texts(folder / "templates" / "texts.json"),
        visits=Visits(settings.phone.language, known_cities),
        static_version=read_static(folder / "static").version,
        readiness=_readiness(ground),
    )
    return Resources(
        context=context,
        pool=ground.pool,
        rules=ground.rules,
        directory=ground.books.directory,
        passwords=passwords,
        errands=ground.books.errands,
    )


async def _open_ground(stack: AsyncExitStack, settings: Settings, passwords: Passwords) -> Ground:
    redis, session, rules = settings.redis, settings.session, login_rules(settings)
    store = await stack.enter_async_context(connect(redis.url, redis.key_prefix))
    residents = await open_residents(stack, settings, passwords)
    sessions = Sessions(
        store,
        idle_seconds=session.idle_seconds,
        absolute_seconds=session.absolute_seconds,
        per_account=session.per_account,
    )
    clock, errands = Clock(store), Errands()
    stack.push_async_callback(errands.close)
    return Ground(
        settings=settings,
        store=store,
        client=await stack.enter_async_context(client_of(settings, store)),
        books=Books(
            attempts=Attempts(store),
            directory=residents.directory,
            sessions=sessions,
            browsers=KnownBrowsers(store),
            journal=await _open_journal(stack, settings, store, clock),
            errands=errands,
        ),
        pool=ScenePool(store, pool_rules(settings)),
        rules=rules,
        replies=replies_of(settings, rules),
        clock=clock,
        throttle=Throttle(store),
        judge=residents.judge,
    )


async def _open_journal(
    stack: AsyncExitStack, settings: Settings, store: Store, clock: Clock
) -> Journal:
    path = settings.audit.file
    try:
        return await stack.enter_async_context(open_journal(Activity(store), clock, path))
    except OSError as error:
        raise AuditUnavailable(f"{path}: {error.strerror}") from None


def _open_unionids(stack: AsyncExitStack, ground: Ground) -> Unionids | None:
    if Way.DESK not in web_apps(ground.settings):
        return None  # they would join nothing
    unionids = Unionids(ground.client, ground.books.directory)
    stack.push_async_callback(unionids.close)
    return unionids


def _scans(ground: Ground, unionids: Unionids | None) -> Scans:
    return Scans(
        ground.books,
        ground.rules,
        ground.replies,
        count=lambda outcome: metrics.scans.labels(outcome).inc(),
        unionids=unionids,
    )


def _pages(ground: Ground, scans: Scans) -> Pages:
    return Pages(
        ground.store,
        Codes(
            ground.pool,
            ground.client,
            ground.throttle,
            ground.rules,
            issued=metrics.qr_issued.inc,
            kept=metrics.codes_ready.set,
        ),
        ground.books.attempts,
        scans,
        ground.rules,
        ground.clock,
        pool_exhausted=metrics.pool_exhausted.inc,
        delivered=metrics.push_seconds.observe,
    )


def _credentials(ground: Ground, passwords: Passwords) -> Credentials:
    books = ground.books
    return Credentials(
        books.directory, books.browsers, passwords, ground.throttle, ground.rules, ground.judge
    )


def _entrance(ground: Ground, credentials: Credentials) -> Entrance:
    return Entrance(
        ground.books,
        credentials,
        ground.rules,
        session_created=metrics.sessions_created.inc,
        bind_ended=lambda outcome: metrics.binds.labels(outcome).inc(),
    )


async def _open_mailroom(
    stack: AsyncExitStack, ground: Ground, scans: Scans, unionids: Unionids | None
) -> Mailroom:
    settings = ground.settings
    return Mailroom(
        senders=await stack.enter_async_context(senders_of(settings, ground.client)),
        pushes=pushes_of(settings, ground.clock),
        receipts=Receipts(ground.store, window_seconds=settings.wechat.push_window_seconds),
        scans=scans,
        farewells=Farewells(ground.books, ground.rules),
        second_thoughts=SecondThoughts(
            ground.books,
            ground.replies,
            denied=lambda: metrics.scans.labels("denied").inc(),
        ),
        unionids=unionids,
    )


async def _open_web_login(
    stack: AsyncExitStack, ground: Ground, unionids: Unionids | None
) -> WebLogin:
    apps = web_apps(ground.settings)
    oauth = await stack.enter_async_context(oauth_of(ground.settings, ground.store))
    exchange = Exchange(
        oauth,
        apps,
        ground.books,
        ground.rules,
        unionids,
        clock=ground.clock,
        session_created=metrics.sessions_created.inc,
    )
    return WebLogin(
        Trips(ground.store),
        oauth,
        apps,
        exchange,
        ground.books,
        ground.throttle,
        public_url=site_of(ground.settings).public_url,
    )


def _readiness(ground: Ground) -> Readiness:
    return Readiness(
        redis=lambda: _told(ground.store.ping(), StoreUnavailable),
        accounts=lambda: _told(ground.books.directory.ping(), AccountsUnavailable),
        wechat=ground.client.check,
    )


async def _told(check: Awaitable[None], trouble: type[Exception]) -> str:
    try:
        await check
    except trouble:
        return "no answer"
    return "ok"

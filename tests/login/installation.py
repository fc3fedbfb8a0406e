"""All of `login` on a real store, a real database and the WeChat sandbox; only sockets are missing.

async with open_installation(store_url, prefix, folder) as saoma:
    process = await saoma.start_process()
    screen = await process.open_page()
    code = await screen.get_qr()
    await saoma.scan(code["ticket"])
    assert "bind_required" == (await screen.receive())["type"]
"""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from accounts import (
    Account,
    Activity,
    Directory,
    KnownBrowsers,
    Passwords,
    Sessions,
    open_directory,
)
from login import (
    Books,
    Codes,
    Confirmation,
    Credentials,
    Entrance,
    Errands,
    Journal,
    Opener,
    OwnWeChats,
    Page,
    Pages,
    Replies,
    Rules,
    Scans,
    SecondThoughts,
    Visit,
)
from sandbox import Sandbox, serve_sandbox
from scene_pool import Attempts, ScenePool
from scene_pool import Rules as PoolRules
from store import Clock, Store, Throttle, connect, digest
from tests.time_machine import TimeMachine
from wechat import Budget, Client, Limits, Push, PushKind

CREATE = "/cgi-bin/qrcode/create"
OPENID = "o-the-first-user"
BROWSER = digest("the browser's cookie")
VISIT = Visit("Firefox/Linux", "杭州")
_seconds = itertools.count(1_700_000_000)


def pool_rules(**changes: Any) -> PoolRules:
    """Return the pool's defaults with changes."""
    rules: dict[str, Any] = {
        "size": 100,
        "first_scene_id": 1,
        "ticket_seconds": 180,
        "late_seconds": 15,
        "rest_seconds": 200,
        "resume_seconds": 60,
    }
    return PoolRules(**rules | changes)


def login_rules(**changes: Any) -> Rules:
    """Return the login's defaults with changes."""
    rules: dict[str, Any] = {
        "confirmation": Confirmation.NONE,
        "auto_register": False,
        "refreshes": 5,
        "resume_seconds": 60,
        "code_seconds": 60,
        "bind_seconds": 600,
        "choose_seconds": 60,
        "undo_seconds": 300,
        "known_browser_seconds": 5000,
        "password_window_seconds": 300,
        "password_tries_per_account": 10,
        "password_tries_per_address": 100,
        "password_tries_overall": 1000,
        "password_tries_per_bind": 5,
        "codes_per_address": 0,
    }
    return Rules(**rules | changes)


REPLIES = Replies(
    site="login.example.com",
    language="zh",
    time_zone="Asia/Shanghai",
    texts={},
    undo_word="T",
    refuse_word="N",
    rules=login_rules(),
)


class SlowClient(Client):
    """WeChat's client, whose answers wait while `gate` is closed."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.asked: asyncio.Queue[None] = asyncio.Queue()
        self.gate = asyncio.Event()
        self.gate.set()
        self.later = 0.0
        """How many seconds have passed in the life of codes, of which no clock knows."""

    async def create_ticket(self, scene_id: int, expire_seconds: int, visitor: str = "") -> Any:
        """Have a ticket made, and return it when the gate is open."""
        ticket = await super().create_ticket(scene_id, expire_seconds, visitor)
        self.asked.put_nowait(None)
        await self.gate.wait()
        return replace(ticket, made_at=ticket.made_at + self.later)


class Screen:
    """What one page sees."""

    def __init__(
        self,
        pages: Pages,
        browser: str,
        visit: Visit = VISIT,
        address: str = "",
        session: str = "",
    ) -> None:
        self.frames: asyncio.Queue[str] = asyncio.Queue()
        self.closed: list[int] = []
        self.end = asyncio.Event()
        opener = Opener(browser=browser, visit=visit, address=address, session=session)
        self.page: Page = pages.open(opener, self.frames.put_nowait, self._close)

    def _close(self, code: int) -> None:
        self.closed.append(code)
        self.end.set()

    async def send(self, kind: str, **data: Any) -> None:
        """Send a message and wait until it is dealt with."""
        await self.page.receive(json.dumps({"type": kind, "data": data}))

    async def receive(self) -> dict[str, Any]:
        """Return the next message."""
        message: dict[str, Any] = json.loads(await asyncio.wait_for(self.frames.get(), 5))
        return message

    async def expect(self, kind: str) -> dict[str, Any]:
        """Return the data of the next message, which must be of that *kind*."""
        message = await self.receive()
        assert kind == message["type"], message
        data: dict[str, Any] = message["data"]
        return data

    async def get_qr(self, **data: Any) -> dict[str, Any]:
        """Ask for a code and return its data."""
        await self.send("get_qr", **data)
        return await self.expect("qr")

    async def leave(self) -> None:
        """Close the socket."""
        await self.page.end()


class Process:
    """One server process."""

    def __init__(self, saoma: "Installation") -> None:
        self._ready, self._readies = 0, asyncio.Queue[int]()
        self.pages = Pages(
            saoma.store,
            Codes(
                saoma.pool,
                saoma.client,
                Throttle(saoma.store),
                saoma.rules,
                issued=lambda: saoma.count("issued"),
                kept=self._kept,
                clock=lambda: time.monotonic() + saoma.client.later,
            ),
            saoma.attempts,
            saoma.scans,
            saoma.rules,
            Clock(saoma.store),
            pool_exhausted=lambda: saoma.count("pool_exhausted"),
            delivered=lambda seconds: saoma.count("delivered"),
            dying_seconds=0.01,
        )
        saoma.processes.append(self)

    async def open_page(
        self, browser: str = BROWSER, session: str = "", address: str = ""
    ) -> Screen:
        """Open a page, of a browser that has the *session* (a digest)."""
        return Screen(self.pages, browser, session=session, address=address)

    async def has_ready(self, count: int) -> None:
        """Return when the process has had so many codes ready, since it was asked last."""
        async with asyncio.timeout(5):
            while await self._readies.get() != count:
                pass

    def _kept(self, count: int) -> None:
        if count != self._ready:
            self._readies.put_nowait(count)
        self._ready = count


class Installation:
    """One store, one database, one service account, and the processes that share them."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        client: SlowClient,
        passwords: Passwords,
        sandbox: Sandbox,
    ) -> None:
        self.store, self.directory, self.client = store, directory, client
        self.passwords, self.sandbox = passwords, sandbox
        self.rules = login_rules()
        self.pool, self.attempts = ScenePool(store, pool_rules()), Attempts(store)
        self.sessions = Sessions(store, idle_seconds=1000, absolute_seconds=9000)
        self.browsers = KnownBrowsers(store)
        self.journal = Journal(Activity(store), time.time)
        self.errands = Errands()
        self.time_machine = TimeMachine(store)
        self.counted: Counter[str] = Counter()
        self.scans = self.scans_on(self.attempts)
        self.entrance = self.entrance_on(store)
        self.own_wechats = self.own_wechats_on(store)
        self.second_thoughts = SecondThoughts(
            self.books(), REPLIES, denied=lambda: self.count("denied")
        )
        self.processes: list[Process] = []
        self.tasks: list[asyncio.Task[None]] = []

    def count(self, what: str) -> None:
        """Count something that happened."""
        self.counted[what] += 1

    def books(self, **others: Any) -> Books:
        """Return what is written down, or *others* in its place."""
        ours: dict[str, Any] = {
            "attempts": self.attempts,
            "directory": self.directory,
            "sessions": self.sessions,
            "browsers": self.browsers,
            "journal": self.journal,
            "errands": self.errands,
        }
        return Books(**ours | others)

    def books_on(self, store: Store) -> Books:
        """Return the same books, read over *store*."""
        return self.books(
            attempts=Attempts(store),
            sessions=Sessions(store, idle_seconds=1000, absolute_seconds=9000),
            browsers=KnownBrowsers(store),
        )

    def scans_on(self, attempts: Attempts) -> Scans:
        """Return what decides about scans."""
        return Scans(self.books(attempts=attempts), self.rules, REPLIES, count=self.count)

    def credentials_on(self, store: Store) -> Credentials:
        """Return what checks passwords."""
        browsers, throttle = KnownBrowsers(store), Throttle(store)
        return Credentials(self.directory, browsers, self.passwords, throttle, self.rules)

    def own_wechats_on(self, store: Store) -> OwnWeChats:
        """Return what takes WeChats off."""
        return OwnWeChats(self.books_on(store), self.credentials_on(store))

    def entrance_on(self, store: Store) -> Entrance:
        """Return what lets people in."""
        return Entrance(
            self.books_on(store),
            self.credentials_on(store),
            self.rules,
            session_created=lambda: self.count("session"),
            bind_ended=lambda outcome: self.count(f"bind {outcome}"),
        )

    async def start_process(self) -> Process:
        """Start a process that hears signals and sweeps."""
        process = Process(self)
        self.tasks.append(asyncio.create_task(process.pages.run()))
        await process.pages.subscribed()
        return process

    async def add_account(self, username: str = "alice", openid: str | None = OPENID) -> Account:
        """Make an account without a password, bound to *openid*."""
        return await self.directory.add(username, None, openid)

    async def scan(self, ticket: str, openid: str = OPENID, **fields: Any) -> str:
        """Let somebody scan; return what the phone says. No two pushes are the same one."""
        return await self.scans.scanned(push_of(ticket, openid, **fields), time.time())

    async def write(self, text: str, openid: str = OPENID, **fields: Any) -> str | None:
        """Let somebody write to the account; return what the phone says."""
        push = push_of("", openid, kind=PushKind.TEXT, name="text", text=text, **fields)
        return await self.second_thoughts.answered(push)


def push_of(ticket: str, openid: str = OPENID, **fields: Any) -> Push:
    """Return the push of a scan."""
    given: dict[str, Any] = {"kind": PushKind.SCAN, "name": "SCAN", "created": next(_seconds)}
    return Push(openid=openid, account="gh_1", ticket=ticket, **given | fields)


@asynccontextmanager
async def open_installation(
    store_url: str, prefix: str, folder: Path, passwords: Passwords
) -> AsyncIterator[Installation]:
    """Open everything, with nobody in it."""
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(serve_sandbox())
        store = await stack.enter_async_context(connect(store_url, prefix))
        account = sandbox.account
        url = f"sqlite+aiosqlite:///{folder}/accounts.db"
        directory = await stack.enter_async_context(open_directory(url, account.appid))
        client = SlowClient(
            store=store,
            budget=Budget(store, Limits(daily_codes=0, reserve_percent=10)),
            appid=account.appid,
            secret=account.secret,
            api_base_url=sandbox.base_url,
            mp_base_url=sandbox.base_url,
            timeout_seconds=2,
        )
        await stack.enter_async_context(client)
        saoma = Installation(store, directory, client, passwords, sandbox)
        try:
            yield saoma
        finally:
            await saoma.errands.close()
            for process in saoma.processes:
                await process.pages.settled()
            for task in saoma.tasks:
                task.cancel()
            if saoma.tasks:
                await asyncio.wait(saoma.tasks)

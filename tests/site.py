"""A whole site in the test's own event loop: server, sandbox, accounts, a real store.

async with open_site(store_url, folder, pool={"size": 1}) as site:
    page = await site.visitor().open_page()
    code = await page.get_qr()
    await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)
    assert "bind_required" == (await page.receive())["type"]
"""

import asyncio
import dataclasses
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import msgspec
import yarl
from argon2 import PasswordHasher
from tornado.netutil import bind_sockets

from accounts import Passwords
from handlers import FrontDoor
from sandbox import Account, Sandbox, serve_sandbox
from server import HERE, make_app, make_server
from serving import Resources, drain, open_resources
from settings import Settings, WeChatSettings
from tests.polling import PollingPage

OPENID = "oTest0000000000000000000user"
OTHER_OPENID = "oTest000000000000000000other"
PASSWORD = "a right password"
ACCOUNT = Account(
    appid=WeChatSettings().appid, secret=WeChatSettings().secret, token=WeChatSettings().token
)
# Real hashes, but cheap ones: a good one takes as long as a whole test. Weaker ones exist.
QUICK = PasswordHasher(time_cost=1, memory_cost=16, parallelism=1)
_sites = itertools.count(1)


class Page:
    """One open socket, as a browser's page has it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    @property
    def close_code(self) -> int | None:
        """Why the server closed the socket."""
        return self.socket.close_code

    async def close(self) -> None:
        """Close the socket in good order."""
        await self.socket.close()

    async def send(self, kind: str, **data: Any) -> None:
        """Send a message."""
        await self.socket.send_str(json.dumps({"type": kind, "data": data}))

    async def receive(self) -> dict[str, Any]:
        """Return the next message; fail when the socket is closed instead."""
        frame = await self.socket.receive(timeout=10)
        assert aiohttp.WSMsgType.TEXT == frame.type, (frame, self.socket.close_code)
        message: dict[str, Any] = json.loads(frame.data)
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

    async def rest(self) -> list[dict[str, Any]]:
        """Return the messages that still come before the socket is closed."""
        frames = []
        while not self.socket.closed:
            frames.append(await self.socket.receive(timeout=10))
        return [json.loads(frame.data) for frame in frames if frame.type is aiohttp.WSMsgType.TEXT]

    async def closed(self) -> int | None:
        """Return the close code, after whatever comes before it."""
        await self.rest()
        return self.socket.close_code

    def cut(self) -> None:
        """Lose the connection without a word, as a dead network does."""
        assert self.socket._writer.transport is not None
        self.socket._writer.transport.abort()


class Visitor:
    """One browser: a cookie jar, and what its pages do."""

    polls = False
    """Whether pages have no sockets, because the network breaks them."""
    asks_first = False
    """Whether sockets are opened on a connection that has asked something else, past the door."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._pages: list[PollingPage] = []
        self.http = aiohttp.ClientSession(
            base_url=base_url, cookie_jar=aiohttp.CookieJar(unsafe=True)
        )
        # As browsers do, which open a connection for each socket.
        self._sockets = aiohttp.ClientSession(
            cookie_jar=self.http.cookie_jar, connector=aiohttp.TCPConnector(force_close=True)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the browser."""
        await asyncio.gather(*(page.close() for page in self._pages))
        await self._sockets.close()
        await self.http.close()

    async def open_page(self, path: str = "/", *, at: str = "", **headers: str) -> Any:
        """Open the sign-in page and its socket, on another node when *at* is its address."""
        base_url = at or self.base_url
        async with self.http.get(f"{base_url}{path}"):
            pass
        headers = {"Origin": base_url} | headers
        if self.polls:
            return self.open_polling(base_url, **headers)
        client = self.http if self.asks_first else self._sockets
        return Page(await client.ws_connect(f"{base_url}/ws", headers=headers))

    def open_polling(self, *urls: str, **headers: str) -> PollingPage:
        """Open a page without a socket, which asks the nodes at *urls* in turns."""
        self._pages.append(PollingPage(self.http, urls or [self.base_url], headers))
        return self._pages[-1]

    async def post(self, path: str, **body: Any) -> tuple[int, Any]:
        """Post JSON with the XSRF token; return status and answer."""
        return await self.request("POST", path, json=body)

    async def request(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Make a request as a page of the site does; return status and answer."""
        response = await self.fetch(method, path, **options)
        text, kind = await response.text(), response.content_type
        return response.status, json.loads(text) if text and kind == "application/json" else text

    async def fetch(self, method: str, path: str, **options: Any) -> aiohttp.ClientResponse:
        """Make a request as a page of the site does; return all of the answer."""
        if self.cookie("_xsrf") is None:
            async with self.http.get("/session"):
                pass
        headers = {"X-XSRFToken": self.cookie("_xsrf") or ""} | options.pop("headers", {})
        async with self.http.request(
            method, path, headers=headers, allow_redirects=False, **options
        ) as response:
            await response.read()
        return response

    def cookie(self, name: str) -> str | None:
        """Return the value of a cookie."""
        found = self.http.cookie_jar.filter_cookies(yarl.URL(self.base_url)).get(name)
        return found.value if found else None


@dataclass
class Site:
    """A running site."""

    base_url: str
    settings: Settings
    resources: Resources
    sandbox: Sandbox
    server: FrontDoor
    pushes_ask_first: bool = False
    """Whether pushes go past the front door, to the handler."""
    _visitors: list[Visitor] = field(default_factory=list)

    def visitor(self) -> Visitor:
        """Return a browser that was never here."""
        self._visitors.append(Visitor(self.base_url))
        return self._visitors[-1]

    async def add_account(self, username: str, password: str | None = PASSWORD) -> int:
        """Make an account; return its number."""
        hashed = await self.resources.passwords.hash(password) if password else None
        return (await self.resources.directory.add(username, hashed)).id

    async def all_gone(self) -> None:
        """Return when no page is open any more and what they left behind is done."""
        await self.resources.context.sockets.none.wait()
        await self.resources.context.pages.settled()

    async def close(self) -> None:
        """End the browsers."""
        for visitor in self._visitors:
            await visitor.close()


@asynccontextmanager
async def open_site(
    store_url: str,
    folder: Path,
    *,
    sandbox: Sandbox | None = None,
    prefix: str | None = None,
    **sections: dict[str, Any],
) -> AsyncIterator[Site]:
    """Run a site with the settings in *sections*; another node has its prefix and sandbox."""
    async with AsyncExitStack() as stack:
        (socket,) = bind_sockets(0, "127.0.0.1")
        base_url = f"http://127.0.0.1:{socket.getsockname()[1]}"
        if sandbox is None:
            callback = f"{base_url}/wechat"
            key = sections.get("wechat", {}).get("encoding_aes_key", "")
            account = dataclasses.replace(ACCOUNT, encoding_aes_key=key) if key else ACCOUNT
            sandbox = await stack.enter_async_context(
                serve_sandbox(callback=callback, account=account)
            )
        settings = _settings(store_url, folder, base_url, sandbox, prefix, sections)
        resources = await open_resources(stack, settings, HERE, Passwords(QUICK))
        pages = asyncio.create_task(resources.context.pages.run())
        stack.push_async_callback(_end, pages)
        await resources.context.pages.subscribed()
        server = make_server(make_app(resources.context))
        server.add_socket(socket)
        site = Site(base_url, settings, resources, sandbox, server)
        try:
            yield site
        finally:
            await site.close()
            await drain(server, resources.context, 5)


def _settings(
    store_url: str,
    folder: Path,
    base_url: str,
    sandbox: Sandbox,
    prefix: str | None,
    sections: dict[str, dict[str, Any]],
) -> Settings:
    given: dict[str, dict[str, Any]] = {
        "server": {"public_url": base_url},
        "redis": {"url": store_url, "key_prefix": prefix or f"site{next(_sites)}"},
        "wechat": {
            "api_base_url": sandbox.base_url,
            "mp_base_url": sandbox.base_url,
            "open_base_url": sandbox.base_url,
        },
        "accounts": {"url": f"sqlite+aiosqlite:///{folder}/accounts.db"},
    }
    for section, values in sections.items():
        given[section] = given.get(section, {}) | values
    return msgspec.convert(given, Settings)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])

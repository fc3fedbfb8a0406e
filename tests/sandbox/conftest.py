"""What the stand-in's tests share: a receiver of pushes, the stand-in itself, a client of its API.

All of them are real servers on free ports inside the test's own loop.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from sandbox import Account, ManualClock, Sandbox, serve_sandbox

SAFE = Account(encoding_aes_key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG")

Answer = Callable[["Push"], tuple[int, str | bytes] | None]


@dataclass(frozen=True)
class Push:
    """One push as it arrived."""

    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """An account's server: keeps what it gets, answers as told; `None` never answers."""

    answer: Answer = lambda push: (200, "success")
    echo: Callable[[dict[str, str]], str] = lambda query: query["echostr"]
    url: str = ""
    pushes: list[Push] = field(default_factory=list)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


class ReceiverHandler(RequestHandler):
    """Takes pushes for a `Receiver`."""

    def initialize(self, receiver: Receiver) -> None:
        self.receiver = receiver

    def get(self) -> None:
        """Answer the console's check."""
        query = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        self.finish(self.receiver.echo(query))

    async def post(self) -> None:
        """Keep the push, then answer."""
        query = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        push = Push(query, dict(self.request.headers), self.request.body)
        self.receiver.pushes.append(push)
        self.receiver.arrived.set()
        answer = self.receiver.answer(push)
        if answer is None:
            await self.receiver.closing.wait()
            return
        self.set_status(answer[0])
        await self.finish(answer[1])


@dataclass
class Client:
    """A client of the API that fetches a token when it needs one."""

    http: aiohttp.ClientSession
    sandbox: Sandbox
    token: str = ""

    async def call(self, method: str, path: str, body: object = None, **query: str) -> Any:
        """Call *path* and return its JSON; a body that is no bytes goes as JSON in raw UTF-8."""
        url = self.sandbox.base_url + path
        data = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        async with self.http.request(method, url, params=query, data=data) as response:
            assert response.status == 200
            return await response.json(content_type=None)

    async def fetch_token(self) -> dict[str, Any]:
        """Call `/cgi-bin/token` with the right credentials."""
        account = self.sandbox.account
        credentials = {"appid": account.appid, "secret": account.secret}
        answer: dict[str, Any] = await self.call(
            "GET", "/cgi-bin/token", grant_type="client_credential", **credentials
        )
        return answer

    async def get(self, path: str, **query: str) -> Any:
        """Call a `GET` path with an access token."""
        self.token = self.token or (await self.fetch_token())["access_token"]
        return await self.call("GET", path, access_token=self.token, **query)

    async def post(self, path: str, body: object) -> Any:
        """Call a `POST` path with an access token."""
        self.token = self.token or (await self.fetch_token())["access_token"]
        return await self.call("POST", path, body, access_token=self.token)

    async def create_code(self, scene_id: int = 12, expire_seconds: int = 180) -> dict[str, Any]:
        """Make a code and return WeChat's answer."""
        action = {"scene": {"scene_id": scene_id}}
        answer: dict[str, Any] = await self.post(
            "/cgi-bin/qrcode/create",
            {
                "expire_seconds": expire_seconds,
                "action_name": "QR_SCENE",
                "action_info": action,
            },
        )
        return answer

    async def act(self, act: str, body: object, *, expect: int = 200) -> Any:
        """Do something with the phone over HTTP and return its JSON."""
        url = f"{self.sandbox.base_url}/phone/{act}"
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        async with self.http.post(url, data=data) as response:
            assert expect == response.status
            return await response.json()


@pytest.fixture
async def open_receiver() -> AsyncIterator[Callable[[], Receiver]]:
    """Open servers that take pushes."""
    opened: list[tuple[Receiver, HTTPServer]] = []

    def open_one() -> Receiver:
        receiver = Receiver()
        handlers = [("/wechat", ReceiverHandler, {"receiver": receiver})]
        server = HTTPServer(Application(handlers, log_function=lambda handler: None))
        (socket,) = bind_sockets(0, "127.0.0.1")
        server.add_socket(socket)
        receiver.url = f"http://127.0.0.1:{socket.getsockname()[1]}/wechat"
        opened.append((receiver, server))
        return receiver

    yield open_one
    for receiver, server in opened:
        receiver.closing.set()
        server.stop()
        await server.close_all_connections()


@pytest.fixture
async def receiver(open_receiver: Callable[[], Receiver]) -> Receiver:
    """The server that pushes go to."""
    return open_receiver()


@pytest.fixture
def clock() -> ManualClock:
    """The stand-in's clock, which stands still at a round moment in the daytime of Beijing."""
    return ManualClock(1_750_000_000)


@pytest.fixture
async def sandbox(receiver: Receiver, clock: ManualClock) -> AsyncIterator[Sandbox]:
    """A stand-in in plain mode."""
    async with serve_sandbox(callback=receiver.url, clock=clock, push_timeout=2) as sandbox:
        yield sandbox


@pytest.fixture
async def safe_sandbox(receiver: Receiver, clock: ManualClock) -> AsyncIterator[Sandbox]:
    """A stand-in in safe mode."""
    async with serve_sandbox(
        callback=receiver.url, account=SAFE, clock=clock, push_timeout=2
    ) as sandbox:
        yield sandbox


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A plain HTTP client."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def client(http: aiohttp.ClientSession, sandbox: Sandbox) -> Client:
    """A client of the stand-in's API."""
    return Client(http, sandbox)


@pytest.fixture
def openids(sandbox: Sandbox) -> dict[str, str]:
    """The demo users' openids by name."""
    return {user.name: user.openid for user in sandbox.platform.users}


@pytest.fixture
def fixtures() -> Path:
    """The folder of captured pushes and published vectors."""
    return Path(__file__).parents[1] / "wechat" / "fixtures"

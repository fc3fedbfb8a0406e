"""What tests of calls need: clients as processes have them, and far ends that behave badly."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec

from store import Store, connect
from tests.site import ACCOUNT
from wechat import Budget, Client, Limits

QRCODE = "/cgi-bin/qrcode/create"
TOKEN = "/cgi-bin/stable_token"

NO_LIMIT = Limits(daily_codes=0, reserve_percent=0)

Calls = list[tuple[str, str]]
Head = tuple[str, dict[str, str], bytes]
"""The first line of a request, its headers in lower case, its body."""


@asynccontextmanager
async def client_of(
    store: Store, base_url: str, calls: Calls | None = None, *, seconds: float = 10, **given: Any
) -> AsyncIterator[Client]:
    """Open a client; *calls* gets endpoint and error code of each call."""
    noted = calls if calls is not None else []
    async with Client(
        store=store,
        budget=given.pop("budget", None) or Budget(store, NO_LIMIT),
        appid=ACCOUNT.appid,
        secret=ACCOUNT.secret,
        api_base_url=base_url,
        mp_base_url=base_url,
        timeout_seconds=seconds,
        on_call=lambda endpoint, errcode, seconds: noted.append((endpoint, errcode)),
        **given,
    ) as client:
        yield client


@asynccontextmanager
async def processes(
    number: int, store_url: str, prefix: str, base_url: str, calls: Calls, **given: Any
) -> AsyncIterator[list[Client]]:
    """Open clients that share nothing but the store, as processes and nodes do."""
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(number):
            store = await stack.enter_async_context(connect(store_url, prefix))
            clients.append(
                await stack.enter_async_context(client_of(store, base_url, calls, **given))
            )
        yield clients


@asynccontextmanager
async def serve(answer: Callable[[Head], Awaitable[bytes] | bytes]) -> AsyncIterator[str]:
    """Answer each request with the bytes that *answer* gives, and hang up; yield the address."""

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            said = answer(await _head(reader))
            writer.write(said if isinstance(said, bytes) else await said)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has hung up first
        finally:
            writer.close()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"


async def _head(reader: asyncio.StreamReader) -> Head:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return first, headers, await reader.readexactly(int(headers.get("content-length", 0)))


def http(body: bytes | dict[str, Any], status: str = "200 OK", *headers: str) -> bytes:
    """Return an answer on the wire."""
    body = body if isinstance(body, bytes) else msgspec.json.encode(body)
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers)
    return "\r\n".join((*lines, "", "")).encode() + body

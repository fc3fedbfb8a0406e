"""Bytes that no browser sends: slow, huge, half, bent. They are cut off, and nobody waits."""

import asyncio
import os
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from tornado.netutil import bind_sockets

from handlers.open_socket import MAX_FRAME_BYTES
from server import MAX_BODY_BYTES, MAX_HEADER_BYTES, make_app, make_server
from tests.site import PASSWORD, Site

SOON = 0.3
"""Seconds that the server of these tests gives a header, a body or a pong."""
PATIENCE = 10
HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    f"Cookie: saoma_browser={'b' * 43}; _xsrf={'x' * 32}\r\n\r\n"
)
POST = "POST /session HTTP/1.1\r\nHost: 127.0.0.1\r\n"
TEXT, CONTINUED, CLOSE, PING, PONG = 1, 0, 8, 9, 10
HELLO = b'{"type": "get_qr", "data": {}}'


class Wire:
    """A connection on which anything can be sent."""

    asks_first = False
    """Whether sockets are opened on a connection that has asked something else, past the door."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self._writer = reader, writer

    async def send(self, *parts: str | bytes) -> None:
        """Send all of it."""
        for part in parts:
            self._writer.write(part.encode() if isinstance(part, str) else part)
        await self._writer.drain()

    async def rest(self) -> bytes:
        """Return what comes until the server closes the connection, which it has to."""
        try:
            return await asyncio.wait_for(self.reader.read(), PATIENCE)
        except ConnectionResetError:
            return b""

    async def open_socket(self) -> None:
        """Open a WebSocket."""
        if self.asks_first:
            await self.send("GET /static/favicon.svg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            await asyncio.wait_for(self.reader.readuntil(b"</svg>\n"), PATIENCE)
        await self.send(HANDSHAKE)
        answer = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)
        assert answer.startswith(b"HTTP/1.1 101 ")

    async def receive(self) -> tuple[int, bytes]:
        """Return the next frame: its kind, and what is in it."""
        first, length = await asyncio.wait_for(self.reader.readexactly(2), PATIENCE)
        if length == 126:
            (length,) = struct.unpack(">H", await self.reader.readexactly(2))
        return first & 15, await self.reader.readexactly(length)

    async def close_code(self) -> int:
        """Return the code of the close frame; 0 when the connection was cut without one."""
        try:
            while True:
                kind, data = await self.receive()
                if kind == CLOSE:
                    return int.from_bytes(data[:2])
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return 0


def frame(
    data: bytes, kind: int = TEXT, *, more: bool = False, reserved: int = 0, length: int = -1
) -> bytes:
    """Return a masked frame that says to be of *length*."""
    length = len(data) if length < 0 else length
    if length < 126:
        size = bytes([128 | length])
    else:
        long = length >= 2**16
        size = bytes([128 | 126 + long]) + length.to_bytes(8 if long else 2)
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
    return bytes([(0 if more else 128) | reserved << 4 | kind]) + size + mask + masked


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[Wire]:
    """Open a connection to a server."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


@pytest.fixture
async def impatient(site: Site) -> AsyncIterator[str]:
    """The address of a server of the site that waits for nobody."""
    (socket,) = bind_sockets(0, "127.0.0.1")
    site.resources.context.site.ping_seconds = SOON
    server = make_server(make_app(site.resources.context), body_seconds=SOON, idle_seconds=SOON)
    server.add_socket(socket)
    yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    server.stop()
    await server.close_all_connections()


# ---- requests

HALF = {
    "nothing": "",
    "half a line": "GET / HT",
    "half a header": "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
    "half a body": POST + "Content-Length: 99\r\n\r\n{",
    "half a chunk": POST + "Transfer-Encoding: chunked\r\n\r\n9\r\n{",
    "half a handshake": HANDSHAKE[:-30],
}


@pytest.mark.parametrize("sent", HALF.values(), ids=HALF)
async def test_half_a_request_is_cut_off(impatient: str, sent: str) -> None:
    """
    Whoever begins a request and does not finish it is sent away without an answer.
    """
    async with connect(impatient) as wire:
        await wire.send(sent)

        assert b"" == await wire.rest()


async def test_many_half_requests_do_not_keep_others_waiting(site: Site) -> None:
    """
    A hundred connections that send half a body each; a visitor signs in meanwhile.
    """
    await site.add_account("alice")
    wires = [connect(site.base_url) for _ in range(100)]
    opened = await asyncio.gather(*(wire.__aenter__() for wire in wires))
    await asyncio.gather(*(wire.send(HALF["half a body"]) for wire in opened))

    status, _ = await site.visitor().post("/login", username="alice", password=PASSWORD)

    assert 200 == status
    await asyncio.gather(*(wire.__aexit__(None, None, None) for wire in wires))


HUGE = {
    "body": POST + f"Content-Length: {MAX_BODY_BYTES + 1}\r\n\r\n",
    "chunk": POST + f"Transfer-Encoding: chunked\r\n\r\n{MAX_BODY_BYTES + 1:x}\r\n",
    "header": f"GET / HTTP/1.1\r\nHost: a\r\nX: {'x' * MAX_HEADER_BYTES}",
    "line": f"GET /{'x' * MAX_HEADER_BYTES}",
    "length": POST + f"Content-Length: {10**30}\r\n\r\n",
}
BENT = {
    "no request": "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "version": "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "no host": "GET / HTTP/1.1\r\n\r\n",
    "two hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two lengths": POST + "Content-Length: 1, 2\r\n\r\n{}",
    "length and chunks": POST + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": POST + "Content-Length: -1\r\n\r\n",
    "folded header": "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\x00b: c\r\n\r\n",
}


@pytest.mark.parametrize("sent", [*HUGE.values(), *BENT.values()], ids=[*HUGE, *BENT])
async def test_request_that_cannot_be_is_refused_unread(site: Site, sent: str) -> None:
    """
    Too large, or no HTTP: 400 or nothing, the connection ends, and no word of what is inside.
    """
    async with connect(site.base_url) as wire:
        await wire.send(sent)
        answer = await wire.rest()

    assert answer in (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def test_multipart_forms_are_not_read(site: Site) -> None:
    """
    No page of ours sends one, so none is taken apart.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    await visitor.fetch("GET", "/session")
    form = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in {"username": "alice", "password": PASSWORD}.items()
    )

    status, answer = await visitor.request(
        "POST",
        "/login",
        data=f"{form}--b--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )

    assert (400, "bad_request") == (status, answer["error"]["code"])


# ---- frames


@pytest.fixture(params=["at the door", "past the door"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets sockets be opened both ways: what becomes of them is the same."""
    monkeypatch.setattr(Wire, "asks_first", request.param == "past the door")


both = pytest.mark.usefixtures("both_ways")
REFUSED = {
    "too long": (frame(b" " * (MAX_FRAME_BYTES + 1)), {1009}),
    "said to be long": (frame(b"", length=2**40), {1009}),
    "in pieces": (
        frame(b" " * 3000, more=True) + frame(b" " * 3000, CONTINUED),
        {1009},
    ),
    "in endless pieces": (
        frame(b"[", more=True) + frame(b"[" * 99, CONTINUED, more=True) * 60,
        {1009},
    ),
    "compressed": (frame(zlib.compress(b" " * 2_000_000)[2:-4], reserved=4), {0, 1002}),
    "reserved bits": (frame(HELLO, reserved=3), {0, 1002}),
    "unknown kind": (frame(HELLO, 11), {0, 1002}),
    "piece of nothing": (frame(HELLO, CONTINUED), {0, 1002}),
    "long ping": (frame(b" " * 126, PING), {0, 1002}),
    "ping in pieces": (frame(b"", PING, more=True), {0, 1002}),
    "no text": (frame(b"\xff\xfe"), {0, 1007}),
}


@both
@pytest.mark.parametrize(("sent", "codes"), REFUSED.values(), ids=REFUSED)
async def test_frame_that_cannot_be_ends_the_socket(
    site: Site, sent: bytes, codes: set[int]
) -> None:
    """
    Frames that are too long or break the protocol end the socket, and no code is made for them.
    """
    async with connect(site.base_url) as wire:
        await wire.open_socket()
        await wire.send(sent)

        assert await wire.close_code() in codes
    await site.all_gone()
    assert [] == site.sandbox.platform.codes.waiting(10)


@both
async def test_message_in_pieces_is_one_message(site: Site) -> None:
    """
    Pieces that are no longer than a frame may be are put together; pings come between.
    """
    async with connect(site.base_url) as wire:
        await wire.open_socket()
        await wire.send(frame(HELLO[:9], more=True), frame(b"?", PING), frame(HELLO[9:], CONTINUED))

        frames = [await wire.receive() for _ in range(2)]

    assert (10, b"?") in frames
    assert any(b'"qr"' in data for _, data in frames)


@both
async def test_page_that_reads_nothing_is_sent_away(site: Site) -> None:
    """
    What a page leaves unread is bounded: it is closed, and nothing more is kept for it.
    """
    site.resources.context.site.flood_frames = 1_000_000
    async with connect(site.base_url) as wire:
        await wire.open_socket()
        with suppress(ConnectionError):
            await wire.send(*[frame(HELLO)] * 20_000)
        await site.all_gone()


@both
@pytest.mark.parametrize("sent", [b"", frame(HELLO)[:9]], ids=["no pong", "half a frame"])
async def test_silent_socket_is_closed(impatient: str, site: Site, sent: bytes) -> None:
    """
    A peer that answers no ping, also in the middle of a frame, is taken for gone.
    """
    async with connect(impatient) as wire:
        await wire.open_socket()
        await wire.send(sent)

        assert 1001 == await wire.close_code()
    await site.all_gone()


@both
async def test_socket_that_answers_stays_open(impatient: str, site: Site) -> None:
    """
    Who answers each ping is asked again and again, and may ask for a code at any time.
    """
    async with connect(impatient) as wire:
        await wire.open_socket()
        for _ in range(3):
            assert (PING, b"") == await wire.receive()
            await wire.send(frame(b"", PONG))
        await wire.send(frame(HELLO))
        while b'"qr"' not in (await wire.receive())[1]:
            await wire.send(frame(b"", PONG))
    await site.all_gone()


@both
async def test_answers_in_pieces_and_in_crowds_are_understood(impatient: str) -> None:
    """
    However a network cuts what a page sends, it is the same frames.
    """
    async with connect(impatient) as wire:
        await wire.open_socket()
        assert (PING, b"") == await wire.receive()
        for byte in frame(b"", PONG) + frame(HELLO) + frame(b"1", PING):
            await wire.send(bytes([byte]))
        await wire.send(frame(b"2", PING) + frame(b"", PONG) + frame(b"3", PING))

        heard = list[tuple[int, bytes]]()
        while (PONG, b"3") not in heard or not any(b'"qr"' in data for _, data in heard):
            heard.append(await wire.receive())

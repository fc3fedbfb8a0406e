"""The front door answers as handlers do, and leaves to Tornado what is not plain."""

import asyncio
import json
import logging
import re
import time
import weakref
from collections.abc import Mapping
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Any, NoReturn, cast
from urllib.parse import urlencode

import pytest
from msgspec.structs import replace
from tornado.netutil import bind_sockets

from handlers.plain_request import PlainRequest
from login import Pages
from sandbox import event_xml, sign_push
from server import MAX_HEADER_BYTES, make_app, make_server
from tests.server.pushing import scan_xml
from tests.server.test_wire import (
    CLOSE,
    HANDSHAKE,
    HELLO,
    PATIENCE,
    PING,
    SOON,
    TEXT,
    Wire,
    connect,
    frame,
)
from tests.site import OPENID, Page, Site


def posted(
    site: Site,
    xml: str,
    *,
    version: str = "1.1",
    path: str = "/wechat",
    more: str = "",
    **query: str,
) -> bytes:
    """Return a push as it comes over the wire; *more* are lines of its head."""
    signed = sign_push(site.sandbox.account, xml, openid=OPENID, at=time.time())
    head = f"POST {path}?{urlencode(signed.query | query)} HTTP/{version}\r\nHost: 127.0.0.1\r\n"
    return f"{head}{more}Content-Length: {len(signed.body)}\r\n\r\n".encode() + signed.body


def view(site: Site) -> str:
    """Return an event that nothing comes of."""
    return event_xml(
        account_id=site.sandbox.account.account_id, openid=OPENID, event="VIEW", created_at=1
    )


async def answer(wire: Wire) -> tuple[bytes, bytes]:
    """Return head and body of the next answer."""
    async with asyncio.timeout(PATIENCE):
        head = await wire.reader.readuntil(b"\r\n\r\n")
        (length,) = re.findall(rb"Content-Length: (\d+)", head)
        return head, await wire.reader.readexactly(int(length))


async def told(site: Site, *parts: bytes) -> list[str]:
    """Send *parts* one by one; return what is answered, sorted, without the date."""
    async with connect(site.base_url) as wire:
        for part in parts:
            await wire.send(part)
            if part is not parts[-1]:
                await left_the_door(site)
        head, body = await answer(wire)
    return [*lines_of(head), body.decode()]


def lines_of(head: bytes) -> list[str]:
    """Return a head's lines in order, but for what is another each time, or for browsers only."""
    lines = head.decode().splitlines()
    return sorted(line for line in lines if line and not line.startswith(("Date: ", "Vary: ")))


async def left_the_door(site: Site, silent: int = 0) -> None:
    """Return when only so many connections are at the door: those that have said nothing."""
    while len(site.server.visitors) > silent:  # noqa: ASYNC110, the product has no use for an event
        await asyncio.sleep(0)


async def test_whole_pushes_are_answered_at_the_door(site: Site) -> None:
    """
    One connection brings one push after the other, and stays there.
    """
    async with connect(site.base_url) as wire:
        for _ in range(3):
            await wire.send(posted(site, view(site)))
            head, body = await answer(wire)

            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"success" == body
            assert 1 == len(site.server.visitors)


async def test_connection_that_asks_for_something_else_is_tornados_from_then_on(site: Site) -> None:
    """
    A proxy sends pushes and pages over the same connections.
    """
    page = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    async with connect(site.base_url) as wire:
        bodies = []
        for request in (posted(site, view(site)), page, posted(site, view(site)), page):
            await wire.send(request)
            bodies.append((await answer(wire))[1])
            waiting = len(site.server.visitors)

    assert [b"success", b'{"status":"ok"}'] * 2 == bodies
    assert 0 == waiting


async def test_scan_is_answered_alike_both_ways(site: Site) -> None:
    """
    The same push again, in two parts, gets every header and the text that it got at the door.
    """
    await site.resources.directory.register(OPENID)
    page = await site.visitor().open_page()
    push = posted(site, scan_xml(site, await page.get_qr()))
    await left_the_door(site)

    whole = await told(site, push)
    in_parts = await told(site, push[:9], push[9:])

    assert "登录成功" in whole[-1]
    assert whole == in_parts


VARIANTS = {
    "plain": {},
    "closing": {"more": "Connection: close\r\n"},
    "old": {"version": "1.0"},
    "old that goes on": {"version": "1.0", "more": "Connection: keep-alive\r\n"},
    "newer": {"version": "2.0"},
    "forged": {"signature": "0" * 40},
    "no time": {"timestamp": ""},
    "another path": {"path": "/wechat/"},
    "longer path": {"path": "/wechats"},
    "whole address": {"path": "http://127.0.0.1/wechat"},
    "second host": {"more": "Host: 127.0.0.2\r\n"},
    "two lengths": {"more": "Content-Length: 7\r\n"},
    "strange length": {"more": "Content-Length: +7\r\n"},
    "space in a name": {"more": "Content-Length : 7\r\n"},
    "folded": {"more": "X-One: 1\r\n 2\r\n"},
    "upgrade": {"more": "Connection: Upgrade\r\nUpgrade: h2c\r\n"},
    "long head": {"more": f"X-Long: {'x' * 40_000}\r\n"},
    "proxies": {"more": "X-Forwarded-For: 10.1.2.3\r\nX-Forwarded-For: 10.1.2.4\r\n"},
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
async def test_requests_are_answered_alike_both_ways(site: Site, variant: dict[str, str]) -> None:
    """
    Whatever is bent, the door takes it for a push only where the handler would.
    """
    push = posted(site, view(site), **variant)

    async with connect(site.base_url) as wire, connect(site.base_url) as slow:
        await slow.send(push[:9])
        await left_the_door(site, 1)
        await wire.send(push)
        await slow.send(push[9:])
        one, other = await head_of_answer(wire), await head_of_answer(slow)

    assert one == other
    assert one or len(push) > MAX_HEADER_BYTES


async def head_of_answer(wire: Wire) -> list[str]:
    """Return the head of the next answer; nothing when the connection is closed instead."""
    try:
        async with asyncio.timeout(PATIENCE):
            return lines_of(await wire.reader.readuntil(b"\r\n\r\n"))
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return []


async def test_pushes_that_come_at_once_are_all_answered(site: Site) -> None:
    """
    Two in one go, and one more before those are answered.
    """
    push = posted(site, view(site))
    async with connect(site.base_url) as wire, connect(site.base_url) as other:
        await wire.send(push + push)
        await wire.send(push)
        await other.send(push)
        await other.send(push)

        bodies = [(await answer(each))[1] for each in (wire, wire, wire, other, other)]

    assert [b"success"] * 5 == bodies


@pytest.mark.parametrize("file", ["login.js", "styles.css", "vendor/lean-qr.mjs"])
@pytest.mark.parametrize("packing", ["gzip, deflate, br", "identity"])
async def test_file_is_sent_alike_both_ways(site: Site, file: str, packing: str) -> None:
    """
    A script at the door is the one that the handler sends, which answers those with conditions.
    """
    path = f"/static/{site.resources.context.static_version}/{file}"
    visitor, headers = site.visitor(), {"Accept-Encoding": packing}

    one = await visitor.fetch("GET", path, headers=headers)
    other = await visitor.fetch("GET", path, headers=headers | {"If-Range": "x"})

    assert (200, 200) == (one.status, other.status)
    assert await one.text() == await other.text()
    ways = {"Content-Length", "Transfer-Encoding", "Date", "Expires"}
    assert named(one.headers, but=ways) == named(other.headers, but=ways)
    assert ("gzip" in packing) == ("Content-Encoding" in one.headers)


def named(headers: Mapping[str, str], but: set[str]) -> dict[str, str]:
    """Return *headers* without some."""
    return {name: value for name, value in headers.items() if name not in but}


async def test_files_are_sent_at_the_door(site: Site) -> None:
    """
    One after the other on one connection, and between pushes.
    """
    version = site.resources.context.static_version
    get = f"GET /static/{version}/login.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    async with connect(site.base_url) as wire:
        bodies = []
        for request in (get, posted(site, view(site)), get):
            await wire.send(request)
            bodies.append((await answer(wire))[1])

        assert 1 == len(site.server.visitors)
    assert b"success" == bodies[1]
    assert bodies[0] == bodies[2]
    assert b"AttemptView" in bodies[0]


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /static/{}/nothing.js", 404),
        ("GET /static/{}/favicon.svg", 200),
        ("GET /static/{}/../../server.py", 403),
        ("GET /static/{}/login.js?of=another", 200),
        ("HEAD /static/{}/login.js", 200),
        ("POST /static/{}/login.js", 403),
        ("GET /static/login.js", 200),
    ],
)
async def test_other_files_are_the_handlers(site: Site, request_line: str, status: int) -> None:
    """
    What is no script or style under its version, plainly asked for, is answered as ever.
    """
    line = request_line.format(site.resources.context.static_version)
    async with connect(site.base_url) as wire:
        await wire.send(f"{line} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        head = await head_of_answer(wire)
        waiting = len(site.server.visitors)

    assert any(each.startswith(f"HTTP/1.1 {status} ") for each in head)
    assert 0 == waiting


async def test_silent_connection_is_closed_in_time(site: Site) -> None:
    """
    One that never said anything, and one that fell silent after a push.
    """
    (socket,) = bind_sockets(0, "127.0.0.1")
    server = make_server(make_app(site.resources.context), idle_seconds=SOON)
    server.add_socket(socket)
    url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    async with connect(url) as silent, connect(url) as wire:
        await wire.send(posted(site, view(site)))

        rests = await asyncio.gather(silent.rest(), wire.rest())

    server.stop()
    assert b"" == rests[0]
    assert rests[1].endswith(b"success")
    assert set() == server.visitors


async def test_file_that_the_network_takes_bit_by_bit_arrives_whole(site: Site) -> None:
    """
    What does not go at once is sent as soon as there is room, and the next answer after it.
    """
    (socket,) = bind_sockets(0, "127.0.0.1")
    socket.setsockopt(SOL_SOCKET, SO_SNDBUF, 1)  # connections have it from here: the least there is
    server = make_server(make_app(site.resources.context))
    server.add_socket(socket)
    version = site.resources.context.static_version
    get = f"GET /static/{version}/login.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    async with connect(f"http://127.0.0.1:{socket.getsockname()[1]}") as wire:
        await wire.send(get)
        (_, file) = await answer(wire)
        await wire.send(posted(site, view(site)))
        (_, text) = await answer(wire)

    server.stop()
    async with connect(site.base_url) as wire:
        await wire.send(get)
        assert (await answer(wire))[1] == file
    assert b"success" == text


def test_request_that_was_read_leaves_nothing_to_collect() -> None:
    """
    One for each scan would have the garbage collector hold everybody up now and then.
    """
    request = PlainRequest()
    kept = weakref.ref(request)

    is_plain = request.feed(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    del request

    assert is_plain
    assert kept() is None


async def test_connection_that_is_given_up_leaves_nothing(site: Site) -> None:
    """
    Whoever hangs up is forgotten, with a push in hand too.
    """
    async with connect(site.base_url) as silent, connect(site.base_url) as wire:
        await wire.send(posted(site, view(site)))
        del silent

    await left_the_door(site)
    assert not site.server.visitors


async def test_good_end_closes_the_door(site: Site) -> None:
    """
    A connection that waits for its next push does not hold the end up.
    """
    async with connect(site.base_url) as silent, connect(site.base_url) as wire:
        await wire.send(posted(site, view(site)))
        await answer(wire)

        await site.server.close_all_connections()

        assert (b"", b"") == (await silent.rest(), await wire.rest())


async def test_mistake_of_ours_is_told_as_one(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """
    WeChat hears 500 and pushes again; the log says what happened, not who scanned.
    """

    def broken() -> NoReturn:
        raise RuntimeError("a clock that stands still")

    context = replace(site.resources.context, clock=broken)
    (socket,) = bind_sockets(0, "127.0.0.1")
    server = make_server(make_app(context))
    server.add_socket(socket)
    async with connect(f"http://127.0.0.1:{socket.getsockname()[1]}") as wire:
        await wire.send(posted(site, view(site)))
        head, body = await answer(wire)
    server.stop()

    assert head.startswith(b"HTTP/1.1 500 ")
    assert b'"code":"internal"' in body or b'"error"' in body
    assert "a clock that stands still" in caplog.text
    assert OPENID not in caplog.text


# ---- sockets


def shake(**changed: str) -> bytes:
    """Return a handshake with some lines *changed*, by their first letters; "" = left out."""
    lines = [
        next((new for old, new in changed.items() if line.startswith(old)), line)
        for line in HANDSHAKE.removesuffix("\r\n\r\n").split("\r\n")
    ]
    return ("\r\n".join(filter(None, [*lines, changed.get("more", "")])) + "\r\n\r\n").encode()


HANDSHAKES = {
    "plain": {},
    "old": {"GET": "GET /ws HTTP/1.0"},
    "with a question": {"GET": "GET /ws?of=me HTTP/1.1"},
    "posted": {"GET": "POST /ws HTTP/1.1"},
    "no host": {"Host": ""},
    "foreign host": {"Host": "Host: evil.example"},
    "foreign origin": {"more": "Origin: http://evil.example"},
    "no origin": {"more": "Origin: "},
    "no key": {"Sec_WebSocket_Key": ""},
    "another version": {"Sec": "Sec-WebSocket-Version: 12"},
    "another protocol": {"Upgrade": "Upgrade: h2c"},
    "head that is too long": {"more": f"X-Long: {'x' * MAX_HEADER_BYTES}"},
    "several protocols": {"Upgrade": "Upgrade: websocket, h2c"},
    "several options": {"Connection": "Connection: keep-alive, Upgrade"},
    "no upgrade": {"Connection": "Connection: keep-alive"},
    "with no body": {"more": "Content-Length: 0"},
    "with a body": {"more": "Content-Length: 4\r\n\r\n"},
    "in chunks": {"more": "Transfer-Encoding: chunked\r\n\r\n0"},
    "compression": {"more": "Sec-WebSocket-Extensions: permessage-deflate"},
    "a protocol of its own": {"more": "Sec-WebSocket-Protocol: chat"},
    "no cookies": {"Cookie": ""},
    "short cookie": {"Cookie": "Cookie: saoma_browser=b; _xsrf=x"},
    "twice the cookies": {"more": "Cookie: saoma_browser=c"},
}


async def opened(wire: Wire) -> tuple[list[str], list[Any]]:
    """Return the head of the next answer without cookies' values, and what the socket tells."""
    head = [
        re.sub(r"(?i)(set-cookie: \w+)=[^;]+|( \d\d:\d\d:\d\d)", r"\1", line).lower()
        for line in await head_of_answer(wire)
    ]
    if "http/1.1 101 switching protocols" not in head:
        return head, []
    await wire.send(frame(HELLO))
    kind, data = await wire.receive()
    return head, [kind, data if kind == CLOSE else json.loads(data)["type"]]


@pytest.mark.parametrize("variant", HANDSHAKES.values(), ids=HANDSHAKES)
async def test_sockets_are_opened_alike_both_ways(site: Site, variant: dict[str, str]) -> None:
    """
    Whatever is bent, the door opens a socket only where the handler would, and says the same.
    """
    request = shake(**{name.replace("_", "-"): line for name, line in variant.items()})

    async with connect(site.base_url) as wire, connect(site.base_url) as slow:
        await slow.send(request[:9])
        await left_the_door(site, 1)
        await wire.send(request)
        await slow.send(request[9:])
        one, other = await opened(wire), await opened(slow)

    assert one == other
    assert one[0] or len(request) > MAX_HEADER_BYTES


async def test_cookies_of_a_socket_are_those_of_a_page(site: Site) -> None:
    """
    Who opens a socket before any page has an outcome that its browser may trade.
    """
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    page = Page(await visitor.http.ws_connect("/ws", headers={"Origin": site.base_url}))
    code = await page.get_qr()
    await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)
    told = await page.expect("success")

    status, _ = await visitor.request(
        "POST",
        "/session",
        json={"code": told["code"]},
        headers={"X-XSRFToken": visitor.cookie("_xsrf") or ""},
    )

    assert 200 == status


async def test_frames_that_come_with_the_handshake_are_answered(site: Site) -> None:
    """
    A library may say something before it has heard that the socket is open.
    """
    async with connect(site.base_url) as wire:
        await wire.send(HANDSHAKE.encode() + frame(HELLO) + frame(b"?", PING)[:3])
        head = await head_of_answer(wire)
        kind, data = await wire.receive()

    assert "HTTP/1.1 101 Switching Protocols" in head
    assert (TEXT, "qr") == (kind, json.loads(data)["type"])


class BrokenPages:
    """Pages that have a mistake; each of them is all."""

    asked = True

    def __init__(self, pages: Pages) -> None:
        self.spawn = pages.spawn

    def open(self, *_: object) -> "BrokenPages":
        """Return a page."""
        return self

    async def receive(self, _: object) -> NoReturn:
        """Fail."""
        raise RuntimeError("a page with a hole")

    async def end(self) -> None:
        """End."""


async def test_mistake_of_ours_ends_the_socket_and_is_told_in_the_log(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The page hears that it is our fault and comes back; the log says what happened.
    """
    pages = cast("Pages", BrokenPages(site.resources.context.pages))
    (socket,) = bind_sockets(0, "127.0.0.1")
    server = make_server(make_app(replace(site.resources.context, pages=pages)))
    server.add_socket(socket)
    async with connect(f"http://127.0.0.1:{socket.getsockname()[1]}") as wire:
        await wire.open_socket()
        await wire.send(frame(HELLO))

        assert 1011 == await wire.close_code()
    server.stop()
    assert "a page with a hole" in caplog.text


async def test_socket_that_is_opened_while_the_server_ends_is_sent_away(site: Site) -> None:
    """
    Its connection was there before; the page goes to another process at once.
    """
    site.resources.context.readiness.draining = True
    page = await site.visitor().open_page()

    assert 1012 == await page.closed()
    assert not site.resources.context.sockets.open


async def test_frames_reach_no_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """
    At any level: they carry proofs.
    """
    with caplog.at_level(logging.DEBUG):
        page = await site.visitor().open_page()
        code = await page.get_qr()
        await page.close()
        await site.all_gone()

    assert code["resume"] not in caplog.text
    assert code["ticket"] not in caplog.text
    assert "get_qr" not in caplog.text

"""Whatever comes back instead of an answer of WeChat's is an error of ours, in time."""

import asyncio
import random
from typing import Any

import pytest

from store import Store
from tests.wechat.calls import QRCODE, TOKEN, Calls, Head, client_of, http, serve
from wechat import Ticket, WeChatError, WeChatRefused, WeChatUnavailable

GRANT: dict[str, Any] = {"access_token": "some-token", "expires_in": 7200}
TICKET: dict[str, Any] = {"ticket": "a-ticket", "url": "http://weixin.qq.com/q/x"}
FINE = {TOKEN: http(GRANT), QRCODE: http(TICKET)}

NO_ANSWERS = {
    "nothing": b"",
    "no http": b"220 mail.example.com ESMTP\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    "bad chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "huge header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n{}",
    "empty": http(b""),
    "not utf-8": http(b'{"errcode": 0, "ticket": "\xff\xfe"}'),
    "html": http(b"<html>", "502 Bad Gateway"),
    "text": http(b'"ok"'),
    "number": http(b"42"),
    "null": http(b"null"),
    "list": http(b"[]"),
    "deep": http(b'{"a":' + b"[" * 60_000),
    "deep object": http(b'{"a":' * 12_000),
    "two objects": http(b"{}{}"),
    "empty object": http({}),
    "zipped": http(b"\x1f\x8b\x08\x00", "200 OK", "Content-Encoding: gzip"),
    "redirect": http(b"", "302 Found", "Location: http://127.0.0.1:1/elsewhere"),
    "gateway's json": http({"message": "no"} | TICKET | GRANT, "502 Bad Gateway"),
    "errcode true": http({"errcode": True} | TICKET | GRANT),
    "errcode false": http({"errcode": False} | TICKET | GRANT),
    "errcode 1.5": http({"errcode": 1.5}),
    "errcode 48001.0": http({"errcode": 48001.0}),
    "errcode text": http({"errcode": "invalid"}),
    "errcode 48001.0 as text": http({"errcode": "48001.0"}),
    "errcode list": http({"errcode": [48001]}),
    "errcode huge": http(b'{"errcode": 99999999999999999999999999}'),
    "ticket number": http(GRANT | {"access_token": 1, "ticket": 1, "url": 1}),
    "ticket empty": http(GRANT | {"access_token": "", "ticket": "", "url": "http://x"}),
    "ticket with a line end": http(
        GRANT | {"access_token": "a\r\nHost: b", "ticket": "a\nb", "url": "http://x"}
    ),
    "ticket of surrogates": http(
        b'{"access_token": "\\ud800", "expires_in": 7200, "ticket": "\\ud800", "url": "http://x"}'
    ),
    "ticket endless": http(
        GRANT | {"access_token": "x" * 5000, "ticket": "x" * 5000, "url": "http://x"}
    ),
}


def answers_of(path: str, said: bytes) -> Any:
    """Return a far end that says *said* at *path* and is WeChat elsewhere."""

    def answer(head: Head) -> bytes:
        return next(said if path == each else FINE[each] for each in FINE if each in head[0])

    return answer


@pytest.mark.parametrize("path", FINE)
@pytest.mark.parametrize("said", NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_what_is_no_answer_is_told_so(store: Store, path: str, said: bytes):
    """
    Nonsense is tried once more and then is "unavailable", never another exception.
    """
    calls: Calls = []
    async with (
        serve(answers_of(path, said)) as base_url,
        client_of(store, base_url, calls) as client,
    ):
        with pytest.raises(WeChatUnavailable):
            await client.create_ticket(1, 180)
        tries = calls.count((path, "none"))
        told = await client.check()

    assert "errcode none" == told
    assert 2 == tries


@pytest.mark.parametrize("path", FINE)
@pytest.mark.parametrize("errcode", [48001, "48001"])
async def test_errcode_may_be_text(store: Store, path: str, errcode: object):
    """
    A number that is written as text is that number.
    """
    said = http({"errcode": errcode, "errmsg": ["no", "text"]})
    async with serve(answers_of(path, said)) as base_url, client_of(store, base_url) as client:
        with pytest.raises(WeChatRefused) as caught:
            await client.create_ticket(1, 180)

    assert 48001 == caught.value.errcode


@pytest.mark.parametrize("errcode", [0, "0", None])
@pytest.mark.parametrize("seconds", [0, -5, "x", "60", None, True, [1], {}, 1e300])
async def test_odd_life_of_a_ticket_is_what_was_asked_for(
    store: Store, errcode: object, seconds: object
):
    """
    A code lives as long as we asked for unless WeChat says a time that is shorter.
    """
    said = http(TICKET | {"errcode": errcode, "expire_seconds": seconds})
    async with serve(answers_of(QRCODE, said)) as base_url, client_of(store, base_url) as client:
        ticket: Ticket = await client.create_ticket(1, 180)

    assert (60 if seconds == "60" else 180) == ticket.life


async def test_redirects_are_not_followed(store: Store):
    """
    Nobody sends the AppSecret or the token elsewhere by an answer.
    """
    strangers: list[Head] = []

    def stranger(head: Head) -> bytes:
        strangers.append(head)
        return http(GRANT | TICKET)

    async with serve(stranger) as elsewhere:
        said = http(b"", "307 Temporary Redirect", f"Location: {elsewhere}/x")
        for path in FINE:
            async with (
                serve(answers_of(path, said)) as base_url,
                client_of(store, base_url) as client,
            ):
                with pytest.raises(WeChatUnavailable):
                    await client.create_ticket(1, 180)

    assert [] == strangers


@pytest.mark.parametrize("path", FINE)
async def test_endless_body_is_cut_off(store: Store, path: str):
    """
    A body that never ends costs 64 KiB, not the memory and not the visitor's time.
    """
    sent = 0

    async def serve_endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        first = (await reader.readuntil(b"\r\n\r\n")).decode()
        if path not in first:
            writer.write(next(FINE[each] for each in FINE if each in first))
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while path in first:
                writer.write(b"1000\r\n" + b" " * 4096 + b"\r\n")
                await writer.drain()
                sent += 4096
        except OSError:
            pass
        writer.close()

    server = await asyncio.start_server(serve_endless, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server, client_of(store, f"http://{host}:{port}", seconds=60) as client:
        with pytest.raises(WeChatUnavailable):
            await client.create_ticket(1, 180)

    # What was under way in the buffers of two sockets comes on top.
    assert sent < 64 * 1024 * 1024


async def test_mutations_of_answers_raise_nothing_else(store: Store):
    """
    Damaged answers end in a ticket or in an error of ours.
    """
    whole = http(GRANT | TICKET | {"errcode": 0, "expire_seconds": 180})

    def damaged(head: Head) -> bytes:
        dice, said = random.Random(head[0]), bytearray(whole)
        for _ in range(dice.randint(0, 3)):
            place = dice.randrange(len(said))
            said[place : place + dice.randint(0, 3)] = dice.randbytes(dice.randint(0, 3))
        return bytes(said)

    async def outcome(base_url: str) -> str:
        async with client_of(store, base_url, seconds=3) as client:
            try:
                return type(await client.create_ticket(1, 180)).__name__
            except WeChatError as error:
                return type(error).__name__

    async with serve(damaged) as base_url:
        found = await asyncio.gather(*[outcome(f"{base_url}/{number}") for number in range(200)])

    assert {"Ticket", "WeChatUnavailable"} <= set(found)
    assert {"Ticket", "WeChatUnavailable", "WeChatRefused"} >= set(found)

"""WeChat as the benchmarks need it: two endpoints of its API, and signed pushes.

A ticket ends in its scene id, so that a push can be made from the ticket alone.
"""

import asyncio
import hashlib
import json
import secrets
import time

TOKEN = "benchmarkToken"  # noqa: S105, opens nothing
APPID = "wx00000000benchmark"
SECRET = "a-secret-for-benchmarks-only"  # noqa: S105, as above
ACCOUNT = "gh_benchmark0000"
KNOWN_USERS = 500
# WeChat's own tickets have this length.
TICKET_LENGTH = 96
OPENID_LENGTH = 28


def new_ticket(scene: int) -> str:
    """Return a ticket for *scene*, random but for its end."""
    end = f"_s{scene}"
    return "gQ" + secrets.token_urlsafe(TICKET_LENGTH)[: TICKET_LENGTH - 2 - len(end)] + end


def scene_of(ticket: str) -> str:
    """Return the scene id that *ticket* was made for."""
    return ticket.rpartition("_s")[2]


def known_openid(number: int) -> str:
    """Return the openid of a WeChat user who has an account."""
    return f"oKnown{number % KNOWN_USERS}".ljust(OPENID_LENGTH, "-")


def new_openid(number: int) -> str:
    """Return the openid of a WeChat user who has none."""
    return f"oNew{number}".ljust(OPENID_LENGTH, "-")


def push(port: int, ticket: str, openid: str) -> bytes:
    """Return the request that tells the server on *port* of a scan, as WeChat sends it."""
    now, nonce = str(int(time.time())), secrets.token_hex(5)
    signed = "".join(sorted((TOKEN, now, nonce)))
    signature = hashlib.sha1(signed.encode()).hexdigest()  # noqa: S324, WeChat's choice
    body = (
        f"<xml><ToUserName><![CDATA[{ACCOUNT}]]></ToUserName>\n"
        f"<FromUserName><![CDATA[{openid}]]></FromUserName>\n"
        f"<CreateTime>{now}</CreateTime>\n"
        "<MsgType><![CDATA[event]]></MsgType>\n"
        "<Event><![CDATA[SCAN]]></Event>\n"
        f"<EventKey><![CDATA[{scene_of(ticket)}]]></EventKey>\n"
        f"<Ticket><![CDATA[{ticket}]]></Ticket>\n"
        "</xml>"
    )
    return (
        f"POST /wechat?signature={signature}&timestamp={now}&nonce={nonce}&openid={openid}"
        f" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: Mozilla/4.0\r\nAccept: */*\r\n"
        f"Pragma: no-cache\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


class Api(asyncio.Protocol):
    """One kept connection to the fake API, which answers at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101, for the types
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            size = _content_length(head)
            if len(rest) < size:
                return
            body, self._received = rest[:size], rest[size:]
            self._answer(head.split(b" ", 2)[1], body)

    def _answer(self, path: bytes, body: bytes) -> None:
        answer: dict[str, object]
        if path.startswith(b"/cgi-bin/qrcode/create"):
            asked = json.loads(body)
            scene, life = asked["action_info"]["scene"]["scene_id"], asked["expire_seconds"]
            url = f"http://weixin.qq.com/q/{secrets.token_urlsafe(24)}"
            answer = {"ticket": new_ticket(scene), "expire_seconds": life, "url": url}
        else:
            answer = {"access_token": "benchmark", "expires_in": 7200}
        text = json.dumps(answer).encode()
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (len(text), text)
        )


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def serve_api() -> asyncio.Server:
    """Serve the fake API on a free port of the loopback interface."""
    return await asyncio.get_running_loop().create_server(Api, "127.0.0.1", 0)

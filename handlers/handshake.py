"""The handshake of `/ws`: what one is, how it is accepted, and who opens a socket by it."""

from collections.abc import Iterator, Mapping

from msgspec import Struct
from tornado.httputil import parse_cookie, split_host_and_port
from websockets.utils import accept_key

from handlers.browsers import Came, know_browser, opener_of
from handlers.context import Context
from handlers.open_socket import Caller
from handlers.plain_request import PlainRequest
from store import digest

SOCKETS = "/ws"


class Handshake(Struct, frozen=True):
    """Who opens a socket, and the headers that accept it."""

    caller: Caller
    answer: list[tuple[str, str]]


def is_handshake(headers: Mapping[str, str]) -> bool:
    """Tell whether a WebSocket is asked for. Source: RFC 6455 §4.2.1."""
    options = headers.get("connection", "").lower().split(",")
    return (
        headers.get("upgrade", "").lower() == "websocket"
        and "upgrade" in map(str.strip, options)
        and headers.get("sec-websocket-version") == "13"
        and bool(headers.get("sec-websocket-key"))
    )


def acceptance(key: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each header that accepts one with this *key*.

    Source: RFC 6455 §4.2.2.
    """
    yield "Upgrade", "websocket"
    yield "Connection", "Upgrade"
    yield "Sec-WebSocket-Accept", accept_key(key)


def handshake_in(request: PlainRequest, remote_ip: str, context: Context) -> Handshake | None:
    """Return the handshake that *request* is, if it is one."""
    headers, site = request.headers, context.site
    if request.method != "GET" or request.target != (SOCKETS, "") or not is_handshake(headers):
        return None
    came, cookies = Came(remote_ip, headers), parse_cookie(headers.get("cookie", ""))
    secret, lacks = know_browser(site, came, cookies)
    opener = opener_of(
        context,
        browser=digest(secret),
        session=cookies.get(site.cookie_name(site.session_cookie), ""),
        agent=headers.get("user-agent", ""),
        address=site.address_of(came),
    )
    host, _ = split_host_and_port(headers["host"].lower())
    answer = [*acceptance(headers["sec-websocket-key"]), *lacks]
    return Handshake(Caller(headers.get("origin"), host, opener), answer)

"""The handshake of `/ws`: what one is, and how it is accepted."""

from collections.abc import Iterator, Mapping

from websockets.utils import accept_key


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

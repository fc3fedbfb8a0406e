"""What a process tells the one that holds an attempt: its new state, and the frame."""

import msgspec
from msgspec import Struct

from login.flow import State
from login.messages import ToPage, encode


class Signal(Struct, frozen=True, kw_only=True):
    """An attempt has changed. A hint: what is true is in its record."""

    uuid: str
    state: str
    frame: str = ""
    """What the page is told; empty when there is nothing to say."""
    at: float = 0
    """When the push that caused it came in, Unix seconds by the store's clock; 0 = none did."""


_decoder = msgspec.json.Decoder(Signal)


def signal(uuid: str, state: State | str, message: ToPage | None = None, at: float = 0) -> str:
    """Return the text of a signal about the attempt *uuid*."""
    frame = encode(message) if message else ""
    made = Signal(uuid=uuid, state=state, frame=frame, at=at)
    return msgspec.json.encode(made).decode()


def parse(text: str) -> tuple[str, Signal]:
    """Return the socket that a signal is for, and the signal.

    Raises:
        msgspec.DecodeError: when it is not one of ours.
    """
    socket, _, body = text.partition(" ")
    return socket, _decoder.decode(body)

"""What page and server say to each other over the socket.

The only definition of the messages: `static/protocol.js` and
`docs/protocol.md` are rendered from here (`make docs`), and a test compares.
Seconds are always seconds left, never clock times.
"""

from enum import IntEnum, StrEnum

import msgspec
from msgspec import Struct


class ErrorCode(StrEnum):
    """What an `error` is about."""

    POOL_EXHAUSTED = "pool_exhausted"
    RATE_LIMITED = "rate_limited"
    WECHAT_UNAVAILABLE = "wechat_unavailable"
    QUOTA_EXHAUSTED = "quota_exhausted"
    QUOTA_LOW = "quota_low"
    STORE_UNAVAILABLE = "store_unavailable"
    BAD_MESSAGE = "bad_message"
    UNKNOWN_ATTEMPT = "unknown_attempt"


class Pause(StrEnum):
    """Why a page should not ask for the next code by itself."""

    IDLE = "idle"
    """Several codes ran out one after another: perhaps nobody is there."""
    QUOTA = "quota"
    """WeChat's codes of today run low."""


class NotLinked(StrEnum):
    """Why a scan links nothing."""

    OPENID_TAKEN = "openid_taken"
    """The WeChat user has another account."""
    ACCOUNT_TAKEN = "account_taken"
    """The account has another WeChat user."""


class CloseCode(IntEnum):
    """Why the server closes a socket. Source: RFC 6455 §7.4, from 4000 on our own."""

    DONE = 1000
    GOING_AWAY = 1001
    RESTARTING = 1012
    TRY_LATER = 1013
    BAD_MESSAGE = 4400
    REFUSED = 4403


class Message(Struct, frozen=True, tag_field="type"):
    """One frame: a type, and data that belong to it."""


class Nothing(Struct, frozen=True):
    """No data."""


# ---- page to server


class Wish(Struct, frozen=True):
    """*resume*: the secret of the attempt to come back to; none = a fresh code.

    *link*: a new attempt's scan is to link WeChat to the account that the browser is signed in to;
    *replace*: in the place of one that is linked.
    """

    resume: str | None = None
    link: bool = False
    replace: bool = False


class GetQr(Message, frozen=True, tag="get_qr"):
    """Start an attempt, ask for a fresh code after `expired`, or come back to an attempt."""

    data: Wish = Wish()


class Choice(Struct, frozen=True):
    """*number*: the one that the visitor picked."""

    number: int


class Choose(Message, frozen=True, tag="choose"):
    """The number that the visitor saw on the phone."""

    data: Choice


# ---- server to page


class Code(Struct, frozen=True):
    """*url*: what the code encodes; *image*: WeChat's picture of it; *expires*: seconds left.

    *uuid* names the attempt and is no secret; *resume* is a secret of this page.
    """

    ticket: str
    url: str
    image: str
    expires: int
    uuid: str
    resume: str


class Qr(Message, frozen=True, tag="qr"):
    """Show this code."""

    data: Code


class Choices(Struct, frozen=True, omit_defaults=True):
    """*choices*: three numbers to pick from, or none when nothing is asked."""

    choices: tuple[int, ...] | None = None


class Scanned(Message, frozen=True, tag="scanned"):
    """The phone has scanned; a choice is asked for when there are choices."""

    data: Choices


class LoginCode(Struct, frozen=True):
    """*code*: to be traded at `POST /session` by this browser, within *expires* seconds."""

    code: str
    expires: int


class Success(Message, frozen=True, tag="success"):
    """Signed in."""

    data: LoginCode


class BindToken(Struct, frozen=True):
    """*bind_token*: for `POST /user/bind` by this browser, within *expires* seconds."""

    bind_token: str
    expires: int


class BindRequired(Message, frozen=True, tag="bind_required"):
    """This WeChat user has no account here yet."""

    data: BindToken


class Denial(Struct, frozen=True, omit_defaults=True):
    """*reason*: why the scan may not link; none = it is as the type says."""

    reason: NotLinked | None = None


class Denied(Message, frozen=True, tag="denied"):
    """Refused on the phone, the wrong number or none was picked, or the code was scanned twice.

    Or the WeChat user who scanned cannot be linked to the account of the page.
    """

    data: Denial = Denial()


class Rest(Struct, frozen=True, omit_defaults=True):
    """*pause*: ask only when the visitor wants another code, and why; none = ask at once."""

    pause: Pause | None = None


class Expired(Message, frozen=True, tag="expired"):
    """The code ran out; `get_qr` asks for the next."""

    data: Rest = Rest()


class Superseded(Message, frozen=True, tag="superseded"):
    """This attempt was continued by another page."""

    data: Nothing = Nothing()


class Problem(Struct, frozen=True):
    """*retry_after*: seconds after which asking again makes sense, if ever."""

    code: ErrorCode
    message: str
    retry_after: int | None = None


class Error(Message, frozen=True, tag="error"):
    """What was asked for could not be done."""

    data: Problem


FromPage = GetQr | Choose
ToPage = Qr | Scanned | Success | BindRequired | Denied | Expired | Superseded | Error

_decoder = msgspec.json.Decoder(FromPage)


class BadMessage(Exception):
    """A frame that no page of ours sends."""


def decode(frame: str | bytes) -> FromPage:
    """Return the message in *frame*.

    Raises:
        BadMessage: when it is none; the text says what was expected.
    """
    if isinstance(frame, bytes):
        raise BadMessage("Expected a text frame")
    try:
        message: FromPage = _decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadMessage(str(error)) from None
    return message


def encode(message: ToPage) -> str:
    """Return the frame of *message*."""
    return msgspec.json.encode(message).decode()

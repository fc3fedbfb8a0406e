"""What WeChat pushes to us: what it says, and how we answer.

First it is proven (`wechat.seal`), then it is read (`wechat.fields`), and
each field that a login needs is checked here.

Source: WeChat, "Receive event pushes", "Passive user reply message".
"""

import re
import time
from collections.abc import Callable
from enum import Enum

from msgspec import Struct

from wechat.fields import BadPush, Fields, Form, parse, text_in, write
from wechat.seal import Letter, Query, Seal

CREATED = re.compile(r"[0-9]{1,12}")
OPENID = re.compile(r"[A-Za-z0-9_-]{1,64}")
NO_NAME = re.compile(r"[^A-Za-z0-9_]")
SCENE_PREFIX = "qrscene_"
MAX_TICKET_LENGTH = 512
FIELDS = (
    *("ToUserName", "FromUserName", "CreateTime", "MsgType"),
    *("Event", "EventKey", "Ticket", "Content"),
)


class PushKind(Enum):
    """What a push is to us."""

    SCAN = "scan"
    """Somebody scanned a code: an event with a ticket, of a follower or a new one."""
    TEXT = "text"
    """Somebody wrote to the account."""
    UNSUBSCRIBE = "unsubscribe"
    """Somebody follows the account no longer."""
    OTHER = "other"


class Push(Struct, frozen=True, kw_only=True):
    """One push. Only what a login needs; each field has been checked."""

    kind: PushKind
    name: str
    """WeChat's own word for it, for the log: "SCAN", "subscribe", "text" …"""
    openid: str
    account: str
    """The service account's gh_ id."""
    created: int
    """Unix seconds; a repeat of the same push has the same."""
    ticket: str = ""
    scene: str = ""
    """What the code carried; may be empty although the ticket is right."""
    text: str = ""
    """What was written."""
    form: Form = Form.XML
    letter: Letter = Letter(body=b"", nonce="")
    """What it was read from, for the reply."""

    def __repr__(self) -> str:
        return f"Push(name={self.name!r})"


class Pushes:
    """Reads and answers the pushes to one service account."""

    def __init__(
        self,
        *,
        token: str,
        appid: str,
        encoding_aes_key: str,
        previous_encoding_aes_key: str = "",
        window_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._seal = Seal(
            token=token,
            appid=appid,
            aes_keys=[key for key in (encoding_aes_key, previous_encoding_aes_key) if key],
            window_seconds=window_seconds,
            clock=clock,
        )

    def echo(self, query: Query) -> str:
        """Return the `echostr` of WeChat's address check.

        Raises:
            BadSignature: when the check does not come from WeChat.
        """
        return self._seal.echo(query)

    def prove(self, query: Query, body: bytes) -> Letter:
        """Return what WeChat sent.

        Raises:
            BadSignature: when WeChat did not send it, or too long ago.
            BadPush: when it did, but it was not encrypted with our key for our appid.
        """
        return self._seal.open(query, body)

    def read(self, letter: Letter) -> Push:
        """Return the push that *letter* holds.

        Raises:
            BadPush: when it holds none.
        """
        form, fields = parse(letter.body)
        if "Encrypt" in fields and "FromUserName" not in fields:
            raise BadPush("encrypted, but there is no wechat.encoding_aes_key")
        return _push(fields, form, letter)

    def reply(self, push: Push, text: str) -> str:
        """Return the passive reply that shows *text* on the phone.

        It has the form of the push, and is sealed as that was.
        """
        plain = write(
            push.form,
            {
                "ToUserName": push.openid,
                "FromUserName": push.account,
                "CreateTime": int(self._clock()),
                "MsgType": "text",
                "Content": text,
            },
        )
        return self._seal.close(push.form, plain, push.letter) if push.letter.encrypted else plain


def _push(fields: Fields, form: Form, letter: Letter) -> Push:
    """Check the fields that matter."""
    account, openid, created, message_type, event, key, ticket, text = [
        text_in(fields, name) for name in FIELDS
    ]
    if not OPENID.fullmatch(account) or not OPENID.fullmatch(openid):
        raise BadPush("ToUserName or FromUserName")
    if not CREATED.fullmatch(created) or not message_type:
        raise BadPush("CreateTime or MsgType")
    if len(ticket) > MAX_TICKET_LENGTH:
        raise BadPush("Ticket")
    event = event if message_type == "event" else ""
    lowered = event.lower()
    return Push(
        kind=_kind(message_type, lowered, ticket),
        name=NO_NAME.sub("?", event or message_type)[:32],
        openid=openid,
        account=account,
        created=int(created),
        ticket=ticket,
        scene=key.removeprefix(SCENE_PREFIX) if lowered == "subscribe" else key,
        text=text,
        form=form,
        letter=letter,
    )


def _kind(message_type: str, event: str, ticket: str) -> PushKind:
    if event in {"scan", "subscribe"} and ticket:
        return PushKind.SCAN
    if event == "unsubscribe":
        return PushKind.UNSUBSCRIBE
    return PushKind.TEXT if message_type == "text" else PushKind.OTHER

"""What WeChat pushes to us: proof that it did, what it says, how we answer.

Plain pushes are signed over token, timestamp and nonce only, so whoever has
seen one address can write any body. With an EncodingAESKey the signature
covers the encrypted body, and then nothing else is accepted.

Source: WeChat, "Message push", "Message encryption and decryption".
"""

import hashlib
import hmac
import re
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from xml.parsers.expat import ExpatError

import xmltodict
from msgspec import Struct
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import WeChatException
from wechatpy.replies import TextReply

MAX_BODY_BYTES = 64 * 1024
TIMESTAMP = re.compile(r"[0-9]{10}")
NONCE = re.compile(r"[A-Za-z0-9_-]{1,64}")
OPENID = re.compile(r"[A-Za-z0-9_-]{1,64}")
SCENE_PREFIX = "qrscene_"
MAX_TICKET_LENGTH = 512
# All that wechatpy and xmltodict were seen to raise at bodies that are no push.
UNREADABLE = (
    ArithmeticError,
    AttributeError,
    ExpatError,
    IndexError,
    KeyError,
    RecursionError,
    TypeError,
    ValueError,
    WeChatException,
    struct.error,
)

Query = Mapping[str, Sequence[str]]


class BadSignature(Exception):
    """Nothing shows that WeChat sent this."""


class BadPush(Exception):
    """WeChat's signature, but no push that can be read."""


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
    nonce: str = ""
    encrypted: bool = False

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
        window_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._token = token
        self._crypto = WeChatCrypto(token, encoding_aes_key, appid) if encoding_aes_key else None
        self._window = window_seconds
        self._clock = clock

    def echo(self, query: Query) -> str:
        """Return the `echostr` of WeChat's address check.

        Raises:
            BadSignature: when the check does not come from WeChat.
        """
        timestamp, nonce = _once(query, "timestamp"), _once(query, "nonce")
        self._verify(_once(query, "signature"), timestamp, nonce)
        return _once(query, "echostr")

    def read(self, query: Query, body: bytes) -> Push:
        """Return the push in *body*.

        Raises:
            BadSignature: when WeChat did not send it, or too long ago.
            BadPush: when it did, but this is no push.
        """
        timestamp, nonce = self._fresh(query)
        if self._crypto is None:
            self._verify(_once(query, "signature"), timestamp, nonce)
            return _push(_fields(body), nonce=nonce, encrypted=False)
        signature = _once(query, "msg_signature")
        if _once(query, "encrypt_type") != "aes":
            raise BadSignature("a plain push, but an EncodingAESKey is configured")
        try:
            sealed = _fields(body)
        except BadPush:
            raise BadSignature("no encrypted body") from None
        encrypted = sealed.get("Encrypt")
        if not isinstance(encrypted, str):
            raise BadSignature("no encrypted body")
        self._verify(signature, timestamp, nonce, encrypted)
        try:
            # Only the sealed part counts: plain fields beside it are nobody's word.
            inner = self._crypto.decrypt_message(
                {"Encrypt": encrypted}, signature, timestamp, nonce
            )
        except UNREADABLE:
            raise BadPush("not encrypted with our key and appid") from None
        return _push(_fields(inner.encode()), nonce=nonce, encrypted=True)

    def reply(self, push: Push, text: str) -> str:
        """Return the passive reply that shows *text* on the phone; sealed as the push was."""
        content = text.replace("]]>", "]]]]><![CDATA[>")
        plain = TextReply(source=push.account, target=push.openid, content=content).render()
        if not push.encrypted or self._crypto is None:
            return str(plain)
        return str(self._crypto.encrypt_message(plain, push.nonce, str(int(self._clock()))))

    def _fresh(self, query: Query) -> tuple[str, str]:
        """Return timestamp and nonce, well-formed and within the window.

        Their form matters: the signature is over a concatenation, in which the
        end of one could be the beginning of the other.
        """
        timestamp, nonce = _once(query, "timestamp"), _once(query, "nonce")
        if not TIMESTAMP.fullmatch(timestamp) or not NONCE.fullmatch(nonce):
            raise BadSignature("timestamp or nonce")
        if abs(self._clock() - int(timestamp)) > self._window:
            raise BadSignature("too old, or this server's clock is wrong")
        return timestamp, nonce

    def _verify(self, signature: str, *parts: str) -> None:
        text = "".join(sorted((self._token, *parts)))
        expected = hashlib.sha1(text.encode()).hexdigest()  # noqa: S324, WeChat's choice
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise BadSignature("signature")


def _once(query: Query, name: str) -> str:
    values = query.get(name, ())
    if len(values) != 1 or not values[0]:
        raise BadSignature(f"{name}: expected once")
    return values[0]


def _fields(body: bytes) -> dict[str, object]:
    """Return the elements below `<xml>`; entities are refused by the parser."""
    try:
        fields = xmltodict.parse(body)["xml"]
    except UNREADABLE:
        raise BadPush("not XML") from None
    if not isinstance(fields, dict):
        raise BadPush("no <xml> with elements")
    return fields


def _push(fields: dict[str, object], *, nonce: str, encrypted: bool) -> Push:
    """Check the fields that matter; one that stands twice is a list and is refused."""
    for name in ("ToUserName", "FromUserName", "CreateTime", "MsgType"):
        if not isinstance(fields.get(name), str):
            raise BadPush(name)
    for name in ("Event", "EventKey", "Ticket", "Content"):
        if not isinstance(fields.get(name) or "", str):
            raise BadPush(name)
    openid, created = str(fields["FromUserName"]), str(fields["CreateTime"])
    ticket, key = str(fields.get("Ticket") or ""), str(fields.get("EventKey") or "")
    if not OPENID.fullmatch(str(fields["ToUserName"])):
        raise BadPush("ToUserName")
    if not OPENID.fullmatch(openid) or not re.fullmatch(r"[0-9]{1,12}", created):
        raise BadPush("FromUserName or CreateTime")
    if len(ticket) > MAX_TICKET_LENGTH:
        raise BadPush("Ticket")
    event = str(fields.get("Event") or "") if fields["MsgType"] == "event" else ""
    return Push(
        kind=_kind(str(fields["MsgType"]), event.lower(), ticket),
        name=re.sub(r"[^A-Za-z0-9_]", "?", event or str(fields["MsgType"]))[:32],
        openid=openid,
        account=str(fields["ToUserName"]),
        created=int(created),
        ticket=ticket,
        scene=key.removeprefix(SCENE_PREFIX) if event.lower() == "subscribe" else key,
        text=str(fields.get("Content") or ""),
        nonce=nonce,
        encrypted=encrypted,
    )


def _kind(message_type: str, event: str, ticket: str) -> PushKind:
    if event in {"scan", "subscribe"} and ticket:
        return PushKind.SCAN
    if event == "unsubscribe":
        return PushKind.UNSUBSCRIBE
    return PushKind.TEXT if message_type == "text" else PushKind.OTHER

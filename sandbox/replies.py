"""Read what a server answers to a push.

`success` and nothing at all mean "handled"; a passive reply is XML or JSON as the push was. To a
push in safe mode it is encrypted, to one in compatible mode it may be.
Source: WeChat, "Passive user reply message",
/doc/subscription/guide/product/message/Passive_user_reply_message.html, and "Message push".
"""

import hmac
from xml.etree import ElementTree

import msgspec

from sandbox.account import Account
from sandbox.crypto import decrypt, sign
from sandbox.formats import Data, Mode, PushFormat


class BadReply(ValueError):
    """An answer that WeChat would call a broken service; the text says why."""


def read_reply(
    account: Account, body: bytes, *, openid: str, push_format: PushFormat | None = None
) -> str | None:
    """Return the words for the chat, None when there are none.

    A reply that is no text (a picture, an article) gives its kind in brackets.

    Args:
        account: Whose push was answered.
        body: The answer.
        openid: Whose event was pushed.
        push_format: The push's; by default what `sign_push` takes by default.

    Raises:
        BadReply: The answer is neither `success`, nor empty, nor a good reply to *openid*.
    """
    if body in (b"", b"success"):
        return None
    made = push_format or account.push_format
    read = _elements if made.data is Data.XML else _members
    fields = read(body)
    if made.mode is Mode.SAFE or (made.mode is Mode.COMPATIBLE and "Encrypt" in fields):
        fields = read(_unseal(account, fields))
    if fields.get("ToUserName") != openid or fields.get("FromUserName") != account.account_id:
        raise BadReply("the reply is for somebody else")
    if not fields.get("CreateTime", "").isdecimal():
        raise BadReply("CreateTime is no number")
    if fields.get("MsgType") != "text":
        return f"[{fields.get('MsgType') or 'no MsgType'}]"
    if not fields.get("Content"):
        raise BadReply("Content is empty")
    return fields["Content"]


def _unseal(account: Account, fields: dict[str, str]) -> bytes:
    names = ("TimeStamp", "Nonce", "Encrypt", "MsgSignature")
    timestamp, nonce, sealed, signature = (fields.get(name, "") for name in names)
    if not sealed:
        raise BadReply("the reply is not encrypted, the account is in safe mode")
    expected = sign(account.token, timestamp, nonce, sealed)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise BadReply("MsgSignature is wrong")
    try:
        return decrypt(account.encoding_aes_key, account.appid, sealed).encode()
    except ValueError as error:
        raise BadReply(f"Encrypt cannot be read: {error}") from error


def _elements(body: bytes) -> dict[str, str]:
    try:
        # The developer's own server wrote it, 64 KiB at most; ElementTree fetches no entities and
        # expat bounds how far they expand.
        root = ElementTree.fromstring(body)  # noqa: S314
    except ElementTree.ParseError as error:
        raise BadReply("the answer is neither success nor XML") from error
    if root.tag != "xml":
        raise BadReply("the reply's root is not <xml>")
    return {child.tag: child.text or "" for child in root}


def _members(body: bytes) -> dict[str, str]:
    try:
        members = msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadReply("the answer is neither success nor a JSON object") from error
    # Numbers and texts of digits are one: examples of the documentation have both.
    return {name: str(value) for name, value in members.items() if type(value) in (str, int)}

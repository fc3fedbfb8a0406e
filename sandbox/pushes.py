"""Turn an event's XML into the request WeChat makes of it: signed, and sealed with a key."""

import secrets
from dataclasses import dataclass
from urllib.parse import urlencode
from xml.etree import ElementTree

import msgspec

from sandbox.account import Account
from sandbox.crypto import encrypt, sign
from sandbox.formats import CONTENT_TYPES, Data, Mode, PushFormat

HEADERS = {"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0", "Accept": "*/*"}

_NUMBERS = ("CreateTime", "MsgId")


@dataclass(frozen=True, slots=True)
class SignedPush:
    """One request, ready to be sent to any address."""

    query: dict[str, str]
    body: bytes
    content_type: str = CONTENT_TYPES[Data.XML]

    def url(self, callback: str) -> str:
        """Return *callback* with the query appended."""
        return with_query(callback, self.query)


def sign_push(
    account: Account,
    xml: str,
    *,
    openid: str,
    at: float,
    nonce: str | None = None,
    push_format: PushFormat | None = None,
) -> SignedPush:
    """Sign *xml* as the platform does, and seal it when the format says so.

    Args:
        account: Whose token and key are used; another account's make a forged push.
        xml: The event, from `events`; JSON is made of it.
        openid: Goes into the query, unsigned, as WeChat has it.
        at: The timestamp, Unix seconds.
        nonce: Digits, by default fresh ones.
        push_format: By default safe XML for an account with a key, else plain XML.
    """
    made = push_format or account.push_format
    event = xml if made.data is Data.XML else _encode(read_fields(xml))
    query = sign_query(account, at=at, nonce=nonce) | {"openid": openid}
    content_type = CONTENT_TYPES[made.data]
    if not made.encrypts:
        return SignedPush(query, event.encode(), content_type)
    sealed = encrypt(account.encoding_aes_key, account.appid, event)
    query["encrypt_type"] = "aes"
    query["msg_signature"] = sign(account.token, query["timestamp"], query["nonce"], sealed)
    shown = xml if made.mode is Mode.COMPATIBLE else _name_only(account.account_id)
    return SignedPush(query, _with_sealed(shown, sealed, made.data).encode(), content_type)


def sign_query(account: Account, *, at: float, nonce: str | None = None) -> dict[str, str]:
    """Return the signed parameters of every request of the platform."""
    timestamp = str(int(at))
    nonce = nonce or str(secrets.randbelow(9 * 10**8) + 10**8)
    signature = sign(account.token, timestamp, nonce)
    return {"signature": signature, "timestamp": timestamp, "nonce": nonce}


def with_query(callback: str, query: dict[str, str]) -> str:
    """Return *callback* with *query* appended, which may have a query of its own."""
    return f"{callback}{'&' if '?' in callback else '?'}{urlencode(query)}"


def read_fields(xml: str) -> dict[str, str | int]:
    """Return an event's fields as its JSON has them: times and message ids are numbers."""
    # Made by `events`, or by the test that calls.
    root = ElementTree.fromstring(xml)  # noqa: S314
    texts = {child.tag: child.text or "" for child in root}
    return {name: int(text) if name in _NUMBERS else text for name, text in texts.items()}


def _name_only(account_id: str) -> str:
    return f"<xml><ToUserName><![CDATA[{account_id}]]></ToUserName></xml>"


def _with_sealed(xml: str, sealed: str, data: Data) -> str:
    if data is Data.JSON:
        return _encode(read_fields(xml) | {"Encrypt": sealed})
    return xml.removesuffix("</xml>") + f"<Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"


def _encode(fields: dict[str, str | int]) -> str:
    return msgspec.json.encode(fields).decode()

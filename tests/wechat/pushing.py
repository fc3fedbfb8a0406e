"""Pushes as WeChat makes them, in both forms and all three modes, and what others recorded."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import xmltodict
from wechatpy.crypto import PrpCrypto

from sandbox import Account, event_xml, sign_push
from sandbox.crypto import encrypt, sign
from wechat import Form, Push, Pushes

FIXTURES = Path(__file__).parent / "fixtures"
BODIES = {file.stem: file.read_bytes() for file in sorted(FIXTURES.glob("*.xml"))}
VECTORS: list[dict[str, Any]] = json.loads((FIXTURES / "crypto-vectors.json").read_text())
NOW = 1_700_000_000
KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OTHER_KEY = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefg"
PLAIN = Account(token="tokenOfThisTest")
SAFE = Account(token="tokenOfThisTest", encoding_aes_key=KEY)
SCAN = event_xml(
    account_id="gh_1", openid="openid-1", event="SCAN", created_at=NOW, event_key="7", ticket="t/1"
)

EMPTY = {
    Form.XML: b"<xml><ToUserName>gh_1</ToUserName></xml>",
    Form.JSON: b'{"ToUserName": "gh_1"}',
}

Query = dict[str, list[str]]


def pushes(
    account: Account = PLAIN, now: float = NOW, window: float = 300, previous: str = ""
) -> Pushes:
    """Return the reader of *account* at the time *now*; *previous* is its key before this one."""
    return Pushes(
        token=account.token,
        appid=account.appid,
        encoding_aes_key=account.encoding_aes_key,
        previous_encoding_aes_key=previous,
        window_seconds=window,
        clock=lambda: now,
    )


def read(reader: Pushes, query: Query, body: bytes) -> Push:
    """Prove and read a push."""
    return reader.read(reader.prove(query, body))


def signed(token: str, timestamp: str = str(NOW), nonce: str = "n1") -> Query:
    """Return the query of a plain push."""
    signature = sign(token, timestamp, nonce)
    return {"signature": [signature], "timestamp": [timestamp], "nonce": [nonce]}


def signed_for(account: Account, encrypted: str, at: float = NOW) -> Query:
    """Return the query of a push whose body holds *encrypted*, whatever that is."""
    timestamp = str(int(at))
    signature = sign(account.token, timestamp, "n1", encrypted)
    return signed(account.token, timestamp) | {
        "msg_signature": [signature],
        "encrypt_type": ["aes"],
    }


def arrived(account: Account, xml: str, at: float = NOW) -> tuple[Query, bytes]:
    """Return query and body of *xml* as the platform pushes it."""
    push = sign_push(account, xml, openid="openid-1", at=at)
    return {name: [value] for name, value in push.query.items()}, push.body


def arrived_as_json(account: Account, text: str, at: float = NOW) -> tuple[Query, bytes]:
    """Return query and body of the JSON *text* as the platform pushes it."""
    if not account.safe_mode:
        return signed(account.token, str(int(at))), text.encode()
    sealed = encrypt(account.encoding_aes_key, account.appid, text)
    body = json.dumps({"ToUserName": account.account_id, "Encrypt": sealed})
    return signed_for(account, sealed, at), body.encode()


def posted(
    mode: str, form: Form, body: bytes, *, account: Account, at: float = NOW, around: bytes = b""
) -> tuple[Query, bytes]:
    """Return query and body of a push in any *mode*, whatever *body* is; it is what counts.

    In compatible mode the fields of *around* stand beside it, in plain.
    """
    if mode == "plain":
        return signed(account.token, str(int(at))), body
    cipher = PrpCrypto(base64.b64decode(account.encoding_aes_key + "="))
    sealed = cipher.encrypt(body, account.appid).decode()
    envelope = around if mode == "compatible" else EMPTY[form]
    return signed_for(account, sealed, at), with_sealed(form, envelope, sealed)


def with_sealed(form: Form, envelope: bytes, sealed: str) -> bytes:
    """Return *envelope* with the field `Encrypt` in it."""
    if form is Form.XML:
        return envelope.replace(b"</xml>", f"<Encrypt>{sealed}</Encrypt></xml>".encode())
    return envelope[:-1] + f', "Encrypt": "{sealed}"}}'.encode()


def as_json(xml: str | bytes) -> str:
    """Return the JSON twin of a push in XML: the same fields, and CreateTime a number."""
    fields = {name: value or "" for name, value in xmltodict.parse(xml)["xml"].items()}
    if fields.get("CreateTime", "").isdecimal():
        fields["CreateTime"] = int(fields["CreateTime"])
    return json.dumps(fields, ensure_ascii=False)


def vectors(kind: str) -> list[Any]:
    """Return the published cases of one kind."""
    return [pytest.param(case, id=case["name"]) for case in VECTORS if case["kind"] == kind]

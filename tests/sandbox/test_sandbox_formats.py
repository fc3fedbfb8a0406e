"""The six formats of pushes, against a receiver, an independent library and published vectors."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import check_signature

from sandbox import Account, Data, Mode, PushFormat, Sandbox, serve_sandbox, sign_push
from sandbox.crypto import decrypt, encrypt, sign
from sandbox.pushes import read_fields

ACCOUNT = Account(encoding_aes_key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG")
OPENID = "oQ7dX5kV3mZr9TfGh2LwYpN8sBcE"
FORMATS = [PushFormat(mode, data) for mode in Mode for data in Data]
SEALED = [made for made in FORMATS if made.encrypts]

StartSandbox = Callable[[PushFormat], Awaitable[Sandbox]]


def named(made: PushFormat) -> str:
    """Return a format's name for the test's."""
    return f"{made.mode}-{made.data}"


@pytest.fixture
async def start_sandbox(receiver: Any) -> AsyncIterator[StartSandbox]:
    """Start stand-ins that push in a format."""
    async with AsyncExitStack() as stack:

        async def start(made: PushFormat) -> Sandbox:
            serving = serve_sandbox(callback=receiver.url, account=ACCOUNT, push_format=made)
            return await stack.enter_async_context(serving)

        yield start


def fields_of(body: bytes | str, data: Data) -> dict[str, Any]:
    """Return the fields of a body; XML has texts only."""
    if data is Data.JSON:
        fields: dict[str, Any] = json.loads(body)
        return fields
    return {child.tag: child.text for child in ElementTree.fromstring(body)}


def write(fields: dict[str, Any], data: Data) -> str:
    """Return *fields* as the documentation writes them."""
    if data is Data.JSON:
        return json.dumps(fields, ensure_ascii=False)
    inner = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items())
    return f"<xml>{inner}</xml>"


def plain_reply(data: Data, text: str = "好", to: str = OPENID) -> str:
    """Return a passive text reply in the clear."""
    names = {"ToUserName": to, "FromUserName": ACCOUNT.account_id}
    return write(names | {"CreateTime": 1750000000, "MsgType": "text", "Content": text}, data)


def sealed_reply(data: Data, text: str = "好", *, signature: str | None = None) -> str:
    """Return a passive text reply, encrypted and signed."""
    sealed = encrypt(ACCOUNT.encoding_aes_key, ACCOUNT.appid, plain_reply(data, text))
    made = signature or sign(ACCOUNT.token, "1750000000", "42", sealed)
    names = {"Encrypt": sealed, "MsgSignature": made, "TimeStamp": 1750000000, "Nonce": "42"}
    return write(names, data)


@pytest.mark.parametrize("made", FORMATS, ids=named)
async def test_push_has_its_format(
    start_sandbox: StartSandbox, receiver: Any, made: PushFormat
) -> None:
    """
    Plain and compatible bodies show the event, compatible and safe ones carry it sealed.
    """
    sandbox = await start_sandbox(made)

    await sandbox.phone.message(OPENID, "你好")

    (push,) = receiver.pushes
    fields, query = fields_of(push.body, made.data), push.query
    shown = {"FromUserName", "CreateTime", "MsgType", "Content", "MsgId"}
    expected = {"ToUserName"} | (shown if made.mode is not Mode.SAFE else set())
    assert expected | ({"Encrypt"} if made.encrypts else set()) == fields.keys()
    assert {Data.XML: "text/xml", Data.JSON: "application/json"}[made.data] == push.headers[
        "Content-Type"
    ]
    check_signature(ACCOUNT.token, query["signature"], query["timestamp"], query["nonce"])
    signed = {"signature", "timestamp", "nonce", "openid"}
    sealed = {"encrypt_type", "msg_signature"} if made.encrypts else set()
    assert signed | sealed == query.keys()


@pytest.mark.parametrize("made", SEALED, ids=named)
async def test_sealed_part_is_the_same_event(
    start_sandbox: StartSandbox, receiver: Any, made: PushFormat
) -> None:
    """
    What is sealed under `msg_signature` is the event of the format's language, whole.
    """
    sandbox = await start_sandbox(made)

    await sandbox.phone.message(OPENID, "你好")

    (push,) = receiver.pushes
    fields, query = fields_of(push.body, made.data), push.query
    assert query["msg_signature"] == sign(
        ACCOUNT.token, query["timestamp"], query["nonce"], fields["Encrypt"]
    )
    plain = decrypt(ACCOUNT.encoding_aes_key, ACCOUNT.appid, fields["Encrypt"])
    event = fields_of(plain, made.data)
    assert (event["FromUserName"], event["Content"]) == (OPENID, "你好")
    assert event.items() >= {name: fields[name] for name in fields if name != "Encrypt"}.items()


async def test_compatible_push_is_read_by_an_independent_library(
    start_sandbox: StartSandbox, receiver: Any
) -> None:
    """
    wechatpy decrypts a compatible push as it stands.
    """
    sandbox = await start_sandbox(PushFormat(Mode.COMPATIBLE))

    await sandbox.phone.message(OPENID, "你好")

    (push,) = receiver.pushes
    crypto = WeChatCrypto(ACCOUNT.token, ACCOUNT.encoding_aes_key, ACCOUNT.appid)
    signature, timestamp, nonce = (
        push.query[name] for name in ("msg_signature", "timestamp", "nonce")
    )
    assert "<![CDATA[你好]]>" in crypto.decrypt_message(push.body, signature, timestamp, nonce)


async def test_json_event_is_the_published_one(fixtures: Path) -> None:
    """
    Made of XML, an event has the members and the number of Tencent's own example, in order.
    """
    vectors = json.loads((fixtures / "crypto-vectors.json").read_text())
    (published,) = [v for v in vectors if v["name"] == "official-plain-push"]
    members = json.loads(published["body"])
    xml = write(members, Data.XML)

    push = sign_push(
        Account(token=published["token"]),
        xml,
        openid=members["FromUserName"],
        at=int(published["timestamp"]),
        nonce=published["nonce"],
        push_format=PushFormat(data=Data.JSON),
    )

    assert published["body"].replace(" ", "") == push.body.decode().replace(" ", "")
    assert published["signature"] == push.query["signature"]


def test_fields_that_are_empty_stay() -> None:
    """
    An empty element is an empty text, and a message id keeps all its digits.
    """
    xml = "<xml><EventKey><![CDATA[]]></EventKey><MsgId>6583883461605926895</MsgId></xml>"

    assert {"EventKey": "", "MsgId": 6583883461605926895} == read_fields(xml)


@pytest.mark.parametrize("made", FORMATS, ids=named)
async def test_reply_of_the_format_is_shown(
    start_sandbox: StartSandbox, receiver: Any, made: PushFormat
) -> None:
    """
    A reply of the push's language is shown: sealed to safe, plain to plain, either to compatible.
    """
    sandbox = await start_sandbox(made)
    replies = []
    if made.encrypts:
        replies.append(sealed_reply(made.data))
    if made.mode is not Mode.SAFE:
        replies.append(plain_reply(made.data))

    for reply in [*replies, "success", ""]:
        receiver.answer = lambda push, reply=reply: (200, reply)
        done = await sandbox.phone.message(OPENID, "你好")

        assert (done.delivered, done.reply) == (True, "好" if reply in replies else None)


def bad_replies(made: PushFormat) -> list[str]:
    """Return replies that are wrong for pushes of a format."""
    other = Data.XML if made.data is Data.JSON else Data.JSON
    right = plain_reply if made.mode is Mode.PLAIN else sealed_reply
    bad = [right(other), "ok", "{", "[]", "{}", "null", '"success"', "\ufeffsuccess"]
    if made.mode is not Mode.SAFE:
        bad += [plain_reply(made.data, to="oOther"), plain_reply(made.data, "")]
    if made.mode is not Mode.PLAIN:
        bad.append(sealed_reply(made.data, signature="0" * 40))
    bad.append(sealed_reply(made.data) if made.mode is Mode.PLAIN else write({}, made.data))
    if made.mode is Mode.SAFE:
        bad.append(plain_reply(made.data))
    return bad


@pytest.mark.parametrize("made", FORMATS, ids=named)
async def test_reply_of_another_format_shows_the_service_as_broken(
    start_sandbox: StartSandbox, receiver: Any, made: PushFormat
) -> None:
    """
    A reply in the other language, unsealed, wrongly sealed or senseless is a grey notice.
    """
    sandbox = await start_sandbox(made)

    for reply in bad_replies(made):
        receiver.answer = lambda push, reply=reply: (200, reply)
        done = await sandbox.phone.message(OPENID, "你好")

        assert (done.delivered, done.reply) == (False, None), reply
        assert sandbox.platform.chats.of(OPENID)[-1].kind == "system"


async def test_format_that_needs_a_key_is_refused_without_one() -> None:
    """
    An account without a key cannot choose to encrypt.
    """
    with pytest.raises(ValueError, match="needs an EncodingAESKey"):
        async with serve_sandbox(push_format=PushFormat(Mode.COMPATIBLE)):
            pass


async def test_plain_can_be_chosen_with_a_key(start_sandbox: StartSandbox, receiver: Any) -> None:
    """
    A key that is kept in the console does not encrypt by itself.
    """
    sandbox = await start_sandbox(PushFormat(Mode.PLAIN))

    await sandbox.phone.follow("oNew")

    assert b"<Event><![CDATA[subscribe]]></Event>" in receiver.pushes[0].body
    assert "encrypt_type" not in receiver.pushes[0].query

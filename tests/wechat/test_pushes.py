"""Pushes: proof that WeChat sent them, what they say, and how they are answered."""

import pytest
import xmltodict
from hypothesis import given
from hypothesis import strategies as st

from sandbox import Account
from sandbox.crypto import encrypt, sign
from tests.wechat.pushing import (
    BODIES,
    KEY,
    NOW,
    PLAIN,
    SAFE,
    SCAN,
    arrived,
    pushes,
    read,
    signed,
)
from wechat import BadPush, BadSignature, Push, PushKind


@pytest.mark.parametrize(
    ("file", "kind", "name", "scene"),
    [
        ("01-subscribe-qrscene", PushKind.SCAN, "subscribe", "230"),
        ("02-scan-same-user-and-ticket", PushKind.SCAN, "SCAN", "230"),
        ("03-unsubscribe", PushKind.UNSUBSCRIBE, "unsubscribe", ""),
        ("04-subscribe-plain-empty-eventkey", PushKind.OTHER, "subscribe", ""),
        ("05-scan-empty-eventkey-with-ticket", PushKind.SCAN, "SCAN", ""),
        ("06-scan-scene-str-with-dots", PushKind.SCAN, "SCAN", "lrfun.com.UxJkWC1531967386903"),
        (
            "07-scan-scene-str-qr_scene_prefix-500s",
            PushKind.SCAN,
            "SCAN",
            "qr_scene_1532927897972126214",
        ),
        ("08-text-message-64bit-msgid", PushKind.TEXT, "text", ""),
        ("09-subscribe-underscored-scene", PushKind.SCAN, "subscribe", "om_a_1"),
        ("10-scan-ticket-with-underscore", PushKind.SCAN, "SCAN", "1"),
        ("11-scan-ticket-with-slash", PushKind.SCAN, "SCAN", "16"),
        ("12-scan-2023-short-str", PushKind.SCAN, "SCAN", "t1tqen4a"),
        (
            "13-subscribe-last_trade_no",
            PushKind.OTHER,
            "subscribe",
            "last_trade_no_4008072001201701105817415015",
        ),
    ],
)
def test_read_understands_what_wechat_was_seen_to_push(file, kind, name, scene):
    """
    Recorded pushes are read as what they are; a scene keeps everything but the prefix.
    """
    body = BODIES[file]
    fields = xmltodict.parse(body)["xml"]

    push = read(pushes(), signed(PLAIN.token), body)

    assert (kind, name, scene) == (push.kind, push.name, push.scene)
    assert fields["FromUserName"] == push.openid
    assert (fields.get("Ticket") or "") == push.ticket
    assert int(fields["CreateTime"]) == push.created


@pytest.mark.parametrize("account", [PLAIN, SAFE], ids=["plain", "safe"])
def test_read_takes_what_the_platform_pushes(account):
    """
    A scan is read alike, plain or encrypted.
    """
    push = read(pushes(account), *arrived(account, SCAN))

    assert (PushKind.SCAN, "openid-1", "t/1", "7") == (
        push.kind,
        push.openid,
        push.ticket,
        push.scene,
    )
    assert account.safe_mode == push.letter.encrypted


@pytest.mark.parametrize("name", ["signature", "timestamp", "nonce"])
@pytest.mark.parametrize("values", [[], [""], ["1", "1"], ["x"], ["é"]])
def test_read_wants_each_parameter_once_and_right(name, values):
    """
    A parameter that is missing, empty, there twice or wrong makes a push nobody's.
    """
    query = signed(PLAIN.token) | {name: values}

    with pytest.raises(BadSignature):
        read(pushes(), query, SCAN.encode())


@pytest.mark.parametrize("account", [PLAIN, SAFE])
@pytest.mark.parametrize("name", ["signature", "msg_signature", "encrypt_type", "openid"])
def test_read_wants_no_parameter_twice(account, name):
    """
    Also of a parameter that proves nothing here there is one: two readers could take another each.
    """
    query, body = arrived(account, SCAN)
    value = query.get(name, ["aes"])[0]

    with pytest.raises(BadSignature, match=f"{name}: expected once"):
        read(pushes(account), query | {name: [value, value]}, body)


@pytest.mark.parametrize("away", [-301, 301])
def test_read_refuses_a_push_of_another_time(away):
    """
    A push that was seen and sent again much later is refused.
    """
    query, body = arrived(PLAIN, SCAN)

    assert read(pushes(now=NOW + away + (-1 if away > 0 else 1)), query, body)
    with pytest.raises(BadSignature, match="too old"):
        read(pushes(now=NOW + away), query, body)


def test_read_refuses_the_same_signature_split_otherwise():
    """
    Timestamp and nonce are signed as one text; another cut of it is refused.
    """
    signature = sign(PLAIN.token, "1700000000", "12")
    query = {"signature": [signature], "timestamp": ["170000000012"], "nonce": [""]}

    with pytest.raises(BadSignature):
        read(pushes(), query, SCAN.encode())


def test_read_refuses_a_foreign_token():
    """
    Who does not know the token cannot push.
    """
    with pytest.raises(BadSignature, match="signature"):
        read(pushes(), *arrived(Account(token="anotherToken"), SCAN))


def test_read_refuses_a_plain_push_when_a_key_is_set():
    """
    With an EncodingAESKey only encrypted pushes count, however well a plain one is signed.
    """
    with pytest.raises(BadSignature):
        read(pushes(SAFE), *arrived(PLAIN, SCAN))
    query, _ = arrived(SAFE, SCAN)
    with pytest.raises(BadSignature):
        read(pushes(SAFE), query, SCAN.encode())


def test_read_believes_only_the_sealed_part():
    """
    Plain fields beside the encrypted ones are nobody's word.
    """
    query, body = arrived(SAFE, SCAN)
    forged = b"<FromUserName>victim</FromUserName><Event>SCAN</Event></xml>"

    push = read(pushes(SAFE), query, body.replace(b"</xml>", forged))

    assert "openid-1" == push.openid


def test_read_refuses_what_was_sealed_for_another_account():
    """
    A push for another appid is not opened, although token and key are right.
    """
    sealed = encrypt(KEY, "wxAnother", SCAN)
    query = {
        "msg_signature": [sign(SAFE.token, str(NOW), "n1", sealed)],
        "timestamp": [str(NOW)],
        "nonce": ["n1"],
        "encrypt_type": ["aes"],
    }

    with pytest.raises(BadPush):
        read(pushes(SAFE), query, f"<xml><Encrypt>{sealed}</Encrypt></xml>".encode())


@given(junk=st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), max_size=200))
def test_read_of_sealed_junk_is_no_push(junk):
    """
    Whatever is signed and not encrypted with our key is no push, and nothing worse.
    """
    query = {
        "msg_signature": [sign(SAFE.token, str(NOW), "n1", junk)],
        "timestamp": [str(NOW)],
        "nonce": ["n1"],
        "encrypt_type": ["aes"],
    }

    with pytest.raises((BadPush, BadSignature)):
        read(pushes(SAFE), query, f"<xml><Encrypt>{junk}</Encrypt></xml>".encode())


ENTITIES = (
    '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    "<xml><FromUserName>&b;</FromUserName></xml>"
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"<xml/>",
        b"<xml>text</xml>",
        b"<other><FromUserName>o</FromUserName></other>",
        b"\xff\xfe\x00",
        ENTITIES.encode(),
        SCAN.replace("<MsgType>", "<Nothing>").encode(),
        SCAN.replace("openid-1", "").encode(),
        SCAN.replace("openid-1", "open id").encode(),
        SCAN.replace(f"<CreateTime>{NOW}</CreateTime>", "").encode(),
        SCAN.replace(str(NOW), "soon").encode(),
        SCAN.replace(str(NOW), "٣").encode(),
        SCAN.replace("</xml>", "<FromUserName>victim</FromUserName></xml>").encode(),
        SCAN.replace("</xml>", "<Ticket>another</Ticket></xml>").encode(),
        SCAN.replace("<Ticket>", '<Ticket a="b">').encode(),
        SCAN.replace("<Ticket>", "<Ticket><a/>").encode(),
        SCAN.replace("t/1", "t" * 513).encode(),
        SCAN.replace("gh_1", "gh]]&gt;").encode(),
        b"<xml>" + b"<a>" * 20_000 + b"</a>" * 20_000 + b"</xml>",
    ],
)
def test_read_of_a_body_that_is_no_push_says_so(body):
    """
    A signed body that cannot be read is refused as such, whatever is wrong with it.
    """
    with pytest.raises(BadPush):
        read(pushes(), signed(PLAIN.token), body)


@given(where=st.integers(0, len(SCAN) - 1), what=st.binary(max_size=4), away=st.integers(0, 6))
def test_read_of_a_mutated_push_never_surprises(where, what, away):
    """
    Any change of a push is a push or is refused: there is no third.
    """
    body = SCAN.encode()
    mutated = body[:where] + what + body[where + away :]

    try:
        push = read(pushes(), signed(PLAIN.token), mutated)
    except BadPush:
        return

    assert isinstance(push, Push)
    assert all(isinstance(text, str) for text in (push.openid, push.ticket, push.scene))


def test_push_text_does_not_show_who_it_is_from():
    """
    A push can be logged.
    """
    push = read(pushes(), *arrived(PLAIN, SCAN))

    assert "openid" not in repr(push)
    assert "t/1" not in repr(push)

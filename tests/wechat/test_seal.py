"""Signatures and encryption: WeChat's own examples, two keys, and what is not believed."""

import json
from typing import Any

import pytest
import xmltodict
from hypothesis import given
from hypothesis import strategies as st

from sandbox import Account
from sandbox.crypto import decrypt, encrypt, sign
from tests.wechat.pushing import (
    KEY,
    NOW,
    OTHER_KEY,
    PLAIN,
    SAFE,
    SCAN,
    arrived,
    arrived_as_json,
    as_json,
    pushes,
    read,
    signed,
    signed_for,
    vectors,
)
from wechat import BadPush, BadSignature, Form

ROTATED = Account(token=SAFE.token, encoding_aes_key=OTHER_KEY)


@pytest.mark.parametrize("case", vectors("signature"))
def test_signature_of_published_cases_holds(case: dict[str, Any]):
    """
    WeChat's own examples of signed requests are believed, at their time.
    """
    query = {name: [case[name]] for name in ("signature", "timestamp", "nonce")}
    reader = pushes(Account(token=case["token"]), now=int(case["timestamp"]))

    if "echostr" in case:
        assert case["echostr"] == reader.echo(query | {"echostr": [case["echostr"]]})
    else:
        push = read(reader, query, case["body"].encode())
        assert ("debug_demo", Form.JSON) == (push.name, push.form)
        assert int(case["timestamp"]) == push.created


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("case", vectors("decrypt"))
def test_published_encrypted_pushes_are_opened(case: dict[str, Any], form: Form):
    """
    WeChat's own and others' encrypted pushes are believed and opened with their key.
    """
    account = Account(appid=case["appid"], token=case["token"], encoding_aes_key=case["aes_key"])
    query = {
        "msg_signature": [case["msg_signature"]],
        "timestamp": [case["timestamp"]],
        "nonce": [case["nonce"]],
        "encrypt_type": ["aes"],
    }
    body = f"<xml><Encrypt><![CDATA[{case['encrypt']}]]></Encrypt></xml>"
    if form is Form.JSON:
        body = json.dumps({"ToUserName": "gh_1", "Encrypt": case["encrypt"]})

    letter = pushes(account, now=int(case["timestamp"])).prove(query, body.encode())

    plain = letter.body.decode()
    assert letter.encrypted
    assert decrypt(case["aes_key"], case["appid"], case["encrypt"]) == plain
    assert case.get("plaintext", plain) == plain
    assert case.get("plaintext_contains", "") in plain


@pytest.mark.parametrize("case", vectors("encrypt"))
def test_published_replies_would_be_opened(case: dict[str, Any]):
    """
    What others sealed as a reply opens with the same key: one scheme for both directions.
    """
    account = Account(appid=case["appid"], token=case["token"], encoding_aes_key=case["aes_key"])

    letter = pushes(account).prove(
        signed_for(account, case["encrypt"]),
        json.dumps({"Encrypt": case["encrypt"]}).encode(),
    )

    assert case["plaintext"] == letter.body.decode()


# ---- two keys


@pytest.mark.parametrize(("account", "key"), [(ROTATED, 0), (SAFE, 1)], ids=["current", "previous"])
def test_two_keys_both_open_and_each_seals_the_reply_to_its_own(account: Account, key: int):
    """
    While the key is being changed, WeChat gets its answer under the key that it used.
    """
    reader = pushes(ROTATED, previous=KEY)
    push = read(reader, *arrived(account, SCAN))

    sent = xmltodict.parse(reader.reply(push, "hello"))["xml"]

    assert key == push.letter.key
    assert "hello" in decrypt(account.encoding_aes_key, account.appid, sent["Encrypt"])


def test_former_key_is_refused_once_it_is_no_longer_named():
    """
    After the change only the new key counts.
    """
    with pytest.raises(BadPush):
        read(pushes(ROTATED), *arrived(SAFE, SCAN))


def test_two_keys_do_not_bring_plain_pushes_back():
    """
    A plain push is refused during the change of keys too.
    """
    with pytest.raises(BadSignature):
        read(pushes(ROTATED, previous=KEY), *arrived(PLAIN, SCAN))


# ---- the answer


@given(text=st.text())
@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("account", [PLAIN, SAFE], ids=["plain", "safe"])
def test_reply_carries_any_text_unharmed(account: Account, form: Form, text: str):
    """
    A reply has one of each field and exactly the text, whatever stands in it.
    """
    reader = pushes(account)
    arrive = arrived(account, SCAN) if form is Form.XML else arrived_as_json(account, as_json(SCAN))
    push = read(reader, *arrive)
    words = f"{text.encode('utf-8', 'replace').decode()}]]>{{}}</Content>"

    sent = fields_of(form, reader.reply(push, words))

    if account.safe_mode:
        assert {"Encrypt", "MsgSignature", "TimeStamp", "Nonce"} == sent.keys()
        parts = (account.token, str(sent["TimeStamp"]), sent["Nonce"], sent["Encrypt"])
        assert sign(*parts) == sent["MsgSignature"]
        assert (str(NOW), push.letter.nonce) == parts[1:3]
        sent = fields_of(form, decrypt(KEY, account.appid, sent["Encrypt"]))
    assert {"MsgType", "Content", "FromUserName", "ToUserName", "CreateTime"} == sent.keys()
    assert ("openid-1", "text", str(NOW)) == (
        sent["ToUserName"],
        sent["MsgType"],
        str(sent["CreateTime"]),
    )
    if form is Form.JSON:
        assert words == sent["Content"]
    else:  # control characters are nothing that XML could carry; line ends become one
        assert printable(words) == printable(sent["Content"])


def fields_of(form: Form, text: str) -> dict[str, Any]:
    """Return what stands in an answer."""
    if form is Form.JSON:
        found: dict[str, Any] = json.loads(text)
        return found
    return dict(xmltodict.parse(text)["xml"])


def printable(text: str) -> str:
    """Return *text* without what does not show."""
    return "".join(
        each for each in text if each.isprintable() and each not in " \ufffd\uffff\ufffe"
    )


# ---- the address check


def test_echo_needs_a_signature():
    """
    The address check is answered to WeChat only.
    """
    query = signed(PLAIN.token) | {"echostr": ["hello"]}

    assert "hello" == pushes().echo(query)
    with pytest.raises(BadSignature):
        pushes().echo(query | {"signature": ["0" * 40]})


@pytest.mark.parametrize("now", [NOW - 301, NOW + 86_400])
def test_echo_of_any_age_is_answered(now: float):
    """
    It changes nothing, and an operator may repeat one by hand.
    """
    query = signed(PLAIN.token) | {"echostr": ["hello"]}

    assert "hello" == pushes(now=now).echo(query)


def test_echo_of_a_long_text_is_refused():
    """
    Nobody has us say a page of his.
    """
    query = signed(PLAIN.token) | {"echostr": ["x" * 129]}

    with pytest.raises(BadSignature, match="echostr"):
        pushes().echo(query)


# ---- what is kept about the proof


def test_signature_that_does_not_cover_the_body_is_kept():
    """
    A plain signature could carry another body, so it can be remembered; a sealed one cannot.
    """
    query, body = arrived(PLAIN, SCAN)

    assert query["signature"][0] == pushes().prove(query, body).signature
    assert "" == pushes(SAFE).prove(*arrived(SAFE, SCAN)).signature


def test_letter_text_does_not_show_what_is_inside():
    """
    A letter can be logged.
    """
    assert "openid" not in repr(pushes().prove(*arrived(PLAIN, SCAN)))


def test_encrypted_push_without_a_key_of_ours_says_what_is_missing():
    """
    The operator who chose safe mode in the console and set no key is told so.
    """
    sealed = encrypt(KEY, PLAIN.appid, SCAN)
    body = f"<xml><ToUserName>gh_1</ToUserName><Encrypt>{sealed}</Encrypt></xml>".encode()

    with pytest.raises(BadPush, match="encoding_aes_key"):
        read(pushes(), signed(PLAIN.token), body)


def test_same_answer_is_never_sealed_alike():
    """
    Who sees two sealed answers cannot tell whether they say the same.
    """
    reader = pushes(SAFE)
    push = read(reader, *arrived(SAFE, SCAN))

    assert reader.reply(push, "hello") != reader.reply(push, "hello")

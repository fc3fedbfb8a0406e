"""Signatures and encryption against vectors that others published, and against wechatpy."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wechatpy.crypto import WeChatCrypto

from sandbox import Account, sign_push
from sandbox.crypto import decrypt, encrypt, sign

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


@pytest.fixture
def vectors(fixtures: Path) -> list[dict[str, Any]]:
    """Vectors published by Tencent and by two client libraries."""
    loaded: list[dict[str, Any]] = json.loads((fixtures / "crypto-vectors.json").read_text())
    return loaded


async def test_sign_gives_the_published_signatures(vectors: list[dict[str, Any]]) -> None:
    """
    Every published signature is what `sign` makes of its parts.
    """
    plain = [v for v in vectors if v["kind"] == "signature"]
    sealed = [v for v in vectors if "msg_signature" in v]

    for v in plain:
        assert v["signature"] == sign(v["token"], v["timestamp"], v["nonce"])
    for v in sealed:
        signature = sign(v["token"], v["timestamp"], v["nonce"], v["encrypt"])
        assert v["msg_signature"] == signature
    assert len(plain) == 2
    assert len(sealed) == 5


async def test_decrypt_reads_the_published_messages(vectors: list[dict[str, Any]]) -> None:
    """
    Every published ciphertext is read, whole or by the words known of it.
    """
    for v in [v for v in vectors if v["kind"] == "decrypt"]:
        plain = decrypt(v["aes_key"], v["appid"], v["encrypt"])

        assert v.get("plaintext", plain) == plain
        assert v.get("plaintext_contains", "") in plain


async def test_encrypt_gives_the_published_ciphertexts(vectors: list[dict[str, Any]]) -> None:
    """
    With the published 16 bytes in front, the ciphertext is the published one, Chinese too.
    """
    for v in [v for v in vectors if v["kind"] == "encrypt"]:
        random16 = v["random16"].encode()

        assert v["encrypt"] == encrypt(v["aes_key"], v["appid"], v["plaintext"], random16)


@settings(max_examples=50)
@given(st.text(), st.text(max_size=40))
def test_decrypt_undoes_encrypt(plain: str, appid: str) -> None:
    """
    What was sealed for an appid is read for that appid.
    """
    assert plain == decrypt(KEY, appid, encrypt(KEY, appid, plain))


@pytest.mark.parametrize("sealed", ["", "????", "AAAA", "A" * 64])
def test_decrypt_refuses_what_was_never_sealed(sealed: str) -> None:
    """
    Junk is a ValueError and nothing else.
    """
    with pytest.raises(ValueError, match=r"."):
        decrypt(KEY, "wx1", sealed)


def test_decrypt_refuses_another_appid() -> None:
    """
    A message for another account is not read.
    """
    with pytest.raises(ValueError, match="appid is wrong"):
        decrypt(KEY, "wx1", encrypt(KEY, "wx2", "hello"))


def test_sealed_push_is_read_by_an_independent_library() -> None:
    """
    wechatpy decrypts what `sign_push` seals, signature checked.
    """
    account = Account(encoding_aes_key=KEY)
    push = sign_push(account, "<xml><a>你好</a></xml>", openid="o1", at=1_750_000_000)
    crypto = WeChatCrypto(account.token, KEY, account.appid)
    query = push.query

    plain = crypto.decrypt_message(
        push.body, query["msg_signature"], query["timestamp"], query["nonce"]
    )

    assert plain == "<xml><a>你好</a></xml>"

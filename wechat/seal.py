"""Signatures and encryption: proof that WeChat sent a request, and our seal on a reply.

Plain pushes are signed over token, timestamp and nonce only, so whoever has
seen one address can write any body. With an EncodingAESKey the signature
covers the encrypted body, and then nothing else is accepted.

Source: WeChat, "Message push", "Message encryption and decryption".
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from wechat.fields import BadPush, Form, parse, text_in, write

if TYPE_CHECKING:
    from wechat.cipher import Cipher

TIMESTAMP = re.compile(r"[0-9]{10}")
NONCE = re.compile(r"[A-Za-z0-9_-]{1,64}")
# WeChat's has 19 digits; ours is an answer, not a mirror.
MAX_ECHO_LENGTH = 128

Query = Mapping[str, Sequence[str]]
# All that WeChat sends; some of it proves nothing here, but must not stand twice either.
PARAMETERS = frozenset(
    {"signature", "timestamp", "nonce", "echostr", "openid", "encrypt_type", "msg_signature"}
)


class BadSignature(Exception):
    """Nothing shows that WeChat sent this."""


class Letter(Struct, frozen=True, kw_only=True):
    """What came from WeChat for certain, and how it was sealed."""

    body: bytes
    nonce: str
    signature: str = ""
    """The proof, when it does not cover the body: it must not carry another one."""
    encrypted: bool = False
    key: int = 0
    """Which of our keys opened it: 0 is the current one."""

    def __repr__(self) -> str:
        return f"Letter(encrypted={self.encrypted}, key={self.key})"


class Seal:
    """Token and keys of one service account: *aes_keys* holds the current one first, or none.

    WeChat goes on with the former EncodingAESKey for a while after it was
    changed. Source: WeChat, "Message encryption", FAQ.
    """

    def __init__(
        self,
        *,
        token: str,
        appid: str,
        aes_keys: Sequence[str],
        window_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._token = token
        self._appid = appid
        self._ciphers = _ciphers_of(aes_keys)
        self._window = window_seconds
        self._clock = clock

    def echo(self, query: Query) -> str:
        """Return the `echostr` of WeChat's address check.

        It may be of any age: an operator may repeat one by hand.

        Raises:
            BadSignature: when it does not come from WeChat.
        """
        echo = _once(query, "echostr")
        self._verify(_once(query, "signature"), *_stamp(query))
        if len(echo) > MAX_ECHO_LENGTH:
            raise BadSignature("echostr")
        return echo

    def open(self, query: Query, body: bytes) -> Letter:
        """Return what is inside a push.

        With a key configured, a body without anything encrypted has nothing that
        a signature could cover: whatever it is, it is not WeChat's.

        Raises:
            BadSignature: when WeChat did not send it, or too long ago.
            BadPush: when it did, but it was not encrypted with our key for our appid.
        """
        if not self._ciphers:
            return self._open_plain(query, body)
        timestamp, nonce = self._fresh(query)
        signature = _once(query, "msg_signature")
        if _once(query, "encrypt_type") != "aes":
            raise BadSignature("a plain push, but an EncodingAESKey is configured")
        try:
            # Only the sealed part counts: plain fields beside it are nobody's word.
            sealed = text_in(parse(body)[1], "Encrypt")
        except BadPush:
            sealed = ""
        if not sealed:
            raise BadSignature("no encrypted body")
        self._verify(signature, timestamp, nonce, sealed)
        key, inner = self._decrypt(sealed)
        return Letter(body=inner, nonce=nonce, encrypted=True, key=key)

    def close(self, form: Form, text: str, letter: Letter) -> str:
        """Return *text*, the answer to *letter*, sealed as that was."""
        timestamp = str(int(self._clock()))
        sealed = self._ciphers[letter.key].seal(text, self._appid)
        return write(
            form,
            {
                "Encrypt": sealed,
                "MsgSignature": self._sign(timestamp, letter.nonce, sealed),
                "TimeStamp": int(timestamp),
                "Nonce": letter.nonce,
            },
        )

    def _open_plain(self, query: Query, body: bytes) -> Letter:
        timestamp, nonce = self._fresh(query)
        signature = _once(query, "signature")
        self._verify(signature, timestamp, nonce)
        return Letter(body=body, nonce=nonce, signature=signature)

    def _fresh(self, query: Query) -> tuple[str, str]:
        """Return timestamp and nonce, within the window."""
        timestamp, nonce = _stamp(query)
        if abs(self._clock() - int(timestamp)) > self._window:
            raise BadSignature("too old, or this server's clock is wrong")
        return timestamp, nonce

    def _verify(self, signature: str, *parts: str) -> None:
        if not hmac.compare_digest(self._sign(*parts).encode(), signature.encode()):
            raise BadSignature("signature")

    def _sign(self, *parts: str) -> str:
        text = "".join(sorted((self._token, *parts)))
        return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324, WeChat's choice

    def _decrypt(self, sealed: str) -> tuple[int, bytes]:
        """Return which key opens *sealed*, and what is inside; the end of it is our appid."""
        for key, cipher in enumerate(self._ciphers):
            inner = cipher.open(sealed, self._appid)
            if inner is not None:
                return key, inner
        raise BadPush("not encrypted with our key and appid")


def _ciphers_of(aes_keys: Sequence[str]) -> "list[Cipher]":
    if not aes_keys:
        return []
    from wechat.cipher import Cipher  # noqa: PLC0415, it says why

    return [Cipher(key) for key in aes_keys]


def _stamp(query: Query) -> tuple[str, str]:
    """Return timestamp and nonce, well-formed.

    Their form matters: the signature is over a concatenation, in which the
    end of one could be the beginning of the other.
    """
    for name, values in query.items():
        if len(values) > 1 and name in PARAMETERS:
            raise BadSignature(f"{name}: expected once")
    timestamp, nonce = _once(query, "timestamp"), _once(query, "nonce")
    if not TIMESTAMP.fullmatch(timestamp) or not NONCE.fullmatch(nonce):
        raise BadSignature("timestamp or nonce")
    return timestamp, nonce


def _once(query: Query, name: str) -> str:
    values = query.get(name, ())
    if len(values) != 1 or not values[0]:
        raise BadSignature(f"{name}: expected once")
    return values[0]

"""Signatures and encryption of pushes and replies.

Written from the description and not with the library that Saoma's server uses, so that the two
check each other. Source: WeChat, "Message encryption",
/doc/oplatform/developers/dev/push/encryption.
"""

import base64
import hashlib
import secrets
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK_BYTES = 32
"""PKCS#7 pads to 32 bytes here, though AES's own block has 16."""
_HEAD_BYTES = 16 + 4


def sign(*parts: str) -> str:
    """Return the SHA-1 of *parts*, sorted as strings and joined, in lower-case hex."""
    # SHA-1 is WeChat's choice, not ours.
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()  # noqa: S324


def encrypt(encoding_aes_key: str, appid: str, plain: str, random16: bytes | None = None) -> str:
    """Return the base64 text that goes into `Encrypt`.

    Args:
        encoding_aes_key: The 43 characters of the console.
        appid: Whose message it is; it ends the plaintext and the receiver checks it.
        plain: The message, XML or not.
        random16: The 16 bytes before it, fresh ones by default.
    """
    message = plain.encode()
    head = (random16 or secrets.token_bytes(16)) + struct.pack(">I", len(message))
    raw = head + message + appid.encode()
    padding = BLOCK_BYTES - len(raw) % BLOCK_BYTES
    encryptor = _cipher(encoding_aes_key).encryptor()
    sealed = encryptor.update(raw + bytes([padding]) * padding) + encryptor.finalize()
    return base64.b64encode(sealed).decode("ascii")


def decrypt(encoding_aes_key: str, appid: str, sealed: str) -> str:
    """Return the message inside `Encrypt`.

    Raises:
        ValueError: It was not made with this key for this appid.
    """
    decryptor = _cipher(encoding_aes_key).decryptor()
    raw = decryptor.update(base64.b64decode(sealed, validate=True)) + decryptor.finalize()
    padding = raw[-1] if raw else 0
    if not 1 <= padding <= BLOCK_BYTES or len(raw) < _HEAD_BYTES + padding:
        raise ValueError("padding is wrong")
    (size,) = struct.unpack(">I", raw[16:_HEAD_BYTES])
    end = _HEAD_BYTES + size
    if raw[end:-padding] != appid.encode():
        raise ValueError("appid is wrong")
    return raw[_HEAD_BYTES:end].decode()


def _cipher(encoding_aes_key: str) -> Cipher[modes.CBC]:
    key = base64.b64decode(encoding_aes_key + "=")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))

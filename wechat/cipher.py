"""wechatpy's cipher, for who has an EncodingAESKey.

Nobody else imports this: with its cipher wechatpy loads all of its clients, an eighth of what a
server imports.
"""

import base64
import secrets
import struct

from wechatpy.crypto import PrpCrypto
from wechatpy.exceptions import WeChatException

# All that wechatpy was seen to raise at a text that was not encrypted with our key.
UNDECIPHERABLE = (
    ArithmeticError,
    IndexError,
    TypeError,
    ValueError,
    WeChatException,
    struct.error,
)


class Cipher(PrpCrypto):  # type: ignore[misc]  # wechatpy has no types
    """The cipher of one key, with a beginning that nobody can foretell: the IV is always the same.

    *aes_key* is as it stands in the console.
    """

    def __init__(self, aes_key: str) -> None:
        super().__init__(base64.b64decode(aes_key + "="))

    def get_random_string(self) -> str:
        return secrets.token_hex(8)

    def seal(self, text: str, appid: str) -> str:
        """Return *text*, encrypted for that *appid*."""
        return str(self.encrypt(text, appid).decode())

    def open(self, sealed: str, appid: str) -> bytes | None:
        """Return what is inside; None when it was not encrypted with this key for that *appid*."""
        try:
            return str(self.decrypt(sealed, appid)).encode()
        except UNDECIPHERABLE:
            return None

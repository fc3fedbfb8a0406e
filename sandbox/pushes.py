"""Turn an event's XML into the request WeChat makes of it: signed, and sealed in safe mode."""

import secrets
from dataclasses import dataclass
from urllib.parse import urlencode

from sandbox.account import Account
from sandbox.crypto import encrypt, sign

HEADERS = {"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0", "Accept": "*/*"}


@dataclass(frozen=True, slots=True)
class SignedPush:
    """One request, ready to be sent to any address."""

    query: dict[str, str]
    body: bytes

    def url(self, callback: str) -> str:
        """Return *callback* with the query appended."""
        return f"{callback}{'&' if '?' in callback else '?'}{urlencode(self.query)}"


def sign_push(
    account: Account, xml: str, *, openid: str, at: float, nonce: str | None = None
) -> SignedPush:
    """Sign *xml* as the platform does, and encrypt it when the account has a key.

    Args:
        account: Whose token and key are used; another account's make a forged push.
        xml: The event, from `events`.
        openid: Goes into the query, unsigned, as WeChat has it.
        at: The timestamp, Unix seconds.
        nonce: Digits, by default fresh ones.
    """
    timestamp = str(int(at))
    nonce = nonce or str(secrets.randbelow(9 * 10**8) + 10**8)
    query = {
        "signature": sign(account.token, timestamp, nonce),
        "timestamp": timestamp,
        "nonce": nonce,
        "openid": openid,
    }
    if not account.safe_mode:
        return SignedPush(query, xml.encode())
    sealed = encrypt(account.encoding_aes_key, account.appid, xml)
    query["encrypt_type"] = "aes"
    query["msg_signature"] = sign(account.token, timestamp, nonce, sealed)
    return SignedPush(query, _envelope(account.account_id, sealed))


def _envelope(account_id: str, sealed: str) -> bytes:
    return (
        f"<xml><ToUserName><![CDATA[{account_id}]]></ToUserName>"
        f"<Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    ).encode()

"""Secrets that a browser keeps and the store knows by their digest only."""

import base64
import hashlib
import hmac
import secrets


def new_secret() -> str:
    """Return 256 random bits as text that fits into an address, a cookie or JSON."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return what is stored in the place of *secret*.

    A plain hash is enough: nobody can try all of 256 bits.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def derive(secret: str, nonce: str) -> str:
    """Return another secret of the same form, which only who has both can make.

    Kept apart, neither the browser's *secret* nor the store's *nonce* tells it.
    """
    made = hmac.digest(secret.encode(), nonce.encode(), "sha256")
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()

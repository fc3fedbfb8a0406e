"""Secrets that a browser keeps and the store knows by their digest only."""

import hashlib
import secrets


def new_secret() -> str:
    """Return 256 random bits as text that fits into an address, a cookie or JSON."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return what is stored in the place of *secret*.

    A plain hash is enough: nobody can try all of 256 bits.
    """
    return hashlib.sha256(secret.encode()).hexdigest()

"""Under which names a WeChat user's latest attempts are found. No openid is in them."""

from store import digest


def asked(openid: str) -> str:
    """Return the name of the last attempt that asked for a number."""
    return f"asked:{digest(openid)}"


def entered(openid: str) -> str:
    """Return the name of the last attempt that led to a login code, a bind token or a session."""
    return f"entered:{digest(openid)}"

"""Secrets and what stands in their place."""

import re

from store import derive, digest, new_secret


def test_new_secret_is_different_each_time_and_fits_anywhere() -> None:
    """
    A secret has 256 bits, as text for addresses, cookies and JSON.
    """
    made = {new_secret() for _ in range(1000)}

    assert 1000 == len(made)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", secret) for secret in made)


def test_digest_is_stable_and_tells_nothing() -> None:
    """
    The same secret has the same digest on every process; another secret has another.
    """
    assert "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" == digest("abc")
    assert digest("abd") != digest("abc")


def test_derived_secret_needs_both_and_looks_like_any_other() -> None:
    """
    Every process makes the same secret of the same two, and another of any others.
    """
    made = derive("secret", "nonce")

    assert made == derive("secret", "nonce")
    assert 3 == len({made, derive("secret", "other"), derive("other", "nonce")})
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", made)

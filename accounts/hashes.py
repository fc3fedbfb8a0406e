"""Password hashes as they are found in tables of other systems.

Read are the forms of argon2 and bcrypt themselves, of Django, and of Werkzeug
(Flask). Here texts are taken apart; the work is done by argon2-cffi, bcrypt and
OpenSSL (hashlib), which let other threads go on meanwhile.
"""

import re
from base64 import b64decode
from collections.abc import Callable
from functools import partial
from hashlib import pbkdf2_hmac, sha256
from hashlib import scrypt as scrypt_of
from hmac import compare_digest

import bcrypt
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec import Struct

# bcrypt reads so many bytes; those that follow never counted.
BCRYPT_BYTES = 72
# What one row may ask of the server: some ten times of what is usual.
MAX_ITERATIONS = 10_000_000
MAX_SCRYPT_BYTES = 1 << 29
MAX_BCRYPT_COST = 17


class Hash(Struct, frozen=True):
    """A hash that passwords can be compared with."""

    kind: tuple[str | int, ...]
    """How it was made, without its salt. Hashes of one kind take equally long."""

    matches: Callable[[str], bool]
    """Tells whether a password is right."""


def read(stored: str) -> Hash | None:
    """Return the hash that a column holds; None when it is of no kind that is known."""
    for form, reader in FORMS:
        found = form.fullmatch(stored)
        if found:
            return reader(found)
    return None


def _argon2(found: re.Match[str]) -> Hash | None:
    stored = found[1]
    try:
        costs = extract_parameters(stored)
    except (InvalidHashError, ValueError):
        return None
    kind = (costs.type.name, costs.memory_cost, costs.time_cost, costs.parallelism)
    return Hash(kind, partial(_matches_argon2, stored))


def _matches_argon2(stored: str, password: str) -> bool:
    try:
        return PasswordHasher().verify(stored, password)
    except (VerificationError, ValueError):  # ValueError: damaged behind its parameters
        return False


def _bcrypt(found: re.Match[str]) -> Hash | None:
    wrapper, stored, cost = found["wrapper"] or "", found["stored"], int(found["cost"])
    if not 4 <= cost <= MAX_BCRYPT_COST:
        return None
    hashed_before = wrapper == "bcrypt_sha256$"
    return Hash(("bcrypt", cost), partial(_matches_bcrypt, stored.encode(), hashed_before))


def _matches_bcrypt(stored: bytes, hashed_before: bool, password: str) -> bool:
    given = password.encode()
    if hashed_before:
        given = sha256(given).hexdigest().encode()
    try:
        return bcrypt.checkpw(given[:BCRYPT_BYTES], stored)
    except ValueError:  # a NUL in the password, letters in the salt that make no bytes
        return False


def _pbkdf2(found: re.Match[str]) -> Hash | None:
    digest, rounds, salt = found["digest"], int(found["rounds"]), found["salt"].encode()
    expected = _bytes(found)
    if not (expected and 0 < rounds <= MAX_ITERATIONS):
        return None
    length = len(expected)
    derive = partial(_derive_pbkdf2, digest, salt, rounds, length)
    return Hash(("pbkdf2", digest, rounds, length), partial(_matches, derive, expected))


def _derive_pbkdf2(digest: str, salt: bytes, rounds: int, length: int, password: bytes) -> bytes:
    return pbkdf2_hmac(digest, password, salt, rounds, length)


def _scrypt(found: re.Match[str]) -> Hash | None:
    n, r, p = (int(found[name]) for name in "nrp")
    expected, salt = _bytes(found), found["salt"].encode()
    memory = 132 * n * r * p
    if not (expected and 0 < memory <= MAX_SCRYPT_BYTES and n > 1 and n.bit_count() == 1):
        return None
    length = len(expected)
    derive = partial(scrypt_of, salt=salt, n=n, r=r, p=p, maxmem=memory + 1_048_576, dklen=length)
    return Hash(("scrypt", n, r, p, length), partial(_matches, derive, expected))


def _matches(derive: Callable[[bytes], bytes], expected: bytes, password: str) -> bool:
    return compare_digest(derive(password.encode()), expected)


def _bytes(found: re.Match[str]) -> bytes:
    """Return what the hash holds, in base64 (Django) or in hexadecimal digits (Werkzeug)."""
    groups = found.groupdict()
    if groups.get("hex"):
        return bytes.fromhex(groups["hex"]) if len(groups["hex"]) % 2 == 0 else b""
    try:
        return b64decode(groups["base64"], validate=True)
    except ValueError:
        return b""


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


SALT = r"(?P<salt>[^$]+)"
BASE64 = r"(?P<base64>[A-Za-z0-9+/]{16,}={0,2})"
HEX = r"(?P<hex>[0-9a-f]{16,})"
FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Hash | None]], ...] = (
    (_form(r"(?:argon2)?(\$argon2(?:id|i|d)\$.+)"), _argon2),
    (
        _form(
            r"(?P<wrapper>bcrypt(?:_sha256)?\$)?"
            r"(?P<stored>\$2[aby]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{53})"
        ),
        _bcrypt,
    ),
    (_form(rf"pbkdf2_(?P<digest>sha1|sha256)\$(?P<rounds>\d{{1,8}})\${SALT}\${BASE64}"), _pbkdf2),
    (
        _form(rf"pbkdf2:(?P<digest>sha1|sha256|sha512):(?P<rounds>\d{{1,8}})\${SALT}\${HEX}"),
        _pbkdf2,
    ),
    (
        _form(rf"scrypt\$(?P<n>\d{{1,8}})\${SALT}\$(?P<r>\d{{1,4}})\$(?P<p>\d{{1,4}})\${BASE64}"),
        _scrypt,
    ),
    (_form(rf"scrypt:(?P<n>\d{{1,8}}):(?P<r>\d{{1,4}}):(?P<p>\d{{1,4}})\${SALT}\${HEX}"), _scrypt),
)
"""How the columns are written, and what reads them."""

"""Hashes of other systems, made by those systems themselves."""

import hashlib

import bcrypt
import django
import pytest
from argon2 import PasswordHasher, Type
from django.conf import settings
from django.contrib.auth.hashers import get_hasher
from werkzeug.security import generate_password_hash

from accounts import Passwords
from accounts.hashes import read

PASSWORD = "right 密码🔑"
SALT = "NaClNaClNaClNaCl"

settings.configure(
    PASSWORD_HASHERS=[
        f"django.contrib.auth.hashers.{name}PasswordHasher"
        for name in (
            *("PBKDF2", "PBKDF2SHA1", "Argon2", "BCryptSHA256", "BCrypt", "Scrypt", "MD5"),
        )
    ]
)
django.setup()


def by_django(algorithm: str, password: str = PASSWORD) -> str:
    """Return Django's hash."""
    hasher = get_hasher(algorithm)
    hasher.rounds = 4  # bcrypt's
    hasher.iterations = 1000
    hasher.work_factor, hasher.memory_cost = 1024, 1024  # scrypt's; argon2's
    salt = SALT if "bcrypt" not in algorithm else hasher.salt()
    return str(hasher.encode(password, salt))


def by_bcrypt(password: bytes, prefix: bytes = b"2b") -> str:
    """Return bcrypt's hash under one of the names that it has had."""
    made = bcrypt.hashpw(password, bcrypt.gensalt(4))
    return made.replace(b"$2b$", b"$" + prefix + b"$").decode()


FOUND = {
    "argon2id": PasswordHasher(1, 8, 1).hash(PASSWORD),
    "argon2i": PasswordHasher(1, 8, 1, type=Type.I).hash(PASSWORD),
    "bcrypt 2a": by_bcrypt(PASSWORD.encode(), b"2a"),
    "bcrypt 2b": by_bcrypt(PASSWORD.encode()),
    "bcrypt 2y": by_bcrypt(PASSWORD.encode(), b"2y"),
    **{
        f"django {algorithm}": by_django(algorithm)
        for algorithm in ("pbkdf2_sha256", "pbkdf2_sha1", "argon2", "bcrypt_sha256", "bcrypt")
    },
    "django scrypt": by_django("scrypt"),
    **{
        f"werkzeug {method}": generate_password_hash(PASSWORD, method)
        for method in (
            "pbkdf2:sha256:1000",
            "pbkdf2:sha512:1000",
            "pbkdf2:sha1:9",
            "scrypt:1024:8:1",
        )
    },
}


@pytest.mark.parametrize("stored", FOUND.values(), ids=FOUND)
def test_hash_knows_right_from_wrong(stored: str) -> None:
    """
    Only the password that it was made of is right.
    """
    found = read(stored)

    assert found is not None
    assert found.matches(PASSWORD)
    for wrong in ("", "right", f"{PASSWORD} ", PASSWORD.upper(), "right\x00", "x" * 1024):
        assert not found.matches(wrong)


@pytest.mark.parametrize("stored", FOUND.values(), ids=FOUND)
async def test_password_of_another_system_is_checked_in_the_threads(stored: str) -> None:
    """
    It lets in, and is worth a hash of ours where we keep the table.
    """
    passwords = Passwords(PasswordHasher(1, 8, 1))

    assert await passwords.verify(stored, PASSWORD)
    assert not await passwords.verify(stored, "wrong")
    assert passwords.needs_rehash(stored) == ("argon2id" not in stored or "$argon2" != stored[:7])
    passwords.close()


def test_bcrypt_takes_what_its_makers_took() -> None:
    """
    Only 72 bytes ever counted, and a longer password still opens.
    """
    long = "p" * 100
    found = read(by_bcrypt(long.encode()[:72]))

    assert found is not None
    assert found.matches(long)
    assert not found.matches("p" * 71)


@pytest.mark.parametrize(
    "stored",
    [
        *("", "!", "*", "plain text", PASSWORD, "$1$abc$def", "$6$salt$hash", "{SSHA}abc=", "$P$B"),
        hashlib.md5(b"right").hexdigest(),
        by_django("md5"),
        "$argon2id$v=19$m=8,t=1$x$y",
        "$2b$99$" + "a" * 53,
        "$2x$04$" + "a" * 53,
        "pbkdf2_sha256$0$salt$" + "QUFB" * 8,
        "pbkdf2_sha256$99999999$salt$" + "QUFB" * 8,
        "pbkdf2_sha256$1000$salt$not/base64=====",
        "pbkdf2_md5$1000$salt$" + "QUFB" * 8,
        "scrypt:15:8:1$salt$" + "ab" * 32,
        "scrypt:1073741824:8:1$salt$" + "ab" * 32,
        "scrypt:32768:9999:99$salt$" + "ab" * 32,
        "scrypt:16:8:1$salt$abc",
        "unusable\n",
        "$2b$04$" + "a" * 53 + "\n",
    ],
)
async def test_hash_of_no_known_kind_lets_nobody_in(stored: str) -> None:
    """
    Neither does one that would keep the server busy for long.
    """
    passwords = Passwords(PasswordHasher(1, 8, 1))

    assert read(stored) is None
    for password in ("", "right", stored, PASSWORD):
        assert not await passwords.verify(stored, password)
    passwords.close()


def test_hashes_of_one_kind_cost_the_same() -> None:
    """
    A kind is how a hash was made, not of what.
    """
    one, two, other = (
        read(generate_password_hash(password, method))
        for password, method in (
            ("one", "pbkdf2:sha256:1000"),
            ("two", "pbkdf2:sha256:1000"),
            ("two", "pbkdf2:sha256:1001"),
        )
    )

    assert one
    assert two
    assert other
    assert one.kind == two.kind
    assert one.kind != other.kind


async def test_unknown_user_takes_the_work_that_the_table_s_users_take() -> None:
    """
    The same derivation is made for nobody, and is never right.
    """
    passwords = Passwords(PasswordHasher(1, 8, 1))
    passwords.imitate(FOUND["bcrypt 2b"])

    assert not await passwords.verify(None, PASSWORD)
    assert not await passwords.verify("!", PASSWORD)
    assert await passwords.verify(FOUND["bcrypt 2b"], PASSWORD)
    passwords.close()

"""Passwords: right, wrong, and nobody's."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import VerifyMismatchError

from accounts import Passwords
from accounts.passwords import hash_of_nobody


@pytest.fixture(scope="module")
def passwords() -> Iterator[Passwords]:
    """A hasher."""
    made = Passwords()
    yield made
    made.close()


async def test_verify_knows_right_from_wrong(passwords: Passwords):
    """
    The right password matches its hash; another does not.
    """
    hashed = await passwords.hash("right")

    assert await passwords.verify(hashed, "right")
    assert not await passwords.verify(hashed, "wrong")


async def test_verify_of_nobody_is_never_right(passwords: Passwords):
    """
    Without an account no password is right, and an empty one neither.
    """
    assert not await passwords.verify(None, "right")
    assert not await passwords.verify(None, "")


@pytest.mark.parametrize("kind", [Type.ID, Type.I])
def test_hash_of_nobody_is_one_to_the_hasher(kind: Type):
    """
    It costs what a real one costs and is worked on to the end; then it does not match.
    """
    hasher = PasswordHasher(time_cost=2, memory_cost=16, parallelism=2, type=kind)

    nobody = hash_of_nobody(hasher)

    assert extract_parameters(hasher.hash("right")) == extract_parameters(nobody)
    with pytest.raises(VerifyMismatchError):
        hasher.verify(nobody, "right")


async def test_verify_refuses_a_password_beyond_the_limit(passwords: Passwords):
    """
    A password that is only right in its first kilobyte is wrong.
    """
    hashed = await passwords.hash("a" * 1024)

    assert await passwords.verify(hashed, "a" * 1024)
    assert not await passwords.verify(hashed, "a" * 1025)


async def test_verify_of_a_hash_that_is_none_is_false(passwords: Passwords):
    """
    Something else in the column of hashes lets nobody in.
    """
    assert not await passwords.verify("plain text", "plain text")


def test_weak_hash_is_made_anew(passwords: Passwords):
    """
    A hash with weaker parameters than today's is known as such.
    """
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("right")

    assert passwords.needs_rehash(weak)

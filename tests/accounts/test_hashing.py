"""What a password costs: the same for whoever it is, and never on the event loop."""

import threading
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from argon2 import PasswordHasher

from accounts import Passwords


class WatchedHasher(PasswordHasher):
    """A quick hasher that remembers what it was asked, and where."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.compared: list[int] = []
        self.threads: set[str] = set()

    def verify(self, hash: Any, password: Any) -> Literal[True]:  # noqa: A002, its own name
        """Compare, and note the length."""
        self.compared.append(len(password))
        self.threads.add(threading.current_thread().name)
        return super().verify(hash, password)


@pytest.fixture
def hasher() -> WatchedHasher:
    """The hasher that is watched."""
    return WatchedHasher()


@pytest.fixture
def passwords(hasher: WatchedHasher) -> Iterator[Passwords]:
    """Passwords with that hasher."""
    passwords = Passwords(hasher)
    yield passwords
    passwords.close()


@pytest.mark.parametrize("password", ["", "right", "p" * 1024, "密码🔑"])
async def test_unknown_user_takes_the_hasher_as_much_as_a_known_one(
    passwords: Passwords, hasher: WatchedHasher, password: str
) -> None:
    """
    One comparison of the same password, whether or not there is an account.
    """
    hashed = await passwords.hash("right")

    await passwords.verify(hashed, password)
    await passwords.verify(None, password)

    assert [len(password)] * 2 == hasher.compared


async def test_password_beyond_the_limit_takes_one_comparison_and_is_wrong(
    passwords: Passwords, hasher: WatchedHasher
) -> None:
    """
    Nobody learns from the time that a password was too long to be looked at.
    """
    hashed = await passwords.hash("p" * 1024)

    matches = await passwords.verify(hashed, "p" * 60_000)

    assert not matches
    assert [1024] == hasher.compared


async def test_hashing_stays_off_the_event_loop(
    passwords: Passwords, hasher: WatchedHasher
) -> None:
    """
    Other pages go on while a password is compared.
    """
    hashed = await passwords.hash("right")

    await passwords.verify(hashed, "right")

    assert threading.main_thread().name not in hasher.threads
    assert all(name.startswith("passwords") for name in hasher.threads)


async def test_hash_is_salted_and_does_not_hold_the_password(passwords: Passwords) -> None:
    """
    The same password has another hash each time, and both are right.
    """
    first, second = await passwords.hash("right"), await passwords.hash("right")

    assert first != second
    assert "right" not in first
    assert await passwords.verify(first, "right")
    assert await passwords.verify(second, "right")


@pytest.mark.parametrize("close", ["Right", "right ", " right", "righ", "rightt", "right\x00"])
async def test_password_that_is_almost_right_is_wrong(passwords: Passwords, close: str) -> None:
    """
    A password counts to the letter.
    """
    hashed = await passwords.hash("right")

    assert not await passwords.verify(hashed, close)


@pytest.mark.parametrize(
    "damaged", ["", "$", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$x$y", "$2b$12$abc", "\x00", "é"]
)
async def test_damaged_hash_lets_nobody_in(passwords: Passwords, damaged: str) -> None:
    """
    Whatever stands in the column of hashes, no password matches it by accident.
    """
    for password in ("", "right", damaged):
        assert not await passwords.verify(damaged, password)


async def test_hash_of_today_is_not_made_anew(passwords: Passwords) -> None:
    """
    Only weaker parameters are a reason to hash again.
    """
    assert not passwords.needs_rehash(await passwords.hash("right"))


def test_default_parameters_are_those_of_rfc_9106() -> None:
    """
    Low memory: 64 MiB, three passes, four lanes.
    """
    passwords = Passwords()
    strong = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4).hash("x")
    weaker = PasswordHasher(time_cost=2, memory_cost=65536, parallelism=4).hash("x")

    assert not passwords.needs_rehash(strong)
    assert passwords.needs_rehash(weaker)
    passwords.close()

"""Password hashing, off the event loop: argon2 for ours, and what a site has for its own.

A check takes some 50 to 150 ms of a core by design, so it runs in threads of
its own: few, because each takes 64 MiB while it works.
"""

import asyncio
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from secrets import token_bytes
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from argon2.low_level import ARGON2_VERSION

from accounts import hashes

T = TypeVar("T")

THREADS = 2
OURS = "$argon2"
# argon2 takes any length; a body of ours is at most 64 KiB anyway.
MAX_LENGTH = 1024


class Passwords:
    """Makes and checks hashes; makes them by default with argon2-cffi's parameters.

    Those are RFC 9106's for low memory.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        # An unknown user name takes as long as a known one: its password is
        # compared with a hash that nothing matches.
        self._nobody = hash_of_nobody(self._hasher)

    async def hash(self, password: str) -> str:
        """Return the hash of *password* in PHC string format."""
        return await self._in_thread(partial(self._hasher.hash, password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Tell whether *password* belongs to *password_hash*.

        For None, and for a hash of no kind that is known, it takes as long.
        """
        known = bool(password_hash and hashes.read(password_hash)) and len(password) <= MAX_LENGTH
        against = password_hash if known and password_hash else self._nobody
        matches = await self._in_thread(partial(self._matches, against, password[:MAX_LENGTH]))
        return matches and known

    def imitate(self, password_hash: str) -> None:
        """Have unknown user names take as long as this hash does, whose kind is known."""
        self._nobody = password_hash

    def needs_rehash(self, password_hash: str) -> bool:
        """Tell whether the hash was made otherwise, or with weaker parameters, than today's."""
        ours = password_hash.startswith(OURS)
        return not ours or self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            if password_hash.startswith(OURS):
                return self._hasher.verify(password_hash, password)
            found = hashes.read(password_hash)
            return found is not None and found.matches(password)
        except (VerificationError, ValueError):  # ValueError: half a character, or half a hash
            return False

    async def _in_thread(self, work: "partial[T]") -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def hash_of_nobody(hasher: PasswordHasher) -> str:
    """Return what looks like a hash by *hasher* and takes as long to check, but matches nothing.

    Nothing is hashed for it: a start would take a tenth of a second longer.
    """
    kind = f"argon2{hasher.type.name.lower()}$v={ARGON2_VERSION}"
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"${kind}${costs}${_random(hasher.salt_len)}${_random(hasher.hash_len)}"


def _random(length: int) -> str:
    """Return so many random bytes as the PHC string format has them."""
    return b64encode(token_bytes(length)).decode().rstrip("=")

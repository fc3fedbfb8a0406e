"""Commands written by hiredis.

redis-py lets hiredis write the commands of its blocking client, and those of the
asynchronous one in Python, argument by argument. Ours have twenty.
"""

from typing import Any, TypeVar

import hiredis
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection

Pool = TypeVar("Pool", bound=ConnectionPool)


def pack_in_c(pool: Pool) -> Pool:
    """Let all connections of *pool*, which has none yet, have their commands written by hiredis."""
    pool.connection_class = _packing(pool.connection_class)
    return pool


def pack(command: tuple[Any, ...]) -> bytes:
    """Return *command* as the store reads it; a name of two words is two arguments."""
    if " " in command[0]:
        command = (*command[0].split(), *command[1:])
    packed: bytes = hiredis.pack_command(command)
    return packed


def _packing(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    class Packing(kind):  # type: ignore[misc, valid-type]
        def pack_command(self, *args: Any) -> list[bytes]:
            return [pack(args)]

    return Packing

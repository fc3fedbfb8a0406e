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


def _packing(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    class Packing(kind):  # type: ignore[misc, valid-type]
        def pack_command(self, *args: Any) -> list[bytes]:
            if " " in args[0]:  # a command of two words, of redis-py's own
                packed: list[bytes] = super().pack_command(*args)
                return packed
            return [hiredis.pack_command(args)]

    return Packing

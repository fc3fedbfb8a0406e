"""Lua scripts in files beside the Python that runs them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.exceptions import ReadOnlyError

from store.connection import Store, store_errors


class Script:
    """One `.lua` file, run by its digest and sent again when the server forgot it.

    The file's header names its KEYS and ARGV; a test compares it with the body.
    """

    def __init__(self, store: Store, file: Path) -> None:
        self._store = store
        self._script = store.redis.register_script(file.read_text(encoding="utf-8"))

    async def __call__(self, keys: Sequence[str], args: Sequence[str | int | float]) -> Any:
        """Run the script in one step and return what it returns.

        Raises:
            StoreUnavailable: when the store refused, failed or took too long.
        """
        with store_errors():
            try:
                return await self._script(keys=list(keys), args=list(args))
            except ReadOnlyError:
                # A primary was demoted under us and keeps our connections: drop
                # them, so that the next call finds the new primary.
                await self._store.forget_connections()
                raise

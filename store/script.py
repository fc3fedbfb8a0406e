"""Lua scripts in files beside the Python that runs them."""

from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path
from typing import Any

from store.connection import Store, UnknownScript


class Script:
    """One `.lua` file, run by its digest and sent again when the server forgot it.

    The file's header names its KEYS and ARGV; a test compares it with the body.
    """

    def __init__(self, store: Store, file: Path) -> None:
        self._store = store
        self._text = file.read_text(encoding="utf-8")
        self._digest = sha1(self._text.encode()).hexdigest()  # noqa: S324, Redis's name for it

    async def __call__(self, keys: Sequence[str], args: Sequence[str | int | float]) -> Any:
        """Run the script in one step and return what it returns.

        Raises:
            StoreUnavailable: when the store refused, failed or took too long.
        """
        given = (len(keys), *keys, *args)
        try:
            return await self._store.ask("EVALSHA", self._digest, *given)
        except UnknownScript:
            return await self._store.ask("EVAL", self._text, *given)  # it is known from now on

"""What plain pushes carried: a signature that does not cover its body carries one body only.

Whoever has seen the address of a plain push can write another body under its
signature as long as the time window lasts. So the first body is remembered:
the same again is WeChat's own repeat, another is forged. With an
EncodingAESKey the signature covers the body and nothing is remembered.
"""

import hashlib

from store import Store, digest
from wechat import BadSignature, Letter


class Receipts:
    """The signatures of the last *window_seconds*, in either direction of the clock."""

    def __init__(self, store: Store, *, window_seconds: float) -> None:
        self._store = store
        self._life_ms = round(2 * window_seconds * 1000) + 1000

    async def check(self, letter: Letter) -> None:
        """Return when *letter* is the first under its signature, or the same again.

        Raises:
            BadSignature: when the signature came with another body before.
            StoreUnavailable: when the store did not answer.
        """
        if not letter.signature:
            return
        body = hashlib.sha256(letter.body).hexdigest()
        key = self._store.key("receipt", digest(letter.signature))
        former = await self._store.ask("SET", key, body, "NX", "GET", "PX", self._life_ms, get=True)
        if former not in {None, body}:
            raise BadSignature("the signature of another push")

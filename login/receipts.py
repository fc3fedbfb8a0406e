"""What plain pushes carried: a signature that does not cover its body carries one body only.

Whoever has seen the address of a plain push can write another body under its
signature as long as the time window lasts. So the first body is remembered:
the same again is WeChat's own repeat, another is forged. With an
EncodingAESKey the signature covers the body and nothing is remembered.
"""

import hashlib

from msgspec.structs import replace

from scene_pool import Advance
from store import Store, digest
from wechat import BadSignature, Letter

OTHER_PUSH = "the signature of another push"


class Receipts:
    """The signatures of the last *window_seconds*, in either direction of the clock."""

    def __init__(self, store: Store, *, window_seconds: float) -> None:
        self._store = store
        self._seconds = 2 * window_seconds + 1

    async def check(self, letter: Letter) -> None:
        """Return when *letter* is the first under its signature, or the same again.

        Raises:
            BadSignature: when the signature came with another body before.
            StoreUnavailable: when the store did not answer.
        """
        if not letter.signature:
            return
        key, body = self._key(letter), _digest_of(letter)
        life_ms = round(self._seconds * 1000)
        former = await self._store.ask("SET", key, body, "NX", "GET", "PX", life_ms, get=True)
        if former not in {None, body}:
            raise BadSignature(OTHER_PUSH)

    def due_with(self, step: Advance, letter: Letter) -> Advance:
        """Return *step*, to be taken only when `check` would pass: in one trip to the store."""
        if not letter.signature:
            return step
        return replace(
            step,
            receipt=self._key(letter),
            body=_digest_of(letter),
            receipt_seconds=self._seconds,
        )

    def _key(self, letter: Letter) -> str:
        return self._store.key("receipt", digest(letter.signature))


def _digest_of(letter: Letter) -> str:
    return hashlib.sha256(letter.body).hexdigest()

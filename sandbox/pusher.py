"""Deliver pushes: five seconds a try, three tries, like the platform.

Every try carries the same body (the same CreateTime and MsgId) under a fresh timestamp, nonce and
signature. Several callbacks take turns, try by try, as behind a load balancer. An answer other
than HTTP 200 counts as no answer: what WeChat does then is not documented.
Source: WeChat, "Passive user reply message" (5 s, retries).
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp

from sandbox.account import Account
from sandbox.clock import Clock
from sandbox.pushes import HEADERS, sign_push
from sandbox.replies import BadReply, read_reply

TIMEOUT = 5.0
TRIES = 3
MOST_ANSWER_BYTES = 1 << 16

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a push ended: `delivered` when it was answered well, `reply` when with words."""

    delivered: bool
    reply: str | None = None


class Pusher:
    """Sends pushes to the account's server; an async context manager that owns its connections.

    Closing it ends the pushes under way, which then count as not delivered.

    Args:
        account: Whose token and key sign and seal.
        callbacks: The server's addresses. The list may be changed at any time.
        clock: Stamps the pushes.
        timeout: Seconds for one try, connection included.
    """

    def __init__(
        self,
        account: Account,
        callbacks: Sequence[str] = (),
        *,
        clock: Clock = time.time,
        timeout: float = TIMEOUT,
    ) -> None:
        self.account = account
        self.callbacks = list(callbacks)
        self._clock = clock
        self._timeout = timeout
        self._turn = 0
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=HEADERS,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Forgotten first: a push that this breaks off finds no session for its next try.
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def push(self, xml: str, *, openid: str) -> Delivery:
        """Deliver *xml*, an event of *openid*, and read the answer."""
        for number in range(1, TRIES + 1):
            if self._session is None or not self.callbacks:
                break
            body = await self._try(self._session, xml, openid=openid, number=number)
            if body is not None:
                return self._read(body, openid=openid)
        logger.warning("push failed")
        return Delivery(delivered=False)

    def _read(self, body: bytes, *, openid: str) -> Delivery:
        try:
            return Delivery(delivered=True, reply=read_reply(self.account, body, openid=openid))
        except BadReply as error:
            logger.warning('push answered badly reason="%s"', error)
            return Delivery(delivered=False)

    async def _try(
        self, session: aiohttp.ClientSession, xml: str, *, openid: str, number: int
    ) -> bytes | None:
        callback = self._next_callback()
        request = sign_push(self.account, xml, openid=openid, at=self._clock())
        started = time.monotonic()
        body, outcome = await self._post(session, request.url(callback), request.body)
        seconds = time.monotonic() - started
        logger.info("push try=%d to=%s outcome=%s seconds=%.3f", number, callback, outcome, seconds)
        return body

    async def _post(
        self, session: aiohttp.ClientSession, url: str, body: bytes
    ) -> tuple[bytes | None, str]:
        try:
            async with session.post(url, data=body, allow_redirects=False) as response:
                answer = bytearray()
                async for chunk in response.content.iter_any():
                    answer += chunk
                    if len(answer) > MOST_ANSWER_BYTES:
                        return None, "too_long"
                return (bytes(answer) if response.status == 200 else None), str(response.status)
        except TimeoutError:
            return None, "timeout"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return None, type(error).__name__

    def _next_callback(self) -> str:
        self._turn += 1
        return self.callbacks[self._turn % len(self.callbacks) - 1]

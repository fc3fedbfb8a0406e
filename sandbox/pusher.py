"""Deliver pushes: five seconds a try, three tries, like the platform.

Every try carries the same body (the same CreateTime and MsgId) under a fresh timestamp, nonce and
signature. Several callbacks take turns, try by try, as behind a load balancer. An answer other
than HTTP 200 counts as no answer: what WeChat does then is not documented. Faults may repeat,
delay and reorder pushes and lose their answers.
Source: WeChat, "Passive user reply message" (5 s, retries).
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from sandbox.account import Account
from sandbox.clock import Clock
from sandbox.faults import MOST_TRIES, PushFault, PushFaults
from sandbox.formats import PushFormat
from sandbox.pushes import SignedPush, sign_push, sign_query, with_query
from sandbox.replies import BadReply, read_reply
from sandbox.wire import Wire

TIMEOUT = 5.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a push ended: `delivered` when it was answered well, `reply` when with words."""

    delivered: bool
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether a callback passed the console's address check, and what it answered."""

    callback: str
    passed: bool
    outcome: str


@dataclass(frozen=True, slots=True)
class _Job:
    """One push on its way; `sign` makes the request of a try."""

    sign: Callable[[], SignedPush]
    push_format: PushFormat
    openid: str
    lost_answers: int = 0


class Pusher:
    """Sends pushes to the account's server; an async context manager that owns its connections.

    Closing it ends the pushes under way, which then count as not delivered.

    Args:
        account: Whose token and key sign and seal.
        callbacks: The server's addresses. The list may be changed at any time.
        clock: Stamps the pushes.
        timeout: Seconds for one try, connection included.
        push_format: By default that of the account; `choose` changes it.

    Raises:
        ValueError: The format needs a key and the account has none.
    """

    def __init__(
        self,
        account: Account,
        callbacks: Sequence[str] = (),
        *,
        clock: Clock = time.time,
        timeout: float = TIMEOUT,
        push_format: PushFormat | None = None,
    ) -> None:
        self.account = account
        self.callbacks = list(callbacks)
        self.faults = PushFaults()
        self.first_format = push_format or account.push_format
        self.choose(self.first_format)
        self._clock = clock
        self._wire = Wire(timeout)
        self._turn = 0
        self._held: list[asyncio.Event] = []
        self._closing = asyncio.Event()

    @property
    def push_format(self) -> PushFormat:
        """The format of the next push."""
        return self._push_format

    def choose(self, push_format: PushFormat) -> None:
        """Push in this format from now on.

        Raises:
            ValueError: It needs a key and the account has none.
        """
        if push_format.encrypts and not self.account.encoding_aes_key:
            raise ValueError(f"mode {push_format.mode} needs an EncodingAESKey")
        self._push_format = push_format

    @property
    def held(self) -> int:
        """How many pushes are kept back until another has gone."""
        return len(self._held)

    def release(self) -> None:
        """Let the pushes go that are kept back."""
        while self._held:
            self._held.pop().set()

    async def __aenter__(self) -> Self:
        await self._wire.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        await self._wire.__aexit__()
        self.release()

    async def push(self, xml: str, *, openid: str) -> Delivery:
        """Deliver *xml*, an event of *openid*, and read the answer.

        With a fault that repeats it, every copy has to be answered well, and the reply is the
        first one with words.
        """
        fault = self.faults.strike()
        job = self._prepare(xml, openid, fault)
        deliveries = [await self._deliver(job)] if fault is None else await self._suffer(job, fault)
        # The newest first: each that was held waits for the one after it.
        if self._held:
            self._held.pop().set()
        delivered = all(delivery.delivered for delivery in deliveries)
        replies = [delivery.reply for delivery in deliveries if delivery.reply is not None]
        return Delivery(delivered, replies[0] if delivered and replies else None)

    def _prepare(self, xml: str, openid: str, fault: PushFault | None) -> _Job:
        push_format = self.push_format

        def sign() -> SignedPush:
            now = self._clock()
            return sign_push(self.account, xml, openid=openid, at=now, push_format=push_format)

        if fault is None:
            return _Job(sign, push_format, openid)
        if fault.same_signature:
            signed = sign()
            return _Job(lambda: signed, push_format, openid, fault.lost_answers)
        return _Job(sign, push_format, openid, fault.lost_answers)

    async def _suffer(self, job: _Job, fault: PushFault) -> list[Delivery]:
        if fault.delay:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), fault.delay)
        if fault.hold and not self._closing.is_set():
            gone = asyncio.Event()
            self._held.append(gone)
            await gone.wait()
        copies = range(1 + fault.repeats)
        if fault.at_once:
            return await asyncio.gather(*(self._deliver(job) for _ in copies))
        return [await self._deliver(job) for _ in copies]

    async def _deliver(self, job: _Job) -> Delivery:
        for number in range(1, MOST_TRIES + 1):
            if self._closing.is_set() or not self.callbacks:
                break
            body = await self._try(job, number)
            if body is not None:
                return self._read(body, job)
        logger.warning("push failed")
        return Delivery(delivered=False)

    def _read(self, body: bytes, job: _Job) -> Delivery:
        try:
            reply = read_reply(self.account, body, openid=job.openid, push_format=job.push_format)
        except BadReply as error:
            logger.warning('push answered badly reason="%s"', error)
            return Delivery(delivered=False)
        return Delivery(delivered=True, reply=reply)

    async def _try(self, job: _Job, number: int) -> bytes | None:
        callback = self._next_callback()
        request = job.sign()
        started = time.monotonic()
        body, outcome = await self._wire.send(
            "POST", request.url(callback), request.body, request.content_type
        )
        if number <= job.lost_answers:
            body, outcome = None, "lost"
        seconds = time.monotonic() - started
        logger.info("push try=%d to=%s outcome=%s seconds=%.3f", number, callback, outcome, seconds)
        return body

    async def check(self) -> list[Checked]:
        """Check every callback as the console does when its address is saved.

        Source: WeChat, "Message push": the answer must be the `echostr` and nothing else.
        """
        return [await self._check(callback) for callback in self.callbacks]

    async def _check(self, callback: str) -> Checked:
        echo = str(secrets.randbelow(10**19))
        query = sign_query(self.account, at=self._clock()) | {"echostr": echo}
        body, outcome = await self._wire.send("GET", with_query(callback, query))
        if body is None:
            return Checked(callback, passed=False, outcome=outcome)
        passed = body == echo.encode()
        return Checked(callback, passed, outcome if passed else "not the echostr")

    def _next_callback(self) -> str:
        self._turn += 1
        return self.callbacks[self._turn % len(self.callbacks) - 1]

"""A site's own check of names and passwords, over HTTP. The wire format is in docs/verify.md.

The far end is trusted with passwords and with nothing else: its answer is small
and looked at first, redirects are not followed, cookies are not kept. Errors are
told by their kind alone.
"""

import asyncio
import hmac
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import aiohttp
import msgspec
from msgspec import Struct

from accounts.deadlocks import AccountsUnavailable
from accounts.people import KEPT_BY_THE_SITE, MAX_ID, MAX_NAME, Person

MAX_ANSWER_BYTES = 16 * 1024
MAX_CONNECTIONS = 32
# After so many calls in a row without an answer none is made for a while.
FAILURES = 5
PAUSE_SECONDS = 5.0


class Question(Struct, frozen=True):
    """What the site is asked."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Question()"


class Answer(Struct, frozen=True):
    """Who it is."""

    id: int | str
    username: str


@asynccontextmanager
async def open_verifier(
    url: str, secret: str, seconds: float, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator["Verifier"]:
    """Open connections to the check at *url*, which gets *seconds* for an answer."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=seconds),
        auto_decompress=False,
        headers={"Accept-Encoding": "identity", "Content-Type": "application/json"},
    ) as http:
        yield Verifier(http, url, secret, clock)


class Verifier:
    """Asks the site. Every method may raise `AccountsUnavailable`."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, secret: str, clock: Callable[[], float]
    ) -> None:
        self._http = http
        self._clock = clock
        self._url = url
        self._secret = secret.encode()
        self._failures = 0
        self._closed_until = -math.inf

    async def judge(self, username: str, password: str) -> Person | None:
        """Return who has that name and that password."""
        if self._clock() < self._closed_until:
            raise AccountsUnavailable("verify_url is left alone for a moment")
        try:
            answer = await self._ask(Question(username, password))
        except AccountsUnavailable:
            self._note_failure()
            raise
        self._failures = 0
        if answer is None:
            return None
        return Person(
            site_id=str(answer.id), username=answer.username, password_hash=KEPT_BY_THE_SITE
        )

    def _note_failure(self) -> None:
        """Leave the site alone when it keeps failing; the first call after that is a probe."""
        self._failures += 1
        if self._failures >= FAILURES:
            self._closed_until = self._clock() + PAUSE_SECONDS

    async def _ask(self, question: Question) -> Answer | None:
        body = msgspec.json.encode(question)
        try:
            async with self._http.post(
                self._url, data=body, headers=self._signed(body), allow_redirects=False
            ) as response:
                if response.status == HTTPStatus.UNAUTHORIZED:
                    return None
                if response.status != HTTPStatus.OK:
                    raise AccountsUnavailable(f"verify_url answered {response.status}")
                return _read(await _bytes_of(response))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The text would hold the address.
            raise AccountsUnavailable(f"verify_url: {type(error).__name__}") from None

    def _signed(self, body: bytes) -> dict[str, str]:
        """Return the headers that prove who asks, and when."""
        timestamp = str(int(time.time()))
        signature = hmac.digest(self._secret, timestamp.encode() + b"." + body, "sha256").hex()
        return {"X-Saoma-Timestamp": timestamp, "X-Saoma-Signature": f"sha256={signature}"}


async def _bytes_of(response: aiohttp.ClientResponse) -> bytes:
    """Return the body, of which more than is allowed is no answer."""
    try:
        await response.content.readexactly(MAX_ANSWER_BYTES + 1)
    except asyncio.IncompleteReadError as whole:
        return whole.partial
    raise AccountsUnavailable("verify_url answered too much")


def _read(body: bytes) -> Answer:
    try:
        answer = msgspec.json.decode(body, type=Answer)
    except msgspec.DecodeError:  # whose text could repeat the answer
        answer = None
    if answer is None or not 0 < len(str(answer.id)) <= MAX_ID:
        raise AccountsUnavailable(f"verify_url answered no id of 1 to {MAX_ID} characters")
    if not (answer.username.isprintable() and 0 < len(answer.username) <= MAX_NAME):
        raise AccountsUnavailable(f"verify_url answered no username of 1 to {MAX_NAME} characters")
    return answer

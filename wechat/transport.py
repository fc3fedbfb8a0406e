"""Requests to WeChat over the network: time limits, tries, and answers that are looked at first.

The far end is trusted with nothing: a body is bounded, redirects are not
followed, cookies are not kept, and whatever comes back is an object with an
error code that is a number, or no answer. Errors of the network are told by
their kind alone, because their texts hold addresses, and those hold secrets.
"""

import asyncio
import math
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

import aiohttp
import msgspec
from msgspec import Struct
from yarl import URL

from wechat.errors import NO_ANSWER, WeChatUnavailable, answered

TRIES = 2
MAX_ANSWER_BYTES = 64 * 1024
NOTHING = "no answer of WeChat's: check the network and wechat.proxy_url if it lasts"
ERRCODE = re.compile(r"-?[0-9]{1,9}")
WORD = re.compile(r"[!-~]{1,2048}")
LARGEST_ERRCODE = 10**9

Answer = dict[str, Any]
OnCall = Callable[[str, str, float], None]
"""Told after each call: endpoint, error code (0 = fine), seconds."""


class Request(Struct, frozen=True, kw_only=True):
    """One request. Its text names the endpoint only: the rest holds secrets."""

    endpoint: str
    """Its name in errors, log and figures."""
    url: str
    body: Mapping[str, Any] | None = None
    """Sent as JSON by POST; None = GET."""
    access_token: str = ""
    bearer: str = ""
    before: Callable[[], Awaitable[None]] | None = None
    """Awaited before each try; when it raises there is none."""
    words: tuple[str, ...] = ()
    """Fields that the answer must have: visible ASCII, as WeChat's tickets and tokens are."""

    def __repr__(self) -> str:
        return f"Request({self.endpoint})"


class Transport:
    """The connections to WeChat. Use as `async with`.

    *proxy_url* is the egress proxy that every request goes through, or "".
    """

    def __init__(self, *, timeout_seconds: float, proxy_url: str, on_call: OnCall) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        proxy = URL(proxy_url)
        self._proxy = proxy.with_user(None) if proxy_url else None
        self._proxy_password = proxy.password or ""
        self._proxy_headers = {}
        if proxy.user is not None:
            credentials = aiohttp.encode_basic_auth(proxy.user, self._proxy_password)
            self._proxy_headers["Proxy-Authorization"] = credentials
        self._on_call = on_call
        self.patience = TRIES * timeout_seconds
        """Seconds that a request and its further tries may take in all."""

    async def __aenter__(self) -> Self:
        # Connections are kept: a TLS handshake for each code would make each
        # visitor wait for two more round trips.
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=64, keepalive_timeout=60),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            # A few bytes can unpack to gigabytes.
            auto_decompress=False,
            headers={"Accept-Encoding": "identity"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def ask(self, request: Request) -> Answer:
        """Make *request*, and once more after a pause when there was no answer.

        Raises:
            WeChatError: one of its three kinds.
        """
        try:
            async with asyncio.timeout(self.patience):
                return await self._ask_again(request)
        except TimeoutError:
            raise WeChatUnavailable(request.endpoint, NO_ANSWER, "no answer in time") from None

    async def _ask_again(self, request: Request) -> Answer:
        for _ in range(TRIES - 1):
            try:
                return await self._ask_once(request)
            except WeChatUnavailable:
                await asyncio.sleep(random.uniform(0.05, 0.25))  # noqa: S311, jitter
        return await self._ask_once(request)

    async def _ask_once(self, request: Request) -> Answer:
        if request.before:
            await request.before()
        started, errcode = time.monotonic(), NO_ANSWER
        try:
            received = await self._exchange(request)
            answer = None if isinstance(received, str) else _answer(*received, request.words)
            errcode = str(answer["errcode"]) if answer else NO_ANSWER
        finally:
            self._on_call(request.endpoint, errcode, time.monotonic() - started)
        # Outside of every handler, so that no error of the network hangs on to ours.
        if answer is None:
            what = received if isinstance(received, str) else f"HTTP {received[0]}"
            raise WeChatUnavailable(request.endpoint, NO_ANSWER, f"{NOTHING} ({what})")
        if answer["errcode"]:
            words = self._scrubbed(request, str(answer.get("errmsg", "")))
            with_token = bool(request.access_token)
            raise answered(request.endpoint, answer["errcode"], words, with_token=with_token)
        return answer

    async def _exchange(self, request: Request) -> tuple[int, bytes] | str:
        """Return status and body, or the kind of failure."""
        headers = {"Authorization": f"Bearer {request.bearer}"} if request.bearer else {}
        body = None
        if request.body is not None:
            # WeChat wants raw UTF-8, not \u escapes.
            body = msgspec.json.encode(request.body)
            headers["Content-Type"] = "application/json"
        # A tunnel's end must not see what is for the proxy; without one the proxy reads ours.
        tunnelled = request.url.startswith("https:")
        try:
            async with self._http.request(
                "GET" if body is None else "POST",
                request.url,
                params={"access_token": request.access_token} if request.access_token else None,
                data=body,
                headers=headers if tunnelled else headers | self._proxy_headers,
                proxy=self._proxy,
                proxy_headers=self._proxy_headers if tunnelled else None,
                allow_redirects=False,
            ) as response:
                return response.status, await _bounded(response.content)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            return type(error).__name__

    def _scrubbed(self, request: Request, text: str) -> str:
        """Return *text*, from outside, without what we told the far end."""
        told = [request.access_token, request.bearer, self._proxy_password]
        told += [header.removeprefix("Basic ") for header in self._proxy_headers.values()]
        told += [request.url, *URL(request.url).query.values()]
        told += _texts_in(request.body)
        for secret in told:
            # Shorter ones are no secrets, and words of every sentence.
            text = text.replace(secret, "***") if len(secret) >= 8 else text
        return text


def _texts_in(body: object) -> list[str]:
    """Return every text in a body, however deep."""
    if isinstance(body, Mapping):
        body = list(body.values())
    if isinstance(body, list):
        return [text for each in body for text in _texts_in(each)]
    return [body] if isinstance(body, str) else []


async def _bounded(stream: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for chunk in stream.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise ValueError("too large")
    return bytes(body)


def _answer(status: int, body: bytes, words: tuple[str, ...]) -> Answer | None:
    """Return the answer with `errcode` as a number in it, or None when it is none.

    WeChat may call its JSON text/plain, so the type is not looked at; its status
    is 200 for errors too.
    """
    try:
        answer = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    errcode = _errcode(answer.get("errcode"))
    fine = status == 200 and all(_is_word(answer.get(word)) for word in words)
    return answer | {"errcode": errcode} if errcode or (errcode == 0 and fine) else None


def _is_word(value: object) -> bool:
    return isinstance(value, str) and WORD.fullmatch(value) is not None


def _errcode(value: object) -> int | None:
    """Return an error code, 0 for none at all, None for what is no code."""
    if value is None:
        return 0
    if isinstance(value, str) and ERRCODE.fullmatch(value):
        value = int(value)
    fine = type(value) is int and abs(value) < LARGEST_ERRCODE
    return value if fine else None  # type: ignore[return-value]


def seconds_in(answer: Answer, field: str) -> float | None:
    """Return the seconds in *field*, or None when it holds no time that can pass."""
    value = answer.get(field)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < math.inf else None

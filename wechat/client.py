"""Calls to WeChat's API: the few that a login needs, asynchronous, with time limits.

wechatpy's own client is synchronous, has no time limit on the token call and
recurses on a token that stays invalid, so calls go through here (docs/design.md).
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import msgspec
from msgspec import Struct

from wechat.errors import NO_ANSWER, TOKEN_CODES, WeChatError, WeChatUnavailable, error_for

log = logging.getLogger(__name__)

TRIES = 2
PROBE_SECONDS = 5.0
# A token is good for at least 300 s after any answer: the former one lives on
# for five minutes. Source: WeChat, "Get stable access token".
TOKEN_MARGIN = 200.0
TOKEN_ENDPOINT = "/cgi-bin/stable_token"  # noqa: S105, an address
QRCODE_ENDPOINT = "/cgi-bin/qrcode/create"

OnCall = Callable[[str, str, float], None]
"""Told after each call: endpoint, error code (0 = fine), seconds."""


class Ticket(Struct, frozen=True):
    """One temporary code. *life* is its life in seconds, counted from *made_at*."""

    ticket: str
    url: str
    life: float
    made_at: float
    """When it was asked for, by `time.monotonic`: it cannot be older than that."""


class Client:
    """The API of one service account. Use as `async with`."""

    def __init__(
        self,
        *,
        appid: str,
        secret: str,
        api_base_url: str,
        mp_base_url: str,
        timeout_seconds: float,
        on_call: OnCall = lambda endpoint, errcode, seconds: None,
    ) -> None:
        self.appid = appid
        self._secret = secret
        self._api = api_base_url.rstrip("/")
        self._mp = mp_base_url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._on_call = on_call
        self._token: str | None = None
        self._token_until = 0.0
        self._fetching: asyncio.Task[None] | None = None
        self._patience = TRIES * timeout_seconds
        self._trouble: WeChatError | None = None
        self._probed_at = float("-inf")

    async def __aenter__(self) -> Self:
        # Connections are kept: a TLS handshake for each code would make each
        # visitor wait for two more round trips.
        connector = aiohttp.TCPConnector(limit=64, keepalive_timeout=60)
        self._http = aiohttp.ClientSession(connector=connector, timeout=self._timeout)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._fetching:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])
        await self._http.close()

    async def create_ticket(self, scene_id: int, expire_seconds: int) -> Ticket:
        """Ask for a temporary code that carries *scene_id* for *expire_seconds*.

        Raises:
            WeChatError: one of its three kinds.

        Source: WeChat, "Generating a Parametric QR Code".
        """
        made_at = time.monotonic()
        answer = await self._call(
            QRCODE_ENDPOINT,
            {
                "expire_seconds": expire_seconds,
                "action_name": "QR_SCENE",
                "action_info": {"scene": {"scene_id": scene_id}},
            },
        )
        # An answer of 0 seconds was seen in the wild: then it is what we asked for.
        life = min(float(expire_seconds), float(answer.get("expire_seconds") or expire_seconds))
        return Ticket(_text(answer, "ticket"), _text(answer, "url"), life, made_at)

    def picture_of(self, ticket: str) -> str:
        """Return the address of WeChat's own picture of the code."""
        return f"{self._mp}/cgi-bin/showqrcode?ticket={quote(ticket, safe='')}"

    async def check(self) -> str:
        """Return "ok", or the kind of trouble that the last calls met.

        Asks WeChat itself when there was trouble or nothing was called yet, but
        not more often than every few seconds.
        """
        unknown = self._token is None or self._trouble is not None
        if unknown and time.monotonic() - self._probed_at > PROBE_SECONDS:
            self._probed_at = time.monotonic()
            try:
                await self._refresh(self._token)
            except WeChatError as error:
                log.warning("wechat check failed %s", error)
        return f"errcode {self._trouble.errcode}" if self._trouble else "ok"

    async def _call(self, endpoint: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post *body* with an access token, within the time that a visitor may wait."""
        try:
            async with asyncio.timeout(self._patience):
                return await self._call_with_token(endpoint, body)
        except TimeoutError:
            raise WeChatUnavailable(endpoint, NO_ANSWER, "in all") from None

    async def _call_with_token(self, endpoint: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post *body*; renew the token once if WeChat says so."""
        token = await self._fresh_token()
        try:
            return await self._post(endpoint, body, token)
        except WeChatError as error:
            if error.errcode not in TOKEN_CODES:
                raise
        await self._refresh(token)
        return await self._post(endpoint, body, await self._fresh_token())

    async def _fresh_token(self) -> str:
        if self._token is None or time.monotonic() > self._token_until:
            await self._refresh(self._token)
        assert self._token is not None  # noqa: S101, _refresh sets it or raises
        return self._token

    async def _refresh(self, failed: str | None) -> None:
        """Fetch the token anew, unless another call has replaced *failed* meanwhile.

        All who need it share one request, and its failure. The stable token does
        not change while it is valid, so processes and nodes that fetch it side by
        side do no harm to one another.
        """
        if self._token != failed:
            return
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch_token())
            self._fetching.add_done_callback(self._fetched)
        await asyncio.shield(self._fetching)

    def _fetched(self, task: asyncio.Task[None]) -> None:
        self._fetching = None
        if not task.cancelled():
            task.exception()  # seen, even when everybody who waited has gone

    async def _fetch_token(self) -> None:
        answer = await self._post(
            TOKEN_ENDPOINT,
            {
                "grant_type": "client_credential",
                "appid": self.appid,
                "secret": self._secret,
                "force_refresh": False,
            },
        )
        life = float(answer.get("expires_in") or 0)
        self._token = _text(answer, "access_token")
        self._token_until = time.monotonic() + life - min(TOKEN_MARGIN, life / 2)

    async def _post(
        self, endpoint: str, body: dict[str, Any], token: str | None = None
    ) -> dict[str, Any]:
        """Post once, and once more after a pause when there was no answer."""
        for tries in range(1, TRIES + 1):
            try:
                answer = await self._post_once(endpoint, body, token)
            except WeChatUnavailable as error:
                self._trouble = error
                if tries == TRIES:
                    raise
                await asyncio.sleep(random.uniform(0.05, 0.25))  # noqa: S311, jitter
            except WeChatError as error:
                self._trouble = None if error.errcode in TOKEN_CODES and token else error
                raise
            else:
                self._trouble = None
                return answer
        raise AssertionError("unreachable")

    async def _post_once(
        self, endpoint: str, body: dict[str, Any], token: str | None
    ) -> dict[str, Any]:
        started, errcode = time.monotonic(), NO_ANSWER
        try:
            async with self._http.post(
                self._api + endpoint,
                params={"access_token": token} if token else None,
                # WeChat wants raw UTF-8, not \u escapes, and may answer as text/plain.
                data=msgspec.json.encode(body),
                headers={"Content-Type": "application/json"},
                allow_redirects=False,
            ) as response:
                answer = _object(endpoint, response.status, await response.read())
            errcode = str(answer.get("errcode") or 0)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise WeChatUnavailable(endpoint, NO_ANSWER, type(error).__name__) from None
        finally:
            self._on_call(endpoint, errcode, time.monotonic() - started)
        if errcode != "0":
            raise error_for(endpoint, int(errcode), str(answer.get("errmsg", "")))
        return answer


def _object(endpoint: str, status: int, body: bytes) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(body, type=dict[str, Any])
        int(answer.get("errcode") or 0)
    except (msgspec.DecodeError, TypeError, ValueError):
        raise WeChatUnavailable(endpoint, NO_ANSWER, f"HTTP {status}, not JSON") from None
    return answer


def _text(answer: dict[str, Any], field: str) -> str:
    value = answer.get(field)
    if not isinstance(value, str) or not value:
        raise WeChatUnavailable("answer", NO_ANSWER, f"without {field}")
    return value

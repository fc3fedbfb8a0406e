"""A browser that keeps to the protocol whatever happens, as static/connection.js does.

It comes back after a lost socket on whichever node there is, shows its resume
token, asks again when it is told to, and notes all that it sees and hears.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any

import aiohttp
import yarl

TROUBLE = (aiohttp.ClientError, OSError, TimeoutError)
LONGEST_BACKOFF = 2.0


class Browser:
    """One page in one browser. Run `stay` as a task."""

    def __init__(self, urls: Sequence[str], origin: str, random: Random) -> None:
        self.urls, self.origin, self.random = urls, origin, random
        self.http = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=15, sock_connect=2),
        )
        self.codes: list[dict[str, Any]] = []
        """Every code that was shown, oldest first."""
        self.shown = asyncio.Event()
        self.heard: list[dict[str, Any]] = []
        """Every outcome that was told."""
        self.outcome = asyncio.Event()
        self.closed_with: list[int | None] = []
        self.doubled = 0
        """How often a socket told an outcome that it had told before."""
        self.over = 0
        """How often an attempt was said to be over, so that another was begun."""
        self.diary: list[str] = []
        """What was asked and heard, in a word each, for the report of what went wrong."""
        self.used_up = 0
        """How often the latest code was gone, mostly by a trade that was not answered."""
        self.superseded = 0
        """How often a dead socket of its own took the attempt from the living one."""
        self.up_since: float | None = None
        """Since when the socket is open and the page in step, by `time.monotonic`."""
        self._token: str | None = None
        self._asked_again = 0
        """Questions on this socket, after the first, that may yet be answered."""
        self._told: set[str] = set()
        """The outcomes that this socket has told."""
        self._waits = self._crossed = False
        """Whether the next code was asked for; whether an outcome came instead."""
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def close(self) -> None:
        """End it."""
        await self.http.close()

    async def stay(self) -> None:
        """Keep the page open until cancelled."""
        tries = 0
        while True:
            try:
                await self._get_cookies()
                await self._connect()
                tries = 0
            except TROUBLE:
                tries += 1
            self.up_since = None
            longest = min(LONGEST_BACKOFF, 0.05 * 2**tries)
            await asyncio.sleep(self.random.uniform(0, longest))

    def cut(self) -> None:
        """Lose the socket without a word."""
        if self._socket and self._socket._writer.transport:
            self._socket._writer.transport.abort()

    async def trade(self, patience: float = 15.0) -> str:
        """Trade the login codes that are heard until a session is here; return whose it is.

        As static/login.js: without an answer, or when the code is gone, it comes back
        for the next code. Sometimes it tries the same one again, as other clients may.
        Returns "" when it heard of none though it was up for *patience* seconds.
        """
        traded, since = "", 0.0
        while True:
            code = self.heard[-1]["data"]["code"]
            if code != traded:
                status, answer = await self._try("POST", "/session", code=code)
                if status == 200:
                    return str(answer["username"])
                self.used_up += status == 410 and code == self.heard[-1]["data"]["code"]
                if status == 410 or self.random.random() < 0.5:
                    traded, since = code, time.monotonic()
                    self.cut()
            elif self._waited(since, patience):
                return ""
            # A cookie may have come without the rest of its answer.
            status, answer = await self._try("GET", "/session")
            if status == 200:
                return str(answer["username"])
            await asyncio.sleep(self.random.uniform(0.05, 0.5))

    async def signed_in_as(self) -> str:
        """Return whose session it has; "" = it has none."""
        while True:
            status, answer = await self._try("GET", "/session")
            if status in {200, 401}:
                return str(answer.get("username", ""))
            await asyncio.sleep(self.random.uniform(0.05, 0.5))

    def _waited(self, since: float, patience: float) -> bool:
        """Tell whether it was up, and in step, for so long since then."""
        return self.up_since is not None and time.monotonic() - max(since, self.up_since) > patience

    async def _try(self, method: str, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
        """Ask any node once; without an answer the status is 0."""
        url = self.random.choice(self.urls)
        headers = {"X-XSRFToken": self._cookie("_xsrf"), "Origin": self.origin}
        try:
            async with self.http.request(
                method, f"{url}{path}", json=body or None, headers=headers
            ) as response:
                return response.status, await response.json()
        except TROUBLE:
            return 0, {}

    async def _get_cookies(self) -> None:
        if not self._cookie("_xsrf"):
            async with self.http.get(f"{self.random.choice(self.urls)}/"):
                pass

    def _cookie(self, name: str) -> str:
        found = self.http.cookie_jar.filter_cookies(yarl.URL(self.origin)).get(name)
        return found.value if found else ""

    async def _connect(self) -> None:
        url = self.random.choice(self.urls)
        async with self.http.ws_connect(
            f"{url}/ws", headers={"Origin": self.origin}, heartbeat=5
        ) as self._socket:
            try:
                await self._talk(self._socket)
            finally:
                self.closed_with.append(self._socket.close_code)

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._told.clear()
        self._waits = self._crossed = False
        self.diary.append("open")
        self._asked_again = 0
        await self._ask(socket)
        async for frame in socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                continue
            message = json.loads(frame.data)
            kind, data = message["type"], message["data"]
            self.diary.append(data.get("code") if kind == "error" else kind)
            if kind != "error":
                self.up_since = self.up_since or time.monotonic()
            if kind == "qr":
                await self._shown(data, socket)
            elif kind == "expired":
                # In step already: the next code is asked for without the token.
                self.diary.append("> get_qr")
                self._waits = True
                await socket.send_json({"type": "get_qr", "data": {}})
            elif kind == "error":
                self._asked_again = max(0, self._asked_again - 1)
                await self._wait(data, socket)
            elif kind == "superseded":
                # No other page has our token, so it was a socket of ours that had died.
                self.superseded += 1
                self.up_since = None
                self._told.clear()
                await asyncio.sleep(self.random.uniform(0.5, 1))
                await self._ask(socket)
            else:
                self._note_outcome(message)

    async def _shown(self, code: dict[str, Any], socket: aiohttp.ClientWebSocketResponse) -> None:
        if self._crossed:  # a code of another attempt: the question met the outcome on its way
            self._crossed = False
            self._asked_again += 1
            await self._ask(socket)
            return
        self._waits = False
        self._token = code["resume"]
        self.codes.append(code)
        self.shown.set()
        self._asked_again = max(0, self._asked_again - 1)

    def _note_outcome(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        # A question that crosses the outcome on its way is answered with it again.
        if kind in self._told and not self._asked_again:
            self.doubled += 1
        elif kind in self._told:
            self._asked_again -= 1
        self._told.add(kind)
        self._crossed, self._waits = self._waits, False
        self.heard.append(message)
        self.outcome.set()

    async def _ask(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        resume = {"resume": self._token} if self._token else {}
        self.diary.append("> resume" if resume else "> get_qr")
        await socket.send_json({"type": "get_qr", "data": resume})

    async def _wait(self, problem: dict[str, Any], socket: aiohttp.ClientWebSocketResponse) -> None:
        if problem["code"] == "unknown_attempt":
            self._token = None
            self.over += 1
        longest = 0.5 * min(2, problem.get("retry_after") or 1)
        await asyncio.sleep(self.random.uniform(0.05, longest))
        with suppress(*TROUBLE):
            self._asked_again += 1
            await self._ask(socket)

"""A page without a socket, to be used like one that has one (`tests/site.py`).

page = await visitor.open_polling()
code = await page.get_qr()
assert await page.expect("bind_required")
"""

import asyncio
import itertools
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import aiohttp
import yarl

TROUBLE = (aiohttp.ClientError, OSError)
AGAIN_SECONDS = 0.05


class PollingPage:
    """Asks the nodes at *urls* in turns, and always listens, as static/polling.js does."""

    def __init__(
        self, http: aiohttp.ClientSession, urls: Sequence[str], headers: dict[str, str]
    ) -> None:
        self._http, self._headers = http, headers
        self.urls = itertools.cycle(urls)
        self.uuid = self.token = ""
        self.after = 0
        self.close_code: int | None = None
        self.numbers: list[int] = []
        """The numbers of all messages, as they came."""
        self._heard: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._listening: asyncio.Task[None] | None = None

    async def send(self, kind: str, **data: Any) -> None:
        """Say what a page with a socket says in a frame."""
        await self.close()
        self._heard, self.close_code = asyncio.Queue(), None
        if kind == "get_qr" and (data or not self.token):
            self.uuid = self.token = ""
            status, answer = await self._call("POST", "/attempts", data, "")
            if status == 200:
                self.uuid, self.after = answer["uuid"], 0
                self.token = data.get("resume", "")
        else:
            status, answer = await self.post({"type": kind, "data": data})
        self._take(status, answer)
        self._start_to_listen()

    async def post(self, frame: Any) -> tuple[int, Any]:
        """Post a frame to the attempt; return status and answer."""
        path = f"/attempts/{self.uuid}?after={self.after}"
        return await self._call("POST", path, frame, self.token)

    async def get(self, after: int | None = None) -> tuple[int, Any]:
        """Ask once for what came after the last message, or after another one."""
        after = self.after if after is None else after
        return await self._call("GET", f"/attempts/{self.uuid}?after={after}", None, self.token)

    async def receive(self) -> dict[str, Any]:
        """Return the next message; fail when nothing more comes instead."""
        self._start_to_listen()
        async with asyncio.timeout(10):
            message = await self._heard.get()
        assert message, f"closed: {self.close_code}"
        return message

    async def expect(self, kind: str) -> dict[str, Any]:
        """Return the data of the next message, which must be of that *kind*."""
        message = await self.receive()
        assert kind == message["type"], message
        data: dict[str, Any] = message["data"]
        return data

    async def get_qr(self, **data: Any) -> dict[str, Any]:
        """Ask for a code and return its data."""
        await self.send("get_qr", **data)
        return await self.expect("qr")

    async def rest(self) -> list[dict[str, Any]]:
        """Return the messages that still come before there are no more."""
        async with asyncio.timeout(10):
            return [message async for message in _until_none(self._heard)]

    async def closed(self) -> int | None:
        """Return the close code, after whatever comes before it."""
        await self.rest()
        return self.close_code

    def cut(self) -> None:
        """Lose the connection without a word."""
        if self._listening:
            self._listening.cancel()

    async def close(self) -> None:
        """Listen no more."""
        if self._listening:
            self._listening.cancel()
            await asyncio.wait([self._listening])
            self._listening = None

    def _start_to_listen(self) -> None:
        listens = self._listening and not self._listening.done()
        if self.token and self.close_code is None and not listens:
            self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        """Ask again and again, but leave off where a page asks for the next code instead."""
        while self.token and self.close_code is None:
            with suppress(*TROUBLE):
                status, answer = await self.get()
                if status == 503:
                    await asyncio.sleep(AGAIN_SECONDS)
                    continue
                self._take(status, answer)
                if status != 200 or "expired" in [each["type"] for each in answer["messages"]]:
                    return

    def _take(self, status: int, answer: Any) -> None:
        if status != 200:
            self._heard.put_nowait({"type": "error", "data": answer["error"]})
            return
        for message in answer["messages"]:
            if "number" in message:
                self.after = message.pop("number")
                self.numbers.append(self.after)
            if message["type"] == "qr":
                self.uuid, self.token = message["data"]["uuid"], message["data"]["resume"]
            if message["type"] == "superseded":
                self.uuid = self.token = ""  # another page has it
            self._heard.put_nowait(message)
        self.close_code = answer.get("close")
        if self.close_code is not None:
            self._heard.put_nowait(None)

    async def _call(self, method: str, path: str, body: Any, token: str) -> tuple[int, Any]:
        url = next(self.urls)
        cookie = self._http.cookie_jar.filter_cookies(yarl.URL(url)).get("_xsrf")
        headers = self._headers | {"X-XSRFToken": cookie.value if cookie else ""}
        if token:
            headers["X-Resume"] = token
        content = None if body is None else json.dumps(body)
        async with self._http.request(
            method, f"{url}{path}", headers=headers, data=content
        ) as answer:
            return answer.status, await answer.json()


async def _until_none(queue: asyncio.Queue[dict[str, Any] | None]) -> Any:
    while message := await queue.get():
        yield message

"""A page without a socket: each of its requests is a page of its own, for as long as it takes.

It comes back to the attempt as a page on a new socket does, hears what is new to
it, or waits for that, and leaves. Nothing is kept from one request to the next but
the record, so the next one may go to any process; and a request whose answer was
lost may be repeated: what its page has not heard is told again.
"""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec

from login.messages import CloseCode, GetQr, Problem, Wish
from login.pages import Pages
from login.visit import Opener


class Poll:
    """One request, which knows all messages up to the number *known*.

    Whoever opens it calls `end` when it is answered.
    """

    def __init__(self, pages: Pages, opener: Opener, known: int = 0) -> None:
        self.messages: list[dict[str, Any]] = []
        """What was told: type and data as on the socket, and the number if it has one."""
        self.problem: Problem | None = None
        """What was asked for could not be done."""
        self.close_code: int | None = None
        """Why nothing more comes on this way, as the socket's close code."""
        self._pages = pages
        self._page = pages.open(opener, self._hear, self.close)
        self._page.known = known
        self._over = asyncio.Event()

    @property
    def uuid(self) -> str:
        """The attempt's name; "" when there is none."""
        return self._page.uuid

    async def open(self, token: str, *, link: bool = False) -> None:
        """Start an attempt, whose scan is to *link* WeChat, or come back to the one of *token*."""
        ask = GetQr(Wish(token or None, link))
        await self._page.receive(msgspec.json.encode(ask).decode())

    async def ask(self, frame: str) -> None:
        """Do what the page asks in *frame*, unless it asked before it had heard the news."""
        if not self._over.is_set():
            self._page.known = 0
            await self._page.receive(frame)

    async def listen(self, seconds: float) -> None:
        """Return when there is something to tell, or after so many seconds."""
        if not (self._over.is_set() or self._page.told):
            self.close(CloseCode.DONE)  # nothing can follow
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)

    def close(self, code: int) -> None:
        """Let the request be answered with what there is."""
        self.close_code = CloseCode(code)
        self._over.set()

    def end(self) -> None:
        """Leave the attempt; the next request comes back to it."""
        self._pages.spawn(self._page.end())

    def _hear(self, frame: str) -> None:
        message = msgspec.json.decode(frame)
        if message["type"] == "error":
            self.problem = msgspec.convert(message["data"], Problem)
        else:
            number = {"number": self._page.number} if self._page.number else {}
            self.messages.append(number | message)
        self._over.set()

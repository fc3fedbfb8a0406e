"""Whom pushes are taken from, beside what their signature says: addresses that WeChat names.

A second lock, not the first: addresses change and can be lost sight of, so a
list that cannot be had keeps nobody out. As long as none is known signatures
alone decide, and a list that cannot be refreshed goes on to count.

Source: WeChat, "Get WeChat server IP addresses" (getcallbackip).
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Self

from wechat.errors import WeChatError

log = logging.getLogger(__name__)

Network = IPv4Network | IPv6Network

DAY_SECONDS = 86_400.0
AGAIN_SECONDS = 600.0


class Senders:
    """The networks that pushes may come from. Use as `async with`: a task keeps them up to date.

    *networks* are the operator's own; *ask* returns those of WeChat, and is None
    when only the operator's count. With neither anybody may push.
    """

    def __init__(
        self,
        networks: Sequence[Network] = (),
        ask: Callable[[], Awaitable[Iterable[str]]] | None = None,
    ) -> None:
        self._own = tuple(networks)
        self._of_wechat: tuple[Network, ...] = ()
        self._ask = ask
        self._task: asyncio.Task[None] | None = None

    @property
    def networks(self) -> tuple[Network, ...] | None:
        """The networks that count now, or None when signatures alone decide."""
        if self._ask and not self._of_wechat:
            return None
        return (*self._own, *self._of_wechat) or None

    async def __aenter__(self) -> Self:
        if self._ask:
            log.info("push addresses not known yet: signatures alone decide")
            self._task = asyncio.create_task(self._refresh_daily())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def refresh(self) -> bool:
        """Ask WeChat for its networks; keep the former ones, and return False, when there are none.

        What is no network is passed over.
        """
        if self._ask is None:
            return True
        try:
            found = tuple(network for text in await self._ask() for network in _networks(text))
        except WeChatError as error:
            log.warning("push addresses not refreshed known=%d %s", len(self._of_wechat), error)
            return False
        if not found:
            log.warning("push addresses not refreshed known=%d none named", len(self._of_wechat))
            return False
        log.info("push addresses refreshed known=%d", len(found))
        self._of_wechat = found
        return True

    async def _refresh_daily(self) -> None:
        while True:
            pause = DAY_SECONDS if await self.refresh() else AGAIN_SECONDS
            await asyncio.sleep(pause * random.uniform(0.9, 1.0))  # noqa: S311, jitter


def _networks(text: str) -> list[Network]:
    try:
        return [ip_network(text.strip(), strict=False)]
    except ValueError:
        return []

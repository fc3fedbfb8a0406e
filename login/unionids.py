"""Hearing the unionids of the service account's users, where a website app makes them useful.

Neither a scan nor the silent page inside WeChat tells them. So WeChat is asked
after a scan has been answered; nobody waits for it, and when it fails the next
scan asks again.
"""

import asyncio
import logging

from accounts import AccountsUnavailable, Directory, Identity
from wechat import Client, WeChatError, unionid_of

log = logging.getLogger(__name__)

# What may be asked at the same time; scans beyond that are left to the next one.
MOST_TASKS = 32
# How long a visitor who waits may wait for it.
PATIENCE_SECONDS = 2.0


class Unionids:
    """Asks for unionids and writes them down. Its tasks end with `close`."""

    def __init__(self, client: Client, directory: Directory) -> None:
        self._client = client
        self._directory = directory
        self._tasks: set[asyncio.Task[None]] = set()

    def heard_of(self, openid: str) -> None:
        """Learn the unionid of *openid* in the background, unless it is known."""
        if len(self._tasks) < MOST_TASKS:
            task = asyncio.create_task(self._learn(openid))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def complete(self, identity: Identity) -> Identity:
        """Return *identity* with its unionid if WeChat tells it soon, else as it is."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._asked(identity.openid)
        except (WeChatError, TimeoutError) as error:
            log.info("unionid not told error=%s %s", type(error).__name__, error)
            return identity

    async def settled(self) -> None:
        """Return when nothing is asked any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Ask no more."""
        for task in self._tasks:
            task.cancel()
        await self.settled()

    async def _learn(self, openid: str) -> None:
        try:
            if await self._directory.lacks_unionid(openid):
                identity = await self._asked(openid)
                if identity.unionid:
                    await self._directory.recognise(identity)
        except (WeChatError, AccountsUnavailable) as error:
            log.info("unionid not learnt error=%s %s", type(error).__name__, error)

    async def _asked(self, openid: str) -> Identity:
        unionid = await unionid_of(self._client, openid)
        return Identity(appid=self._client.appid, openid=openid, unionid=unionid)

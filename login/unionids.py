"""Hearing the unionids of the service account's users, where a website app makes them useful.

Neither a scan nor the silent page inside WeChat tells them. A stranger waits a
moment for it, who may be known by the website app. Of who is known WeChat is
asked after the scan has been answered; nobody waits for it, and when it fails
the next scan asks again.
"""

import asyncio
import logging

from accounts import AccountsUnavailable, Directory, Identity
from wechat import Client, WeChatError, unionid_of

log = logging.getLogger(__name__)

# What may be asked at the same time; scans beyond that are left to the next one. More would
# take the connections that codes are made over.
MOST_TASKS, MOST_WAITING = 16, 32
# How long a stranger may wait for it: half of what the answer to a push may take.
PATIENCE_SECONDS = 2.0


class Unionids:
    """Asks for unionids and writes them down. Its tasks end with `close`."""

    def __init__(self, client: Client, directory: Directory) -> None:
        self._client = client
        self._directory = directory
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self.patience_seconds = PATIENCE_SECONDS
        self.most_waiting = MOST_WAITING

    def heard_of(self, openid: str) -> None:
        """Learn the unionid of *openid* in the background, if that is bound and lacks it."""
        if len(self._tasks) < MOST_TASKS:
            task = asyncio.create_task(self._learn(openid))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def complete(self, openid: str) -> Identity:
        """Return the user of the service account, with the unionid if WeChat tells it soon."""
        alone = Identity(appid=self._client.appid, openid=openid)
        if self._waiting >= self.most_waiting:
            return alone
        self._waiting += 1
        try:
            async with asyncio.timeout(self.patience_seconds):
                return await self._asked(openid)
        except (WeChatError, TimeoutError) as error:
            log.info("unionid not told error=%s %s", type(error).__name__, error)
            return alone
        finally:
            self._waiting -= 1

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

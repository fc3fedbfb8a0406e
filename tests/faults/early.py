"""WeChat on a day when its pushes are faster than its answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

CREATE = "/cgi-bin/qrcode/create"


class SlowAnswers:
    """Passes calls on to the sandbox and holds the answers about codes back.

    `made` gets each ticket as soon as WeChat has made it; `answer` lets the
    answers go.
    """

    def __init__(self, api_base_url: str) -> None:
        self._api = api_base_url
        self.base_url = ""
        self.made: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self.answer = asyncio.Event()

    async def pass_on(self, request: web.Request) -> web.Response:
        """Ask the sandbox, and answer when it is time."""
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self._api}{request.rel_url}", data=await request.read()) as response,
        ):
            body = await response.read()
            if request.path == CREATE:
                self.made.put_nowait(await response.json(content_type=None))
                await self.answer.wait()
            return web.Response(body=body, content_type="application/json")


@asynccontextmanager
async def slow_answers(api_base_url: str) -> AsyncIterator[SlowAnswers]:
    """Run one in front of the sandbox at *api_base_url*."""
    slow, application = SlowAnswers(api_base_url), web.Application()
    application.router.add_post("/{path:.*}", slow.pass_on)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slow.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield slow
    finally:
        slow.answer.set()
        await runner.cleanup()

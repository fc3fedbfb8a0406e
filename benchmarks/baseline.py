"""The server to compare with: the same job as one would write it in an evening.

Tornado and redis.asyncio. Scene ids are a list in Redis (LPOP, RPUSH), a scan
is published on one channel, every process looks the scene up in its dict. It
checks the signature and reads the push with wechatpy. What it leaves out is
what Saoma is for: a crash loses its leases, an outcome that finds no page is
gone, a late scan reaches whoever has the scene id by then. Its users are a dict.
"""

import argparse
import asyncio
import json
from functools import partial
from typing import Any

import aiohttp
import tornado.web
import tornado.websocket
from redis.asyncio import Redis
from wechatpy import parse_message
from wechatpy.exceptions import InvalidSignatureException
from wechatpy.utils import check_signature

from benchmarks.wechat import KNOWN_USERS, TOKEN, known_openid, new_ticket

SCENES = "baseline:scenes"
CHANNEL = "baseline:scans"
POOL_SIZE = 20_000
PING_SECONDS = 20


class State:
    """What all handlers of the process share."""

    def __init__(self, redis: Redis, http: aiohttp.ClientSession | None, api: str) -> None:
        self.redis = redis
        self.http = http
        self.api = api
        self.pages: dict[str, PageSocket] = {}
        self.users = {known_openid(number): f"user{number}" for number in range(KNOWN_USERS)}

    async def ticket_for(self, scene: str) -> str:
        """Return a ticket: of WeChat's where it is asked, else made up."""
        if self.http is None:
            return new_ticket(int(scene))
        body = {
            "expire_seconds": 180,
            "action_name": "QR_SCENE",
            "action_info": {"scene": {"scene_id": int(scene)}},
        }
        url = f"{self.api}/cgi-bin/qrcode/create?access_token=benchmark"
        async with self.http.post(url, json=body) as response:
            return str((await response.json())["ticket"])

    async def hear_scans(self) -> None:
        """Tell pages what is published about their scenes."""
        pubsub = self.redis.pubsub()
        await pubsub.subscribe(CHANNEL)
        while True:
            message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=10)
            if message:
                scan = json.loads(message["data"])
                page = self.pages.get(scan["scene"])
                if page:
                    page.write_message(scan["message"])


class HomeHandler(tornado.web.RequestHandler):
    """`/`: there is nothing to see."""

    def get(self) -> None:
        self.write("baseline")


class PageSocket(tornado.websocket.WebSocketHandler):
    """`/ws`: one page."""

    scene: str | None = None

    def initialize(self, state: State) -> None:
        self.state = state

    async def on_message(self, message: str | bytes) -> None:
        if json.loads(message)["type"] != "get_qr":
            return
        if self.scene:
            await self.leave()
        scene = await self.state.redis.lpop(SCENES)
        if scene is None:
            self.write_message({"type": "error", "data": {"code": "pool_exhausted"}})
            return
        self.scene = str(scene)
        ticket = await self.state.ticket_for(self.scene)
        self.state.pages[self.scene] = self
        url = f"https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket={ticket}"
        self.write_message({"type": "qr", "data": {"ticket": ticket, "image": url}})

    async def leave(self) -> None:
        """Give the scene id back."""
        scene, self.scene = self.scene, None
        if scene:
            self.state.pages.pop(scene, None)
            await self.state.redis.rpush(SCENES, scene)

    def on_close(self) -> None:
        tornado.ioloop.IOLoop.current().add_callback(self.leave)


class CallbackHandler(tornado.web.RequestHandler):
    """`/wechat`: WeChat's pushes."""

    def initialize(self, state: State) -> None:
        self.state = state

    async def post(self) -> None:
        argument = self.get_argument
        try:
            check_signature(TOKEN, argument("signature"), argument("timestamp"), argument("nonce"))
        except InvalidSignatureException:
            self.set_status(403)
            return
        message = parse_message(self.request.body)
        if message.type == "event" and message.event in {"scan", "subscribe_scan"}:
            await self.scanned(message.scene_id, message.source)
        self.write("success")

    async def scanned(self, scene: str, openid: str) -> None:
        """Publish what the page is to be told."""
        user = self.state.users.get(openid)
        told: dict[str, Any] = {"type": "bind_required", "data": {"openid": openid}}
        if user:
            told = {"type": "success", "data": {"username": user}}
        await self.state.redis.publish(CHANNEL, json.dumps({"scene": scene, "message": told}))


async def serve(port: int, store: str, api: str) -> None:
    """Serve until killed."""
    redis = Redis.from_url(store, decode_responses=True)
    await redis.delete(SCENES)
    await redis.rpush(SCENES, *range(1, POOL_SIZE + 1))
    state = State(redis, aiohttp.ClientSession() if api else None, api)
    hearing = asyncio.create_task(state.hear_scans())
    hearing.add_done_callback(partial(_ended, asyncio.get_running_loop()))
    application = tornado.web.Application(
        [
            ("/", HomeHandler),
            ("/ws", PageSocket, {"state": state}),
            ("/wechat", CallbackHandler, {"state": state}),
        ],
        log_function=lambda handler: None,
        websocket_ping_interval=PING_SECONDS,
    )
    application.listen(port, "127.0.0.1", backlog=1024)
    await hearing


def _ended(loop: asyncio.AbstractEventLoop, _: object) -> None:
    loop.stop()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--store", required=True, help="address of Redis")
    parser.add_argument("--api", default="", help="ask for tickets here; none = make them up")
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.store, options.api))


if __name__ == "__main__":
    main()

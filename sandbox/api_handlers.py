"""`/cgi-bin` on the network: hands each call to `api`, and strikes with faults first."""

import asyncio
import contextlib
import functools
import io
import logging

import msgspec
import segno
from tornado.web import RequestHandler

from sandbox import api
from sandbox.errors import ApiError
from sandbox.faults import Fault
from sandbox.platform import Platform

PICTURE = "/cgi-bin/showqrcode"

logger = logging.getLogger(__name__)


class CgiHandler(RequestHandler):
    """A call of WeChat's API, which may meet a fault before it is answered."""

    def initialize(self, platform: Platform, stopping: asyncio.Event) -> None:
        self.platform = platform
        self.stopping = stopping

    async def prepare(self) -> None:
        """Let the next fault of this path strike, if it has one."""
        fault = self.platform.faults.strike(self.request.path)
        if fault is None:
            return
        logger.info("fault path=%s", self.request.path)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), fault.delay)
        await self._suffer(fault)

    async def _suffer(self, fault: Fault) -> None:
        if fault.drop:
            self.detach().close()
        elif fault.status is not None:
            self.set_status(fault.status)
            await self.finish("<html><body>fault</body></html>")
        elif fault.errcode is not None:
            await self.finish_json(self.refusal(ApiError(fault.errcode)))

    def refusal(self, error: ApiError) -> api.Json:
        """Return the body that tells this caller of *error*."""
        return error.answer(self.platform.clock(), caller=self.request.remote_ip or "")

    async def finish_json(self, answer: api.Json) -> None:
        """Answer with JSON in raw UTF-8, HTTP 200, and log the error code alone."""
        logger.info("api path=%s errcode=%s", self.request.path, answer.get("errcode", 0))
        self.set_header("Content-Type", "application/json; encoding=utf-8")
        await self.finish(msgspec.json.encode(answer))


class ApiHandler(CgiHandler):
    """Any path of `api.ENDPOINTS`."""

    async def get(self) -> None:
        await self._answer("GET")

    async def post(self) -> None:
        await self._answer("POST")

    async def _answer(self, method: str) -> None:
        query = {
            name: self.get_query_argument(name, strip=False)
            for name in self.request.query_arguments
        }
        path, body = self.request.path, self.request.body
        try:
            answer = api.answer(self.platform, method, path, query, body)
        except ApiError as error:
            answer = self.refusal(error)
        await self.finish_json(answer)


class ShowCodeHandler(CgiHandler):
    """`/cgi-bin/showqrcode`: the picture of a code, for anybody who has its ticket.

    Source: WeChat, "Generating a parametric QR code": 404 for a bad ticket. PNG, where WeChat
    sends JPEG: the same picture without its artefacts.
    """

    async def get(self) -> None:
        code = self.platform.codes.by_ticket(self.get_query_argument("ticket", "", strip=False))
        if code is None:
            self.set_status(404)
            return
        self.set_header("Content-Type", "image/png")
        self.set_header("Cache-Control", "max-age=604800")
        await self.finish(draw_code(code.url))


@functools.lru_cache(maxsize=256)
def draw_code(url: str) -> bytes:
    """Return a PNG of the QR code that encodes *url*, with the quiet zone it needs."""
    picture = io.BytesIO()
    segno.make_qr(url, error="m").save(picture, kind="png", scale=12, border=4)
    return picture.getvalue()

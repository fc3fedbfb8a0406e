"""`/wechat`: what WeChat asks and pushes."""

import asyncio
import logging
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any

from accounts import AccountsUnavailable
from handlers.base import BaseHandler
from handlers.context import within
from store import StoreUnavailable
from wechat import BadPush, BadSignature, Push, PushKind

log = logging.getLogger(__name__)

# WeChat waits 5 s for an answer. Source: WeChat, "Passive user reply message".
BUDGET_SECONDS = 4.0
HANDLED = "success"


class CallbackHandler(BaseHandler):
    """WeChat's side of the callback. Proof is the signature, not a cookie."""

    def prepare(self) -> None:
        """Leave browsers' cookies and origins out of it."""
        self.received_at = self.context.clock()
        self._mailroom = self.context.mailroom
        self.context.requests.begin()
        self.browser = ""

    def check_xsrf_cookie(self) -> None:
        """WeChat has no cookie; every request is signed."""

    def get(self) -> None:
        """Answer WeChat's address check."""
        try:
            self._answer(self._mailroom.pushes.echo(self._query()))
        except BadSignature as error:
            self._refuse(HTTPStatus.FORBIDDEN, error)

    async def post(self) -> None:
        """Take a push. Anything but 200 makes WeChat push it again."""
        await self._within_budget(self._take())

    async def _within_budget(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(BUDGET_SECONDS):
                await work
        except BadSignature as error:
            self._refuse(HTTPStatus.FORBIDDEN, error)
        except BadPush as error:
            self._refuse(HTTPStatus.BAD_REQUEST, error)
        except (StoreUnavailable, AccountsUnavailable, TimeoutError) as error:
            log.warning("push not handled error=%s %s", type(error).__name__, error)
            self._answer("", HTTPStatus.SERVICE_UNAVAILABLE)

    async def _take(self) -> None:
        allowed = self._mailroom.senders.networks
        if allowed is not None and not within(self.address(), allowed):
            raise BadSignature("an address that is not WeChat's")
        letter = self._mailroom.pushes.prove(self._query(), self.request.body)
        await self._mailroom.receipts.check(letter)
        push = self._mailroom.pushes.read(letter)
        text = await self._handle(push)
        if not text:
            self._answer(HANDLED)
            return
        self.set_header("Content-Type", f"{push.form.value}; charset=utf-8")
        self.finish(self._mailroom.pushes.reply(push, text))
        if push.kind is PushKind.SCAN and self._mailroom.unionids:
            self._mailroom.unionids.heard_of(push.openid)

    async def _handle(self, push: Push) -> str:
        """Let *push* take effect; return what the phone shows, "" for nothing."""
        match push.kind:
            case PushKind.SCAN:
                return await self._mailroom.scans.scanned(push, self.received_at)
            case PushKind.UNSUBSCRIBE:
                await self._mailroom.farewells.said(push)
            case PushKind.TEXT:
                return await self._mailroom.second_thoughts.answered(push) or ""
            case _:
                log.info("push name=%s", push.name)
        return ""

    def _query(self) -> dict[str, list[str]]:
        """Return every parameter with all its values; bytes that are no text become "?"."""
        return {
            name: [value.decode("utf-8", "replace") for value in values]
            for name, values in self.request.query_arguments.items()
        }

    def _answer(self, text: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(text)

    def _refuse(self, status: HTTPStatus, reason: Exception) -> None:
        log.warning("push refused reason=%s address=%s", reason, self.address())
        self._answer("", status)

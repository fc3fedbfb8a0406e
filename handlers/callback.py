"""`/wechat`: what WeChat asks and pushes."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Protocol

from msgspec import Struct

from accounts import AccountsUnavailable
from handlers.base import BaseHandler
from handlers.context import Asked, Context, Mailroom, within
from store import StoreUnavailable
from wechat import BadPush, BadSignature, Push, PushKind

log = logging.getLogger(__name__)

# WeChat waits 5 s for an answer. Source: WeChat, "Passive user reply message".
BUDGET_SECONDS = 4.0
HANDLED = "success"
TEXT = "text/plain"


class Posted(Asked, Protocol):
    """A request that carries a push: Tornado's, or one that came in by the front door."""

    @property
    def query_arguments(self) -> Mapping[str, Sequence[bytes]]:
        """The parameters of its address."""

    @property
    def body(self) -> bytes:
        """What was posted."""


class Answer(Struct, frozen=True):
    """What is said to WeChat."""

    text: str
    kind: str = TEXT
    """Its content type."""
    status: HTTPStatus = HTTPStatus.OK


async def answer_push(context: Context, request: Posted) -> Answer:
    """Let a push take effect; anything but 200 makes WeChat push it again."""
    received_at = context.clock()
    try:
        async with asyncio.timeout(BUDGET_SECONDS):
            return await _take(context, request, received_at)
    except BadSignature as error:
        return _refuse(context, request, HTTPStatus.FORBIDDEN, error)
    except BadPush as error:
        return _refuse(context, request, HTTPStatus.BAD_REQUEST, error)
    except (StoreUnavailable, AccountsUnavailable, TimeoutError) as error:
        log.warning("push not handled error=%s %s", type(error).__name__, error)
        return Answer("", status=HTTPStatus.SERVICE_UNAVAILABLE)


async def _take(context: Context, request: Posted, received_at: float) -> Answer:
    mailroom = context.mailroom
    allowed = mailroom.senders.networks
    if allowed is not None and not within(context.site.address_of(request), allowed):
        raise BadSignature("an address that is not WeChat's")
    letter = mailroom.pushes.prove(_query(request), request.body)
    try:
        push = mailroom.pushes.read(letter)
    except BadPush:
        await mailroom.receipts.check(letter)  # its signature serves no other body
        raise
    text = await _handle(mailroom, push, received_at)
    if push.kind is PushKind.SCAN and mailroom.unionids:
        mailroom.unionids.heard_of(push.openid)
    return Answer(mailroom.pushes.reply(push, text), push.form.value) if text else Answer(HANDLED)


async def _handle(mailroom: Mailroom, push: Push, received_at: float) -> str:
    """Let *push* take effect once its receipt allows; return what the phone shows, or ""."""
    if push.kind is PushKind.SCAN:
        return await mailroom.scans.scanned(push, received_at, mailroom.receipts)
    await mailroom.receipts.check(push.letter)
    match push.kind:
        case PushKind.UNSUBSCRIBE:
            await mailroom.farewells.said(push)
        case PushKind.TEXT:
            return await mailroom.second_thoughts.answered(push) or ""
        case _:
            log.info("push name=%s", push.name)
    return ""


def _query(request: Posted) -> dict[str, list[str]]:
    """Return every parameter with all its values; bytes that are no text become "?"."""
    return {
        name: [value.decode("utf-8", "replace") for value in values]
        for name, values in request.query_arguments.items()
    }


def _refuse(context: Context, request: Posted, status: HTTPStatus, reason: Exception) -> Answer:
    address = context.site.address_of(request)
    log.warning("push refused reason=%s address=%s", reason, address)
    return Answer("", status=status)


class CallbackHandler(BaseHandler):
    """WeChat's side of the callback. Proof is the signature, not a cookie."""

    def prepare(self) -> None:
        """Leave browsers' cookies and origins out of it."""
        self.context.requests.begin()
        self.browser = ""

    def check_xsrf_cookie(self) -> None:
        """WeChat has no cookie; every request is signed."""

    def get(self) -> None:
        """Answer WeChat's address check."""
        try:
            self._answer(Answer(self.context.mailroom.pushes.echo(_query(self.request))))
        except BadSignature as error:
            self._answer(_refuse(self.context, self.request, HTTPStatus.FORBIDDEN, error))

    async def post(self) -> None:
        """Take a push; those that come in whole are taken by the front door."""
        self._answer(await answer_push(self.context, self.request))

    def _answer(self, answer: Answer) -> None:
        self.set_status(answer.status)
        self.set_header("Content-Type", f"{answer.kind}; charset=utf-8")
        self.finish(answer.text)

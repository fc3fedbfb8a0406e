"""`/attempts`: the socket's messages for pages whose network breaks WebSockets. Decides nothing."""

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from tornado.web import HTTPError

import metrics
from handlers.base import BadRequest, BaseHandler
from handlers.open_socket import MAX_FRAME_BYTES
from login import CloseCode, LoginError, Poll
from login.errors import RateLimited
from login.messages import ErrorCode, Problem, Wish

log = logging.getLogger(__name__)

RESUME_HEADER = "X-Resume"
STATUS = {
    ErrorCode.POOL_EXHAUSTED: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.WECHAT_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.QUOTA_EXHAUSTED: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.QUOTA_LOW: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.STORE_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.BAD_MESSAGE: HTTPStatus.BAD_REQUEST,
    ErrorCode.UNKNOWN_ATTEMPT: HTTPStatus.NOT_FOUND,
}
# A page that is refused because its address has too many may ask again then.
REFUSED_SECONDS = 30


class TooManyPages(RateLimited):
    """The address has as many pages as it may have."""

    text = "Too many pages."


class AttemptError(LoginError):
    """What a page on a socket hears as `error`."""

    def __init__(self, problem: Problem) -> None:
        self.code, self.status = problem.code, STATUS[problem.code]
        self.text = problem.message
        super().__init__(problem.retry_after)


class PollHandler(BaseHandler):
    """A request of a page without a socket. Counts as one as long as it takes."""

    poll: Poll | None = None

    def prepare(self) -> None:
        """Refuse pages of other sites, like the socket: also those that only read."""
        super().prepare()
        self.refuse_foreign()

    def open_poll(self) -> Poll:
        """Return what this request hears; refuse it when its address has too many."""
        address, sockets = self.address(), self.context.sockets
        if 0 < self.context.site.sockets_per_address <= sockets.of(address):
            log.info("poll refused reason=sockets_per_address address=%s", address)
            raise TooManyPages(REFUSED_SECONDS)
        self.poll = Poll(self.context.pages, self.opener(), self._after())
        sockets.add(self, address)
        metrics.polls_open.inc()
        return self.poll

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Answer now: this process ends, or the client is gone."""
        if self.poll:
            self.poll.close(code or CloseCode.GOING_AWAY)

    def on_connection_close(self) -> None:
        self.close()

    def on_finish(self) -> None:
        super().on_finish()
        if self.poll:
            self.context.sockets.discard(self)
            metrics.polls_open.dec()
            self.poll.end()

    def answer(self, poll: Poll, **more: Any) -> None:
        """Write what was told."""
        if poll.problem:
            raise AttemptError(poll.problem)
        if poll.close_code is not None:
            more["close"] = poll.close_code
        if poll.close_code == CloseCode.RESTARTING:
            self.set_header("Connection", "close")  # the next request finds another process
        self.write_json(more | {"messages": poll.messages})

    def token_of(self, uuid: str) -> str:
        """Return the secret that the request shows, which must be that of the attempt *uuid*."""
        token = self.request.headers.get(RESUME_HEADER, "")
        if token.partition(".")[0] != uuid:
            raise AttemptError(Problem(ErrorCode.UNKNOWN_ATTEMPT, "This attempt is over."))
        return token

    def frame(self) -> str:
        """Return the body, which is what a page would send over its socket."""
        if len(self.request.body) > MAX_FRAME_BYTES:
            raise HTTPError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            return self.request.body.decode()
        except UnicodeDecodeError:
            raise BadRequest from None

    def _after(self) -> int:
        after = self.get_query_argument("after", "0")
        if not (after.isascii() and after.isdecimal()):
            raise BadRequest
        return int(after)


class AttemptsHandler(PollHandler):
    """`/attempts`."""

    async def post(self) -> None:
        """Start an attempt, or come back to one; answer with what the page sees first."""
        try:
            asked = msgspec.json.decode(self.frame() or "{}", type=Wish)
        except msgspec.DecodeError:
            raise BadRequest from None
        token = self.request.headers.get(RESUME_HEADER) or asked.resume or ""
        poll = self.open_poll()
        await poll.open(token, link=asked.link)
        self.answer(poll, uuid=poll.uuid)


class AttemptHandler(PollHandler):
    """`/attempts/{uuid}`."""

    async def get(self, uuid: str) -> None:
        """Answer with what came after the message that the page has, or wait for it."""
        token, poll = self.token_of(uuid), self.open_poll()
        if self.context.readiness.draining:
            poll.close(CloseCode.RESTARTING)
        else:
            await poll.open(token)
            await poll.listen(self.context.site.poll_seconds)
        self.answer(poll)

    async def post(self, uuid: str) -> None:
        """Do what the page asks, and answer with what it hears of it."""
        token, poll, frame = self.token_of(uuid), self.open_poll(), self.frame()
        await poll.open(token)
        await poll.ask(frame)
        self.answer(poll)

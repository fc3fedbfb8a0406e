"""Wiring of the stand-in: platform, pusher and phone behind one HTTP server."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RedirectHandler, RequestHandler

from sandbox import phone_handlers as phones
from sandbox.account import Account
from sandbox.api import ENDPOINTS
from sandbox.api_handlers import PICTURE, ApiHandler, ShowCodeHandler
from sandbox.clock import Clock, RunningClock
from sandbox.control import Control
from sandbox.control_handlers import ADDRESSES as CONTROLS
from sandbox.files import STATIC, TEMPLATES
from sandbox.formats import PushFormat
from sandbox.oauth_handlers import SNS_PATHS, AuthorizeHandler, QrConnectHandler, SnsHandler
from sandbox.page import AssetHandler, PageHandler
from sandbox.phone import Phone
from sandbox.platform import Platform
from sandbox.pusher import TIMEOUT, Pusher

MOST_BODY_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A stand-in that is serving."""

    base_url: str
    """Its address without a slash at the end, for `wechat.api_base_url` and `mp_base_url`."""
    platform: Platform
    pusher: Pusher
    phone: Phone

    @property
    def account(self) -> Account:
        """The account whose credentials the client needs."""
        return self.platform.account


def make_app(
    platform: Platform, phone: Phone, control: Control, *, stopping: asyncio.Event
) -> Application:
    """Return every address of the stand-in.

    Args:
        stopping: Once set, calls that a fault delays are answered at once.
    """
    api = {"platform": platform, "stopping": stopping}
    both = {"platform": platform, "phone": phone}
    return Application(
        [
            *[(path, ApiHandler, api) for path in ENDPOINTS],
            (PICTURE, ShowCodeHandler, api),
            *[(path, SnsHandler, api) for path in SNS_PATHS],
            (r"/connect/oauth2/authorize", AuthorizeHandler, {"platform": platform}),
            (r"/connect/qrconnect", QrConnectHandler, {"platform": platform}),
            (r"/", RedirectHandler, {"url": "/phone", "permanent": False}),
            (r"/phone", PageHandler, {"account_id": platform.account.account_id}),
            (r"/phone/scan", phones.ScanHandler, both),
            (r"/phone/follow", phones.FollowHandler, both),
            (r"/phone/unfollow", phones.UnfollowHandler, both),
            (r"/phone/message", phones.MessageHandler, both),
            (r"/phone/users", phones.UsersHandler, both),
            (r"/phone/codes", phones.CodesHandler, both),
            (r"/phone/chat", phones.ChatHandler, both),
            (r"/phone/state", phones.StateHandler, both),
            (r"/phone/static/(.*)", AssetHandler, {"path": str(STATIC)}),
            *[(path, handler, {"control": control}) for path, handler in CONTROLS],
        ],
        template_path=str(TEMPLATES),
        # Addresses carry tokens and secrets: handlers log what matters, without them.
        log_function=_log_nothing,
    )


@asynccontextmanager
async def serve_sandbox(
    *,
    callback: str | Sequence[str] = (),
    account: Account | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    clock: Clock | None = None,
    push_clock: Clock = time.time,
    push_timeout: float = TIMEOUT,
    push_format: PushFormat | None = None,
) -> AsyncIterator[Sandbox]:
    """Serve a stand-in on the running loop until the block is left.

    Args:
        callback: Where pushes go, several take turns; `pusher.callbacks` may be set later too,
            when the server under test starts second.
        account: The account it plays; a demo account by default.
        port: 0 takes a free one.
        clock: Counts lifetimes, quotas and windows, and dates events (their CreateTime). By
            default the machine's, which `POST /sandbox/clock` puts forward.
        push_clock: Stamps pushes (their timestamp). Apart from *clock*, so that a test may let
            hours pass here while the server under test, whose clock is real, believes the pushes.
        push_timeout: Seconds for one try of a push.
        push_format: By default safe XML for an account with a key, else plain XML.

    Raises:
        OSError: The port is taken.
        ValueError: The format needs a key and the account has none.
    """
    account = account or Account()
    callbacks = [callback] if isinstance(callback, str) else callback
    platform = Platform(account, clock=clock or RunningClock())
    pusher = Pusher(
        account, callbacks, clock=push_clock, timeout=push_timeout, push_format=push_format
    )
    phone = Phone(platform, pusher)
    stopping = asyncio.Event()
    app = make_app(platform, phone, Control(platform, pusher), stopping=stopping)
    server = HTTPServer(app, max_body_size=MOST_BODY_BYTES)
    sockets = bind_sockets(port, host)
    async with AsyncExitStack() as stack:  # closes everything, last opened first
        stack.push_async_callback(server.close_all_connections)
        await stack.enter_async_context(pusher)
        stack.callback(stopping.set)
        stack.callback(server.stop)
        server.add_sockets(sockets)
        yield Sandbox(_base_url(host, sockets[0].getsockname()[1]), platform, pusher, phone)


def _base_url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _log_nothing(handler: RequestHandler) -> None:
    """Take Tornado's access log line and drop it."""

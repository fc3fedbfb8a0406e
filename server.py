"""Saoma's entry point: its addresses, and its way from start to end.

Run it as `.venv/bin/python server.py --config config.yaml`.
"""

import argparse
import asyncio
import gc
import logging
import signal
import sys
from asyncio import selector_events
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from socket import socket
from ssl import SSLContext
from typing import NoReturn

from msgspec import Struct
from tornado.httputil import ParseBodyConfig, ParseMultipartConfig, set_parse_body_config
from tornado.netutil import bind_sockets
from tornado.web import Application

from accounts import AccountsUnavailable
from handlers import (
    AttemptHandler,
    AttemptsHandler,
    BindHandler,
    CallbackHandler,
    Context,
    EmbedHandler,
    FrontDoor,
    HealthHandler,
    KeptFiles,
    LoginHandler,
    MetricsHandler,
    NameHandler,
    OwnSessionHandler,
    OwnSessionsHandler,
    ReadyHandler,
    SessionHandler,
    SignInHandler,
    SocketHandler,
    StaticHandler,
    UnbindHandler,
    UnknownHandler,
    UserHandler,
    WebLoginCallbackHandler,
    WebLoginHandler,
    read_static,
)
from login import CALLBACK_PATH
from processes import StartError, claim, embedded_store, run_workers, sandbox, socket_of
from serving import (
    AuditUnavailable,
    Reloader,
    demonstrate,
    drain,
    log_request,
    note_request,
    open_resources,
    set_up_logging,
)
from settings import (
    Settings,
    SettingsError,
    callback_url,
    load,
    needs_sandbox,
    needs_store,
    sandbox_account,
    with_addresses,
    with_overrides,
)

log = logging.getLogger("saoma")

HERE = Path(__file__).resolve().parent
MAX_BODY_BYTES = 64 * 1024
MAX_HEADER_BYTES = 16 * 1024
READ_BYTES = 64 * 1024
BODY_SECONDS = 10.0
# Balancers keep connections for a minute; who is slow to send a header has as long.
IDLE_SECONDS = 60.0
# How long a start waits for the store before pages are let in all the same.
STORE_SECONDS = 2.0


class Options(Struct, frozen=True, kw_only=True):
    """The command line."""

    config: str
    host: str | None = None
    port: int | None = None
    demo: bool = False
    worker: bool = False

    def load(self) -> Settings:
        """Return the settings of the file, with the addresses that are really used."""
        settings = with_overrides(load(self.config), self.host, self.port)
        return with_addresses(settings, socket_of(Path(settings.redis.data_dir)))


# ---- the application


def make_app(context: Context) -> Application:
    """Return every address that there is."""
    folder = HERE / "static"
    kept = KeptFiles(read_static(folder), context.site)
    static = {"path": str(folder), "version": context.static_version, "kept": kept}
    return Application(
        [
            (r"/", SignInHandler),
            (r"/user", UserHandler),
            (r"/embed/(zh|en)", EmbedHandler),
            (r"/ws", SocketHandler),
            (r"/attempts", AttemptsHandler),
            (r"/attempts/([^/]+)", AttemptHandler),
            (r"/login", LoginHandler),
            (r"/login/wechat", WebLoginHandler),
            (CALLBACK_PATH, WebLoginCallbackHandler),
            (r"/session", SessionHandler),
            (r"/sessions", OwnSessionsHandler),
            (r"/sessions/([^/]+)", OwnSessionHandler),
            (r"/user/bind", BindHandler),
            (r"/user/unbind", UnbindHandler),
            (r"/user/name", NameHandler),
            (r"/wechat", CallbackHandler),
            (r"/healthz", HealthHandler),
            (r"/readyz", ReadyHandler),
            (r"/metrics", MetricsHandler),
            (r"/static/(.*)", StaticHandler, static),
        ],
        compress_response=True,
        default_handler_class=UnknownHandler,
        context=context,
        log_function=log_request,
        template_path=str(HERE / "templates"),
        xsrf_cookies=True,
        xsrf_cookie_kwargs={"samesite": "Lax", "secure": context.site.secure},
        kept_files=kept,
    )


def make_server(
    app: Application,
    *,
    body_seconds: float = BODY_SECONDS,
    idle_seconds: float = IDLE_SECONDS,
    tls: SSLContext | None = None,
) -> FrontDoor:
    """Return a server for *app* that nobody can keep waiting, or fill."""
    # Forms of ours are urlencoded; what nobody sends cannot be sent to do harm.
    set_parse_body_config(ParseBodyConfig(multipart=ParseMultipartConfig(enabled=False)))
    context: Context = app.settings["context"]
    return FrontDoor(
        app,
        context=context,
        files=app.settings["kept_files"],
        note=note_request,
        body_timeout=body_seconds,
        idle_connection_timeout=idle_seconds,
        max_body_size=MAX_BODY_BYTES,
        max_header_size=MAX_HEADER_BYTES,
        ssl_options=tls,
    )


# ---- from start to end


async def serve(options: Options, settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, with the processes that the settings ask for.

    Raises:
        StartError: when something needed does not start.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    sockets = listen(settings, shared=options.worker)
    async with AsyncExitStack() as stack:
        if not options.worker:
            await start_helpers(stack, options, settings)
        if options.demo:
            await demonstrate(settings)
        if options.worker or settings.server.processes == 1:
            await run(options, settings, sockets, stopping)
        else:
            for each in sockets:
                each.close()
            await run_all(options, settings, stopping)


def listen(settings: Settings, *, shared: bool) -> list[socket]:
    """Return the listening sockets.

    Raises:
        StartError: when the port is taken or the address is not ours.
    """
    host, port = settings.server.host, settings.server.port
    try:
        return bind_sockets(port, host, backlog=1024, reuse_port=shared)
    except OSError as error:
        raise StartError(f"cannot listen on {host}:{port}: {error.strerror}") from None


async def start_helpers(stack: AsyncExitStack, options: Options, settings: Settings) -> None:
    """Start the embedded store and the sandbox where the settings ask for them."""
    original = load(options.config)
    if needs_store(original):
        folder = stack.enter_context(claim(Path(settings.redis.data_dir)))
        await stack.enter_async_context(embedded_store(folder))
    if needs_sandbox(original):
        await stack.enter_async_context(
            sandbox(
                host=settings.sandbox.host,
                port=settings.sandbox.port,
                callback=callback_url(settings),
                account=sandbox_account(settings),
            )
        )


async def run(
    options: Options, settings: Settings, sockets: list[socket], stopping: asyncio.Event
) -> None:
    """Serve on *sockets* until *stopping*, then end well."""
    async with AsyncExitStack() as stack:
        resources = await open_resources(stack, settings, HERE)
        reloader = Reloader(options.load, settings, resources)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reloader.reload)
        pages = asyncio.create_task(resources.context.pages.run())
        pages.add_done_callback(lambda _: stopping.set())  # without it, no page would hear a thing
        stack.push_async_callback(end, pages)
        with suppress(TimeoutError):
            # A page that opened before could wait for a sweep to hear its outcome.
            await asyncio.wait_for(resources.context.pages.subscribed(), STORE_SECONDS)
        with suppress(AccountsUnavailable):
            await resources.directory.ping()
        server = make_server(make_app(resources.context))
        server.add_sockets(sockets)
        settle_memory()
        read_less_at_once()
        log.info("serving url=%s", settings.server.public_url)
        await stopping.wait()
        await drain(server, resources.context, settings.server.drain_seconds)
    log.info("stopped")


def settle_memory() -> None:
    """Let the garbage collector pass over what start-up made, and seldom look at everything.

    Pages are freed by reference counts; with thousands of them, full passes that
    find nothing cost a fifth of a page, and passes over all that is new make scans
    wait (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 5, 1_000)


def read_less_at_once() -> None:
    """Let asyncio read up to 64 KiB at a time, not 256.

    Those are more than malloc keeps at hand: for each read, of a pong too, memory is mapped
    and unmapped, which costs seven times what the read does (docs/performance.md).
    """
    selector_events._SelectorTransport.max_size = READ_BYTES  # type: ignore[attr-defined]


async def end(task: asyncio.Task[None]) -> None:
    """Cancel *task* and wait until it is over; raise what had ended it before."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def run_all(options: Options, settings: Settings, stopping: asyncio.Event) -> None:
    """Run the workers until *stopping*."""
    command = [sys.executable, str(HERE / "server.py"), "--config", options.config, "--worker"]
    command += ["--host", settings.server.host, "--port", str(settings.server.port)]
    await run_workers(command, settings.server.workers, stopping, settings.server.drain_seconds)


def start(options: Options) -> int:
    """Serve until told to stop; return the exit code."""
    try:
        settings = options.load()
        set_up_logging(settings.log.level)
        asyncio.run(serve(options, settings))
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201, the operator's line
        return 2
    except StartError as error:
        print(f"saoma: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except AccountsUnavailable as error:
        print(f"saoma: the accounts cannot be opened: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except AuditUnavailable as error:
        print(f"saoma: the audit log cannot be written: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong with the arguments."""

    def error(self, message: str) -> NoReturn:
        """Say it and exit with code 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `server.py` and `saoma serve` take."""
    parser.add_argument(
        "--config", metavar="FILE", default="config.yaml", help="the settings (config.yaml)"
    )
    parser.add_argument("--host", metavar="H", help="overrides server.host")
    parser.add_argument("--port", metavar="N", type=port, help="overrides server.port")
    parser.add_argument("--demo", action="store_true", help="make and print a demo account")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)


def port(text: str) -> int:
    """Return *text* as a TCP port."""
    if not (text.isdecimal() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError("expected a number from 1 to 65535")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and serve."""
    parser = Parser(description="Sign people in with a WeChat scan.")
    add_arguments(parser)
    return start(Options(**vars(parser.parse_args(arguments))))


if __name__ == "__main__":
    sys.exit(main())

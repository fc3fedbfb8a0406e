"""`python -m sandbox`: the stand-in as a process of its own.

Exit status: 0 after SIGTERM or SIGINT, 2 for wrong arguments or credentials, 1 for anything else,
a taken port among it.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence

from sandbox.account import Account
from sandbox.formats import Data, Mode, PushFormat
from sandbox.server import serve_sandbox

logger = logging.getLogger("sandbox")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal comes; return the exit status."""
    options = parse(arguments)
    try:
        account = Account.from_environment(os.environ)
    except ValueError as error:
        sys.stderr.write(f"sandbox: SANDBOX_…: {error}\n")
        return 2
    wanted = PushFormat(Mode(options.push_mode or account.push_format.mode), options.push_data)
    if wanted.encrypts and not account.encoding_aes_key:
        sys.stderr.write(f"sandbox: --push-mode {wanted.mode} needs SANDBOX_ENCODING_AES_KEY\n")
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(serve(options, account, wanted))
    except OSError as error:
        where = f"{options.host}:{options.port}"
        sys.stderr.write(f"sandbox: cannot listen on {where}: {error.strerror or error}\n")
        return 1
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="A stand-in for the WeChat platform, with a virtual phone at /phone.",
        epilog="Credentials: SANDBOX_APPID, SANDBOX_SECRET, SANDBOX_TOKEN, "
        "SANDBOX_ENCODING_AES_KEY (set = safe mode unless told), SANDBOX_OPEN_APPID, "
        "SANDBOX_OPEN_SECRET, "
        "SANDBOX_WEB_DOMAIN.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8889)
    parser.add_argument(
        "--callback",
        action="append",
        metavar="URL",
        help="where pushes go; give it again for several that take turns "
        "(default: http://127.0.0.1:8888/wechat)",
    )
    parser.add_argument(
        "--push-mode",
        choices=[mode.value for mode in Mode],
        help="how much of a push is encrypted (default: safe with a key, else plain)",
    )
    parser.add_argument(
        "--push-data", type=Data, choices=list(Data), default=Data.XML, help="default: xml"
    )
    options = parser.parse_args(arguments)
    options.callback = options.callback or ["http://127.0.0.1:8888/wechat"]
    return options


async def serve(options: argparse.Namespace, account: Account, push_format: PushFormat) -> None:
    """Serve until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    async with serve_sandbox(
        callback=options.callback,
        account=account,
        host=options.host,
        port=options.port,
        push_format=push_format,
    ) as sandbox:
        mode, data = push_format.mode, push_format.data
        logger.info("serving phone=%s/phone mode=%s data=%s", sandbox.base_url, mode, data)
        await stopping.wait()
        logger.info("stopping")


if __name__ == "__main__":
    sys.exit(main())

"""The WeChat sandbox as a process of its own."""

import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from processes.child import Program, StartError, kept


@asynccontextmanager
async def sandbox(
    *, host: str, port: int, callback: str, account: Mapping[str, str]
) -> AsyncIterator[None]:
    """Run the sandbox at *host*:*port*, pushing to *callback*, until the context ends.

    *account* are its environment variables: appid, secret, token and key.

    Raises:
        StartError: when it cannot be started, as when its port is taken.
    """
    if _listens(host, port):
        raise StartError(f"port {port} is taken; set sandbox.port for the WeChat sandbox")
    command = [sys.executable, "-m", "sandbox"]
    command += ["--host", host, "--port", str(port), "--callback", callback]
    program = Program(
        name="the WeChat sandbox",
        command=command,
        environ=account,
        ready=lambda: _listens(host, port),
    )
    async with kept(program):
        yield


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False

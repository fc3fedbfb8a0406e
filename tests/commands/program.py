"""The program as an operator has it: commands, files, processes, signals."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from server import HERE

SERVER = (sys.executable, str(HERE / "server.py"))
SAOMA = (sys.executable, str(HERE / "command_line.py"))


@dataclass
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


async def run(*command: str, folder: Path) -> Ended:
    """Run *command* in *folder* until it ends."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


def write_settings(folder: Path, **sections: Mapping[str, Any]) -> Path:
    """Write *sections* to `config.yaml` in *folder*."""
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump({name: dict(values) for name, values in sections.items()}))
    return file


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


async def until(true: Callable[[], bool | Awaitable[bool]], what: str) -> None:
    """Return when something outside of this process is *true*; the only poll of these tests."""
    for _ in range(1500):
        answer = true()
        if answer if isinstance(answer, bool) else await answer:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"waited in vain for {what}")


@dataclass
class Server:
    """A running `server.py`, and all processes that it started."""

    process: asyncio.subprocess.Process
    base_url: str
    folder: Path
    out: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def logged(self, text: str, times: int = 1) -> list[str]:
        """Return the lines of the log with *text*, when there are so many."""

        def found() -> list[str]:
            return [line for line in self.log if text in line]

        async with asyncio.timeout(30), self._news:
            await self._news.wait_for(lambda: len(found()) >= times)
        return found()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Return the exit code, once all of the output is read."""
        async with asyncio.timeout(30):
            return await self.process.wait()

    def hang_up(self) -> None:
        """Tell it to read its settings again."""
        self.process.send_signal(signal.SIGHUP)

    def processes(self) -> dict[int, str]:
        """Return it and its children, as far as they live: id and command.

        All of them, and nobody else, work in its folder.
        """
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (process / "cwd").readlink().is_relative_to(self.folder):
                    command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(process.name)] = command.decode()
            except OSError:
                continue  # ended while we looked
        return found

    def children(self, word: str) -> list[int]:
        """Return the ids of its children with *word* in their commands."""
        return [
            pid
            for pid, command in self.processes().items()
            if word in command and pid != self.process.pid
        ]

    async def take_down(self, stream: asyncio.StreamReader, lines: list[str]) -> None:
        """Add what comes from *stream* to *lines*."""
        async for line in stream:
            async with self._news:
                lines.append(line.decode().rstrip("\n"))
                self._news.notify_all()


@asynccontextmanager
async def start(folder: Path, *arguments: str, port: int = 0) -> AsyncIterator[Server]:
    """Run the server with `config.yaml` in *folder*; at the end nothing of it is left."""
    port = port or free_port()
    process = await asyncio.create_subprocess_exec(
        *SERVER,
        "--config",
        "config.yaml",
        "--port",
        str(port),
        *arguments,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    server = Server(process, f"http://127.0.0.1:{port}", folder)
    listening = [
        asyncio.create_task(server.take_down(process.stdout, server.out)),
        asyncio.create_task(server.take_down(process.stderr, server.log)),
    ]
    try:
        yield server
    finally:
        for pid in server.processes():
            with suppress(ProcessLookupError):  # one that ends with the one before it
                os.kill(pid, signal.SIGKILL)
        await asyncio.gather(process.wait(), *listening)


@asynccontextmanager
async def serve(folder: Path, *arguments: str, port: int = 0) -> AsyncIterator[Server]:
    """Run the server as `start` does, and wait until it is ready."""
    async with start(folder, *arguments, port=port) as server:
        await ready(server)
        yield server


async def ready(server: Server) -> None:
    """Return when `/readyz` is 200."""

    async def is_ready() -> bool:
        assert server.process.returncode is None, server.log
        try:
            async with http.get(f"{server.base_url}/readyz") as response:
                return response.status == 200
        except aiohttp.ClientConnectionError:
            return False

    async with aiohttp.ClientSession() as http:
        await until(is_ready, "the server")

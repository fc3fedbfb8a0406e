"""Server processes as an operator runs them, to be killed and restarted.

nodes = Nodes(folder, store_url, sandbox_url, count=2)
await nodes.start()
nodes[0].kill()
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import yaml

ROOT = Path(__file__).parents[2]
# On a machine with other work, hundreds of pages knock while a node starts.
START_SECONDS = 60


class Node:
    """One process of `server.py`, on a port that stays the same over restarts."""

    def __init__(self, config: Path, port: int) -> None:
        self.config = config
        self.base_url = f"http://127.0.0.1:{port}"
        self.process: asyncio.subprocess.Process | None = None
        self.environment: dict[str, str] = {}
        """What its next process has in its environment beside ours."""

    async def start(self) -> None:
        """Start it and return when it answers."""
        with self.config.with_suffix(".log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "server.py", "--config", str(self.config)),
                cwd=ROOT,
                stderr=log,
                env=os.environ | self.environment,
            )
        async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as http:
            while not await self._answers(http):
                assert self.process.returncode is None, self.log()
                await asyncio.sleep(0.02)

    async def _answers(self, http: aiohttp.ClientSession) -> bool:
        try:
            async with http.get(f"{self.base_url}/healthz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    @property
    def runs(self) -> bool:
        """Whether there is a process."""
        return self.process is not None and self.process.returncode is None

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code; killed is minus the signal's number."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await self.process.wait()

    def log(self) -> str:
        """Return what it has written."""
        return self.config.with_suffix(".log").read_text()


class Nodes(list[Node]):
    """Several nodes of one site. Browsers know it by the first one's address."""

    def __init__(
        self,
        folder: Path,
        store_url: str,
        sandbox_url: str,
        count: int,
        **sections: dict[str, Any],
    ) -> None:
        ports = free_ports(count)
        self.origin = f"http://127.0.0.1:{ports[0]}"
        for port in ports:
            config: dict[str, dict[str, Any]] = {
                "server": {"port": port, "public_url": self.origin, "drain_seconds": 5},
                "redis": {"url": store_url},
                "wechat": {"api_base_url": sandbox_url, "mp_base_url": sandbox_url},
                "accounts": {"url": f"sqlite+aiosqlite:///{folder}/accounts.db"},
                "login": {"auto_register": True},
            }
            for section, values in sections.items():
                config[section] = {**config.get(section, {}), **values}
            file = folder / f"node-{port}.yaml"
            file.write_text(yaml.safe_dump(config))
            self.append(Node(file, port))

    @property
    def urls(self) -> Sequence[str]:
        """Their addresses."""
        return [node.base_url for node in self]

    @property
    def callbacks(self) -> list[str]:
        """Where WeChat pushes to."""
        return [f"{url}/wechat" for url in self.urls]

    async def start(self) -> None:
        """Start all."""
        await asyncio.gather(*(node.start() for node in self))

    async def end(self) -> None:
        """End all that still run, at once."""
        for node in self:
            if node.runs:
                await node.stop(signal.SIGKILL)


def free_ports(count: int) -> list[int]:
    """Return ports on which nobody listens."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports

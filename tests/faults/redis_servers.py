"""Debian's redis-server in the two shapes that survive a dead primary."""

import asyncio
import itertools
import random
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError

from tests.faults.scans import until

SLOTS = 16384
PRESENT = shutil.which("redis-server") is not None
# No connection that goes out is given one of these, nor one of the bus ports above them.
# Source: Linux, net.ipv4.ip_local_port_range; Redis, "Create a Redis Cluster" (port + 10000).
PORTS = range(10_000, 20_000)
BUS = 10_000


class Server:
    """One process of redis-server."""

    def __init__(self, port: int, process: asyncio.subprocess.Process) -> None:
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self.client = Redis(port=port, decode_responses=True)
        self._process = process

    async def kill(self) -> None:
        """End it without a word."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def ask(self, command: str) -> Any:
        """Return what it answers to *command*."""
        return await self.client.execute_command(command)  # type: ignore[no-untyped-call]

    async def answers(self) -> bool:
        """Tell whether it serves."""
        try:
            return bool(await self.client.ping())
        except RedisError:
            return False


def quiet_ports(count: int) -> list[int]:
    """Return so many ports that are free, with the ports of a cluster's bus that belong to them."""
    shuffled = random.sample(PORTS, len(PORTS))
    free = (port for port in shuffled if is_free(port) and is_free(port + BUS))
    return list(itertools.islice(free, count))


def is_free(port: int) -> bool:
    """Tell whether nobody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def write(folder: Path, text: str) -> Path:
    """Make *folder* with a configuration in it."""
    folder.mkdir()
    file = folder / "redis.conf"
    file.write_text(text)
    return file


@asynccontextmanager
async def redis_server(folder: Path, port: int, *lines: str) -> AsyncIterator[Server]:
    """Run a server with those lines of configuration."""
    head = [f"port {port}", "bind 127.0.0.1", f"dir {folder}", f"logfile {folder}/log"]
    head += ['save ""', "repl-diskless-sync-delay 0"]
    file = write(folder, "\n".join([*head, *lines, ""]))
    arguments = ["--sentinel"] if any(line.startswith("sentinel") for line in lines) else []
    process = await asyncio.create_subprocess_exec("redis-server", str(file), *arguments)
    server = Server(port, process)
    try:
        await until(server.answers)
        yield server
    finally:
        await server.client.aclose()
        await server.kill()


@asynccontextmanager
async def behind_sentinels(folder: Path) -> AsyncIterator[tuple[str, Server, Server]]:
    """Run a primary, a replica and three Sentinels; yield their address, and the two."""
    one, two, *others = quiet_ports(5)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        primary = await enter(redis_server(folder / "primary", one))
        replica = await enter(redis_server(folder / "replica", two, f"replicaof 127.0.0.1 {one}"))
        sentinels = [
            await enter(
                redis_server(
                    folder / f"sentinel{port}",
                    port,
                    f"sentinel monitor saoma 127.0.0.1 {one} 2",
                    "sentinel down-after-milliseconds saoma 300",
                    "sentinel failover-timeout saoma 2000",
                )
            )
            for port in others
        ]

        async def agreed() -> bool:
            """Each Sentinel knows the replica and the two others."""
            for each in sentinels:
                flat = await each.ask("SENTINEL MASTER saoma")
                found = (
                    flat
                    if isinstance(flat, dict)
                    else dict(zip(flat[::2], flat[1::2], strict=True))
                )
                if (int(found["num-slaves"]), int(found["num-other-sentinels"])) != (1, 2):
                    return False
            return await linked(replica)

        await until(agreed)
        addresses = ",".join(each.address for each in sentinels)
        yield f"redis+sentinel://{addresses}/saoma", primary, replica


@asynccontextmanager
async def cluster(folder: Path, prefix: str) -> AsyncIterator[tuple[str, Server, Server]]:
    """Run three primaries, and a replica of the one with the keys of *prefix*; yield both."""
    ports = quiet_ports(4)
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(
                redis_server(
                    folder / f"node{port}",
                    port,
                    "cluster-enabled yes",
                    "cluster-node-timeout 500",
                    "cluster-replica-validity-factor 0",
                )
            )
            for port in ports
        ]
        *primaries, replica = servers
        bounds = [SLOTS * place // 3 for place in range(4)]
        for place, server in enumerate(primaries):
            slots = f"{bounds[place]} {bounds[place + 1] - 1}"
            await server.ask(f"CLUSTER ADDSLOTSRANGE {slots}")
            await server.ask(f"CLUSTER SET-CONFIG-EPOCH {place + 1}")
        for server in servers[1:]:
            await server.ask(f"CLUSTER MEET 127.0.0.1 {ports[0]}")

        async def known() -> bool:
            nodes = [await server.ask("CLUSTER NODES") for server in servers]
            return all(len(found) == len(servers) for found in nodes)

        await until(known)
        slot = key_slot(f"{{{prefix}}}".encode())
        owner = primaries[next(place for place in range(3) if slot < bounds[place + 1])]
        name = await owner.ask("CLUSTER MYID")
        await replica.ask(f"CLUSTER REPLICATE {name}")

        async def whole() -> bool:
            states = [await server.ask("CLUSTER INFO") for server in servers]
            return all("ok" == each["cluster_state"] for each in states) and await linked(replica)

        await until(whole)
        yield f"redis+cluster://{primaries[0].address}", owner, replica


async def linked(replica: Server) -> bool:
    """Tell whether a replica has all that its primary had."""
    return "up" == (await replica.client.info("replication")).get("master_link_status")

"""The stand-in as a process: credentials, signals, exit status."""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest

Start = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start `python -m sandbox`; whatever still runs is killed afterwards."""
    started: list[asyncio.subprocess.Process] = []

    async def start_one(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sandbox", "--port", "0", *arguments),
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
        started.append(process)
        return process

    yield start_one
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def read_line(process: asyncio.subprocess.Process) -> str:
    """Return the next line of the log."""
    assert process.stderr is not None
    return (await process.stderr.readline()).decode()


async def test_process_stops_in_good_order(start: Start, http: aiohttp.ClientSession) -> None:
    """
    It serves with the environment's credentials, logs no secret, and a signal ends it with 0.
    """
    names = (signal.SIGTERM, signal.SIGINT)
    processes = [await start(SANDBOX_APPID="wx1", SANDBOX_SECRET="hush-hush") for _ in names]
    query = {"grant_type": "client_credential", "appid": "wx1", "secret": "hush-hush"}
    for process in processes:
        base_url = (await read_line(process)).partition("phone=")[2].partition("/phone ")[0]
        async with http.get(base_url + "/cgi-bin/token", params=query) as response:
            assert "access_token" in await response.json(content_type=None)

    asked_at = time.monotonic()
    for process, name in zip(processes, names, strict=True):
        process.send_signal(name)
    logs = [(await process.communicate())[1] for process in processes]

    assert [process.returncode for process in processes] == [0, 0]
    assert time.monotonic() - asked_at < 1
    assert all(b"path=/cgi-bin/token errcode=0" in log for log in logs)
    assert not any(b"hush" in log for log in logs)


async def test_process_ends_when_its_port_is_taken(start: Start) -> None:
    """
    A taken port is one line and status 1.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await start("--port", str(port))
        _, log = await process.communicate()

    assert process.returncode == 1
    assert f"sandbox: cannot listen on 127.0.0.1:{port}: Address already in use\n" == log.decode()


async def test_process_refuses_credentials_that_cannot_be(start: Start) -> None:
    """
    A key of the wrong length is one line and status 2.
    """
    process = await start(SANDBOX_ENCODING_AES_KEY="short")
    _, log = await process.communicate()

    assert process.returncode == 2
    assert log.count(b"\n") == 1
    assert b"43 letters or digits" in log


async def test_process_pushes_in_the_format_it_was_told(start: Start) -> None:
    """
    `--push-mode` and `--push-data` choose among the six formats; a mode without its key is 2.
    """
    key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
    formats = ("--push-mode", "compatible", "--push-data", "json")
    process = await start(*formats, SANDBOX_ENCODING_AES_KEY=key)
    keyless = await start(*formats)
    _, log = await keyless.communicate()

    assert "mode=compatible data=json" in await read_line(process)
    assert keyless.returncode == 2
    assert log == b"sandbox: --push-mode compatible needs SANDBOX_ENCODING_AES_KEY\n"

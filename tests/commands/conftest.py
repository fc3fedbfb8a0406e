"""What a server under test needs besides itself."""

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import pytest

import command_line
from sandbox import Sandbox, serve_sandbox
from tests.commands.program import Ended, free_port
from tests.site import ACCOUNT

Sections = dict[str, dict[str, Any]]


class Saoma(Protocol):
    """`saoma("accounts", "list")`: run the command in this process, which is quicker."""

    def __call__(self, *arguments: str, given: str = "") -> Ended:
        """Run it with *given* on standard input."""


@pytest.fixture
def saoma(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Saoma:
    """The command `saoma`."""

    def run(*arguments: str, given: str = "") -> Ended:
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        try:
            code = command_line.main(arguments)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        return Ended(code, *capsys.readouterr())

    return run


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A WeChat in the test's own process."""
    async with serve_sandbox(account=ACCOUNT) as running:
        yield running


@pytest.fixture
def quick(store_url: str, prefix: str, sandbox: Sandbox, folder: Path) -> Sections:
    """Settings of a server that has store and WeChat already, and so starts quickly."""
    return {
        "redis": {"url": store_url, "key_prefix": prefix},
        "wechat": {"api_base_url": sandbox.base_url, "mp_base_url": sandbox.base_url},
        "accounts": {"url": f"sqlite+aiosqlite:///{folder}/accounts.db"},
    }


@pytest.fixture
def alone(folder: Path) -> Sections:
    """Settings of a server that brings everything along, as `make run` has it."""
    return {
        "redis": {"data_dir": f"{folder}/data"},
        "sandbox": {"port": free_port()},
        "accounts": {"url": f"sqlite+aiosqlite:///{folder}/data/saoma.db"},
    }

"""Debian's PostgreSQL and MariaDB, each once for a whole run, on sockets in a folder of their own.

Neither is the machine's own server: both run as a user who may do nothing, keep
nothing safe on a disk, and let in whoever reaches their socket.
"""

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

START_SECONDS = 30.0
POSTGRESQL = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
MARIADB = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
# Both refuse to run as root.
NOBODY: dict[str, Any] = (
    {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
)
# Of a transaction, in seconds: races are about who wins, not about how busy the machine is.
PATIENCE = 60.0
# One process of the tests starts each of them, and runs all that needs it.
KINDS = [
    pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ("postgresql", "mariadb")
]
_numbers = itertools.count(1)


class SqlServer(Struct, frozen=True):
    """A running server. In its texts stands {name} for a database that is the test's alone."""

    address: str
    admin: str
    """The name in the address of whoever makes databases."""
    make: tuple[str, ...]
    """The statements that make one."""

    async def new_database(self) -> str:
        """Make an empty database; return its address, as SQLAlchemy takes it."""
        name = f"test{next(_numbers)}"
        admin = self.address.format(name=self.admin)
        engine = create_async_engine(admin, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            for statement in self.make:
                await connection.execute(text(statement.format(name=name)))
        await engine.dispose()
        return self.address.format(name=name)


@contextmanager
def postgresql() -> Iterator[SqlServer]:
    """Run PostgreSQL."""
    assert POSTGRESQL
    with _folder() as folder:
        initdb: list[str | Path] = [
            POSTGRESQL / "initdb",
            "-D",
            folder / "data",
            "--no-sync",
            "--no-instructions",
        ]
        initdb += ["-A", "trust", "-U", "root", "--locale=C", "-E", "UTF8"]
        subprocess.run(initdb, **NOBODY, check=True, stdout=subprocess.DEVNULL)
        settings = {"listen_addresses": "", "fsync": "off", "deadlock_timeout": "20ms"}
        command: list[str | Path] = [POSTGRESQL / "postgres", "-D", folder / "data", "-k", folder]
        command += [each for name, value in settings.items() for each in ("-c", f"{name}={value}")]
        with _running(command, folder, "ready to accept connections"):
            # A schema of one's own is found by its owner's name; a database has 300 files.
            yield SqlServer(
                f"postgresql+asyncpg://{{name}}@/postgres?host={folder}",
                "root",
                ("CREATE ROLE {name} LOGIN", "CREATE SCHEMA {name} AUTHORIZATION {name}"),
            )


@contextmanager
def mariadb() -> Iterator[SqlServer]:
    """Run MariaDB, in another time zone than ours. Without tables of rights it needs no set-up."""
    assert MARIADB
    with _folder() as folder:
        command: list[str | Path] = [
            MARIADB,
            "--no-defaults",
            f"--datadir={folder}",
            f"--socket={folder}/socket",
        ]
        command += [f"--pid-file={folder}/pid", "--skip-networking", "--skip-grant-tables"]
        command += ["--innodb-flush-log-at-trx-commit=0", "--innodb-fast-shutdown=2"]
        command += ["--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M"]
        command += ["--default-time-zone=+08:00"]
        with _running(command, folder, "ready for connections"):
            yield SqlServer(
                f"mysql+aiomysql://root@/{{name}}?unix_socket={folder}/socket",
                "",
                ("CREATE DATABASE {name}",),
            )


@contextmanager
def _folder() -> Iterator[Path]:
    """Make a short one: the address of a socket has 108 bytes at the most."""
    with tempfile.TemporaryDirectory(prefix="sql", ignore_cleanup_errors=True) as name:
        if NOBODY:
            shutil.chown(name, NOBODY["user"], NOBODY["group"])
        yield Path(name)


@contextmanager
def _running(command: Sequence[str | Path], folder: Path, ready: str) -> Iterator[None]:
    """Run *command* as long as it is needed; it serves when its log says that it is *ready*."""
    log = folder / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(command, **NOBODY, stdout=stream, stderr=stream)
    try:
        end = time.monotonic() + START_SECONDS
        while ready not in log.read_text(errors="replace"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.01)
        yield
    finally:
        process.kill()
        process.wait()

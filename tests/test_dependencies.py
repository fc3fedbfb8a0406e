"""What is installed: pinned, with hashes, and from no index in particular."""

import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_dependency_is_pinned_with_hashes(lock: Path):
    """
    A package that was exchanged somewhere on the way is not installed.
    """
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]

    assert len(lines) > 20
    for line in lines:
        assert re.match(r"[a-z0-9-]+==\S+ +(--hash=sha256:[0-9a-f]{64} *)+$", line), line
    assert "://" not in text


def test_web_framework_is_newer_than_what_is_known_to_be_weak():
    """
    Tornado before 6.5.6 could be kept busy with multipart bodies and headers.
    """
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    bounds = config["options"]["install_requires"].split()

    (least,) = [bound for bound in bounds if bound.startswith("tornado>=")]

    assert tuple(map(int, least.removeprefix("tornado>=").split("."))) > (6, 5, 5)

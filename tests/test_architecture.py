"""Imports point down only."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "store": set(),
    "metrics": set(),
    "scene_pool": {"store"},
    "wechat": {"store"},
    "accounts": {"store"},
    "login": {"scene_pool", "wechat", "accounts", "store"},
    "handlers": {"login", "scene_pool", "wechat", "accounts", "store", "metrics"},
    "settings": set(),
    "serving": {
        *("handlers", "login", "scene_pool", "wechat", "accounts", "store"),
        *("metrics", "settings"),
    },
    "processes": set(),
    "sandbox": set(),
}
PURE = ("flow", "messages", "errors")


def imported(file: Path) -> set[str]:
    """Return the modules that *file* imports, in full."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: a relative import"
            found.add(node.module or "")
    return found


def packages(file: Path) -> set[str]:
    """Return the top-level names that *file* imports."""
    return {name.partition(".")[0] for name in imported(file)}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_package_imports_only_what_lies_below_it(package: str):
    """
    A package knows those below it, never those above or beside it.
    """
    allowed = MAY_IMPORT[package] | {package}

    for file in (ROOT / package).rglob("*.py"):
        assert set() == (packages(file) & MAY_IMPORT.keys()) - allowed, file


@pytest.mark.parametrize("module", PURE)
def test_flow_messages_and_errors_know_nothing_of_networks(module: str):
    """
    What decides is free of I/O: the standard library, msgspec and one another.
    """
    names = imported(ROOT / "login" / f"{module}.py")

    allowed = {"msgspec", *sys.stdlib_module_names}
    beyond = {name for name in names if name.partition(".")[0] not in allowed}
    assert beyond <= {f"login.{other}" for other in PURE}


def test_login_knows_no_tornado():
    """
    Sockets and requests are the handlers' business.
    """
    for file in (ROOT / "login").glob("*.py"):
        assert "tornado" not in packages(file), file


def test_every_package_of_ours_has_a_place():
    """
    A new package is put into the picture.
    """
    folders = {folder.parent.name for folder in ROOT.glob("*/__init__.py")}

    assert MAY_IMPORT.keys() == folders - {"tests", "benchmarks"}


PRODUCT = [
    *sorted(ROOT.glob("*.py")),
    *sorted(file for package in MAY_IMPORT for file in (ROOT / package).rglob("*.py")),
]


def test_product_never_imports_the_sandbox() -> None:
    """
    The stand-in talks to the product over HTTP as WeChat does, and no other way.
    """
    files = [file for file in PRODUCT if file.relative_to(ROOT).parts[0] != "sandbox"]

    assert [] == [file for file in files if "sandbox" in packages(file)]


def test_settings_are_known_at_the_top_only() -> None:
    """
    Whoever is below the wiring takes plain arguments.
    """
    knows = {file.relative_to(ROOT).parts[0] for file in PRODUCT if "settings" in packages(file)}

    assert {"server.py", "command_line.py", "serving", "settings"} >= knows


def test_nobody_imports_the_entry_points_but_the_command() -> None:
    """
    The wiring is the top: nothing below knows it.
    """
    files = [file for file in PRODUCT if {"server", "command_line"} & packages(file)]

    assert {ROOT / "command_line.py"} >= set(files)


def test_product_never_imports_the_tests() -> None:
    """
    What is for tests stays there.
    """
    assert [] == [file for file in PRODUCT if "tests" in packages(file)]

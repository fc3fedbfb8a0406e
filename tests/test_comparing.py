"""Secrets are looked up by their digest, or compared in constant time."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.test_architecture import MAY_IMPORT, ROOT

SECRET = re.compile(r"(?<!xsrf_)(secret|token|signature|password|proof|nonce)$")


def names_of(node: ast.AST) -> Iterator[str]:
    """Yield how the compared thing is called."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            yield name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            yield name


@pytest.mark.parametrize("package", [name for name in MAY_IMPORT if name != "sandbox"])
def test_no_secret_is_compared_by_its_letters(package: str):
    """
    `==` stops at the first letter that differs, and how long it took tells which one.
    """
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in sorted((ROOT / package).rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and any(
            SECRET.search(name)
            for side in (node.left, *node.comparators)
            for name in names_of(side)
        )
    ]

    assert [] == found

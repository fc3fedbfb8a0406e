"""What the documents point to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_tests_and_files_that_a_document_names_exist(document: Path):
    """
    A control whose test was renamed is a control without a test.
    """
    text = document.read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[\w./]+)`", text))
    linked = set(re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text))

    assert [] == [name for name in sorted(named) if not (ROOT / name).exists()]
    assert [] == [link for link in sorted(linked) if not (document.parent / link).exists()]

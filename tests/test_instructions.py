"""What a scan and a login cost, in instructions, must not grow unseen."""

import asyncio

import pytest

from benchmarks.instructions import has_valgrind, run
from benchmarks.servers import SAOMA

PAGES = 16
# Some more than was counted last (docs/performance.md): other versions of Python
# and of libraries count otherwise, and few pages carry all that a server does by itself.
SCAN = 1_600
LOGIN = 4_600


@pytest.mark.skipif(not has_valgrind(), reason="no valgrind here")
def test_scan_and_login_cost_no_more_than_they_did():
    """
    Counted by callgrind over a few pages, whatever else the machine is doing.
    """
    counted = asyncio.run(run([SAOMA], PAGES))[SAOMA.name]

    assert SCAN > counted["scan"]
    assert LOGIN > counted["login"]

"""A quick part of the long run (`make chaos`), as long as it takes to break most things once."""

from pathlib import Path

from tests.faults.chaos import POOL, run


async def test_faults_at_random_lose_misdeliver_and_double_nothing(folder: Path) -> None:
    """
    Two nodes, one store, pages and phones, faults of every kind: nothing goes wrong.
    """
    brief = POOL | {"ticket_seconds": 3, "late_seconds": 2}
    report = await run(seconds=5, seed=20, people=30, folder=folder, pool=brief)

    assert report.fine, report
    assert report.signed_in >= 10, report
    assert report.faults.total() >= 2, report

"""`saoma plan`: what it says, and that following it helps."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from server import HERE
from store import Store
from tests.commands.conftest import Saoma, Sections
from tests.commands.program import SAOMA, run, serve, write_settings
from tests.commands.test_config_command import assert_one_line
from tests.site import Visitor
from wechat import Budget, Limits

NO_STORE = {"redis": {"url": "redis://127.0.0.1:1"}}
SHIPPED = str(HERE / "config.yaml")


def lines_of(saoma: Saoma, file: Path | str, *arguments: str) -> list[str]:
    """Return what the plan for *file* says."""
    planned = saoma("plan", "--config", str(file), *arguments)
    assert (0, "") == (planned.code, planned.err)
    return planned.out.splitlines()


def advice_in(lines: list[str]) -> Sections:
    """Return the keys that a plan wants changed, by section."""
    start = lines.index("Change, and send SIGHUP:") + 1
    changes: Sections = {}
    for line in lines[start:]:
        if line.startswith("  "):
            path, value = line.split(": ")
            section, key = path.strip().split(".")
            changes.setdefault(section, {})[key] = yaml.safe_load(value)
    return changes


def test_plan_tells_what_the_configuration_carries(saoma: Saoma, folder: Path) -> None:
    """
    Codes a second, pages at once, visitors a day; and that the store could not be asked.
    """
    lines = lines_of(saoma, write_settings(folder, **NO_STORE))

    assert [
        "Pool: 10,000 scene ids; the id of a code rests for 200 s.",
        "  50 new codes a second, for any length of time",
        "  9,000 pages open at once",
        "Quota: 100,000 codes a day (wechat.daily_codes).",
        "  from 90,000 on, only visitors who click get another code,",
        "  a browser after waits that grow from 1 to 16 minutes",
        "  used today: not known, the store cannot be reached",
        "  100,000 visitors a day who scan their first code",
        "  or 16,666 pages that are left alone (6 codes each, then they pause)",
        "  or 208 pages open all day long whose visitors always ask for more (480 codes each)",
    ] == lines


def test_plan_says_that_visitors_are_carried(saoma: Saoma, folder: Path) -> None:
    """
    An hourly rate counts for the second and for the whole day.
    """
    lines = lines_of(saoma, write_settings(folder, **NO_STORE), "--arrivals", "900/hour")

    assert [
        "Arrivals: up to 0.25 a second, 21,600 a day, pages open for 60 s: 1 code each.",
        "  50 of 10,000 scene ids: enough",
        "  21,600 of 100,000 codes a day: enough",
        "This configuration carries them.",
    ] == lines[-4:]


def test_peak_and_day_can_be_told_apart(saoma: Saoma, folder: Path) -> None:
    """
    Of several rates the highest is the peak, and the one of the longest time tells the day.
    """
    file = write_settings(folder, **NO_STORE)
    lines = lines_of(saoma, file, "--arrivals", "6000/day", "90/minute", "900/hour")

    assert "up to 1.5 a second, 6,000 a day" in lines[-4]


@pytest.mark.parametrize(
    ("before", "arguments"),
    [
        ({"pool": {"size": 10}}, ["--arrivals", "10/second", "5000/day"]),
        ({"pool": {"size": 10, "rest_seconds": 0}}, ["--arrivals", "10/second", "5000/day"]),
        ({"wechat": {"daily_codes": 1000}}, ["--arrivals", "100/hour"]),
        ({}, ["--arrivals", "30000/day", "--stay", "3600"]),
        (
            {"pool": {"size": 7, "first_scene_id": 4_294_967_289}},
            ["--arrivals", "1/second", "--stay", "400"],
        ),
    ],
)
def test_plan_that_is_followed_carries_the_visitors(
    saoma: Saoma, folder: Path, before: Sections, arguments: list[str]
) -> None:
    """
    The keys that a plan names, put into the file, are all that is needed.
    """
    first = lines_of(saoma, write_settings(folder, **NO_STORE, **before), *arguments)
    after: dict[str, dict[str, Any]] = {section: dict(keys) for section, keys in before.items()}
    for section, keys in advice_in(first).items():
        after.setdefault(section, {}).update(keys)
    second = lines_of(saoma, write_settings(folder, **NO_STORE, **after), *arguments)

    assert any("NOT ENOUGH" in line for line in first)
    assert "This configuration carries them." == second[-1]


def test_plan_says_what_no_setting_can_do(saoma: Saoma, folder: Path) -> None:
    """
    More visitors than WeChat makes codes for need more than a change of the file.
    """
    file = write_settings(folder, **NO_STORE)
    lines = lines_of(saoma, file, "--arrivals", "300000/day")

    assert "  300,000 of 100,000 codes a day: NOT ENOUGH" in lines
    assert lines[-1].startswith("Not to be had by settings: WeChat makes 100,000 codes a day")


def test_plan_counts_codes_that_are_made_ahead(saoma: Saoma, folder: Path) -> None:
    """
    Each process makes its own, and what they use up is not for visitors.
    """
    file = write_settings(folder, **NO_STORE, pool={"ready": 2}, server={"processes": 3})
    lines = lines_of(saoma, file, "--arrivals", "95000/day")

    assert "  at most 5,760 for codes made ahead on this node (pool.ready)" in lines
    assert "  94,240 visitors a day who scan their first code" in lines
    assert "  100,760 of 100,000 codes a day: NOT ENOUGH" in lines
    assert lines[-1].endswith("need more than the 5,760 of pool.ready leave.")


def test_plan_without_a_limit_reckons_with_wechats(saoma: Saoma, folder: Path) -> None:
    """
    With `wechat.daily_codes` 0 no reserve is told, and WeChat's own limit counts.
    """
    file = write_settings(folder, **NO_STORE, wechat={"daily_codes": 0}, login={"refreshes": 0})
    lines = lines_of(saoma, file)

    assert "Quota: 100,000 codes a day (WeChat's own limit; there is none here)." in lines
    assert "  or 100,000 pages that are left alone (1 code each, then they pause)" in lines
    assert not [line for line in lines if "only visitors who click" in line]


def test_handbook_shows_what_the_command_says(saoma: Saoma, folder: Path) -> None:
    """
    The example in `docs/operations.md` is real, but for the codes that were used that day.
    """
    text = (HERE / "docs" / "operations.md").read_text(encoding="utf-8")
    command, *shown = text.partition("\n$ ")[2].partition("\n```")[0].splitlines()
    name, action, option, config, *arguments = command.split()
    said = lines_of(saoma, write_settings(folder, **NO_STORE), *arguments)

    def without_used(lines: list[str]) -> list[str]:
        return [line for line in lines if "used today" not in line]

    assert ["saoma", "plan", "--config", "config.yaml"] == [name, action, option, config]
    assert len(shown) == len(said)
    assert without_used(shown) == without_used(said)


async def test_plan_tells_what_was_used_today(
    saoma: Saoma, quick: Sections, folder: Path, store: Store
) -> None:
    """
    Where the store can be reached, the plan knows the day's figure.
    """
    budget = Budget(store, Limits(daily_codes=0, reserve_percent=0))
    for _ in range(3):
        await budget.spend()
    file = write_settings(folder, **quick | {"wechat": {"daily_codes": 12}})

    lines = await asyncio.to_thread(lines_of, saoma, file)

    assert "  used today: 3 (25 %)" in lines


async def test_plan_finds_the_store_that_the_server_brings_along(
    alone: Sections, folder: Path
) -> None:
    """
    Beside a running server with an embedded store, the plan asks that one.
    """
    file = write_settings(folder, **alone)
    async with serve(folder) as server, Visitor(server.base_url) as visitor:
        await (await visitor.open_page()).get_qr()
        planned = await run(*SAOMA, "plan", "--config", str(file), folder=folder)

    assert "  used today: 1 (0 %)" in planned.out.splitlines()


@pytest.mark.parametrize(
    "arguments",
    [
        "--arrivals",
        "--arrivals 100",
        "--arrivals many/hour",
        "--arrivals 0/hour",
        "--arrivals -1/hour",
        "--arrivals 5/week",
        "--arrivals 1e99999999/day",
        "--stay long",
        "--stay -1",
        "--unheard-of",
    ],
)
def test_wrong_arguments_end_with_2(saoma: Saoma, arguments: str) -> None:
    """
    Rates and times that are none are said in one line.
    """
    ended = saoma("plan", "--config", SHIPPED, *arguments.split())

    assert (2, "") == (ended.code, ended.out)
    assert_one_line(ended.err)


def test_wrong_file_ends_with_2(saoma: Saoma) -> None:
    """
    A file that is not there is said in one line.
    """
    ended = saoma("plan", "--config", "nothing.yaml")

    assert (2, "") == (ended.code, ended.out)
    assert_one_line(ended.err, "nothing.yaml", "expected", "found")

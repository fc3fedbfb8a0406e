"""The figures, and how they are shown: what each is called, and what it is compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.measure import median
from benchmarks.servers import ASKING, BASELINE, SAOMA, Kind

Rounds = Mapping[str, Sequence[Mapping[str, float]]]
"""By kind of server: the figures of each round."""


@dataclass(frozen=True)
class Figure:
    """One row."""

    name: str
    title: str
    unit: str
    against: Kind = BASELINE
    more_is_better: bool = False


FIGURES = (
    Figure("scan_cpu", "CPU for a scan, at full speed", "µs"),
    Figure("rate_scan_cpu", "CPU for a scan, at the fixed rate", "µs"),
    Figure("scans", "scans a second", "1/s", more_is_better=True),
    Figure("unloaded_p50", "scan to page, unloaded, p50", "ms"),
    Figure("unloaded_p99", "scan to page, unloaded, p99", "ms"),
    Figure("rate_p50", "scan to page, at the fixed rate, p50", "ms"),
    Figure("rate_p99", "scan to page, at the fixed rate, p99", "ms"),
    Figure("page_cpu", "CPU for a page opened", "µs"),
    Figure("page_cpu", "… both asking WeChat for the ticket", "µs", against=ASKING),
    Figure("login_cpu", "CPU for a whole login", "µs"),
    Figure("login_cpu", "… both asking WeChat for the ticket", "µs", against=ASKING),
    Figure("logins", "logins a second", "1/s", more_is_better=True),
    Figure("page_kib", "memory of an idle page", "KiB"),
    Figure("close_cpu", "CPU for a page closed, all at once", "µs"),
    Figure("lost", "scene ids lost by that, of 1,000", ""),
    Figure("scan_store_cpu", "the store's CPU for a scan", "µs"),
    Figure("page_store_cpu", "the store's CPU for a page opened", "µs"),
    Figure("page_store_kib", "the store's memory for a page", "KiB"),
)


COUNTED = (
    Figure("scan", "a scan", "kI"),
    Figure("scan, alone", "a scan, one at a time", "kI"),
    Figure("page", "a page opened", "kI"),
    Figure("page", "… both asking WeChat for the ticket", "kI", against=ASKING),
    Figure("login", "a whole login", "kI"),
    Figure("login", "… both asking WeChat for the ticket", "kI", against=ASKING),
)
"""Thousands of instructions, as callgrind counts them: one round says it all."""


def summary(rounds: Rounds, figures: Sequence[Figure] = FIGURES) -> list[dict[str, Any]]:
    """Return all *figures*: medians, the ratio of each round, and how far they lie apart."""
    rows = []
    for figure in figures:
        ours = [found[figure.name] for found in rounds[SAOMA.name]]
        theirs = [found[figure.name] for found in rounds[figure.against.name]]
        ratios = [mine / other for mine, other in zip(ours, theirs, strict=True) if other > 0]
        rows.append(
            {
                "name": figure.name,
                "title": figure.title,
                "unit": figure.unit,
                "better": "more" if figure.more_is_better else "less",
                "against": figure.against.name,
                "saoma": median(ours),
                "baseline": median(theirs),
                "ratio": median(ratios) if ratios else None,
                "ratios": ratios,
            }
        )
    return rows


def render(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the table as text."""
    lines = [f"{'':44}{'Saoma':>9}{'baseline':>10}{'ratio':>8}   {'min - max':<15}better"]
    for row in rows:
        unit = f", {row['unit']}" if row["unit"] else ""
        line = f"{row['title'] + unit:44}{_number(row['saoma']):>9}{_number(row['baseline']):>10}"
        if row["ratio"] is None:
            lines.append(f"{line}{'':26}{row['better']}")
            continue
        noise = f"{min(row['ratios']):.2f} - {max(row['ratios']):.2f}" if row["ratios"][1:] else ""
        lines.append(f"{line}{row['ratio']:>8.2f}   {noise:<15}{row['better']}")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"

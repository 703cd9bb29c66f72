"""Results as plain data: what `--json` prints, and what tables and plots are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypedDict

from passkeep.benchmark import spread
from passkeep.benchmark.contest import Absent, Role, Unit
from passkeep.benchmark.measure import Outcome, Result
from passkeep.benchmark.spread import Spread

SCHEMA = "passkeep.bench/1"
"""Changes when a reader of the one before would misunderstand."""


class Figures(TypedDict):
    """A median, and between which values the middle half lies."""

    median: float
    low: float
    high: float


class Row(TypedDict):
    """One contender of a race.

    `value` is in the unit of the race: bytes or items a second, seconds, or bytes of
    memory. `relative` is how many times as fast as the baseline it is (for memory: how
    much less it needs), as the median of ratios of runs that were neighbours.
    """

    name: str
    role: Role | None
    status: Literal["measured", "failed", "absent"]
    reason: str
    value: Figures | None
    runs: int
    settled: bool
    noisy: bool
    relative: Figures | None
    series: str
    at: float | None
    samples: list[float]


class RaceReport(TypedDict):
    """One race. `samples` of its rows are seconds (or bytes of memory) for one unit of work."""

    title: str
    unit: Unit
    amount: float
    baseline: str | None
    axis: str
    notes: list[str]
    reason: str
    rows: list[Row]


class SuiteReport(TypedDict):
    """The races of a suite."""

    name: str
    races: list[RaceReport]


class Noise(TypedDict):
    """Whether the machine was quiet, and why not."""

    quiet: bool
    reasons: list[str]
    fixed_task: list[float]
    stolen: float
    load: float


class Report(TypedDict):
    """A whole run."""

    schema: str
    date: str
    seconds: float
    command: list[str]
    settings: dict[str, object]
    machine: dict[str, object]
    peers: dict[str, str | None]
    cipher: dict[str, object]
    noise: Noise
    suites: list[SuiteReport]


def race_report(outcome: Outcome) -> RaceReport:
    """A race as plain data."""
    race = outcome.race
    baseline = outcome.baseline
    return {
        "title": race.title,
        "unit": race.unit,
        "amount": race.amount,
        "baseline": None if baseline is None else baseline.name,
        "axis": race.axis,
        "notes": list(race.notes),
        "reason": outcome.error,
        "rows": [_row(outcome, result) for result in outcome.results],
    }


def rows(suites: Iterable[SuiteReport]) -> list[tuple[RaceReport, Row]]:
    """All rows, each with its race."""
    return [(race, row) for suite in suites for race in suite["races"] for row in race["rows"]]


def measured(row: Row | Mapping[str, object]) -> bool:
    """Whether a row has a value."""
    return row["value"] is not None


def _row(outcome: Outcome, result: Result) -> Row:
    contender = result.contender
    relative = outcome.relative(result)
    missing = isinstance(contender, Absent)
    counts = result.counts
    return {
        "name": contender.name,
        "role": None if isinstance(contender, Absent) else contender.role,
        "status": "absent" if missing else "measured" if counts else "failed",
        "reason": result.error,
        "value": _value(result.spread, outcome.race.unit) if counts else None,
        "runs": len(result.samples) if counts else 0,
        "settled": counts and spread.settled(result.samples),
        "noisy": counts and result.spread.noisy,
        "relative": None if relative is None else _figures(relative),
        "series": "" if isinstance(contender, Absent) else contender.series,
        "at": None if isinstance(contender, Absent) else contender.at,
        "samples": list(result.samples) if counts else [],
    }


def _value(found: Spread, unit: Unit) -> Figures:
    if unit in {"seconds", "memory"}:
        return _figures(found)
    return {"median": 1 / found.median, "low": 1 / found.high, "high": 1 / found.low}


def _figures(found: Spread) -> Figures:
    return {"median": found.median, "low": found.low, "high": found.high}

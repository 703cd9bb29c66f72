"""Results as tables, for terminals and for Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from passkeep.benchmark.contest import Unit
from passkeep.benchmark.report import Figures, RaceReport, Report, Row

UNSETTLED = "~"
NOISY = "!"
LEGEND = (
    f"{UNSETTLED} the median has not settled; {NOISY} the runs differ much. "
    "× says how many times as fast as that row (for memory: how much less). "
    "± is half of the middle half of the runs."
)

_TITLES: dict[Unit, str] = {
    "bytes": "GB/s",
    "items": "a second",
    "seconds": "time",
    "memory": "memory",
}
_MIDDLE = 0.5


def figure(value: float, unit: Unit) -> str:
    """A value as people read it."""
    if unit == "bytes":
        return _digits(value / 1e9)
    if unit == "items":
        return f"{value:,.0f}"
    if unit == "seconds":
        return f"{value * 1e3:.1f} ms" if value < 1 else f"{value:.2f} s"
    return f"{value / 1e6:.1f} MB"


def lines(race: RaceReport) -> Iterator[str]:
    """A race as a table of fixed width."""
    yield race["title"]
    if race["reason"]:
        yield f"  not measured: {race['reason']}"
        return
    cells = [_head(race), *(_cells(race, row) for row in race["rows"])]
    wide = [max(len(line[column]) for line in cells if len(line) > 2) for column in range(5)]
    wide[0] = max(len(line[0]) for line in cells)
    for line in cells:
        if len(line) == 2:
            yield f"  {line[0]:{wide[0]}}  {line[1]}"
            continue
        rest = "  ".join(f"{cell:>{width}}" for cell, width in zip(line[1:], wide[1:], strict=True))
        yield f"  {line[0]:{wide[0]}}  {rest}".rstrip()
    for note in race["notes"]:
        yield f"  · {note}"


def markdown(race: RaceReport) -> Iterator[str]:
    """A race as a table of Markdown."""
    head = _head(race)
    yield _markdown_line(head)
    yield "|---|" + "--:|" * (len(head) - 1)
    for row in race["rows"]:
        cells = _cells(race, row)
        yield _markdown_line([*cells, *[""] * (len(head) - len(cells))])


def _markdown_line(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def verdict(report: Report) -> Iterator[str]:
    """Whether to believe it, and what to choose on this machine."""
    noise = report["noise"]
    if noise["quiet"]:
        yield "The machine was quiet."
    else:
        yield f"The machine is too noisy for numbers to be kept: {'; '.join(noise['reasons'])}."
    yield cipher(report)


def cipher(report: Report) -> str:
    """Which cipher is the faster one here."""
    speeds = report["cipher"]["speeds"]
    assert isinstance(speeds, dict)
    best = report["cipher"]["recommended"]
    told = ", ".join(f"{name} {figure(speed, 'bytes')} GB/s" for name, speed in speeds.items())
    return f"Faster on this machine: --cipher {best} (one thread: {told})."


def surroundings(report: Report) -> Iterator[str]:
    """The machine and the versions, in a few lines."""
    machine = report["machine"]
    memory = machine["memory"]
    assert isinstance(memory, int)
    cores = machine["cores"]
    yield f"{machine['processor']}, {cores} core(s), {memory / (1 << 30):.0f} GiB"
    features = machine["features"]
    assert isinstance(features, list)
    systems = machine["file_systems"]
    assert isinstance(systems, dict)
    folders = ", ".join(f"{folder} is {kind}" for folder, kind in systems.items())
    yield f"{machine['system']}; {folders}"
    if features:
        yield f"processor features: {' '.join(features)}"
    versions = machine["versions"]
    assert isinstance(versions, dict)
    yield ", ".join(f"{name} {version}" for name, version in versions.items())
    known = {name: version for name, version in report["peers"].items() if name not in versions}
    here = [f"{name} {version}" for name, version in known.items() if version]
    missing = [name for name, version in known.items() if not version]
    if here:
        yield f"peers: {', '.join(here)}"
    if missing:
        yield f"not installed: {', '.join(missing)}"
    masked = machine["masked"]
    assert isinstance(masked, dict)
    for name, value in masked.items():
        yield f"{name}={value} hides processor features from whatever uses OpenSSL"


def _head(race: RaceReport) -> list[str]:
    baseline = race["baseline"]
    return ["", _TITLES[race["unit"]], "±", "runs", f"× {baseline}" if baseline else ""]


def _cells(race: RaceReport, row: Row) -> list[str]:
    value = row["value"]
    if value is None:
        told = row["reason"] if row["status"] == "absent" else f"FAILED: {row['reason']}"
        return [row["name"], told]
    marks = NOISY * row["noisy"] + UNSETTLED * (not row["settled"])
    return [
        row["name"],
        figure(value["median"], race["unit"]),
        _spread(value),
        f"{marks}{row['runs']}",
        "" if row["relative"] is None else f"{row['relative']['median']:.2f}",
    ]


def _spread(value: Figures) -> str:
    half = (value["high"] - value["low"]) / 2 / value["median"] if value["median"] else 0.0
    return f"{half:.0%}".replace("%", " %")


def _digits(value: float) -> str:
    for decimals, limit in ((3, 1.0), (2, 10.0), (1, 100.0)):
        if value < limit - _MIDDLE * 10**-decimals:
            return f"{value:.{decimals}f}"
    return f"{value:,.0f}"


def all_lines(races: Sequence[RaceReport]) -> Iterator[str]:
    """Several tables, with a line between them."""
    for race in races:
        yield from lines(race)
        yield ""

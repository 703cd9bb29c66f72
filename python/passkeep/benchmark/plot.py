"""Results as pictures: by size, by threads, by streams, and against others.

Only :func:`draw` and the functions that it is made of need matplotlib, which is
loaded with this module and with nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch

from passkeep.benchmark import growth, table
from passkeep.benchmark.report import RaceReport, Report, Row
from passkeep.errors import InvalidInputError

# Colours that people with any kind of colour vision tell apart (Okabe and Ito).
_BLUE, _VERMILION, _SKY, _ORANGE, _GREY = "#0072B2", "#D55E00", "#56B4E9", "#E69F00", "#8C8C8C"
_INK, _FAINT = "#222222", "#DDDDDD"

_SERIES = {"aes-256-gcm": _BLUE, "age": _VERMILION}
_SERIES_NAMES = {"aes-256-gcm": "AES-256-GCM", "age": "age (ChaCha20)"}
_ROLES = {
    "passkeep": (_BLUE, "passkeep"),
    "limit": (_GREY, "the machine's limit"),
    "reference": (_SKY, "Python on cryptography"),
    "peer": (_ORANGE, "others"),
}
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": _INK,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "passkeep",  # the same picture has the same bytes
}
_AXES = {
    growth.SIZES: "size of the stream",
    growth.THREADS: "threads",
    growth.STREAMS: "streams at the same time",
}
_WIDE = 12.5
_LINE_HEIGHT = 3.6
_BAR_HEIGHT = 0.34
_AROUND_BARS = 1.2
_LEGEND_HEIGHT = 0.45
_FOOT = 0.35


def draw(found: Report, path: Path, kind: str) -> None:
    """Draws all that can be drawn into one picture.

    Args:
        found: The results.
        path: Where to.
        kind: "png" or "svg".

    Raises:
        InvalidInputError: Nothing in the results is a throughput.
    """
    races = [race for suite in found["suites"] for race in suite["races"]]
    save(races, path, kind, footer=_footer(found))


def save(races: Sequence[RaceReport], path: Path, kind: str, *, footer: str = "") -> None:
    """Draws races: those with an axis as lines, the others as bars."""
    lines = [race for race in races if race["axis"] and _values(race)]
    bars = [race for race in races if not race["axis"] and _is_throughput(race)]
    if not lines and not bars:
        raise InvalidInputError(
            "nothing that was measured is a throughput", hint="Add a suite, for example growth."
        )
    with mpl.rc_context(_STYLE):
        pairs = [bars[start : start + 2] for start in range(0, len(bars), 2)]
        tall = [_AROUND_BARS + _BAR_HEIGHT * max(map(_height, pair)) for pair in pairs]
        heights = [_LINE_HEIGHT] * bool(lines) + [_LEGEND_HEIGHT] * bool(bars) + tall
        figure = Figure(figsize=(_WIDE, sum(heights) + _FOOT), layout="constrained")
        parts = list(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0])
        if lines:
            _draw_lines(parts.pop(0), lines)
        if bars:
            _explain_colours(parts.pop(0), bars)
        for part, pair in zip(parts, pairs, strict=True):
            _draw_bars(part, pair)
        if footer:
            figure.supxlabel(footer, fontsize=8.5, color="#555555", x=0.01, ha="left")
        metadata = {"Date": None} if kind == "svg" else {}
        figure.savefig(path, format=kind, dpi=144, facecolor="white", metadata=metadata)


def _footer(found: Report) -> str:
    first = next(iter(table.surroundings(found)))
    noisy = "" if found["noise"]["quiet"] else ", a noisy machine"
    version = found["machine"]["versions"]
    assert isinstance(version, dict)
    where = f"passkeep {version['passkeep']}, {found['date'][:10]}, {first}{noisy}"
    return f"{where}. Medians; thin lines and bands: the middle half of the runs."


def _values(race: RaceReport) -> list[Row]:
    return [row for row in race["rows"] if row["value"] is not None]


def _is_throughput(race: RaceReport) -> bool:
    return race["unit"] == "bytes" and bool(_values(race))


def _height(race: RaceReport) -> int:
    return len(race["rows"])


def _draw_lines(part: SubFigure, races: Sequence[RaceReport]) -> None:
    axes = part.subplots(1, len(races), squeeze=False)[0]
    for one, race in zip(axes, races, strict=True):
        _draw_line(one, race)


def _draw_line(axes: Axes, race: RaceReport) -> None:
    rows = [row for row in _values(race) if row["at"] is not None]
    for name in dict.fromkeys(row["series"] for row in rows):
        mine = [row for row in rows if row["series"] == name]
        at = [row["at"] for row in mine]
        middle = [_giga(row, "median") for row in mine]
        colour = _SERIES.get(name, _INK)
        axes.fill_between(
            at,  # type: ignore[arg-type]
            [_giga(row, "low") for row in mine],
            [_giga(row, "high") for row in mine],
            color=colour,
            alpha=0.15,
            linewidth=0,
        )
        axes.plot(at, middle, color=colour, marker="o", markersize=5, linewidth=2)  # type: ignore[arg-type]
    _name_lines(axes, rows)
    axes.set_xscale("log", base=2)
    places = sorted({row["at"] for row in rows if row["at"] is not None})
    axes.set_xticks(places, [_place(one, race["axis"]) for one in places], minor=False)
    axes.minorticks_off()
    axes.set_ylim(0, 1.2 * max(_giga(row, "high") for row in rows))
    axes.margins(x=0.08)
    axes.set_xlabel(_AXES[race["axis"]])
    axes.set_ylabel("GB/s")
    axes.grid(axis="y", color=_FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_title(f"By {_AXES[race['axis']].split()[0]}")


def _name_lines(axes: Axes, rows: Sequence[Row]) -> None:
    """Names each line where it is farthest from the others, on the side away from them."""
    lines: dict[str, dict[float, float]] = {row["series"]: {} for row in rows}
    for row in rows:
        lines[row["series"]][row["at"] or 0] = _giga(row, "median")
    shared = sorted(set.intersection(*(set(line) for line in lines.values())))
    if not shared:
        return
    best = max(shared, key=lambda at: _gap([line[at] for line in lines.values()]))
    ordered = sorted(lines, key=lambda name: lines[name][best])
    side = "left" if best == shared[0] else "right" if best == shared[-1] else "center"
    for name in ordered:
        above = name == ordered[-1]
        axes.annotate(
            _SERIES_NAMES.get(name, name),
            (best, lines[name][best]),
            xytext=(0, 11 if above else -11),
            textcoords="offset points",
            ha=side,
            va="bottom" if above else "top",
            color=_SERIES.get(name, _INK),
            fontweight="bold",
        )


def _gap(values: Sequence[float]) -> float:
    return max(values) - min(values)


def _place(at: float, axis: str) -> str:
    if axis != growth.SIZES:
        return f"{at:g}"
    mebibytes = at / (1 << 20)
    return f"{mebibytes / 1024:g} GiB" if mebibytes >= 1024 else f"{mebibytes:g} MiB"


def _draw_bars(part: SubFigure, races: Sequence[RaceReport]) -> None:
    halves = part.subfigures(1, 2, squeeze=False)[0]
    for half, race in zip(halves, races, strict=False):
        half.suptitle(race["title"], x=0.02, ha="left", fontsize=11, fontweight="bold")
        _draw_bar(half.subplots(), race, max(map(_height, races)))


def _draw_bar(axes: Axes, race: RaceReport, room: int) -> None:
    """Draws a race at the top of an axis with room for so many bars of the same height."""
    rows = race["rows"]
    most = max(_giga(row, "high") for row in _values(race))
    for number, row in enumerate(rows):
        if row["value"] is None:
            told = "not installed" if row["status"] == "absent" else "failed"
            axes.text(most * 0.01, number, told, va="center", color="#777777", style="italic")
            continue
        colour = _ROLES[row["role"] or "peer"][0]
        value = _giga(row, "median")
        axes.barh(number, value, height=0.68, color=colour)
        low, high = _giga(row, "low"), _giga(row, "high")
        axes.plot([low, high], [number, number], color=_INK, linewidth=1)
        axes.text(max(high, value) + most * 0.025, number, _label(row), va="center", fontsize=9.5)
    axes.set_yticks(range(len(rows)), [row["name"] for row in rows], fontsize=9.5)
    axes.set_ylim(room - 0.5, -0.5)
    axes.set_xlim(0, most * 1.35)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=_FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("GB/s")


def _label(row: Row) -> str:
    told = table.figure(_of(row, "median"), "bytes")
    return told if row["relative"] is None else f"{told}  ({row['relative']['median']:.2f} ×)"


def _explain_colours(part: SubFigure, races: Sequence[RaceReport]) -> None:
    used = {row["role"] for race in races for row in _values(race)}
    handles = [
        Patch(color=colour, label=name) for role, (colour, name) in _ROLES.items() if role in used
    ]
    handles.append(Patch(color="none", label="(×: times the row that has 1.00)"))
    part.legend(handles=handles, loc="center left", ncols=len(handles), frameon=False)


def _giga(row: Row, which: str) -> float:
    return _of(row, which) / 1e9


def _of(row: Row, which: str) -> float:
    value = row["value"]
    assert value is not None
    return float(value[which])  # type: ignore[literal-required]


def races_of(found: Report, *names: str) -> list[RaceReport]:
    """The races of some suites of a report."""
    return [race for suite in found["suites"] if suite["name"] in names for race in suite["races"]]

"""Tables that tests fill in and that are printed at the end of a run."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

_COUNTS: defaultdict[str, defaultdict[str, Counter[int]]] = defaultdict(
    lambda: defaultdict(Counter)
)
_NOTES: dict[str, list[str]] = defaultdict(list)
_JUDGED: dict[str, str] = {}

NOTHING: dict[str, Any] = {"counts": {}, "notes": {}, "judged": {}}
"""What a process has recorded that ran no test."""


def passed(vectors: str, interface: str, threads: int = 0) -> None:
    """Records a vector that passed through an interface, with a number of threads if any."""
    _COUNTS[vectors][interface][threads] += 1


def note(vectors: str, text: str) -> None:
    """Says what the counts alone do not: which vectors no interface can take, and why."""
    if text not in _NOTES[vectors]:
        _NOTES[vectors].append(text)


def judged(archive: str, outcome: str) -> None:
    """Records what became of a hostile archive that did no harm."""
    _JUDGED[archive] = outcome


def state() -> dict[str, Any]:
    """Everything recorded, as plain data for another process."""
    counts = {
        name: {interface: dict(by) for interface, by in counts.items()}
        for name, counts in _COUNTS.items()
    }
    return {"counts": counts, "notes": dict(_NOTES), "judged": _JUDGED}


def merge(other: dict[str, Any]) -> None:
    """Adds what another process recorded."""
    for name, counts in other["counts"].items():
        for interface, by in counts.items():
            _COUNTS[name][interface].update(by)
    for name, texts in other["notes"].items():
        for text in texts:
            note(name, text)
    _JUDGED.update(other["judged"])


def lines() -> list[str]:
    """The tables, if there is anything in them."""
    return [*_vectors(), *_hostile()]


def _hostile() -> list[str]:
    if not _JUDGED:
        return []
    width = max(map(len, _JUDGED))
    head = f"{'hostile archives':{width}}  outcome"
    rows = [f"{name:{width}}  {outcome}" for name, outcome in _JUDGED.items()]
    return [head, *rows, f"{len(_JUDGED)} hostile archives, none touched anything outside"]


def _vectors() -> list[str]:
    columns = sorted({interface for counts in _COUNTS.values() for interface in counts})
    if not columns:
        return []
    cells = {
        (name, column): _cell(_COUNTS[name].get(column)) for name in _COUNTS for column in columns
    }
    widths = {
        column: max(len(column), *(len(cells[name, column]) for name in _COUNTS))
        for column in columns
    }
    first = max(len(name) for name in [*_COUNTS, "vectors passed, with 1, 2, 8 threads"])
    rows = [
        f"{'vectors passed, with 1, 2, 8 threads':{first}}  "
        + "  ".join(f"{column:>{widths[column]}}" for column in columns)
    ]
    rows += [
        f"{name:{first}}  "
        + "  ".join(f"{cells[name, column]:>{widths[column]}}" for column in columns)
        for name in sorted(_COUNTS)
    ]
    return rows + [f"{name}: {text}" for name in sorted(_NOTES) for text in _NOTES[name]]


def _cell(counts: Counter[int] | None) -> str:
    if not counts:
        return "-"
    return ", ".join(str(count) for _, count in sorted(counts.items()))

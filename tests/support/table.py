"""Tables that tests fill in and that are printed at the end of a run."""

from __future__ import annotations

from collections import Counter, defaultdict

_COUNTS: defaultdict[str, Counter[str]] = defaultdict(Counter)
_NOTES: dict[str, str] = {}


def passed(vectors: str, interface: str, count: int = 1) -> None:
    """Records vectors that passed through an interface."""
    _COUNTS[vectors][interface] += count


def not_applicable(vectors: str, why: str, count: int = 1) -> None:
    """Records vectors that no interface can take, and why."""
    _COUNTS[vectors]["not applicable"] += count
    _NOTES[vectors] = why


def lines() -> list[str]:
    """The table, if there is anything in it."""
    columns = sorted({interface for counts in _COUNTS.values() for interface in counts})
    if not columns:
        return []
    width = max(len(name) for name in _COUNTS)
    rows = [f"{'vectors passed':{width}}  " + "  ".join(columns)]
    for name, counts in sorted(_COUNTS.items()):
        cells = (f"{counts[column] or '-':>{len(column)}}" for column in columns)
        rows.append(f"{name:{width}}  " + "  ".join(cells))
    return rows + [f"{name}: {why}" for name, why in sorted(_NOTES.items())]

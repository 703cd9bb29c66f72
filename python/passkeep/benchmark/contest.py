"""Races and contenders: what is measured, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from passkeep.errors import PasskeepError

Role: TypeAlias = Literal["passkeep", "limit", "reference", "peer"]
"""Passkeep itself; what the machine can do; the same work in a few lines of Python on
`cryptography`; somebody else's program or library."""

Unit: TypeAlias = Literal["bytes", "items", "seconds", "memory"]
"""What a race tells: bytes a second, items a second, seconds, or bytes of memory."""


class ContenderError(PasskeepError):
    """A contender did not do the work, or did it wrong. It gets no rate."""


def nothing(*told: object) -> None:
    """Does nothing, whatever it is told."""
    del told


@dataclass(frozen=True, slots=True)
class Contender:
    """Somebody who does the work of a race.

    Attributes:
        name: Who; unique in a race.
        run: Does it once. What it returns, if anything, is taken in place of the time.
        role: Which side it is on.
        prepare: Brings everything into the state before the work; not timed.
        check: Looks at the result of each run, quickly; not timed.
        verify: Proves the result of the first and of the last run; not timed.
        amount: Units of work, where not those of the race.
        series: The line in a plot that it belongs to.
        at: Where on the axis of the race.
    """

    name: str
    run: Callable[[], float | None]
    role: Role = "passkeep"
    prepare: Callable[[], object] = nothing
    check: Callable[[], object] = nothing
    verify: Callable[[], object] = nothing
    amount: float | None = None
    series: str = ""
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """Somebody who would take part, and why not."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Race:
    """One task, and everybody who takes turns on it.

    Attributes:
        title: The task.
        enter: Sets everything up, and says who takes part; what it registers is undone
            behind the last run.
        unit: What is told.
        amount: Units of work in one run.
        baseline: Names in the order of preference: the first that was measured is what
            the others are compared with.
        notes: What is not comparable.
        axis: What contenders differ in, where that is a number.
        room: Bytes that it needs in folders.
        memory: Bytes that it needs in memory, beside those.
        fresh_pages: Whether the work fills much memory that was free: files in the page
            cache. Each run then follows an untimed one, because a virtual machine
            gives free memory back to its host, and fetching it again takes longer
            than the work.
    """

    title: str
    enter: Callable[[ExitStack], Sequence[Contender | Absent]]
    unit: Unit = "bytes"
    amount: float = 1.0
    baseline: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    axis: str = ""
    room: Mapping[Path, int] = field(default_factory=dict)
    memory: int = 0
    fresh_pages: bool = False

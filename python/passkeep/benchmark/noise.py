"""Whether the machine is quiet enough to be measured."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

from passkeep.benchmark import spread

STEADY = 0.1
"""A fixed task may take this much longer or less time, as a part of it, in a quiet run."""

STOLEN = 0.02
"""The part of the time that other virtual machines may take."""

BUSY = 0.2
"""What other programs may take of the cores at the beginning."""

_LOOK = 0.5
"""Seconds for which to look at what others do."""

_PIECE = bytes(1 << 20)
_REPEATS = 5


def reasons(
    ticks: list[float], stolen: float, load: float, rows: int, noisy_rows: int
) -> list[str]:
    """Why results of a run should not be trusted; none where nothing speaks against it.

    Args:
        ticks: Seconds that one fixed task took, from the beginning to the end.
        stolen: The part of the time that other virtual machines took.
        load: What other programs took of the cores at the beginning.
        rows: How many results there are.
        noisy_rows: How many of them are noisy.
    """
    found = []
    middle = spread.spread(ticks)
    if middle.width > STEADY:
        found.append(f"a fixed task took {middle.low * 1e3:.2f} to {middle.high * 1e3:.2f} ms")
    elif abs(ticks[-1] - ticks[0]) > 2 * STEADY * middle.median:
        found.append(
            f"a fixed task took {ticks[0] * 1e3:.2f} ms before and {ticks[-1] * 1e3:.2f} ms after"
        )
    if stolen > STOLEN:
        found.append(f"other virtual machines took {stolen:.0%} of the time".replace("%", " %"))
    if load > BUSY:
        found.append(f"other programs took {load:.0%} of the cores at the start".replace("%", " %"))
    if noisy_rows * 3 > rows:
        found.append(f"{noisy_rows} of {rows} results vary too much")
    return found


@dataclass(slots=True)
class Watch:
    """Looks at the machine before, between and after races."""

    load: float = 0.0
    ticks: list[float] = field(default_factory=list)
    _before: _Times | None = None

    def start(self) -> None:
        """Remembers how the machine was."""
        self.load = _load()
        self._before = _times()
        self.tick()

    def tick(self) -> None:
        """Times the fixed task."""
        self.ticks.append(median(_fixed_task() for _ in range(_REPEATS)))

    def stolen(self) -> float:
        """The part of the time since the start that other virtual machines took."""
        before, now = self._before, _times()
        if before is None or now is None:
            return 0.0
        return _share(now.stolen - before.stolen, now.all - before.all)


def _fixed_task() -> float:
    start = time.perf_counter()
    hashlib.sha256(_PIECE).digest()
    return time.perf_counter() - start


def _load() -> float:
    """The part of the cores that others use while we do nothing.

    The average that systems keep goes back over a minute, and so over whatever we did before.
    """
    before = _times()
    if before is None:
        try:
            return os.getloadavg()[0] / (os.cpu_count() or 1)
        except OSError:
            return 0.0
    time.sleep(_LOOK)
    now = _times() or before
    return _share(now.busy - before.busy, now.all - before.all)


def _share(some: int, all_of_it: int) -> float:
    return some / all_of_it if all_of_it else 0.0


class _Times(NamedTuple):
    """What the cores did since the system started, in units of its own."""

    busy: int
    stolen: int
    all: int


def _times() -> _Times | None:
    """From Linux; nothing elsewhere."""
    try:
        first = Path("/proc/stat").read_text("ascii").partition("\n")[0]
    except OSError:
        return None
    user, nice, system, idle, waiting, hard, soft, stolen = map(int, first.split()[1:9])
    busy = user + nice + system + hard + soft
    return _Times(busy, stolen, busy + idle + waiting + stolen)

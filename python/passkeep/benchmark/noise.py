"""Whether the machine is quiet enough to be measured."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from passkeep.benchmark import spread

STEADY = 0.1
"""A fixed task may take this much longer or less time, as a part of it, in a quiet run."""

STOLEN = 0.02
"""The part of the time that other virtual machines may take."""

BUSY = 0.5
"""How much may run at the beginning, as a part of the cores."""

_PIECE = bytes(1 << 20)
_REPEATS = 5


def reasons(
    ticks: list[float], stolen: float, load: float, rows: int, noisy_rows: int
) -> list[str]:
    """Why results of a run should not be trusted; none where nothing speaks against it.

    Args:
        ticks: Seconds that one fixed task took, from the beginning to the end.
        stolen: The part of the time that other virtual machines took.
        load: Programs that ran at the beginning, as a part of the cores.
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
        found.append(f"other programs were running, load {load:.1f} for each core")
    if noisy_rows * 3 > rows:
        found.append(f"{noisy_rows} of {rows} results vary too much")
    return found


@dataclass(slots=True)
class Watch:
    """Looks at the machine before, between and after races."""

    load: float = 0.0
    ticks: list[float] = field(default_factory=list)
    _jiffies: tuple[int, int] = (0, 0)

    def start(self) -> None:
        """Remembers how the machine was."""
        self.load = _load()
        self._jiffies = _stolen()
        self.tick()

    def tick(self) -> None:
        """Times the fixed task."""
        self.ticks.append(median(_fixed_task() for _ in range(_REPEATS)))

    def stolen(self) -> float:
        """The part of the time since the start that other virtual machines took."""
        stolen, total = (now - then for now, then in zip(_stolen(), self._jiffies, strict=True))
        return stolen / total if total else 0.0


def _fixed_task() -> float:
    start = time.perf_counter()
    hashlib.sha256(_PIECE).digest()
    return time.perf_counter() - start


def _load() -> float:
    try:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    except OSError:
        return 0.0


def _stolen() -> tuple[int, int]:
    """Time that was stolen and all time, in the units of Linux; zero elsewhere."""
    try:
        first = Path("/proc/stat").read_text("ascii").partition("\n")[0]
    except OSError:
        return 0, 0
    values = [int(word) for word in first.split()[1:]]
    return values[7], sum(values[:8])

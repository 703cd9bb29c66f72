"""What a few measurements say: medians, how sure they are, and ratios.

Nothing here assumes a distribution. Times have a hard floor and a long tail, so
means and standard deviations would describe neither.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

CONFIDENCE = 0.95
TOLERANCE = 0.05
"""A median is settled when it is known to within this part of itself."""

NOISY = 0.2
"""Measurements are noisy when their middle half is wider than this part of the median."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A median and where the middle half of the values lies."""

    median: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """How wide the middle half is, as a part of the median."""
        return (self.high - self.low) / self.median if self.median else 0.0

    @property
    def noisy(self) -> bool:
        """Whether the values differ too much for the median to say much."""
        return self.width > NOISY


def spread(values: Sequence[float]) -> Spread:
    """The median and the quartiles of at least one value."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """Between which of the values the true median lies, whatever the distribution.

    Returns:
        The narrowest pair of order statistics, equally far from both ends, that holds
        the median with this confidence; None where there are too few values.
    """
    size = len(values)
    outside = 0.0  # the chance that the median lies beyond the pair, on either side
    rank = 0
    while rank < size // 2:
        outside += 2 * comb(size, rank) / 2**size
        if outside > 1 - confidence:
            break
        rank += 1
    if rank == 0:
        return None
    ordered = sorted(values)
    return ordered[rank - 1], ordered[size - rank]


def settled(values: Sequence[float], tolerance: float = TOLERANCE) -> bool:
    """Whether further values would hardly move the median."""
    found = interval(values)
    if found is None:
        return False
    return (found[1] - found[0]) / 2 <= tolerance * statistics.median(values)


def ratios(baseline: Sequence[float], other: Sequence[float]) -> Spread:
    """How many times as fast `other` is, from pairs that ran one after the other.

    What slows the machine down for a while hits both parts of a pair, so the median
    of ratios is steadier than the ratio of two medians.

    Args:
        baseline: Seconds for one unit of work, in the order of the rounds.
        other: The same of another contender, for the same rounds.
    """
    return spread([base / one for base, one in zip(baseline, other, strict=True)])

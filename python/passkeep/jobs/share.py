"""How many jobs run at once, and how many threads each of them gets."""

from __future__ import annotations

WINDOW = 64
"""Jobs that somebody else's executor is handed at a time, unless told otherwise."""


def at_once(jobs: int, cores: int, workers: int | None) -> int:
    """How many jobs run at the same time here."""
    return max(1, min(jobs, workers or cores))


def threads(position: int, jobs: int, cores: int, width: int) -> int:
    """The threads of one job.

    The first jobs begin together and share the cores. As the others run out, one
    that begins gets the share of those that have yet to begin: the last one, all
    cores. There are never many more threads than cores, and memory goes with them.

    Args:
        position: The job's place, from 0.
        jobs: How many there are.
        cores: What they share.
        width: How many run at the same time.
    """
    beginning = jobs if position < width else jobs - position
    return max(1, cores // min(width, beginning))

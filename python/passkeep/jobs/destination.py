"""What stands at a destination, and whether a job has put it there.

Publication is one atomic step (:mod:`passkeep.output`), so an output is there
and complete, or is not there. If a destination is no longer what it was when a
job was begun, the job has finished, whether or not anybody lived to tell.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from passkeep.errors import PasskeepError
from passkeep.incoming import read

Standing: TypeAlias = tuple[int, int, int]
"""Inode, size and time of the last change of a file's content."""


def standing(target: str) -> Standing | None:
    """What is at a destination; None for nothing."""
    try:
        found = Path(target).stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def size(target: str) -> int | None:
    """Bytes of a destination; None for nothing."""
    found = standing(target)
    return None if found is None else found[1]


def published(target: str, before: Standing | None) -> bool:
    """Whether a job that found `before` at its destination has finished since.

    What does not begin as a sealed file does was put there by somebody else.
    """
    now = standing(target)
    if now is None or now == before:
        return False
    try:
        if Path(target).is_file():
            with read(target):
                return True
    except (PasskeepError, OSError):
        pass
    return False

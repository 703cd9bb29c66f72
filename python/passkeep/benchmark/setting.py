"""What somebody asked for, as suites see it."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from passkeep.benchmark import machine

IN_MEMORY = Path("/dev/shm")  # noqa: S108  (only looked at; each folder in it has a name of its own)


@dataclass(frozen=True, slots=True)
class Setting:
    """How to measure.

    Attributes:
        folders: Where files are written; the first is for whoever needs only one.
        threads: How many cores passkeep and the references use.
        size: The size of the data, where it was given.
        quick: Whether only to show that everything works.
        peers: Whether other people's programs take part.
    """

    folders: tuple[Path, ...]
    threads: int
    size: int | None = None
    quick: bool = False
    peers: bool = False

    def sized(self, usual: int, quick: int) -> int:
        """The size of the data for a suite."""
        return self.size or (quick if self.quick else usual)


def default_folders() -> tuple[Path, ...]:
    """Memory, where it can be written to like a disk, and the folder for temporary files."""
    disk = Path(tempfile.gettempdir())
    if os.access(IN_MEMORY, os.W_OK) and machine.file_system(IN_MEMORY) == "tmpfs":
        return (IN_MEMORY,) if machine.file_system(disk) == "tmpfs" else (IN_MEMORY, disk)
    return (disk,)


def temporary(stack: ExitStack, folder: Path) -> Path:
    """An empty folder in another one, removed at the end however it comes."""
    made = tempfile.TemporaryDirectory(
        prefix="passkeep-bench-", dir=folder, ignore_cleanup_errors=True
    )
    return Path(stack.enter_context(made))

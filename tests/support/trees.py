"""Trees of files for the tests: making them, and comparing them."""

from __future__ import annotations

import filecmp
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def differences(one: Path, other: Path) -> list[str]:
    """Everything in which two trees differ: names, kinds, modes, times, links, bytes.

    Sockets, FIFOs and devices are left out, because backups leave them out.
    """
    found = []
    for folder, subfolders, files in os.walk(one):
        relative = Path(folder).relative_to(one)
        here, there = Path(folder), other / relative
        names = sorted(subfolders + files)
        present = sorted(path.name for path in there.iterdir()) if there.is_dir() else []
        ordinary = [name for name in names if _is_ordinary(here / name)]
        if ordinary != present:
            found.append(f"{relative}: {sorted(set(ordinary) ^ set(present))}")
            continue
        found += [
            f"{relative / name}: {difference}"
            for name in ordinary
            for difference in _differences(here / name, there / name)
        ]
    return found


def _is_ordinary(path: Path) -> bool:
    mode = path.lstat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


def _differences(one: Path, other: Path) -> list[str]:
    before, after = one.lstat(), other.lstat()
    if stat.S_IFMT(before.st_mode) != stat.S_IFMT(after.st_mode):
        return ["another kind"]
    if stat.S_ISLNK(before.st_mode):
        return [] if one.readlink() == other.readlink() else ["another target"]
    found = []
    if stat.S_IMODE(before.st_mode) & 0o777 != stat.S_IMODE(after.st_mode):
        found.append("another mode")
    if before.st_mtime_ns != after.st_mtime_ns:
        found.append("another time")
    if stat.S_ISREG(before.st_mode) and not filecmp.cmp(one, other, shallow=False):
        found.append("other bytes")
    return found


def names(folder: Path) -> list[str]:
    """What is in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def slow_tree(folder: Path) -> Iterator[Path]:
    """A tree that takes seconds to back up: zeros that have their room on the disk.

    Holes would not be read at all.
    """
    folder.mkdir()
    zeros = folder / "zeros"
    with zeros.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 4 << 30)
    try:
        yield folder
    finally:
        zeros.unlink()

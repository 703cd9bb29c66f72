"""Temporary files beside what they will become, and what killed processes left.

Whoever writes a temporary file holds a lock on it, which ends with the process
whatever ends that. So a temporary file that nobody has locked is nobody's, and
the next one for the same name removes it: no clock, no process number.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NAME_MAX = 255
"""Bytes of the longest name that file systems have."""


@contextmanager
def beside(final: Path, mode: int) -> Iterator[tuple[Path, int]]:
    """Creates an empty file in the folder of `final`, and removes it if the block fails.

    Removes those of earlier processes for the same name, too. A process that is
    forked inside the block has no part in the file, and does not remove it.

    Args:
        final: What the block renames the file to.
        mode: Permissions of the file, before the umask.

    Yields:
        Its path, and a descriptor that keeps it locked.
    """
    remove_stale(final)
    path, descriptor = _create(final, mode)
    owner = os.getpid()
    try:
        yield path, descriptor
    except BaseException:
        if os.getpid() == owner:
            with suppress(OSError):
                path.unlink()
        raise
    finally:
        os.close(descriptor)


def remove_stale(final: Path) -> None:
    """Removes what killed processes left for a name."""
    stale = re.compile(re.escape(_prefix(final)) + "[0-9a-f]{12}")
    # A folder that cannot be listed can still be written to.
    with suppress(OSError), os.scandir(final.parent) as entries:
        for entry in entries:
            if stale.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_unlocked(Path(entry.path))


def lock_of(final: Path) -> Path:
    """The name of a file beside `final` that processes lock while they change it."""
    return final.with_name(f"{_prefix(final)}lock")


def _create(final: Path, mode: int) -> tuple[Path, int]:
    while True:
        path = final.with_name(f"{_prefix(final)}{secrets.token_hex(6)}")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ours = os.fstat(descriptor).st_nlink > 0
        except BlockingIOError:
            ours = False
        except OSError:
            # A file system without locks, where nobody can take it for stale.
            ours = True
        if ours:
            return path, descriptor
        # Somebody else saw it before it was locked, and has removed it or will.
        os.close(descriptor)


def _remove_unlocked(path: Path) -> None:
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), path.lstat()):
                path.unlink()
        finally:
            os.close(descriptor)


def _prefix(final: Path) -> str:
    # A long name is cut, so that the temporary one is not longer than any may be.
    name = os.fsdecode(os.fsencode(final.name)[: _NAME_MAX - len("..passkeep-0123456789ab")])
    return f".{name}.passkeep-"

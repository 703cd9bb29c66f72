"""Files that several processes may want to change at the same moment.

A change holds a lock on the folder, which leaves nothing behind when its holder
dies, unlike a lock file.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from passkeep.errors import ChangedError, KeyringError
from passkeep.output import PRIVATE_MODE, publish

PATIENCE = 10.0
"""Seconds to wait for another process; it holds the lock for some milliseconds."""

_INTERVAL = 0.02


@contextmanager
def guarded(target: str | os.PathLike[str]) -> Iterator[None]:
    """Keeps other passkeep processes from changing files beside `target`.

    Where the file system knows no locks the block runs without one.

    Raises:
        KeyringError: Another process holds the lock and does not let go of it.
        FileNotFoundError: There is no such folder.
    """
    final = Path(os.path.realpath(target))
    try:
        folder = os.open(final.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        yield
        return
    try:
        _lock(folder, final.parent)
        yield
    finally:
        os.close(folder)


def write_guarded(target: str | os.PathLike[str], data: bytes, *, overwrite: bool = False) -> None:
    """Publishes a private file under the lock of its folder.

    Raises:
        OutputError: `target` exists and may not be replaced.
        KeyringError: Another process does not let go of the folder.
        OSError: The system refused; `target` is unchanged.
    """
    with guarded(target):
        publish_verified(target, data, overwrite=overwrite)


def publish_verified(
    target: str | os.PathLike[str],
    data: bytes,
    *,
    overwrite: bool,
    verify: Callable[[bytes], object] = bytes,
) -> None:
    """Publishes a private file once it has been read back and found good.

    A device or a pipe gets the data as it is.

    Args:
        target: The final name.
        data: What to write.
        overwrite: Whether an existing file may be replaced.
        verify: Called with what was read back; raises what is wrong with it.

    Raises:
        OutputError: `target` exists and may not be replaced.
        KeyringError: What was read back is not what was written.
        OSError: The system refused; `target` is unchanged.
    """
    with publish(target, overwrite=overwrite, mode=PRIVATE_MODE) as temporary:
        temporary.write_bytes(data)
        if not temporary.is_file():
            return
        stored = temporary.read_bytes()
        if stored != data:
            raise KeyringError(
                f"{os.fspath(target)} does not read back as it was written; nothing was replaced",
                hint="Check the disk, or choose another one.",
            )
        verify(stored)


def changed_meanwhile(path: str | os.PathLike[str]) -> ChangedError:
    """The error for a keyring file that another process has changed."""
    return ChangedError(
        f"{os.fspath(path)} was changed meanwhile and was left as it is",
        hint="Load it again and repeat the change.",
    )


def _lock(folder: int, name: Path) -> None:
    """Takes the lock, where the file system has one."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise KeyringError(
                    f"another process is changing files in {name} and does not finish",
                    hint="End that process, or wait for it, and try again.",
                ) from None
            time.sleep(_INTERVAL)
        except OSError:
            return
        else:
            return

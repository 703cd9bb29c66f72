"""Files that several processes may want to change at the same moment.

A change holds a lock on a file of its own beside them, which only their owner can open:
whoever may read the folder could hold a lock on that. The file is removed before the lock
is given back. A killed process leaves it behind, unlocked, for the next change to take.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from passkeep import temporary
from passkeep.errors import ChangedError, KeyringError
from passkeep.output import PRIVATE_MODE, publish

PATIENCE = 10.0
"""Seconds to wait for another process; it holds the lock for some milliseconds."""

_INTERVAL = 0.02
_LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def guarded(target: str | os.PathLike[str]) -> Iterator[None]:
    """Keeps other passkeep processes from changing `target` meanwhile.

    Where there is nothing to lock, as for a device, or no way to, as on a file system
    without locks, the block runs without one.

    Raises:
        KeyringError: Another process holds the lock and does not let go of it.
        FileNotFoundError: There is no such folder.
    """
    final = Path(os.path.realpath(target))
    if final.exists() and not final.is_file():
        yield
        return
    lock = temporary.lock_of(final)
    descriptor = _take(lock, final)
    try:
        yield
    finally:
        if descriptor is not None:
            with suppress(OSError):
                lock.unlink()
            os.close(descriptor)


def write_guarded(target: str | os.PathLike[str], data: bytes, *, overwrite: bool = False) -> None:
    """Publishes a private file under its lock.

    Raises:
        OutputError: `target` exists and may not be replaced.
        KeyringError: Another process does not let go of the lock.
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
    with publish(target, overwrite=overwrite, mode=PRIVATE_MODE) as path:
        path.write_bytes(data)
        if not path.is_file():
            return
        stored = path.read_bytes()
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


def _take(lock: Path, final: Path) -> int | None:
    """Opens a lock file and locks it; None where that is impossible."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            descriptor = os.open(lock, _LOCK_FLAGS, PRIVATE_MODE)
        except FileNotFoundError:
            raise
        except OSError:
            # What is written afterwards says what is wrong with the folder.
            return None
        if _lock(descriptor) and _is_still(descriptor, lock):
            return descriptor
        os.close(descriptor)
        if time.monotonic() > deadline:
            raise KeyringError(
                f"another process is changing {final} and does not finish",
                hint="End that process, or wait for it, and try again.",
            )
        time.sleep(_INTERVAL)


def _lock(descriptor: int) -> bool:
    """Whether the lock is ours now, or the file system has none."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def _is_still(descriptor: int, lock: Path) -> bool:
    """Whether nobody has removed the file between opening and locking it."""
    try:
        return os.path.samestat(os.fstat(descriptor), lock.lstat())
    except FileNotFoundError:
        return False

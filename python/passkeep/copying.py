"""Copying a part of a file, by sharing its blocks where the file system can."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable
from typing import NamedTuple

BLOCK = 4096
"""File systems that share blocks do so in multiples of this."""

_PIECE = 8 << 20
_BUFFER = 1 << 20
_FICLONERANGE = 0x4020940D
_CLONE_RANGE = struct.Struct("=qQQQ")
_CANNOT = frozenset(
    getattr(errno, name)
    for name in ("EOPNOTSUPP", "ENOTTY", "EINVAL", "EXDEV", "ENOSYS", "EPERM", "ETXTBSY")
)


class _Pair(NamedTuple):
    """Two open files, and how much further a byte stands in the second one."""

    source: int
    target: int
    shift: int


def copy_rest(
    source: int, offset: int, target: int, at: int, progress: Callable[[int], object]
) -> int:
    """Copies `source` from `offset` to its end to position `at` of `target`.

    Blocks are shared where both stand at the same distance from a block's beginning
    and the file system can (Btrfs, XFS, bcachefs).

    Args:
        source: Descriptor of a regular file, open for reading.
        offset: Where to begin.
        target: Descriptor of another one, open for writing.
        at: Where the first byte goes.
        progress: Called with the bytes copied so far; may raise.

    Returns:
        Bytes copied.

    Raises:
        OSError: The system refused.
    """
    pair = _Pair(source, target, at - offset)
    end = os.fstat(source).st_size
    start = offset
    if pair.shift % BLOCK == 0:
        start += _copy(pair, offset, min(end, offset + -offset % BLOCK), progress)
        if start < end and _clone(pair, start):
            progress(end - offset)
            return end - offset
    return start - offset + _copy(pair, start, end, progress, done=start - offset)


def _clone(pair: _Pair, start: int) -> bool:
    """Shares everything from `start` on; False where that cannot be done."""
    try:
        from fcntl import ioctl  # noqa: PLC0415  (not everywhere)

        what = _CLONE_RANGE.pack(pair.source, start, 0, start + pair.shift)
        ioctl(pair.target, _FICLONERANGE, what)
    except ImportError:
        return False
    except OSError as error:
        if error.errno in _CANNOT:
            return False
        raise
    return True


def _copy(
    pair: _Pair, start: int, end: int, progress: Callable[[int], object], *, done: int = 0
) -> int:
    """Copies what stands between two positions, or as much as there is."""
    at = start
    while at < end and (copied := _copy_some(pair, at, min(_PIECE, end - at))):
        at += copied
        progress(done + at - start)
    return at - start


def _copy_some(pair: _Pair, at: int, size: int) -> int:
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(pair.source, pair.target, size, at, at + pair.shift)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
    data = os.pread(pair.source, min(size, _BUFFER), at)
    written = 0
    while written < len(data):
        written += os.pwrite(pair.target, data[written:], at + pair.shift + written)
    return len(data)

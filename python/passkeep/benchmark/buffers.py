"""Large buffers, arrays of numpy where that is installed, and work on them by threads."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from typing import Any

from passkeep.benchmark.contest import ContenderError

_PATTERN = 1 << 20


@cache
def kind() -> str:
    """What buffers are made of."""
    try:
        import numpy  # noqa: F401, ICN001
    except ImportError:
        return "anonymous memory maps (numpy is not installed)"
    return "numpy arrays"


def empty(size: int) -> Any:
    """A buffer whose pages are there, so that nobody pays for them while timed."""
    if kind() == "numpy arrays":
        import numpy as np

        return np.full(size, 1, dtype=np.uint8)
    buffer = mmap.mmap(-1, max(size, 1))
    if hasattr(mmap, "MADV_HUGEPAGE"):
        buffer.madvise(mmap.MADV_HUGEPAGE)  # as numpy does
    for start in range(0, size, mmap.PAGESIZE):
        buffer[start] = 1
    return memoryview(buffer)[:size]


def random(size: int) -> Any:
    """A buffer of which no two neighbouring pages are alike."""
    buffer = empty(size)
    view = memoryview(buffer)
    pattern = os.urandom(min(_PATTERN, max(size, 1)))
    for start in range(0, size, _PATTERN):
        piece = min(_PATTERN, size - start)
        view[start : start + piece] = pattern[:piece]
    return buffer


class Team:
    """Threads that wait for work, so that starting them is not timed.

    Passkeep starts its own each time.
    """

    def __init__(self, stack: ExitStack, threads: int) -> None:
        self.threads = threads
        self._pool = stack.enter_context(ThreadPoolExecutor(threads))

    def share(self, count: int, work: Callable[[int, int], object]) -> None:
        """Has `work(first, last)` done for pieces of `range(count)`, one for each thread."""
        bounds = [count * one // self.threads for one in range(self.threads + 1)]
        for _ in self._pool.map(work, bounds[:-1], bounds[1:]):
            pass


def copier(team: Team, source: Any, target: Any) -> Callable[[], None]:
    """Copies memory by several threads: what no cipher can be faster than."""
    size = len(source)
    # A function of ctypes lets go of the interpreter's lock; slices do not.
    start, end = _address(source), _address(target)

    def copy(first: int, last: int) -> None:
        ctypes.memmove(end + first, start + first, last - first)

    return lambda: team.share(size, copy)


def require_equal(found: Any, expected: Any) -> None:
    """Compares buffers.

    Raises:
        ContenderError: They differ.
    """
    one, other = memoryview(found).cast("B"), memoryview(expected).cast("B")
    # Bytes are compared at once, views of memory one by one.
    if len(one) != len(other) or any(
        bytes(one[start : start + _PATTERN]) != bytes(other[start : start + _PATTERN])
        for start in range(0, len(one), _PATTERN)
    ):
        raise ContenderError("the result is not the plaintext")


def _address(buffer: Any) -> int:
    interface = getattr(buffer, "__array_interface__", None)
    if interface is not None:
        return int(interface["data"][0])
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))

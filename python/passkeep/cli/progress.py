"""Progress with rate and remaining time: on a terminal, silent elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from passkeep.cli.terminal import is_terminal

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


@contextmanager
def bar(
    title: str, total: int | Callable[[], int] | None = None
) -> Iterator[Callable[[int], object] | None]:
    """Gives a callback for bytes done, or None where nobody would see it.

    Args:
        title: What is going on.
        total: Bytes in all, or how to find out; None where that is unknown.
    """
    if not is_terminal(sys.stderr):
        yield None
        return
    from rich.progress import DownloadColumn, TransferSpeedColumn

    size = total() if callable(total) else total
    with _shown(title, size, DownloadColumn(), TransferSpeedColumn()) as update:
        yield update


@contextmanager
def counter(title: str, total: int) -> Iterator[Callable[[int], object] | None]:
    """Gives a callback for things done out of `total`, or None where nobody would see it."""
    if not is_terminal(sys.stderr):
        yield None
        return
    from rich.progress import MofNCompleteColumn

    with _shown(title, total, MofNCompleteColumn()) as update:
        yield update


@contextmanager
def _shown(
    title: str, total: int | None, *columns: ProgressColumn
) -> Iterator[Callable[[int], object]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = progress.add_task(title, total=total)

    def update(done: int) -> None:
        # Not before the work begins: somebody may be asked for a password until then.
        if not progress.live.is_started:
            progress.start()
        progress.update(task, completed=done)

    try:
        yield update
    finally:
        progress.stop()


class Stopwatch:
    """Times the work itself: it starts when the work first tells of progress.

    What comes before, a password's key derivation or a person at a passkey
    prompt, says nothing about the rate.
    """

    def __init__(self) -> None:
        self._start: float | None = None

    def watching(self, progress: Callable[[int], object] | None) -> Callable[[int], object]:
        """A progress callback that starts the watch and passes on to another one."""

        def tick(done: int) -> None:
            if self._start is None:
                self._start = time.perf_counter()
            if progress is not None:
                progress(done)

        return tick

    def rate(self, size: int) -> str:
        """How long it took, and what that is in a second for `size` bytes."""
        now = time.perf_counter()
        seconds = max(now - (now if self._start is None else self._start), 1e-9)
        return f"{seconds:.2f} s ({human(size / seconds)}/s)"


def counted(count: int, noun: str) -> str:
    """So many of what a noun with a regular plural names: 1 file, 2,000 files."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def human(size: float) -> str:
    """A number of bytes in decimal units: 12.3 MB."""
    for unit in _UNITS:
        if size < 1000 or unit == _UNITS[-1]:
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"

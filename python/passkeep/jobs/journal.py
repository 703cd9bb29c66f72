"""What is begun and what is finished, so that a killed run goes on where it was.

One JSON object a line. A line is there before its job begins, and another one
when it has ended; a backup that is not complete says so before it appears. A
line that a kill cut short is the last one, and is dropped.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, TypeAlias

from passkeep.errors import DamagedError, NewerVersionError, OutputError
from passkeep.jobs.destination import Standing, size
from passkeep.jobs.job import Job
from passkeep.jobs.results import JobResult
from passkeep.output import PRIVATE_MODE, sync_folder

Record: TypeAlias = dict[str, Any]

VERSION = "jobs/1"
_SORT = "jobs/"
_MAX_LINE = 1 << 16
_REMEMBERED: dict[str, tuple[type, ...]] = {
    "files": (int, NoneType),
    "bytes": (int, NoneType),
    "sealed": (int, NoneType),
    "seconds": (float, NoneType),
    "digest": (str, NoneType),
    "problem_count": (int,),
}
"""Members of a result that a finished job is remembered with."""


@dataclass(slots=True)
class _Entry:
    """What is known of one job.

    Attributes:
        begun: Whether it was begun and has not ended.
        before: What its destination was when it was begun.
        problems: How many entries its output, if there is one, lacks.
        ended: How it ended, and the figures of its result.
    """

    begun: bool = False
    before: Standing | None = None
    problems: int = 0
    ended: Record | None = None


class Journal:
    """The journal of a run. Without a file it remembers nothing."""

    def __init__(self, path: str | None = None, descriptor: int = -1, *, sync: bool = True) -> None:
        """Not for callers: use :func:`opened`.

        Args:
            path: Where it is.
            descriptor: The open and locked file.
            sync: Whether lines wait for the disk.
        """
        self.path = path
        self._descriptor = descriptor
        self._sync = sync
        self._entries: dict[str, _Entry] = {}
        self._offset = 0
        self._lines = 0
        self._broken = path is None

    def finished(self, number: int, job: Job) -> JobResult | None:
        """The result of a job that an earlier run finished, if its output is there still."""
        ended = self._entry(job).ended
        if ended is None or ended["status"] == "failed":
            return None
        there = size(job.target)
        if there is None or there != ended["sealed"]:
            # It is gone, or was replaced.
            return None
        remembered = {name: ended[name] for name in _REMEMBERED}
        # Another one may be asked for now.
        algorithm, _, hashed = (ended["digest"] or "").partition(":")
        remembered["digest"] = hashed if algorithm == job.digest else None
        return JobResult(
            number, job, "skipped" if ended["status"] == "done" else "partial", **remembered
        )

    def begun(self, job: Job) -> bool:
        """Whether a run that was killed has begun this job."""
        return self._entry(job).begun

    def before(self, job: Job) -> Standing | None:
        """What was at the destination when that run began the job."""
        return self._entry(job).before

    def problems(self, job: Job, *, now: bool = False) -> int:
        """How many entries the job's output lacks, as who ran it last has said before.

        Args:
            job: The job.
            now: Whether to look at what was said since the run began, too.
        """
        if now and not self._broken:
            self._read()
        return self._entry(job).problems

    def append(self, records: Iterable[Record]) -> None:
        """Writes lines: all, or, if the process ends, the beginning of them.

        Raises:
            OSError: The system refused. If half a line was written, nothing follows it,
                because that would be damage.
        """
        lines = b"".join(map(_line, records))
        if self._broken or not lines:
            return
        try:
            _write(self._descriptor, lines, sync=self._sync)
        except BaseException:
            end = os.fstat(self._descriptor).st_size
            self._broken = os.pread(self._descriptor, 1, end - 1) != b"\n"
            raise

    def _entry(self, job: Job) -> _Entry:
        return self._entries.get(job.fingerprint) or _Entry()

    def start(self, *, again: bool) -> None:
        """Reads what is there, or makes an empty file a journal. Not for callers."""
        beginning = os.pread(self._descriptor, len(_HEADER), 0)
        if beginning != _HEADER and _HEADER.startswith(beginning):
            os.ftruncate(self._descriptor, 0)
            _write(self._descriptor, _HEADER, sync=self._sync)
            if self._sync:
                sync_folder(Path(str(self.path)))
        self._read()
        if not self._lines:
            # One line that does not end, but not a journal's: it is not ours to cut.
            raise self._damaged()
        os.ftruncate(self._descriptor, self._offset)
        if again:
            self._entries.clear()
            os.ftruncate(self._descriptor, len(_HEADER))
            self._offset = len(_HEADER)

    def _read(self) -> None:
        """Reads the lines that are new, and stops before one that was cut short."""
        with open(self._descriptor, "rb", closefd=False) as file:
            file.seek(self._offset)
            while line := file.readline(_MAX_LINE):
                if not line.endswith(b"\n"):
                    if len(line) == _MAX_LINE:
                        raise self._damaged()
                    return
                self._lines += 1
                self._take(line)
                self._offset += len(line)

    def _take(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            if self._lines == 1:
                self._check_header(line, str(record["passkeep"]))
                return
            entry = self._entries.setdefault(record["job"], _Entry())
            match record:
                case {"event": "begin", "before": None}:
                    entry.begun, entry.before, entry.problems = True, None, 0
                case {"event": "begin", "before": [int(inode), int(length), int(changed)]}:
                    entry.begun, entry.problems = True, 0
                    entry.before = (inode, length, changed)
                case {"event": "problems", "count": int(count)}:
                    entry.problems = count
                case {"event": "end", "status": "done" | "partial" | "failed" as status}:
                    entry.begun, entry.ended = False, {"status": status} | _figures(record)
                case _:
                    raise self._damaged()
        except (ValueError, KeyError, TypeError, RecursionError):
            raise self._damaged() from None

    def _check_header(self, line: bytes, version: str) -> None:
        if line == _HEADER:
            return
        if version != VERSION and version.startswith(_SORT):
            raise NewerVersionError(f"{self.path} is the journal of a newer passkeep")
        raise self._damaged()

    def _damaged(self) -> DamagedError:
        return DamagedError(
            f"line {max(self._lines, 1)} of {self.path} is not one of a journal; nothing was run",
            hint="Name another journal. Without one, outputs that exist are left as they are,"
            " and their jobs fail.",
        )


@contextmanager
def opened(path: str | None, *, sync: bool, again: bool) -> Iterator[Journal]:
    """Opens a journal, and keeps it from other runs.

    Args:
        path: Where it is, or is to be; None for a run that remembers nothing.
        sync: Whether lines wait for the disk.
        again: Whether to forget what is there.

    Raises:
        OutputError: Another run has it.
        DamagedError: It is not a journal, or is damaged; it is left as it is.
        OSError: It cannot be read or written.
    """
    if path is None:
        yield Journal()
        return
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(path, flags, PRIVATE_MODE)
    _descriptors.add(descriptor)
    try:
        _lock(descriptor, path)
        journal = Journal(path, descriptor, sync=sync)
        journal.start(again=again)
        yield journal
    finally:
        if descriptor in _descriptors:  # and not in a forked child
            _descriptors.remove(descriptor)
            os.close(descriptor)


def begin(job: Job, before: Standing | None) -> Record:
    """The line of a job that is about to run."""
    record = {"event": "begin", "job": job.fingerprint, "before": before}
    return record | {"destination": job.destination}


def end(result: JobResult) -> Record:
    """The line of a job that has ended."""
    record = {"event": "end", "job": result.job.fingerprint, "status": result.status}
    record |= {name: getattr(result, name) for name in _REMEMBERED}
    return record | {"digest": result.digest and f"{result.job.digest}:{result.digest}"}


def note_problems(path: str, job: Job, count: int, *, sync: bool) -> None:
    """Says, from where a job runs, how many entries lacks the output that is about to appear."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        _write(
            descriptor,
            _line({"event": "problems", "job": job.fingerprint, "count": count}),
            sync=sync,
        )
    finally:
        os.close(descriptor)


def _figures(record: Record) -> Record:
    """What a finished job is remembered with.

    Raises:
        KeyError: Something is missing.
        TypeError: Something is not what it should be.
    """
    for name, kinds in _REMEMBERED.items():
        if not isinstance(record[name], kinds):
            raise TypeError
    return {name: record[name] for name in _REMEMBERED}


def _lock(descriptor: int, path: str) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OutputError(f"{path} is not an ordinary file", hint="Name another journal.")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutputError(
            f"another run is using the journal {path}; nothing was run",
            hint="Wait until it has ended, or end it.",
        ) from None
    except OSError:
        # A file system without locks: who uses one file at a time needs none.
        return


def _write(descriptor: int, data: bytes, *, sync: bool) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
    if sync:
        os.fsync(descriptor)


def _line(record: Record) -> bytes:
    # Lone surrogates, which stand for bytes of names, are escaped.
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


_HEADER = _line({"passkeep": VERSION})


def _let_go() -> None:
    """In a forked child: it would keep the lock after its parent has died."""
    for descriptor in _descriptors:
        os.close(descriptor)
    _descriptors.clear()


_descriptors: set[int] = set()
os.register_at_fork(after_in_child=_let_go)

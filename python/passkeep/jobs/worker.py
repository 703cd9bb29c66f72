"""Runs one job, wherever an executor wants it: plain data in, plain data out."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from passkeep import audience, temporary
from passkeep._native import CancelToken, Hasher, TreeReport
from passkeep.digests import digest
from passkeep.errors import (
    CancelledError,
    NotSyncedError,
    OutputError,
    PartialError,
    PasskeepError,
)
from passkeep.jobs import journal
from passkeep.jobs.destination import Standing, published, size
from passkeep.jobs.job import Job
from passkeep.jobs.results import JobError, JobProblem, JobResult
from passkeep.keyring import PublicKeyring, State
from passkeep.stream import encrypt_file
from passkeep.tree import backup

_log = logging.getLogger(__name__)

_MAX_PROBLEMS = 100
"""Problems of one job that a result carries."""


@dataclass(frozen=True, slots=True)
class Task:
    """A job and how to run it.

    Attributes:
        number: Its place among all jobs.
        job: The job, with absolute paths.
        before: What is at its destination.
        threads: How many cores it may use.
        sync: Whether to wait until its output is on the disk.
        journal: Where the run is recorded; None for nowhere.
        noted: How many entries an earlier attempt has said there that it lacks.
        state: What the machine remembers of keyrings; None for the default.
    """

    number: int
    job: Job
    before: Standing | None
    threads: int
    sync: bool
    journal: str | None
    noted: int
    state: State | None


def perform(task: Task, cancel: CancelToken | None = None) -> JobResult:
    """Runs a job. Whatever goes wrong with it becomes its result.

    A task that is run twice, by an executor that lost sight of it or after a kill,
    finds its own output and leaves it as it is.

    Raises:
        CancelledError: `cancel` was used.
    """
    start = time.perf_counter()
    try:
        if published(task.job.target, task.before):
            # Who was killed at the last moment has left its temporary file's name.
            temporary.remove_stale(Path(task.job.target))
            return _found(task, cancel)
        return _seal(task, start, cancel)
    except CancelledError:
        raise
    except Exception as error:  # noqa: BLE001  (one job must not end the others)
        temporary.remove_stale(Path(task.job.target))
        exists = isinstance(error, OutputError) and not isinstance(error, NotSyncedError)
        if exists and published(task.job.target, task.before):
            # Somebody ran the same task at the same time, and was faster.
            return _found(task, cancel)
        return _failed(task, start, error)


def sealing(path: str, state: State | None) -> PublicKeyring:
    """The public part of a keyring file or an export, pinned."""
    return audience.load(path).pinned(state)


def _found(task: Task, cancel: CancelToken | None) -> JobResult:
    """The result of a job that has finished already, as far as its output tells."""
    job = task.job
    hashed = job.digest and digest(job.destination, job.digest, threads=task.threads, cancel=cancel)
    return JobResult(
        task.number,
        job,
        "done",
        sealed=_size(job),
        digest=hashed.hexdigest() if hashed else None,
        found=True,
    )


def _failed(task: Task, start: float, error: Exception) -> JobResult:
    unforeseen = not isinstance(error, (PasskeepError, OSError, MemoryError))
    _log.debug("job %d failed: %s", task.number, error, exc_info=unforeseen)
    return JobResult(
        task.number,
        task.job,
        "failed",
        seconds=time.perf_counter() - start,
        error=JobError.of(error),
        lost=isinstance(error, NotSyncedError),
    )


def _seal(task: Task, start: float, cancel: CancelToken | None) -> JobResult:
    job = task.job
    hasher = None if job.digest is None else Hasher(job.digest)
    if job.kind == "encrypt":
        files, done = 1, _encrypt(task, hasher, cancel)
        problems: TreeReport | None = None
    else:
        problems = _backup(task, hasher, cancel)
        files, done = problems.files, problems.bytes
    return JobResult(
        task.number,
        job,
        "partial" if problems is not None and problems.problem_count else "done",
        files=files,
        bytes=done,
        sealed=_size(job),
        seconds=time.perf_counter() - start,
        digest=None if hasher is None else hasher.hexdigest(),
        problem_count=0 if problems is None else problems.problem_count,
        problems=() if problems is None else _problems(problems),
    )


def _backup(task: Task, hasher: Hasher | None, cancel: CancelToken | None) -> TreeReport:
    job = task.job

    def note(report: TreeReport) -> None:
        # Who is killed after the output has appeared can tell nobody any more.
        if report.problem_count != task.noted and task.journal is not None:
            journal.note_problems(task.journal, job, report.problem_count, sync=task.sync)

    try:
        return backup(
            job.source,
            job.destination,
            to=job.to if job.keyring is None else audience.load(job.keyring),
            cipher=job.cipher,
            travel=job.travel,
            exclude=job.exclude,
            exclude_caches=job.exclude_caches,
            xattrs=job.xattrs,
            compress=job.compress,
            overwrite=job.overwrite,
            sync=task.sync,
            threads=task.threads,
            digest=hasher,
            cancel=cancel,
            state=task.state,
            before_publishing=note,
        )
    except PartialError as error:
        return cast("TreeReport", error.report)


def _encrypt(task: Task, hasher: Hasher | None, cancel: CancelToken | None) -> int:
    job = task.job
    return encrypt_file(
        job.source[0],
        job.destination,
        to=job.to if job.keyring is None else sealing(job.keyring, task.state).recipients,
        cipher=job.cipher,
        overwrite=job.overwrite,
        sync=task.sync,
        threads=task.threads,
        digest=hasher,
        cancel=cancel,
    )


def _problems(report: TreeReport) -> tuple[JobProblem, ...]:
    return tuple(
        JobProblem(one.path, one.kind, one.message) for one in report.problems[:_MAX_PROBLEMS]
    )


def _size(job: Job) -> int | None:
    return size(job.target)

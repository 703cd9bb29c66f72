"""Running many jobs: a bounded number at a time, each one recorded before and after."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from passkeep import _native
from passkeep._native import CancelToken
from passkeep.errors import CancelledError, InvalidInputError, PasskeepError
from passkeep.jobs import journal as journals
from passkeep.jobs import share
from passkeep.jobs.destination import standing
from passkeep.jobs.job import Job, repeated
from passkeep.jobs.journal import Journal
from passkeep.jobs.results import JobError, JobResult
from passkeep.jobs.worker import Task, perform, sealing
from passkeep.keyring import State

_INTERVAL = 0.05
"""Seconds between two looks at the caller's cancel token."""

_Running: TypeAlias = "dict[Future[JobResult], Task]"


@dataclasses.dataclass(frozen=True, slots=True)
class _Options:
    """How a run goes about its jobs; see :func:`run_jobs`."""

    executor: Executor | None
    workers: int | None
    threads: int | None
    sync: bool
    state: State | None
    cancel: CancelToken | None


def run_jobs(
    jobs: Iterable[Job],
    executor: Executor | None = None,
    *,
    journal: str | os.PathLike[str] | None = None,
    again: bool = False,
    workers: int | None = None,
    threads: int | None = None,
    sync: bool = True,
    state: State | None = None,
    cancel: CancelToken | None = None,
) -> Generator[JobResult, None, None]:
    """Runs many jobs, and gives the result of each as it ends.

    A job that fails does not stop the others. Who leaves the loop stops the jobs
    that run; what they would have written does not appear.

    With a journal a run that was killed goes on where it was: jobs that are
    finished are not run again while their outputs are there, and each output is
    published once. A journal belongs to one run at a time.

    Args:
        jobs: What to do, in any order; no two may write to the same destination, and
            none should read what another one writes.
        executor: Where to run them: threads of this process by default, or any
            executor whose workers see the same files. It gets paths and options and
            is not shut down. Jobs that its processes run already are waited for. Very
            many small jobs gain from processes.
        journal: Where to record what is begun and finished; by default nowhere.
        again: Whether to forget what the journal says.
        workers: How many jobs run at once, by default as many as there are cores; in
            an executor, how many it is handed at a time, by default 64.
        threads: How many cores the jobs share, by default all that are usable; in an
            executor, how many each of them uses, by default one.
        sync: Whether to wait until each output is on the disk.
        state: What this machine remembers of keyrings.
        cancel: Stops the run from another thread.

    Returns:
        An iterator of results: first of the jobs that were finished before, in their
        order, then of the others as they end.

    Raises:
        InvalidInputError: Two jobs have the same destination. Nothing was run.
        OutputError: From the iterator: another run is using the journal.
        DamagedError: From the iterator: the journal is damaged.
        CancelledError: From the iterator: `cancel` was used.
        OSError: From the iterator: the journal cannot be written.
    """
    # Processes may have another current folder.
    here = str(Path.cwd())
    absolute = [job.beneath(here) for job in jobs]
    for later, earlier in repeated(absolute):
        raise InvalidInputError(
            f"jobs {earlier + 1} and {later + 1} have the same destination; nothing was run"
        )
    path = None if journal is None else str(Path.cwd() / journal)
    options = _Options(executor, workers, threads, sync, state, cancel)
    return _run(absolute, path, options, again=again)


def _run(
    jobs: Sequence[Job], path: str | None, options: _Options, *, again: bool
) -> Generator[JobResult, None, None]:
    with journals.opened(path, sync=options.sync, again=again) as journal:
        left: list[tuple[int, Job]] = []
        for number, job in enumerate(jobs, 1):
            found = journal.finished(number, job)
            if found is None:
                left.append((number, job))
            else:
                yield found
        refused = _pin({job.keyring for _, job in left}, options.state)
        for number, job in left:
            if job.keyring in refused:
                yield JobResult(number, job, "failed", error=refused[job.keyring])
        waiting = [one for one in left if one[1].keyring not in refused]
        if waiting:
            yield from _Run(waiting, journal, options).results()


def _pin(keyrings: set[str | None], state: State | None) -> dict[str | None, JobError]:
    """Pins each keyring before many processes would do so at once.

    Returns:
        Those that cannot be used, and why.
    """
    refused: dict[str | None, JobError] = {}
    for path in keyrings - {None}:
        try:
            sealing(str(path), state)
        except (PasskeepError, OSError) as error:
            refused[path] = JobError.of(error)
    return refused


class _Run:
    """The jobs of one run that are not finished yet."""

    def __init__(
        self, jobs: Sequence[tuple[int, Job]], journal: Journal, options: _Options
    ) -> None:
        self._jobs = jobs
        self._journal = journal
        self._options = options
        self._cores = options.threads or _native.usable_threads()
        self._width = share.at_once(len(jobs), self._cores, options.workers)
        self._started = 0
        self._running: _Running = {}
        self._stop = CancelToken()

    def results(self) -> Iterator[JobResult]:
        """Runs the jobs."""
        ended: list[JobResult] = []
        with self._executor() as (executor, window):
            while True:
                batch = self._next(window - len(self._running))
                self._record(ended, batch)
                for task in batch:
                    self._running[self._submit(executor, task)] = task
                yield from ended
                if not self._running:
                    return
                ended = self._wait()

    @contextmanager
    def _executor(self) -> Iterator[tuple[Executor, int]]:
        """Where the jobs run, and how many are handed over at a time."""
        given = self._options.executor
        # The next jobs wait beside the running ones, so that nobody waits for the journal.
        window = 2 * self._width if given is None else self._options.workers or share.WINDOW
        executor = ThreadPoolExecutor(self._width, "passkeep-job") if given is None else given
        try:
            yield executor, window
        finally:
            try:
                self._abandon()
            finally:
                if given is None:
                    executor.shutdown(cancel_futures=True)

    def _next(self, room: int) -> list[Task]:
        """As many of the next jobs as there is room for."""
        first = self._started
        batch = self._jobs[first : first + max(room, 0)]
        self._started += len(batch)
        return [
            Task(
                number=number,
                job=job,
                before=(
                    self._journal.before(job) if self._journal.begun(job) else standing(job.target)
                ),
                threads=self._threads(position),
                sync=self._options.sync,
                journal=self._journal.path,
                noted=self._journal.problems(job),
                state=self._options.state,
            )
            for position, (number, job) in enumerate(batch, first)
        ]

    def _threads(self, position: int) -> int:
        if self._options.executor is not None:
            return self._options.threads or 1
        return share.threads(position, len(self._jobs), self._cores, self._width)

    def _record(self, ended: Sequence[JobResult], batch: Sequence[Task]) -> None:
        """Writes what has ended, and what begins, in one go."""
        ends = [journals.end(result) for result in ended if not result.lost]
        begins = [
            journals.begin(task.job, task.before)
            for task in batch
            if not self._journal.begun(task.job)
        ]
        self._journal.append(ends + begins)

    def _submit(self, executor: Executor, task: Task) -> Future[JobResult]:
        # A token is no plain data: only threads of this process can share it.
        shared = type(executor) is ThreadPoolExecutor
        try:
            return executor.submit(perform, task, *([self._stop] if shared else []))
        except Exception as error:  # noqa: BLE001  (executors raise what they like)
            refused: Future[JobResult] = Future()
            refused.set_exception(error)
            return refused

    def _wait(self) -> list[JobResult]:
        """The results of the jobs that end next, at least one."""
        cancel = self._options.cancel
        timeout = None if cancel is None else _INTERVAL
        done: set[Future[JobResult]] = set()
        while not done:
            if cancel is not None and cancel.cancelled:
                raise CancelledError("the jobs were stopped; those that ran have left nothing")
            done, _ = wait(self._running, timeout, FIRST_COMPLETED)
        results = [self._result(future, self._running.pop(future)) for future in done]
        return sorted(results, key=lambda result: result.number)

    def _result(self, future: Future[JobResult], task: Task) -> JobResult:
        try:
            result = future.result()
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  (a lost job must not end the others)
            return _lost(task, error)
        if result.found and (lacking := self._journal.problems(task.job, now=True)):
            return dataclasses.replace(result, status="partial", problem_count=lacking)
        return result

    def _abandon(self) -> None:
        """Stops what runs, and records what had ended nevertheless."""
        self._stop.cancel()
        kept = [future for future in self._running if not future.cancel()]
        wait(kept)
        ended = [
            self._result(future, self._running[future])
            for future in kept
            if future.exception() is None
        ]
        # What cannot be recorded is found by the next run.
        with suppress(OSError):
            self._record(ended, [])


def _lost(task: Task, error: Exception) -> JobResult:
    """What is known of a job whose worker, or its executor, is gone."""
    reason = str(error) or type(error).__name__
    return JobResult(
        task.number,
        task.job,
        "failed",
        error=JobError(
            type(error).__name__,
            f"the executor lost this job: {reason}",
            "With a journal, the next run finds out whether it had finished.",
        ),
        lost=True,
    )

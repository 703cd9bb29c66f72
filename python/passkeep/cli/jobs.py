"""`passkeep backup --jobs`: many backups in one run."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from passkeep import errors
from passkeep.cli import options, reports, ways
from passkeep.cli.ending import FAILED, code, printable, say, sentence
from passkeep.cli.options import Command
from passkeep.cli.progress import counted, counter, human
from passkeep.errors import PartialError
from passkeep.jobs import Job, JobResult, read_jobs, run_jobs
from passkeep.keyring import Keyring, reminder

JOURNAL = ".journal"
"""What the journal of a job file is called, behind the name of that."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """What the options say about bulk jobs.

    Attributes:
        file: The job file; "-" is standard input.
        journal: Where the run is recorded; None for nowhere.
        again: Whether to forget what is recorded.
        workers: How many jobs run at once.
    """

    file: Path
    journal: Path | None
    again: bool
    workers: int | None


def jobs_options(command: Command) -> Command:
    """Adds the options of bulk jobs to a command, which gets them as `bulk`."""

    def collect(
        *args: Any,
        jobs: Path | None,
        journal: Path | None,
        again: bool,
        workers: int | None,
        **kwargs: Any,
    ) -> Any:
        if jobs is None and (journal is not None or again or workers is not None):
            raise click.UsageError("--journal, --again and --workers belong to --jobs.")
        if jobs is None and not kwargs["tree"]:
            raise click.UsageError("Missing argument 'TREE...'.")
        if jobs is not None and (kwargs["tree"] or kwargs["output"] is not None):
            raise click.UsageError("With --jobs, the job file names all trees and outputs.")
        if jobs is not None and journal is None and jobs.is_file():
            journal = jobs.with_name(jobs.name + JOURNAL)
        bulk = None if jobs is None else Bulk(jobs, journal, again, workers)
        return command(*args, bulk=bulk, **kwargs)

    collect.__doc__ = command.__doc__
    collect.__name__ = command.__name__
    decorated: Any = collect
    for option in (
        click.option(
            "--workers",
            type=click.IntRange(1, 256),
            help="Jobs to run at once; they share the threads. Default: as many as cores.",
        ),
        click.option("--again", is_flag=True, help="Run all jobs, whatever the journal says."),
        click.option(
            "--journal",
            type=options.FILE,
            help="Where finished jobs are recorded. Default: the job file's name and .journal.",
        ),
        click.option(
            "--jobs",
            type=options.INPUT,
            help='Run the jobs in this file, one JSON object a line; "-" is standard input.',
        ),
    ):
        decorated = option(decorated)
    # What click knows of the command so far is kept with the function.
    decorated.__click_params__ = [
        *getattr(command, "__click_params__", []),
        *decorated.__click_params__,
    ]
    return decorated  # type: ignore[no-any-return]  # click's decorators lose the type


def defaults(keyring: Path | None, recipients: Sequence[str], **given: Any) -> dict[str, Any]:
    """What the command line says for all jobs that do not say otherwise."""
    if recipients:
        return given | {"to": list(recipients)}
    return given | {"keyring": Path.cwd() / (keyring or options.default_keyring())}


def run(
    bulk: Bulk, defaults: dict[str, Any], *, sync: bool, threads: int | None, as_json: bool
) -> None:
    """Runs the jobs of a job file and tells what came of each.

    Raises:
        PartialError: Jobs have failed, or outputs are not complete.
    """
    standard = bulk.file == options.STANDARD_STREAM
    jobs = read_jobs(sys.stdin.buffer if standard else bulk.file, defaults=defaults)
    line = _check_keyring(jobs, defaults)
    tally = _Tally(len(jobs), resumable=bulk.journal is not None)
    results = run_jobs(
        jobs,
        journal=bulk.journal,
        again=bulk.again,
        workers=bulk.workers,
        threads=threads,
        sync=sync,
    )
    try:
        with counter("Backing up", len(jobs)) as progress:
            for result in results:
                tally.take(result)
                _show(result, as_json=as_json)
                if progress is not None:
                    progress(tally.seen)
    except BaseException as error:
        results.close()  # ends what runs
        if not isinstance(error, Exception):
            tally.tell_what_is_left()
        raise
    if not as_json:
        say(tally.summary())
        if line:
            say(printable(line))
    tally.judge()


def _check_keyring(jobs: Sequence[Job], defaults: dict[str, Any]) -> str | None:
    """Refuses a missing keyring before anything runs.

    Returns:
        What to remind the person of.
    """
    path = defaults.get("keyring")
    if path is None or all(job.keyring != str(path) for job in jobs):
        return None
    keyring = ways.load_sealing(path)
    return reminder(keyring.slots) if isinstance(keyring, Keyring) else None


@dataclass(slots=True)
class _Tally:
    """What has come of the jobs so far."""

    total: int
    resumable: bool
    counts: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    start: float = field(default_factory=time.perf_counter)

    @property
    def seen(self) -> int:
        return self.counts.total()

    def take(self, result: JobResult) -> None:
        self.counts[result.status] += 1
        if result.status != "skipped":
            self.bytes += result.bytes or 0

    def tell_what_is_left(self) -> None:
        """Says how to go on, where the run ends before the jobs do."""
        left = f"{self.total - self.seen:,} of {counted(self.total, 'job')} left."
        say(f"{left} The same command goes on there." if self.resumable else left)

    def summary(self) -> str:
        seconds = max(time.perf_counter() - self.start, 1e-9)
        counts = ", ".join(f"{self.counts[status]:,} {status}" for status in sorted(self.counts))
        rate = f"{human(self.bytes)} in {seconds:.2f} s ({human(self.bytes / seconds)}/s)"
        return f"{counted(self.total, 'job')}: {counts or 'nothing to do'}; {rate}."

    def judge(self) -> None:
        """Raises what the run as a whole ends with."""
        wrong = [
            f"{self.counts[status]:,} {words}"
            for status, words in (("failed", "failed"), ("partial", "left entries out"))
            if self.counts[status]
        ]
        if wrong:
            hint = "Correct what is wrong and run the same command again"
            raise PartialError(
                f"of {counted(self.total, 'job')}, {' and '.join(wrong)}",
                report=self,
                hint=f"{hint}: what is finished is skipped." if self.resumable else f"{hint}.",
            )


def _show(result: JobResult, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_as_json(result)))
        return
    if result.status == "skipped":
        return
    say(f"{result.status}  {printable(result.job.destination)}: {_outcome(result)}")
    for problem in result.problems:
        say(f"  {problem.kind}: {printable(problem.path)}: {printable(problem.message)}")
    if result.problem_count > len(result.problems):
        say(f"  … and {result.problem_count - len(result.problems)} more")
    if result.digest is not None:
        say(f"{result.digest}  {printable(result.job.destination)}")


def _outcome(result: JobResult) -> str:
    if result.error is not None:
        hint = f" {printable(result.error.hint)}" if result.error.hint else ""
        return sentence(result.error.message) + hint
    if result.rate is None:
        return "found finished, by a run that was stopped"
    size, rate = human(result.bytes or 0), human(result.rate)
    return f"{counted(result.files or 0, 'file')}, {size} in {result.seconds:.2f} s ({rate}/s)"


def _as_json(result: JobResult) -> dict[str, object]:
    job = result.job
    value: dict[str, object] = {
        "job": result.number,
        "line": job.line,
        "source": [reports.text(path) for path in job.source],
        "destination": reports.text(job.destination),
        "status": result.status,
        "files": result.files,
        "bytes": result.bytes,
        "sealed": result.sealed,
        "seconds": result.seconds,
        "rate": result.rate,
    }
    if result.digest is not None:
        value["digest"] = {"algorithm": job.digest, "hex": result.digest}
    if result.problem_count:
        value["problem_count"] = result.problem_count
        value["problems"] = [
            {"path": reports.text(one.path), "kind": one.kind, "message": one.message}
            for one in result.problems
        ]
    if result.error is not None:
        kind = getattr(errors, result.error.kind, None)
        value["error"] = {
            "type": result.error.kind,
            "message": result.error.message,
            "hint": result.error.hint,
            "code": code(kind) if isinstance(kind, type) else FAILED,
        }
    return value

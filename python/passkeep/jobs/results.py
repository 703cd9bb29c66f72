"""What came of a job, as plain data that processes can hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from passkeep.errors import PasskeepError, describe
from passkeep.jobs.job import Job

Status: TypeAlias = Literal["done", "partial", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed.

    Attributes:
        kind: The name of the exception's class.
        message: What happened.
        hint: What to do next; may be empty.
    """

    kind: str
    message: str
    hint: str = ""

    @classmethod
    def of(cls, error: BaseException) -> JobError:
        """An exception as plain data."""
        hint = error.hint if isinstance(error, PasskeepError) else ""
        return cls(type(error).__name__, describe(error) or type(error).__name__, hint)


@dataclass(frozen=True, slots=True)
class JobProblem:
    """One entry that is not in a backup as it should be; as :class:`passkeep.Problem`."""

    path: str
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class JobResult:
    """What came of a job.

    Attributes:
        number: The job's place among all jobs of the run, from 1.
        job: The job.
        status: "done"; "partial": written, but entries are missing; "failed": nothing
            was published; "skipped": an earlier run finished it.
        files: Files in the output; None where that is unknown.
        bytes: Bytes of their content; None where that is unknown.
        sealed: Bytes of the output; None where there is none.
        seconds: How long it took; None where that is unknown.
        digest: The output's digest, hexadecimal, if one was asked for.
        problem_count: How many entries are not as they should be.
        problems: The first of them.
        error: Why it failed.
        found: Whether the output was found finished: who wrote it was ended before
            it could tell.
        lost: Whether a failed job may have an output nevertheless: the executor has lost
            sight of it, or the system could not say that it is on the disk.
    """

    number: int
    job: Job
    status: Status
    files: int | None = None
    bytes: int | None = None
    sealed: int | None = None
    seconds: float | None = None
    digest: str | None = None
    problem_count: int = 0
    problems: tuple[JobProblem, ...] = ()
    error: JobError | None = None
    found: bool = False
    lost: bool = False

    @property
    def ok(self) -> bool:
        """Whether the output is there, and complete."""
        return self.status in ("done", "skipped")

    @property
    def rate(self) -> float | None:
        """Bytes of content in a second; None where nothing was sealed."""
        if self.bytes is None or self.seconds is None:
            return None
        return self.bytes / max(self.seconds, 1e-9)

"""One long piece of work at a time, in a thread: a backup, a check, a restore."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

from passkeep._native import CancelToken, TreeReport
from passkeep.errors import CancelledError, PartialError
from passkeep.settings.fields import Fields
from passkeep.settings.problems import RefusedError, problem, stale
from passkeep.stream import Progress

Kind = Literal["backup", "verify", "restore"]

Status = Literal["running", "cancelling", "done", "partial", "failed", "cancelled"]

Call = Callable[[Progress, CancelToken], TreeReport]
"""Does the work."""

Measure = Callable[[CancelToken], "int | None"]
"""Finds out how many bytes there are to do."""

MAX_PROBLEMS = 100
"""Problems of a report that the page gets."""

_PATIENCE = 30.0  # seconds for work to end; only waiting for the disk takes longer


class Work:
    """A piece of work, running or over.

    Args:
        kind: What it does.
        source: What is read.
        target: What is written, if anything is.
        call: Does it.
        measure: Finds out how many bytes there are; None if that is not known.
    """

    def __init__(
        self,
        kind: Kind,
        source: str,
        target: str | None,
        call: Call,
        measure: Measure,
    ) -> None:
        self.name = secrets.token_hex(8)
        self.status: Status = "running"
        self._about = {"work": self.name, "kind": kind, "source": source, "target": target}
        self._call: Call | None = call
        self._measure = measure
        self._cancel = CancelToken()
        self._started = time.monotonic()
        self._seconds: float | None = None
        self._done = 0
        self._total: int | None = None
        self._report: TreeReport | None = None
        self._error: dict[str, Any] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Work {self._about['kind']} {self.status}>"

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.status not in {"running", "cancelling"}

    def cancel(self) -> None:
        """Asks it to stop. Nothing of it is published then."""
        if self.status == "running":
            self.status = "cancelling"
        self._cancel.cancel()

    def wait(self) -> None:
        """Waits until it has ended, within reason."""
        self._thread.join(_PATIENCE)

    def to_json(self) -> dict[str, Any]:
        """How far it is, for the page."""
        total = self._total
        if total is not None and self._done > total:
            total = None  # it grew, or it is compressed
        seconds = time.monotonic() - self._started if self._seconds is None else self._seconds
        return {
            **self._about,
            "status": self.status,
            "done": self._done,
            "total": total,
            "seconds": round(seconds, 1),
            "report": self._report and _report(self._report),
            "error": self._error,
        }

    def _run(self) -> None:
        assert self._call is not None
        try:
            self._total = self._measure(self._cancel)
            self._report = self._call(self._progress, self._cancel)
        except PartialError as error:
            if isinstance(error.report, TreeReport):
                self._report = error.report
            self._error = problem(error)
            self._end("partial")
        except CancelledError:
            self._end("cancelled")
        except BaseException as error:  # noqa: BLE001 - nobody waits for the thread
            self._error = problem(error)
            self._end("failed")
        else:
            self._end("done")

    def _end(self, status: Status) -> None:
        # What did the work may hold what opens backups.
        self._call = None
        self._seconds = time.monotonic() - self._started
        self.status = status

    def _progress(self, done: int) -> None:
        self._done = done


class Works:
    """The piece of work that is running, or the last one."""

    def __init__(self) -> None:
        self._work: Work | None = None

    @property
    def actions(self) -> dict[str, Callable[[Fields], dict[str, Any]]]:
        """What the page can ask for."""
        return {"work/cancel": self._cancel, "work/dismiss": self._dismiss}

    @property
    def running(self) -> bool:
        """Whether something runs."""
        return self._work is not None and not self._work.over

    def check_free(self) -> None:
        """Raises RefusedError while something runs."""
        if self.running:
            raise RefusedError(
                "busy", "something else is running", hint="Wait until it has ended, or cancel it."
            )

    def start(
        self,
        kind: Kind,
        source: str,
        target: str | None,
        call: Call,
        measure: Measure,
    ) -> dict[str, Any]:
        """Starts a piece of work. Arguments are those of :class:`Work`."""
        self.check_free()
        self._work = Work(kind, source, target, call, measure)
        return {"work": self._work.name}

    def stop(self) -> None:
        """Cancels what runs and waits for its end."""
        if self._work is not None:
            self._work.cancel()
            self._work.wait()

    def state(self) -> dict[str, Any] | None:
        """What every tab may know of it."""
        return None if self._work is None else self._work.to_json()

    def _cancel(self, fields: Fields) -> dict[str, Any]:
        self._find(fields).cancel()
        return {}

    def _dismiss(self, fields: Fields) -> dict[str, Any]:
        self._find(fields)
        self.check_free()
        self._work = None
        return {}

    def _find(self, fields: Fields) -> Work:
        if self._work is None or fields.raw("work") != self._work.name:
            raise stale("this work")
        return self._work


def _report(report: TreeReport) -> dict[str, Any]:
    return {
        "files": report.files,
        "directories": report.directories,
        "links": report.links,
        "bytes": report.bytes,
        "problem_count": report.problem_count,
        "problems": [
            {"kind": one.kind, "path": one.path, "message": one.message}
            for one in report.problems[:MAX_PROBLEMS]
        ],
    }

"""Job files: JSON lines, read to the end before anything runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from passkeep.errors import InvalidInputError, LimitError
from passkeep.jobs.job import ONLY_BACKUPS, Job, repeated

Members: TypeAlias = dict[str, Any]

MAX_LINE = 1 << 20
"""Bytes of a line; a recipient takes two thousand."""

MAX_JOBS = 1_000_000

_MAX_PROBLEMS = 20
"""Wrong lines that an error names."""

_NAMES = {member.name for member in fields(Job)} - {"line"}


def read_jobs(
    source: str | os.PathLike[str] | BinaryIO,
    *,
    defaults: Mapping[str, Any] | None = None,
) -> list[Job]:
    """Reads a job file: one JSON object a line, with the arguments of :class:`Job`.

    Relative paths are relative to the file's folder; those in a file object and in
    `defaults`, to the current folder.

    Args:
        source: The file.
        defaults: Members for the jobs that do not have them. Recipients of its own
            take the place of a default keyring, and the other way round.

    Raises:
        InvalidInputError: Lines are wrong; the message names each of them.
        LimitError: It has more jobs, or longer lines, than a job file can have.
        OSError: It cannot be read.
    """
    members = dict(defaults or {})
    if "keyring" in members:
        members["keyring"] = Path.cwd() / members["keyring"]
    reading = _Reading(members)
    with _lines(source) as (file, folder):
        while line := file.readline(MAX_LINE + 1):
            reading.take(line, folder)
    return reading.finish()


class _Reading:
    """The jobs and the problems of a job file."""

    def __init__(self, defaults: Members) -> None:
        self._defaults = defaults
        self._jobs: list[Job] = []
        self._problems: list[tuple[int, str]] = []
        self._line = 0

    def take(self, line: bytes, folder: str) -> None:
        """Reads one more line."""
        self._line += 1
        if len(line) > MAX_LINE:
            raise LimitError(f"line {self._line} is longer than {MAX_LINE} bytes; nothing was run")
        if len(self._jobs) == MAX_JOBS:
            raise LimitError(f"there are more than {MAX_JOBS:,} jobs; nothing was run")
        if not line.strip():
            return
        try:
            self._jobs.append(_job(line, folder, self._defaults, self._line))
        except InvalidInputError as error:
            self._problems.append((self._line, str(error)))

    def finish(self) -> list[Job]:
        """The jobs, if all of the file is right."""
        for later, earlier in repeated(self._jobs):
            line = self._jobs[later].line or 0
            self._problems.append(
                (line, f"destination: the same as in line {self._jobs[earlier].line}")
            )
        if self._problems:
            raise _complaint(sorted(self._problems))
        return self._jobs


def _complaint(problems: list[tuple[int, str]]) -> InvalidInputError:
    shown = [f"line {number}: {text}" for number, text in problems[:_MAX_PROBLEMS]]
    if len(problems) > _MAX_PROBLEMS:
        shown.append(f"and {len(problems) - _MAX_PROBLEMS} more")
    return InvalidInputError(
        "; ".join(shown), hint="Correct the job file. Nothing was run: all of it is read first."
    )


@contextmanager
def _lines(source: str | os.PathLike[str] | BinaryIO) -> Iterator[tuple[BinaryIO, str]]:
    """What to read lines from, and the folder that relative paths begin in."""
    if isinstance(source, (str, os.PathLike)):
        with Path(source).open("rb") as file:
            yield file, str(Path.cwd() / Path(source).parent)
    else:
        yield source, str(Path.cwd())


def _job(line: bytes, folder: str, defaults: Members, number: int) -> Job:
    own = _members(line)
    unknown = sorted(own.keys() - _NAMES)
    if unknown:
        raise InvalidInputError(f"{unknown[0]!r} is no member of a job")
    for name in ("source", "destination"):
        if name not in own:
            raise InvalidInputError(f"{name} is missing")
    return Job(**_completed(own, defaults), line=number).beneath(folder)


def _completed(own: Members, defaults: Members) -> Members:
    """The members of a job, with the defaults where it has none and could have some."""
    for one, other in (("to", "keyring"), ("keyring", "to")):
        if one in own:
            defaults = {name: value for name, value in defaults.items() if name != other}
    if own.get("kind", defaults.get("kind")) == "encrypt":
        defaults = {name: value for name, value in defaults.items() if name not in ONLY_BACKUPS}
    return defaults | own


def _members(line: bytes) -> Members:
    try:
        value = json.loads(line.decode().rstrip(), object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise InvalidInputError(f"this is not JSON: {error.msg} at column {error.colno}") from None
    except UnicodeDecodeError:
        raise InvalidInputError("this is not UTF-8 text") from None
    except InvalidInputError:
        raise
    except (ValueError, RecursionError):
        raise InvalidInputError("this is no JSON that a job could be") from None
    if not isinstance(value, dict):
        raise InvalidInputError("this is not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> Members:
    value: Members = {}
    for name, one in pairs:
        if name in value:
            raise InvalidInputError(f"{name!r} is there twice")
        value[name] = one
    return value

"""Running other programs, none of which fails unseen."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from passkeep.benchmark.contest import ContenderError

PATIENCE = 1800
"""Seconds for one run of a program. The largest sizes take minutes on slow disks."""

PASSKEEP = (sys.executable, "-m", "passkeep")
"""Passkeep as a command, of the same installation."""

Word = str | Path


def run(
    *words: Word,
    stdin: int | None = None,
    stdout: int | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Runs a program whose output, if any, goes where it is told.

    Raises:
        ContenderError: It failed.
    """
    done = subprocess.run(
        [os.fspath(word) for word in words],
        check=False,
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=subprocess.DEVNULL if stdout is None else stdout,
        stderr=subprocess.PIPE,
        env=None if env is None else {**os.environ, **env},
        cwd=cwd,
        timeout=PATIENCE,
    )
    complain(words[0], done.returncode, done.stderr)


def output(*words: Word, cwd: Path | None = None) -> str:
    """What a program prints.

    Raises:
        ContenderError: It failed.
    """
    done = subprocess.run(
        [os.fspath(word) for word in words],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        cwd=cwd,
    )
    complain(words[0], done.returncode, done.stderr)
    return done.stdout.decode("utf-8", "replace")


def pipeline(first: Sequence[Word], second: Sequence[Word], *, cwd: Path) -> None:
    """Runs two programs, the first one's output piped into the second.

    Raises:
        ContenderError: One of them failed.
    """
    with subprocess.Popen(
        [os.fspath(word) for word in first],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=cwd,
    ) as process:
        assert process.stdout is not None
        try:
            run(*second, stdin=process.stdout.fileno(), cwd=cwd)
        except BaseException:
            process.kill()
            raise
        process.stdout.close()
        code = process.wait()
    complain(first[0], code, b"")


def complain(program: Word, code: int, stderr: bytes) -> None:
    """Turns an exit code other than zero into an error with the last line that was said."""
    if code:
        said = stderr.decode("utf-8", "replace").strip().splitlines()
        reason = f": {said[-1]}" if said else ""
        raise ContenderError(f"{Path(program).name} ended with exit code {code}{reason}")

"""Other people's programs and libraries: which are here, and in which versions."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from passkeep.benchmark.contest import Absent, Contender
from passkeep.errors import InvalidInputError

_QUESTIONS = {
    "age": ("--version",),
    "rage": ("--version",),
    "restic": ("version",),
    "openssl": ("version",),
    "b3sum": ("--version",),
    "zstd": ("--version",),
    "tar": ("--version",),
    "cp": ("--version",),
}
"""Programs, and how each is asked for its version."""

_MODULES = ("pyrage", "cryptography")

NAMES = ("age", "rage", "pyrage", "restic", "openssl", "b3sum", "cryptography")
"""What `--peers` looks for."""

_PATIENCE = 20
_VERSION = re.compile(r"\d+(?:\.\d+)+\S*")


@dataclass(frozen=True, slots=True)
class Program:
    """A program that is installed."""

    name: str
    path: Path
    version: str


@cache
def find(name: str) -> Program | None:
    """Looks for a program on the PATH."""
    path = shutil.which(name)
    return None if path is None else Program(name, Path(path), _version(path, _QUESTIONS[name]))


@cache
def module_version(name: str) -> str | None:
    """The version of a Python package; None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def versions() -> dict[str, str | None]:
    """The version of each peer, and None for each that is missing."""
    found: dict[str, str | None] = {name: module_version(name) for name in _MODULES}
    for name in _QUESTIONS:
        program = find(name)
        found[name] = None if program is None else program.version
    return found


def contender(name: str, make: Callable[[Path], Contender]) -> Contender | Absent:
    """A program as a contender, if it is installed.

    Args:
        name: The program.
        make: Makes the contender of the program's path.
    """
    program = find(name)
    return absent(name) if program is None else make(program.path)


def absent(name: str) -> Absent:
    """A peer that is not installed."""
    return Absent(name, "not installed")


def _version(path: str, question: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(
            [path, *question],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    found = _VERSION.search((done.stdout + done.stderr).decode("utf-8", "replace"))
    return found[0].rstrip(",;)") if found else "unknown"


def require_plotting() -> None:
    """Refuses early what needs matplotlib.

    Raises:
        InvalidInputError: It is not installed.
    """
    try:
        import matplotlib  # noqa: F401, ICN001
    except ImportError:
        raise InvalidInputError(
            "plots need matplotlib, which is not installed",
            hint="Install it with: pip install 'passkeep[bench]'",
        ) from None

"""Digests in races: whoever makes one, and comparing files and trees by what is in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from passkeep.benchmark.contest import Contender, ContenderError, Role
from passkeep.digests import digest


def hashing(name: str, expected: str, call: Callable[[], str], role: Role) -> Contender:
    """A contender that returns a digest, which each of its runs has to get right."""
    found: list[str] = []

    def run() -> None:
        found[:] = [call()]

    def check() -> None:
        if found != [expected]:
            raise ContenderError("the digest is wrong")

    return Contender(name, run, role, prepare=found.clear, check=check)


def file_digest(path: Path) -> str:
    """The digest of a file."""
    return digest(path).hexdigest()


def require_same_file(path: Path, expected: str) -> None:
    """Compares a file with a digest.

    Raises:
        ContenderError: It is missing or different.
    """
    if not path.is_file():
        raise ContenderError("it wrote no result")
    if file_digest(path) != expected:
        raise ContenderError("the result is not the plaintext")


def require_size(path: Path, smallest: int) -> None:
    """Looks whether a file can hold what it should.

    Raises:
        ContenderError: It is missing or too small.
    """
    if not path.is_file():
        raise ContenderError("it wrote no result")
    if path.stat().st_size < smallest:
        raise ContenderError("the result is too small to hold the plaintext")


def require_same_tree(found: Path, expected: Path) -> None:
    """Compares two folders, names and contents.

    Raises:
        ContenderError: They differ.
    """
    if dict(_entries(found)) != dict(_entries(expected)):
        raise ContenderError("the result is not the tree")


def _entries(folder: Path) -> Iterator[tuple[str, str]]:
    for path, _, names in os.walk(folder):
        for name in names:
            file = Path(path, name)
            yield str(file.relative_to(folder)), file_digest(file)

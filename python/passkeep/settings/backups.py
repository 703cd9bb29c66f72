"""The backups in a folder, and what their headers say of themselves.

Nothing is opened for it, so nothing of it is verified: a header says what whoever wrote
the file wanted it to say.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from passkeep.errors import PasskeepError
from passkeep.incoming import read
from passkeep.keyring import Keyring, travel
from passkeep.keyring.vault import Vault
from passkeep.settings.problems import problem

ENDINGS = (".age", ".sealed")
MOST = 100
"""Backups that are shown; there may be more in the folder."""


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    path: Path
    about: os.stat_result

    @property
    def signature(self) -> tuple[int, ...]:
        about = self.about
        return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns


@dataclass(frozen=True, slots=True)
class _Header:
    """What a file begins with; `problem` where that is not a backup."""

    format: str | None = None
    copy: Vault | None = None
    problem: dict[str, Any] | None = None


class Backups:
    """Lists the backups of one folder after another. Headers are read once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], _Header] = {}

    def list(self, folder: Path, keyring: Keyring | None) -> dict[str, Any]:
        """The newest backups in a folder.

        Args:
            folder: The folder.
            keyring: The present keyring, which gives ways in their names.

        Raises:
            OSError: The folder cannot be read.
        """
        files = sorted(_files(folder), key=lambda file: file.about.st_mtime_ns, reverse=True)
        shown = files[:MOST]
        self._known = {
            file.signature: self._known.get(file.signature) or _header(file) for file in shown
        }
        return {
            "backups": [_describe(file, self._known[file.signature], keyring) for file in shown],
            "more": len(files) - len(shown),
        }


def _files(folder: Path) -> Iterator[_File]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.endswith(ENDINGS):
                continue
            try:
                about = entry.stat()
            except OSError:  # gone meanwhile, or a link that leads nowhere
                continue
            if stat.S_ISREG(about.st_mode):
                yield _File(entry.name, Path(entry.path), about)


def _header(file: _File) -> _Header:
    try:
        with read(file.path) as incoming:
            opening = incoming.opening
        return _Header(opening.cipher, travel.find(opening.header.stanzas))
    except (PasskeepError, OSError) as error:
        return _Header(problem=problem(error))


def _describe(file: _File, header: _Header, keyring: Keyring | None) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": file.name,
        "size": file.about.st_size,
        "modified": moment(file.about.st_mtime),
        "format": header.format,
        "problem": header.problem,
        "keyring": None if header.problem else "none",
        "epoch": None,
        "older": False,
        "ways": [],
        "closed": 0,
    }
    if header.copy is not None:
        described |= _describe_copy(header.copy, keyring)
    return described


def _describe_copy(copy: Vault, keyring: Keyring | None) -> dict[str, Any]:
    same = keyring is not None and copy.document.get("id") == keyring.id
    slots = {slot.auth: slot for slot in keyring.slots} if same and keyring is not None else {}
    found = [(lock, slots.get(lock.auth)) for lock in copy.locks]
    epoch = copy.document.get("epoch")
    number = epoch if isinstance(epoch, int) and not isinstance(epoch, bool) else None
    return {
        "keyring": "this" if same else "another",
        "epoch": number,
        "older": same and keyring is not None and number is not None and number < keyring.epoch,
        "ways": [
            {
                "kind": lock.kind,
                "slot": None if slot is None else slot.id,
                "label": None if slot is None else slot.label,
            }
            for lock, slot in found
        ],
        "closed": sum(slot is None for _, slot in found) if same else 0,
    }


def moment(timestamp: float) -> str:
    """A time as the page gets it: ISO 8601 in UTC, to the second."""
    try:
        found = datetime.fromtimestamp(timestamp, UTC)
    except (OverflowError, ValueError, OSError):  # a file can claim any time
        found = datetime.fromtimestamp(0, UTC)
    return found.strftime("%Y-%m-%dT%H:%M:%SZ")

"""The notes of one person: one text file for each, in one folder."""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from common.problems import Refused

LONGEST = 16 * 1024  # bytes of one note
MOST = 1000

_NAME = re.compile(r"[0-9a-f]{16}\.txt")

# Only one thread changes notes at a time; what it does is short.
_changing = threading.Lock()


@dataclass(frozen=True, slots=True)
class Note:
    """One note.

    Attributes:
        id: 16 hexadecimal digits, in the order of time.
        text: What it says.
    """

    id: str
    text: str


class Notes:
    """A folder of notes.

    Args:
        folder: Where they are; it is made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._aside = folder.with_name(f"{folder.name}.before-restore")
        with _changing:
            if not folder.exists() and self._aside.exists():
                self._aside.rename(folder)  # the process ended while it replaced them
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def all(self) -> list[Note]:
        """Return every note, newest first."""
        return _read(self.folder)[::-1]

    def add(self, text: str) -> None:
        """Add a note.

        Raises:
            Refused: It is empty or too long, or there are too many.
        """
        data = text.strip().encode()
        if not 0 < len(data) <= LONGEST:
            raise Refused(HTTPStatus.BAD_REQUEST, f"A note has 1 to {LONGEST} bytes.")
        with _changing:
            if len(_read(self.folder)) >= MOST:
                raise Refused(
                    HTTPStatus.CONFLICT, f"There are {MOST} notes already.", "Delete one first."
                )
            _write(self.folder, f"{time.time_ns():016x}.txt", data)

    def delete(self, note: str) -> None:
        """Delete a note. One that is gone already is no error."""
        if _NAME.fullmatch(f"{note}.txt"):
            with _changing:
                (self.folder / f"{note}.txt").unlink(missing_ok=True)

    def replace(self, restored: Path) -> int:
        """Take the place of all notes, at once, with those of a restored backup.

        The backup may be anybody's, so only what is a note is taken. The notes from
        before stay beside the folder until the next restore.

        Returns:
            How many notes there are now.

        Raises:
            Refused: There is nothing in it that could be notes.
        """
        if not restored.is_dir() or restored.is_symlink():
            raise Refused(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "This backup holds no notes. Yours are as they were.",
                "Choose a backup that this app has made.",
            )
        notes = _read(restored)[:MOST]
        staged = Path(tempfile.mkdtemp(prefix="notes.", dir=self.folder.parent))
        for note in notes:
            _write(staged, f"{note.id}.txt", note.text.encode())
        with _changing:
            _remove(self._aside)
            self.folder.rename(self._aside)
            staged.rename(self.folder)
        return len(notes)


def _read(folder: Path) -> list[Note]:
    """Return what is a note in a folder, oldest first; links, folders and the rest is not."""
    found = []
    for path in sorted(folder.iterdir()):
        if not _NAME.fullmatch(path.name) or path.is_symlink() or not path.is_file():
            continue
        with suppress(FileNotFoundError, UnicodeDecodeError), path.open("rb") as file:
            data = file.read(LONGEST + 1)
            if len(data) <= LONGEST:
                found.append(Note(path.stem, data.decode()))
    return found


def _write(folder: Path, name: str, data: bytes) -> None:
    """Write a file that a backup which runs meanwhile sees whole or not at all."""
    descriptor, path = tempfile.mkstemp(prefix="writing.", dir=folder.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    Path(path).rename(folder / name)


def _remove(folder: Path) -> None:
    if folder.exists():
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()

"""Everything that belongs to one person, as files in one folder.

* ``notes/``: the notes.
* ``keyring.json``: the ways in. A passkey and a recovery key open it, the app alone cannot.
* ``public.json``: what backups are sealed to. No secret, and all that the nightly job needs.
* ``backups/``: sealed. Whoever holds them needs the passkey or the recovery key.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import passkeep
from common.notes import Notes
from common.problems import Refused

MOST_BACKUPS = 100

_USER = re.compile(r"[a-z][a-z0-9-]{0,31}")
_BACKUP = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{4}\.tar\.age")
_BEGINNINGS = (b"age-encryption.org/v1\n", b"passkeep.sealed/")


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup.

    Attributes:
        name: Its file name.
        size: Its size in bytes.
        made: When it came here, in seconds since 1970.
    """

    name: str
    size: int
    made: int


class Home:
    """One person's folder.

    Args:
        data: The folder of the app.
        user: The person's name.

    Raises:
        Refused: It is no name.
    """

    def __init__(self, data: Path, user: str) -> None:
        if not _USER.fullmatch(user):
            raise Refused(
                HTTPStatus.BAD_REQUEST,
                "A name has 1 to 32 letters (a to z), digits and dashes.",
                "Begin it with a letter.",
            )
        self.user = user
        self.folder = data / "users" / user
        self._backups = self.folder / "backups"
        self._backups.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.notes = Notes(self.folder / "notes")
        self.keyring = self.folder / "keyring.json"
        self.export = self.folder / "public.json"
        self.state = passkeep.State(data / "state")

    @classmethod
    def all(cls, data: Path) -> list[Home]:
        """Return everybody's."""
        folder = data / "users"
        names = sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []
        return [cls(data, name) for name in names if _USER.fullmatch(name)]

    @property
    def is_on(self) -> bool:
        """Whether backups were turned on."""
        if not self.keyring.exists():
            return False
        if not self.export.exists():  # the process ended between the two
            passkeep.Keyring.load(self.keyring).public().save(self.export)
        return True

    def backups(self) -> list[Backup]:
        """Return the backups, newest first."""
        found = []
        for path in sorted(self._backups.iterdir(), reverse=True):
            if _BACKUP.fullmatch(path.name):
                status = path.stat()
                found.append(Backup(path.name, status.st_size, int(status.st_mtime)))
        return found

    def backup(self, name: str) -> Path:
        """Return where a backup is.

        Raises:
            Refused: There is none of this name.
        """
        path = self._backups / name
        if not _BACKUP.fullmatch(name) or not path.is_file():
            raise Refused(
                HTTPStatus.NOT_FOUND, "There is no such backup.", "Reload the page to see them."
            )
        return path

    def new_backup(self) -> Path:
        """Return where the next backup goes.

        Raises:
            Refused: There are too many already.
        """
        if len(self.backups()) >= MOST_BACKUPS:
            raise Refused(
                HTTPStatus.CONFLICT,
                f"There are {MOST_BACKUPS} backups already.",
                "Delete one that you no longer need.",
            )
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        return self._backups / f"{stamp}-{secrets.token_hex(2)}.tar.age"

    @contextmanager
    def receiving(self, largest: int) -> Iterator[Receiver]:
        """Take in a backup, piece by piece; it is there when all of it is.

        Args:
            largest: The most bytes that it may have.

        Raises:
            Refused: It is no backup, or too large, or there are too many.
        """
        target = self.new_backup()
        descriptor, path = tempfile.mkstemp(prefix="receiving.", dir=self.folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                receiver = Receiver(file.write, largest)
                yield receiver
                file.flush()
                os.fsync(descriptor)
            if not receiver.begins_as_backup:
                raise Refused(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    "This file is no backup, and was not kept.",
                    "Choose a file whose name ends in .tar.age.",
                )
            Path(path).rename(target)
        finally:
            Path(path).unlink(missing_ok=True)


class Receiver:
    """Counts what comes in, so that nobody fills the disk.

    Args:
        write: Takes each piece.
        largest: The most bytes that may come.
    """

    def __init__(self, write: Callable[[bytes], object], largest: int) -> None:
        self._write = write
        self._left = largest
        self._beginning = b""

    def take(self, piece: bytes) -> None:
        """Take a piece.

        Raises:
            Refused: It is one too many.
        """
        self._left -= len(piece)
        if self._left < 0:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "This file is larger than a backup may be here, and was not kept.",
                "Restore it with the command line: passkeep restore.",
            )
        if len(self._beginning) < len(_BEGINNINGS[0]):
            self._beginning += piece[: len(_BEGINNINGS[0])]
        self._write(piece)

    @property
    def begins_as_backup(self) -> bool:
        """Whether what came begins as a sealed file does. Opening it tells the rest."""
        return self._beginning.startswith(_BEGINNINGS)

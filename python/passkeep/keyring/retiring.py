"""Turning a keyring off: its file gets another name, and nothing is deleted.

Backups stay as they are and open with the ways in that they carry; the file is what
later backups would be sealed to, and what turning it on again takes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from passkeep.errors import OutputError
from passkeep.keyring import storage
from passkeep.keyring.keyring import Keyring
from passkeep.output import rename_new, sync_folder

_OFF = "-off-"


def set_aside(keyring: Keyring, path: str | os.PathLike[str]) -> Path:
    """Gives a keyring's file a name that says when it was turned off.

    Args:
        keyring: What was loaded from `path`, or saved to it last.
        path: The keyring file.

    Returns:
        The file under its new name, in the folder where it was.

    Raises:
        ChangedError: `path` holds something else by now.
        NotSyncedError: The file has its new name, but a power cut may undo it.
        OSError: The system refused; the file has its old name.
    """
    file = Path(os.path.realpath(path))
    with storage.guarded(file):
        if not keyring.is_stored_at(file):
            raise storage.changed_meanwhile(path)
        for name in _names(file):
            try:
                rename_new(file, name)
            except OutputError:
                continue
            sync_folder(name)
            return name
    raise AssertionError("the names do not end")


def kept(path: str | os.PathLike[str]) -> list[Path]:
    """The keyring files beside `path` that :func:`set_aside` made, newest first."""
    file = Path(os.path.realpath(path))
    prefix = f"{file.stem}{_OFF}"
    try:
        found = [
            one
            for one in file.parent.iterdir()
            if one.name.startswith(prefix) and one.suffix == file.suffix and one.is_file()
        ]
        return sorted(found, key=lambda one: (one.stat().st_ctime, one.name), reverse=True)
    except OSError:
        return []


def put_back(path: str | os.PathLike[str], name: str) -> None:
    """Gives a keyring file that was set aside its name back.

    Raises:
        FileNotFoundError: There is none of this name.
        OutputError: There is a keyring at `path`.
        DamagedError: It is not a keyring.
        OSError: The system refused.
    """
    file = Path(os.path.realpath(path))
    found = next((one for one in kept(file) if one.name == name), None)
    if found is None:
        raise FileNotFoundError(2, "no keyring of this name was set aside", name)
    with storage.guarded(file):
        Keyring.load(found)
        rename_new(found, file)
        sync_folder(file)


def _names(file: Path) -> Iterator[Path]:
    today = datetime.now(UTC).date().isoformat()
    for number in count(1):
        again = "" if number == 1 else f"-{number}"
        yield file.with_name(f"{file.stem}{_OFF}{today}{again}{file.suffix}")

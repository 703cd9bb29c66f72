"""Backups of a folder: which there are, making one, checking one, restoring one."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from passkeep import _native, tree
from passkeep._native import CancelToken, TreeReport
from passkeep.keyring import Keyring, RootIdentity
from passkeep.output import check_folder, check_target
from passkeep.settings.backups import ENDINGS, Backups
from passkeep.settings.fields import Fields, about_path
from passkeep.settings.problems import FieldError, RefusedError
from passkeep.settings.session import Session
from passkeep.settings.work import Works
from passkeep.stream import Progress

_LEVEL = 3
"""The zstd level of backups that are compressed."""


class Folder:
    """The folder with backups.

    Args:
        session: The keyring.
        works: Where long work is done.
        path: The folder; None where the person has to say it.
    """

    def __init__(self, session: Session, works: Works, path: Path | None) -> None:
        self.path = path
        self._session = session
        self._works = works
        self._backups = Backups()

    @property
    def actions(self) -> dict[str, Callable[[Fields], dict[str, Any]]]:
        """What the page can ask for."""
        return {
            "folder": self._choose,
            "backups": self._list,
            "backup": self._back_up,
            "verify": self._verify,
            "restore": self._restore,
        }

    def _choose(self, fields: Fields) -> dict[str, Any]:
        path = fields.path("path")
        with about_path("path"):
            if not path.is_dir():
                raise FieldError("path", "there is no such folder")
            os.scandir(path).close()
        self.path = path
        return {}

    def _list(self, _: Fields) -> dict[str, Any]:
        if self.path is None:
            return {"backups": [], "more": 0}
        with about_path("path"):
            return self._backups.list(self.path, self._session.keyring)

    def _back_up(self, fields: Fields) -> dict[str, Any]:
        self._works.check_free()
        folder, keyring = self._folder(), self._session.load()
        source, compress = fields.path("source"), fields.flag("compress")
        exclude = fields.texts("exclude")
        with about_path("source"):
            source.lstat()
        if fields.raw("name") is None:
            name = _name(source, compress=compress)
        else:
            name = fields.file_name("name")
            if not name.endswith(ENDINGS[0]):
                raise FieldError("name", f"a backup's name ends in {ENDINGS[0]}")
        target = folder / name
        if os.path.lexists(target):
            raise FieldError("name", "there is a file of this name already; it was left as it is")
        with about_path("path"):
            check_target(target, overwrite=False)
        # What this machine would not seal to is refused now, and not by the work.
        keyring.pinned()
        call = partial(_back_up, source, target, keyring, compress=compress, exclude=exclude)
        measure = partial(_measure, source, exclude)
        return self._works.start("backup", os.fspath(source), os.fspath(target), call, measure)

    def _verify(self, fields: Fields) -> dict[str, Any]:
        self._works.check_free()
        identity = self._session.unlocked().identity
        source = self._backup(fields)
        call = partial(_verify, source, identity)
        return self._works.start("verify", os.fspath(source), None, call, partial(_size, source))

    def _restore(self, fields: Fields) -> dict[str, Any]:
        self._works.check_free()
        identity = self._session.unlocked().identity
        source, target = self._backup(fields), fields.path("target")
        if os.path.lexists(target):
            raise FieldError("target", "this exists already; name a folder that does not")
        with about_path("target"):
            check_folder(target)
        call = partial(_restore, source, target, identity)
        size = partial(_size, source)
        return self._works.start("restore", os.fspath(source), os.fspath(target), call, size)

    def _folder(self) -> Path:
        if self.path is None:
            raise RefusedError("invalid", "no folder was chosen for backups")
        return self.path

    def _backup(self, fields: Fields) -> Path:
        file = self._folder() / fields.file_name("name")
        if not file.is_file():
            raise FieldError("name", "there is no such backup any more")
        return file


def _name(source: Path, *, compress: bool) -> str:
    """A name that says what the backup is of, and when it was made."""
    stem = source.resolve().name or "backup"
    packed = ".zst" if compress else ""
    return f"{stem}-{datetime.now().astimezone():%Y-%m-%d-%H%M%S}.tar{packed}{ENDINGS[0]}"


def _measure(source: Path, exclude: list[str], cancel: CancelToken) -> int:
    return _native.measure_tree([source], exclude=exclude, cancel=cancel)[1]


def _size(source: Path, cancel: CancelToken) -> int:
    del cancel
    return source.stat().st_size


def _back_up(
    source: Path,
    target: Path,
    keyring: Keyring,
    progress: Progress,
    cancel: CancelToken,
    *,
    compress: bool,
    exclude: list[str],
) -> TreeReport:
    return tree.backup(
        source,
        target,
        to=keyring,
        exclude=exclude,
        compress=_LEVEL if compress else None,
        progress=progress,
        cancel=cancel,
    )


def _verify(
    source: Path, identity: RootIdentity, progress: Progress, cancel: CancelToken
) -> TreeReport:
    return tree.verify(source, identity, progress=progress, cancel=cancel)


def _restore(
    source: Path,
    target: Path,
    identity: RootIdentity,
    progress: Progress,
    cancel: CancelToken,
) -> TreeReport:
    return tree.restore(source, target, identity, progress=progress, cancel=cancel)

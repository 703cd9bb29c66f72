"""What this machine remembers of keyrings: the highest epoch, and a pin.

An unattended host cannot check a keyring's MAC, so it pins what it saw first
and refuses any change until a person says `passkeep key trust`. A machine that
does unlock keyrings remembers the highest epoch and refuses an older one, so
that storage cannot bring back a keyring with a removed slot. It knows the ways in
of what it saved, and lets its own jobs go on with an export from before, unless a
way in was taken away since (`record.py`).
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from passkeep.errors import DamagedError, KeyringError
from passkeep.keyring import storage, strict_json
from passkeep.keyring.record import PublicPart, Record
from passkeep.keyring.strict_json import Fields

_log = logging.getLogger(__name__)

_MAX_RECORD = 1 << 18

_Parsed = TypeVar("_Parsed")


class State:
    """The state folder.

    Args:
        folder: Where to remember; by default `PASSKEEP_STATE_DIR`, or the
            platform's folder for user state.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self._folder = Path(folder) if folder is not None else _default_folder()

    @property
    def folder(self) -> Path:
        """The folder itself."""
        return self._folder

    def check_pin(self, keyring_id: str, fingerprint: str, origin: str = "") -> bool:
        """Pins public parts at first use, and afterwards accepts no others.

        Earlier ones are accepted where this machine has verified both, and no way in
        was taken away since.

        Args:
            keyring_id: 32 hexadecimal digits.
            fingerprint: SHA-256 of the public parts, hexadecimal.
            origin: The file they came from, which may not turn into another
                keyring's either; empty where there is none.

        Returns:
            Whether they are earlier ones, which lack ways in that were added since.

        Raises:
            KeyringError: They are not what was pinned.
            OSError: The state folder cannot be read or written.
        """
        record = self._read(keyring_id)
        before = self._read_origins(origin)
        if not record.accepts(fingerprint) or before - {"", keyring_id}:
            raise KeyringError(
                "the public part of this keyring is not what this machine used before;"
                " nothing was backed up",
                hint="If you changed the keyring yourself, run `passkeep key trust` on it.",
            )
        if not record.pin or (fingerprint == record.next != record.pin):
            self.trust(keyring_id, fingerprint, origin)
        elif "" in before:
            self._write_origins(origin, keyring_id)
        return record.lacks_ways(fingerprint)

    def trust(self, keyring_id: str, fingerprint: str, origin: str = "") -> None:
        """Pins public parts, whatever was pinned before.

        The epoch that they claim is not remembered: nobody has verified it.
        """
        self._change(keyring_id, lambda record: replace(record, pin=fingerprint, next=""))
        self._write_origins(origin, keyring_id)

    def expect(self, keyring_id: str, part: PublicPart, *earlier: PublicPart) -> None:
        """Accepts public parts that are about to be saved, besides those pinned.

        Whatever ends the process while it saves, this machine then accepts the
        keyring that it finds, old or new.

        Args:
            keyring_id: 32 hexadecimal digits.
            part: What is about to be saved.
            earlier: What it was made from, verified like itself.
        """
        self._change(
            keyring_id,
            lambda record: replace(record, next=part.fingerprint).knowing((*earlier, part)),
        )

    def check_epoch(self, keyring_id: str, epoch: int) -> None:
        """Refuses a keyring older than one that was unlocked here.

        On a machine whose memory cannot be read, as after `sudo` made the folder, a
        person still gets in.

        Raises:
            KeyringError: This machine has seen a later epoch, or the record is damaged.
        """
        try:
            highest = self._read(keyring_id).epoch
        except OSError as error:
            _log.warning("whether this keyring is an old copy was not checked: %s", error)
            return
        if epoch < highest:
            raise KeyringError(
                f"this keyring is an old copy: epoch {epoch}, while this machine has seen"
                f" epoch {highest}",
                hint="Use the newest copy of the keyring. If it is lost, move this one away:"
                " `passkeep key adopt --older` takes one out of your newest backup.",
            )

    def accept_epoch(self, keyring_id: str, epoch: int) -> None:
        """Takes a verified epoch as the highest, although a later one was seen.

        For a person who has lost every later copy: what was removed since is a way in again.
        """
        self._change(keyring_id, lambda record: replace(record, epoch=epoch))

    def remember_epoch(self, keyring_id: str, epoch: int) -> None:
        """Remembers the epoch of a keyring whose MAC was verified."""
        if epoch > self._read(keyring_id).epoch:
            self._change(keyring_id, lambda record: replace(record, epoch=max(epoch, record.epoch)))

    def _path(self, keyring_id: str) -> Path:
        return self._folder / "keyrings" / f"{keyring_id}.json"

    def _origin_paths(self, origin: str) -> list[Path]:
        """Records of a file by the name that was given, and by where that leads.

        Either alone could be turned into another keyring: a name by making it a
        link, and a link by changing where it leads.
        """
        if not origin:
            return []
        names = {os.fspath(Path(origin).absolute()), os.path.realpath(origin)}
        digests = (hashlib.sha256(os.fsencode(name)).hexdigest() for name in names)
        return [self._folder / "files" / f"{digest}.json" for digest in digests]

    def _read_origins(self, origin: str) -> set[str]:
        """The keyrings that a file held when this machine used it first; "" for none."""
        paths = self._origin_paths(origin)
        return {self._parse(path, lambda fields: fields.text("id"), "") for path in paths}

    def _read(self, keyring_id: str) -> Record:
        return self._parse(self._path(keyring_id), Record.from_json, Record())

    @staticmethod
    def _parse(path: Path, parse: Callable[[Fields], _Parsed], absent: _Parsed) -> _Parsed:
        try:
            with path.open("rb") as file:
                text = file.read(_MAX_RECORD)
        except FileNotFoundError:
            return absent
        try:
            return parse(Fields(strict_json.loads(text, "a record of passkeep"), "the record"))
        except DamagedError:
            raise KeyringError(
                f"what this machine remembers of the keyring is damaged: {path}",
                hint="Compare the keyring with a trusted copy, then remove that file.",
            ) from None

    def _change(self, keyring_id: str, change: Callable[[Record], Record]) -> None:
        """Changes a record while no other process does."""
        path = self._path(keyring_id)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with storage.guarded(path):
            record = strict_json.canonical(change(self._read(keyring_id)).to_json())
            storage.publish_verified(path, record, overwrite=True)

    def _write_origins(self, origin: str, keyring_id: str) -> None:
        for path in self._origin_paths(origin):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            storage.write_guarded(path, strict_json.canonical({"id": keyring_id}), overwrite=True)


def _default_folder() -> Path:
    override = os.environ.get("PASSKEEP_STATE_DIR")
    if override:
        return Path(override)
    from platformdirs import user_state_path  # noqa: PLC0415  (only where nothing is set)

    return user_state_path("passkeep")

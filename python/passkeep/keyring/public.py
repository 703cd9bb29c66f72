"""The public export: all that an unattended backup needs, and nothing that opens."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from passkeep.age.header import Stanza
from passkeep.age.hybrid import HybridRecipient
from passkeep.errors import LimitError
from passkeep.keyring import strict_json, travel
from passkeep.keyring.document import MAX_DOCUMENT, check_version, parse_id
from passkeep.keyring.record import PublicPart
from passkeep.keyring.state import State
from passkeep.keyring.storage import write_guarded
from passkeep.keyring.strict_json import Fields, Object, encode_data, untrusted

VERSION = "public/1"

_DIGITS = 32
"""Of a digest that tells ways in apart."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublicKeyring:
    """The public parts of a keyring: seals backups, opens nothing.

    Attributes:
        id: The keyring's id, 32 hexadecimal digits.
        epoch: The keyring's epoch when it was exported.
        recipient: What backups are sealed to, an `age1pq1…` string.
        recovery: The recovery key's recipient.
        travel: The travelling copy for the header of each backup.
        origin: The file it came from; empty where there is none.
    """

    id: str
    epoch: int
    recipient: str
    recovery: str
    travel: bytes
    origin: str = field(default="", compare=False)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PublicKeyring:
        """Reads a public export.

        Raises:
            DamagedError: It is not one, or malformed.
            NewerVersionError: It needs a newer passkeep.
            OSError: It cannot be read.
        """
        return replace(cls.from_json(read_json(path)), origin=os.fspath(path))

    @classmethod
    def from_json(cls, value: Object) -> PublicKeyring:
        """Reads a public export from its JSON object. Errors as in :meth:`load`."""
        fields = Fields(value, "the public export")
        check_version(fields.text("passkeep"), VERSION)
        public = cls(
            id=parse_id(fields),
            epoch=fields.number("epoch"),
            recipient=fields.text("recipient"),
            recovery=fields.text("recovery"),
            travel=fields.data("travel"),
        )
        # What is malformed is refused now, and not by the first backup at night.
        with untrusted("the public export"):
            _ = public.recipients
        travel.find(public.stanzas)
        return public

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Writes the export, atomically.

        Raises:
            OutputError: The file exists and `overwrite` is not set.
        """
        write_guarded(path, self.to_bytes(), overwrite=overwrite)

    def to_bytes(self) -> bytes:
        """The export as it is stored, and as its fingerprint is made: RFC 8785 JSON."""
        value = {
            "passkeep": VERSION,
            "id": self.id,
            "epoch": self.epoch,
            "recipient": self.recipient,
            "recovery": self.recovery,
            "travel": encode_data(self.travel),
        }
        return strict_json.canonical(value) + b"\n"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the export, hexadecimal: what machines pin."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def pinned(self, state: State | None = None) -> PublicKeyring:
        """This export, if it is what this machine used before; the first one is pinned.

        An earlier export of a keyring that was changed on this machine is accepted as
        well, unless a way in was taken away since.

        Raises:
            KeyringError: This machine used another one.
            OSError: The state folder cannot be read or written.
        """
        with untrusted("the public part of the keyring"):
            _ = self.recipients
        if (state or State()).check_pin(self.id, self.fingerprint, self.origin):
            _tell_of_missing_ways(self.fingerprint, self.origin)
        return self

    def pinned_recipients(self) -> tuple[HybridRecipient, HybridRecipient]:
        """What to seal to, if it is what this machine used before. See :meth:`pinned`."""
        return self.pinned().recipients

    @property
    def part(self) -> PublicPart:
        """What a machine remembers of it, once the keyring behind it was verified.

        Raises:
            DamagedError: The travelling copy is malformed.
            LimitError: It is too large.
        """
        carried = travel.find(self.stanzas)
        locks = () if carried is None else carried.locks
        keys = (self.recipient.encode(), self.recovery.encode(), *(lock.auth for lock in locks))
        digests = (hashlib.sha256(key).hexdigest()[:_DIGITS] for key in keys)
        return PublicPart(self.fingerprint, frozenset(digests))

    @property
    def recipients(self) -> tuple[HybridRecipient, HybridRecipient]:
        """What backups are sealed to: the root, and the recovery key itself."""
        return (
            HybridRecipient.from_string(self.recipient),
            HybridRecipient.from_string(self.recovery),
        )

    @property
    def stanzas(self) -> tuple[Stanza, ...]:
        """What each backup carries besides: the travelling copy."""
        return (travel.to_stanza(self.travel),)


@cache
def _tell_of_missing_ways(fingerprint: str, origin: str) -> None:
    """Says once in a process what would otherwise be said with each backup."""
    _log.warning(
        "%s is an earlier export of the keyring (SHA-256 %s): backups do not open with the ways in"
        " that were added since. Make a new one: passkeep key export --public",
        origin or "this",
        fingerprint,
    )


def read_json(path: str | os.PathLike[str]) -> Object:
    """Reads a keyring file or a public export as JSON, bounded.

    Raises:
        DamagedError: It is not JSON.
        LimitError: It is larger than 1 MiB.
        OSError: It cannot be read.
    """
    with Path(path).open("rb") as file:
        text = file.read(MAX_DOCUMENT + 1)
    if len(text) > MAX_DOCUMENT:
        raise LimitError(f"{os.fspath(path)} is larger than a keyring can be")
    return strict_json.loads(text, "a passkeep keyring")

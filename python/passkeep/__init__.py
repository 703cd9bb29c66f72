"""End-to-end encrypted backups that a passkey opens.

A keyring is what opens backups: one small file with several ways in (passkeys,
a password, a recovery key of 64 digits)::

    keyring = passkeep.Keyring.create()
    digits = keyring.new_recovery_key()
    keyring.confirm_recovery_key(digits)          # typed back by the person
    keyring.add_passkey(passkeep.passkey.Browser(), label="Laptop")
    keyring.save("keyring.json")

Sealing needs only its public parts, so an unattended job cannot read what it
wrote; restoring needs a tap, the password or the digits::

    passkeep.backup("chats/", "chats.tar.age", to=keyring)
    identity = keyring.unlock(passkey=passkeep.passkey.Browser())
    passkeep.restore("chats.tar.age", "restored/", identity)

Everything written is a published format (age v1); docs/formats.md has each byte.
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from passkeep import _native

if TYPE_CHECKING:
    from passkeep import passkey
    from passkeep._native import CancelToken, Hasher, Problem, TreeEntry, TreeReport
    from passkeep.age.hybrid import HybridIdentity as Identity
    from passkeep.age.hybrid import HybridRecipient as Recipient
    from passkeep.age.keys import parse_identity, parse_identity_file, parse_recipient
    from passkeep.age.scrypt import Password
    from passkeep.age.x25519 import X25519Identity, X25519Recipient
    from passkeep.batch import Batch
    from passkeep.digests import digest
    from passkeep.errors import (
        CancelledError,
        CeremonyError,
        ChangedError,
        DamagedError,
        InvalidInputError,
        KeyringError,
        LimitError,
        NewerVersionError,
        NoAnswerError,
        NotInBackupError,
        NotSyncedError,
        OtherSiteError,
        OutputError,
        PartialError,
        PasskeepError,
        TamperedError,
        UnsupportedError,
        WrongKeyError,
    )
    from passkeep.fileobj import open  # noqa: A004
    from passkeep.jobs import Job, JobError, JobProblem, JobResult, read_jobs, run_jobs
    from passkeep.keyring import Keyring, PublicKeyring, RootIdentity, Slot, State, Unlock
    from passkeep.memory import (
        decrypt,
        decrypt_into,
        encrypt,
        encrypt_into,
        opened_size,
        sealed_size,
    )
    from passkeep.reader import SealedReader
    from passkeep.rewrapping import rewrap
    from passkeep.stream import decrypt_file, encrypt_file
    from passkeep.tree import backup, cat, list_backup, restore, verify
    from passkeep.writer import SealedText, SealedWriter

__version__ = _native.VERSION

# A library says nothing unless it is asked to.
logging.getLogger("passkeep").addHandler(logging.NullHandler())

__all__ = [
    "Batch",
    "CancelToken",
    "CancelledError",
    "CeremonyError",
    "ChangedError",
    "DamagedError",
    "Hasher",
    "Identity",
    "InvalidInputError",
    "Job",
    "JobError",
    "JobProblem",
    "JobResult",
    "Keyring",
    "KeyringError",
    "LimitError",
    "NewerVersionError",
    "NoAnswerError",
    "NotInBackupError",
    "NotSyncedError",
    "OtherSiteError",
    "OutputError",
    "PartialError",
    "PasskeepError",
    "Password",
    "Problem",
    "PublicKeyring",
    "Recipient",
    "RootIdentity",
    "SealedReader",
    "SealedText",
    "SealedWriter",
    "Slot",
    "State",
    "TamperedError",
    "TreeEntry",
    "TreeReport",
    "Unlock",
    "UnsupportedError",
    "WrongKeyError",
    "X25519Identity",
    "X25519Recipient",
    "__version__",
    "backup",
    "cat",
    "decrypt",
    "decrypt_file",
    "decrypt_into",
    "digest",
    "encrypt",
    "encrypt_file",
    "encrypt_into",
    "list_backup",
    "open",
    "opened_size",
    "parse_identity",
    "parse_identity_file",
    "parse_recipient",
    "passkey",
    "read_jobs",
    "restore",
    "rewrap",
    "run_jobs",
    "sealed_size",
    "verify",
]

_PARTS: dict[str, tuple[str, ...]] = {
    "passkeep._native": (
        "CancelToken",
        "Hasher",
        "Problem",
        "TreeEntry",
        "TreeReport",
    ),
    "passkeep.age.keys": (
        "parse_identity",
        "parse_identity_file",
        "parse_recipient",
    ),
    "passkeep.age.scrypt": ("Password",),
    "passkeep.age.x25519": (
        "X25519Identity",
        "X25519Recipient",
    ),
    "passkeep.batch": ("Batch",),
    "passkeep.digests": ("digest",),
    "passkeep.errors": (
        "CancelledError",
        "CeremonyError",
        "ChangedError",
        "DamagedError",
        "InvalidInputError",
        "KeyringError",
        "LimitError",
        "NewerVersionError",
        "NoAnswerError",
        "NotInBackupError",
        "NotSyncedError",
        "OtherSiteError",
        "OutputError",
        "PartialError",
        "PasskeepError",
        "TamperedError",
        "UnsupportedError",
        "WrongKeyError",
    ),
    "passkeep.fileobj": ("open",),
    "passkeep.jobs": (
        "Job",
        "JobError",
        "JobProblem",
        "JobResult",
        "read_jobs",
        "run_jobs",
    ),
    "passkeep.keyring": (
        "Keyring",
        "PublicKeyring",
        "RootIdentity",
        "Slot",
        "State",
        "Unlock",
    ),
    "passkeep.memory": (
        "decrypt",
        "decrypt_into",
        "encrypt",
        "encrypt_into",
        "opened_size",
        "sealed_size",
    ),
    "passkeep.reader": ("SealedReader",),
    "passkeep.rewrapping": ("rewrap",),
    "passkeep.stream": (
        "decrypt_file",
        "encrypt_file",
    ),
    "passkeep.tree": (
        "backup",
        "cat",
        "list_backup",
        "restore",
        "verify",
    ),
    "passkeep.writer": (
        "SealedText",
        "SealedWriter",
    ),
}
_RENAMED = {
    "Identity": ("passkeep.age.hybrid", "HybridIdentity"),
    "Recipient": ("passkeep.age.hybrid", "HybridRecipient"),
}


def __getattr__(name: str) -> Any:
    """Loads what is used when it is first used: importing passkeep costs next to nothing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "passkey":
        return import_module("passkeep.passkey")
    part = next((part for part, names in _PARTS.items() if name in names), "")
    part, original = _RENAMED.get(name, (part, name))
    value = globals()[name] = getattr(import_module(part), original)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Every exception that passkeep raises on purpose.

One base class, never raised itself. The classes follow what a caller can do
next: try another key (:class:`WrongKeyError`), fetch another copy
(:class:`DamagedError`), look at a report (:class:`PartialError`). No message
and no attribute ever holds a secret.
"""

from __future__ import annotations

from typing import ClassVar


class PasskeepError(Exception):
    """Base of all passkeep errors.

    Args:
        message: One line that says what happened and what was left untouched.
        hint: What to do next; each class has one that always holds.
    """

    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint or self.default_hint


class WrongKeyError(PasskeepError):
    """None of the given identities, passwords or passkeys opens this file."""

    default_hint = "Try another way in: a passkey, the password, the recovery key or an identity."


class DamagedError(PasskeepError):
    """The data was changed, cut short, or never was what it claims to be."""

    default_hint = "Try another copy of it. Nothing was written under the final name."


class NewerVersionError(DamagedError):
    """The data has a version that this passkeep does not know."""

    default_hint = "Install a newer passkeep."


class LimitError(PasskeepError):
    """The input asks for more than a documented limit allows."""


class NotInBackupError(PasskeepError, LookupError):
    """The backup holds no file of that name."""

    default_hint = "`passkeep list` shows what it holds."


class PartialError(PasskeepError):
    """The work was done except for the entries that the report lists.

    Attributes:
        report: The :class:`passkeep.TreeReport` of the run.
    """

    def __init__(self, message: str, *, report: object, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.report = report


class OutputError(PasskeepError):
    """The output could not be published; whatever stood there is unchanged."""


class NotSyncedError(OutputError):
    """The output is published and complete, but its name may be gone after a power cut."""


class KeyringError(PasskeepError):
    """The keyring is incomplete, was changed by a stranger, or cannot do this."""


class TamperedError(KeyringError, DamagedError):
    """A keyring was changed by somebody who holds none of its ways in."""


class ChangedError(KeyringError):
    """A keyring file was changed by somebody else since it was loaded; it was left alone."""


class CeremonyError(PasskeepError):
    """The passkey ceremony ended without an answer, or with one that does not hold."""


class NoAnswerError(CeremonyError):
    """No passkey answered: cancelled, not verified, removed, or too late. Trying again may help."""


class UnsupportedError(CeremonyError):
    """The browser, the device or the passkey cannot do what is needed. Another one may."""


class OtherSiteError(CeremonyError):
    """The passkeys belong to other sites, and only the pages of these can use them.

    Attributes:
        rp_ids: The RP IDs of these sites, as the file that was opened names them.
    """

    def __init__(self, message: str, *, rp_ids: tuple[str, ...], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.rp_ids = rp_ids


class CancelledError(PasskeepError):
    """The caller's cancel token stopped the operation; nothing was published."""


class InvalidInputError(PasskeepError, ValueError):
    """An argument is malformed: a recipient, an identity, a recovery key, …."""


def describe(error: BaseException) -> str:
    """What went wrong, in one line for a person."""
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        return reason if error.filename is None else f"{error.filename}: {reason}"
    return str(error)


def printable(name: str) -> str:
    """A name from a file as one line of harmless characters."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in name
    )


def sentence(text: object) -> str:
    """A message as one harmless line with one full stop."""
    return f"{printable(str(text)).rstrip('. ')}."

"""What the page is told of an error: a code to act on, and sentences for a person."""

from __future__ import annotations

from typing import Any

from passkeep.errors import (
    CancelledError,
    CeremonyError,
    ChangedError,
    DamagedError,
    InvalidInputError,
    KeyringError,
    LimitError,
    NotSyncedError,
    OutputError,
    PasskeepError,
    WrongKeyError,
    describe,
    printable,
    sentence,
)

_CHANGED_HINT = "Nothing was changed from here. Unlock the keyring again and repeat it."

# The first that fits counts, so what is special comes first.
_CODES: tuple[tuple[type[BaseException], str], ...] = (
    (ChangedError, "conflict"),
    (DamagedError, "damaged"),
    (WrongKeyError, "wrong-key"),
    (CeremonyError, "ceremony"),
    (InvalidInputError, "invalid"),
    (NotSyncedError, "not-synced"),
    (OutputError, "system"),
    (CancelledError, "cancelled"),
    (KeyringError, "refused"),
    (LimitError, "refused"),
    (OSError, "system"),
    (MemoryError, "system"),
)


class RefusedError(PasskeepError):
    """The page asked for what cannot be done now.

    Args:
        code: What the page acts on.
        message: One sentence.
        hint: What to do next.
    """

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class FieldError(InvalidInputError):
    """One input of the page is wrong.

    Args:
        field: The member of the message.
        message: What is wrong with it. It quotes nothing secret.
        hint: What to do about it.
    """

    def __init__(self, field: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field


def stale(what: str) -> RefusedError:
    """The error for something that is over, or that another tab has replaced."""
    return RefusedError("stale", f"{what} is not the present one any more")


def problem(error: BaseException) -> dict[str, Any]:
    """An error as the page gets it."""
    fields = {error.field: _shown(error)} if isinstance(error, FieldError) else {}
    code = _code(error)
    hint = getattr(error, "hint", "") if isinstance(error, PasskeepError) else ""
    if code == "conflict":
        hint = _CHANGED_HINT
    return {"code": code, "message": _shown(error), "hint": printable(hint), "fields": fields}


def _code(error: BaseException) -> str:
    if isinstance(error, RefusedError):
        return error.code
    return next((code for kind, code in _CODES if isinstance(error, kind)), "internal")


def _shown(error: BaseException) -> str:
    if _code(error) == "internal":
        # Nobody knows what is in it.
        return "Something went wrong inside passkeep."
    text = sentence(describe(error))
    return text[0].upper() + text[1:]

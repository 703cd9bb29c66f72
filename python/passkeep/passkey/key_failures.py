"""The words for a ceremony with a security key that ended without an answer.

Unlike a browser, a key says what went wrong, so each cause has a message of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from passkeep.errors import CeremonyError, NoAnswerError
from passkeep.passkey import readers
from passkeep.passkey.failures import (
    IncapableError,
    Purpose,
    UnansweredError,
    UnattendedError,
    hint,
)

_SET_PIN = (
    "Set one first: `ykman fido access change-pin` for YubiKeys, `fido2-token -S DEVICE`, or "
    "the security key settings of Chrome (chrome://settings/securityKeys) or Windows."
)
_UDEV = (
    "Your system needs a udev rule for security keys: install the package libfido2-1 (Debian, "
    "Ubuntu), libfido2 (Fedora, Arch) or libu2f-udev, then plug the key in again. A container "
    "needs the device passed through."
)


class Unfit(NamedTuple):
    """A key that is there and cannot serve.

    Attributes:
        name: For people. What a key calls itself is untrusted.
        why: Why it cannot.
    """

    name: str
    why: CeremonyError


def no_key(purpose: Purpose, locked: Sequence[str]) -> CeremonyError:
    """Return the error for a machine without a security key that can be used.

    Args:
        purpose: What the ceremony was for.
        locked: Paths of keys that are there but cannot be opened.
    """
    if locked:
        return UnattendedError(
            f"A security key is plugged in ({', '.join(locked)}), but it cannot be opened.",
            hint=_UDEV,
        )
    hints = ("Plug it in and try again.", readers.lacking(), hint(purpose))
    return UnattendedError("No security key was found.", hint=" ".join(filter(None, hints)))


def none_fit(purpose: Purpose, unfit: Sequence[Unfit]) -> CeremonyError:
    """Return the error for a machine on which each of the keys has a reason not to serve."""
    if len(unfit) == 1:
        return unfit[0].why
    reasons = " ".join(f"{name}: {why}" for name, why in unfit)
    able = any(not isinstance(why, IncapableError) for _, why in unfit)
    remedies = dict.fromkeys(why.hint for _, why in unfit if why.hint != hint(purpose))
    return (UnattendedError if able else IncapableError)(
        f"None of the {len(unfit)} security keys can be used. {reasons}",
        hint=" ".join([*remedies, hint(purpose)]),
    )


def locked() -> CeremonyError:
    """Return the error for one of several keys that cannot be opened."""
    return UnattendedError("This security key cannot be opened.", hint=_UDEV)


def too_old(purpose: Purpose) -> CeremonyError:
    """Return the error for a key that speaks U2F only."""
    return _incapable(purpose, "This security key is too old: it has no FIDO2, only U2F.")


def no_secrets(purpose: Purpose) -> CeremonyError:
    """Return the error for a key without hmac-secret."""
    return _incapable(
        purpose,
        "This security key cannot hold a backup key: it does not support hmac-secret (PRF).",
    )


def no_pin(purpose: Purpose) -> CeremonyError:
    """Return the error for a key that has no way to check who is using it."""
    del purpose
    return UnattendedError(
        "This security key has no PIN and no fingerprint set up, so it cannot check who is "
        "using it.",
        hint=_SET_PIN,
    )


def change_pin(purpose: Purpose) -> CeremonyError:
    """Return the error for a key that demands a new PIN first."""
    del purpose
    return UnattendedError(
        "This security key asks for a new PIN before it does anything else.",
        hint=_SET_PIN.replace("Set one", "Change it"),
    )


def pin_paused(purpose: Purpose) -> CeremonyError:
    """Return the error for three wrong PINs in a row."""
    del purpose
    return UnattendedError(
        "Three wrong PINs in a row: the security key accepts no more for now.",
        hint="Pull the key out, plug it in again, and try again with the right PIN.",
    )


def pin_blocked(purpose: Purpose) -> CeremonyError:
    """Return the error for a key without any tries left."""
    del purpose
    return UnattendedError(
        "The PIN of this security key is blocked for good: it was wrong too often.",
        hint="Only a reset makes the key usable again, and it erases every passkey on it. "
        "Use another way in: another passkey, the password or the recovery key.",
    )


def sensor_blocked(purpose: Purpose) -> CeremonyError:
    """Return the error for a sensor that refused too many fingers."""
    del purpose
    return UnattendedError(
        "The security key did not recognise the finger, and its sensor is blocked for now.",
        hint="Pull the key out, plug it in again, and try again; or set a PIN for it.",
    )


def no_pin_given(purpose: Purpose) -> CeremonyError:
    """Return the error for a person who gave no PIN."""
    return _unanswered(purpose, "The ceremony was cancelled: no PIN was given.")


def cancelled(purpose: Purpose) -> CeremonyError:
    """Return the error for a ceremony that the application cancelled."""
    return _unanswered(purpose, "The ceremony was cancelled.")


def not_touched(purpose: Purpose) -> CeremonyError:
    """Return the error for a key that waited in vain."""
    return _unanswered(purpose, "Nobody touched the security key in time.")


def denied(purpose: Purpose) -> CeremonyError:
    """Return the error for a request that was declined on the key itself."""
    return _unanswered(purpose, "The security key declined.")


def full(purpose: Purpose) -> CeremonyError:
    """Return the error for a key without room for another discoverable passkey."""
    return _incapable(
        purpose, "This security key has no room for another passkey that it lists by itself."
    )


def not_discoverable(purpose: Purpose) -> CeremonyError:
    """Return the error for a key that cannot store discoverable passkeys."""
    return _incapable(purpose, "This security key cannot make a passkey that it lists by itself.")


def not_on_this_key(purpose: Purpose) -> CeremonyError:
    """Return the error for a key that holds none of the passkeys asked for.

    Not an :class:`UnattendedError`: the same key may hold one of another RP ID.
    """
    return NoAnswerError(
        "This security key holds none of these passkeys: it is another key, it was reset, "
        "or the passkey was deleted.",
        hint="Try another security key. " + hint(purpose),
    )


def pulled_out(purpose: Purpose) -> CeremonyError:
    """Return the error for a key that went away."""
    return _ended(
        purpose,
        "The connection to the security key broke: was it pulled out, or taken off the reader?",
    )


def nonsense(purpose: Purpose) -> CeremonyError:
    """Return the error for an answer that is none."""
    return _ended(purpose, "The security key gave an answer that makes no sense.")


def other(purpose: Purpose, name: str) -> CeremonyError:
    """Return the error for everything else.

    Args:
        purpose: What the ceremony was for.
        name: The name of the status, from our own library and not from the key.
    """
    return CeremonyError(f"The security key refused ({name}).", hint=hint(purpose))


def _ended(purpose: Purpose, message: str) -> CeremonyError:
    return UnattendedError(message, hint=hint(purpose))


def _incapable(purpose: Purpose, message: str) -> CeremonyError:
    return IncapableError(message, hint=hint(purpose))


def _unanswered(purpose: Purpose, message: str) -> CeremonyError:
    return UnansweredError(message, hint=hint(purpose))

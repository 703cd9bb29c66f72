"""The words for a ceremony that ended without an answer.

The browser tells a relying party very little, on purpose: most failures arrive as
``NotAllowedError``. So the message names every cause that is known, and the hint says
what else opens the same backups.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from passkeep.errors import CeremonyError, NoAnswerError, OtherSiteError, UnsupportedError
from passkeep.passkey.relying_party import is_domain

Purpose = Literal["enrol", "unlock", "check"]

Reason = Literal[
    "cancelled",  # by the person, on the page
    "closed",  # by the process, which no longer waits
    "foreign",  # what came back does not belong to the ceremony
    "no-prf",  # the new passkey has no secrets
    "no-secret",  # the answer holds none
    "timed-out",
    "unstable",  # a different secret each time
    "unverified",  # nobody's fingerprint, face or PIN was checked
]
"""Why a ceremony ended; the page has its own words for each (texts.js)."""

_HINTS: dict[Purpose, str] = {
    "enrol": (
        "Nothing was added. Try again, with another browser or device if need be, "
        "or add a password or a recovery key instead."
    ),
    "unlock": (
        "Try again, or use another way in: another passkey, the password or the recovery key."
    ),
    "check": (
        "Nothing was noted. Try again; if it never answers, add another passkey while another "
        "way in still opens the keyring."
    ),
}

_IN_THE_TERMINAL: dict[Purpose, str] = {
    "enrol": "--security-key",
    "unlock": "--with security-key",
    "check": "--with security-key",
}

_NO_ANSWER = (
    "No passkey answered: it was removed, the fingerprint, face or PIN check failed, "
    "nobody touched it, or the time ran out."
)

NO_WEBAUTHN, NO_PRF, INSECURE = "NoWebAuthn", "NoPrf", "InsecureContext"
"""What the page reports of a browser before it asks for anything."""

# Names of DOMException, from WebAuthn Level 3 (sections "Create" and "Get").
_SILENT = frozenset({"NotAllowedError", "AbortError", "TimeoutError"})
_MESSAGES = {
    "SecurityError": "The browser does not allow passkeys on the address of the page.",
    "NotSupportedError": "The browser or the passkey does not support what is asked for here.",
    "ConstraintError": "This device cannot check who is using it (fingerprint, face or PIN).",
    "InvalidStateError": "This device refuses to make another passkey here.",
    NO_WEBAUTHN: "The browser has no passkeys (WebAuthn), or not on this page.",
    NO_PRF: "The browser says that it gets no secrets from passkeys (PRF).",
    INSECURE: "Browsers allow passkeys only on pages loaded over TLS or from localhost.",
}

_ERROR_NAME = re.compile(r"[A-Za-z]{1,40}")
_NAMED_SITES = 3


class EndedError(CeremonyError):
    """A ceremony that ended without an answer.

    Attributes:
        reason: Why, for the page.
    """

    def __init__(self, message: str, *, hint: str = "", reason: Reason | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class UnattendedError(EndedError):
    """Nobody was there to use a passkey, so there is no use in asking for another one."""


class SilentError(EndedError, NoAnswerError):
    """A person was asked and gave no answer."""


class UnansweredError(UnattendedError, SilentError):
    """The same, and there is no use in asking again."""


class UnableError(EndedError, UnsupportedError):
    """What was asked cannot do it."""


class IncapableError(UnattendedError, UnableError):
    """The same, and it can answer no other question either."""


def hint(purpose: Purpose) -> str:
    """Return what else opens the same backups, or what else can be added."""
    return _HINTS[purpose]


def error_name(reported: object) -> str:
    """Return ``reported`` when it looks like the name of a DOMException, else ``Error``."""
    if isinstance(reported, str) and _ERROR_NAME.fullmatch(reported):
        return reported
    return "Error"


def given_up(purpose: Purpose, reported: str | None) -> CeremonyError:
    """Return the error for a user who ended the ceremony on the page.

    Args:
        purpose: What the ceremony was for.
        reported: The last failure that the page reported (see :func:`error_name`), or
            None where there was none and the user just cancelled.
    """
    message = "The ceremony was cancelled in the browser."
    ended: type[EndedError] = SilentError
    if reported in _SILENT:
        message = _NO_ANSWER
    elif reported in _MESSAGES:
        message, ended = _MESSAGES[reported], UnableError
    elif reported is not None:
        message, ended = f"The browser reported a failure ({reported}).", EndedError
    return ended(message, hint=_HINTS[purpose], reason="cancelled")


def timed_out(purpose: Purpose, seconds: float, reported: str | None) -> CeremonyError:
    """Return the error for a page that was not finished in time."""
    message = f"The browser gave no answer within {seconds:.0f} seconds."
    if reported is not None:
        message += f" {given_up(purpose, reported)}"
    return UnansweredError(message, hint=_HINTS[purpose], reason="timed-out")


def closed(purpose: Purpose) -> CeremonyError:
    """Return what a page is told that nobody waits for any more."""
    return UnattendedError("The ceremony was ended.", hint=_HINTS[purpose], reason="closed")


def no_browser(purpose: Purpose) -> CeremonyError:
    """Return the error for a machine on which no browser could be opened."""
    return UnattendedError(
        "No web browser could be opened for the passkey.",
        hint="Set BROWSER to the command of a browser on this machine, or use a security key in "
        f"the terminal ({_IN_THE_TERMINAL[purpose]}). {_HINTS[purpose]}",
    )


def no_page(purpose: Purpose) -> CeremonyError:
    """Return the error for a machine on which no port could be bound for the page."""
    return UnattendedError(
        "The page for the passkey could not be served: no port is free on this machine.",
        hint=_HINTS[purpose],
    )


def refused(purpose: Purpose, message: str, reason: Reason = "foreign") -> CeremonyError:
    """Return the error for an answer that does not hold.

    Args:
        purpose: What the ceremony was for.
        message: A full sentence that holds nothing the browser sent.
        reason: The same for the page.
    """
    return EndedError(message, hint=_HINTS[purpose], reason=reason)


def unsupported(purpose: Purpose, message: str, reason: Reason) -> UnsupportedError:
    """Return the error for a passkey that cannot serve. Arguments as in :func:`refused`."""
    return UnableError(message, hint=_HINTS[purpose], reason=reason)


def other_site(rp_ids: Iterable[str], *, more: str = "") -> OtherSiteError:
    """Return the error for passkeys that cannot be asked here.

    Args:
        rp_ids: Theirs, from the file that is opened: a stranger may have written them.
        more: A sentence for the hint.
    """
    found = tuple(dict.fromkeys(rp_ids))
    sites = [rp_id for rp_id in found if is_domain(rp_id)][:_NAMED_SITES]
    if len(sites) < len(found):
        sites.append("other addresses")
    whose = " and ".join(filter(None, [", ".join(sites[:-1]), sites[-1]]))
    page = f"on {sites[0]}" if is_domain(sites[0]) else "where the passkey was made"
    return OtherSiteError(
        f"The passkeys among the ways in belong to {whose}, and no other page can use them.",
        rp_ids=found,
        hint=f"Open it {page}, or use another way in: the password or the recovery key. "
        f"{more}".strip(),
    )

"""What a keyring asks of a passkey, and what it gets back.

The seam between :mod:`passkeep.keyring`, which stores and opens slots, and
:mod:`passkeep.passkey`, whose clients talk to authenticators. Neither imports
the other.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from passkeep.age.fido2prf import Credential
from passkeep.age.secret import Secret
from passkeep.errors import InvalidInputError

MAX_LABEL = 64
"""Characters of a label, of a slot and of its passkey."""


@dataclass(frozen=True, slots=True)
class Question:
    """One passkey slot: which credential, and the nonce of its stanza.

    Attributes:
        credential: The passkey that could answer.
        nonce: The 16-byte nonce both PRF inputs are made of.
    """

    credential: Credential
    nonce: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Answer(Secret):
    """The PRF output of the passkey that answered.

    Attributes:
        credential_id: Which of the credentials asked it was.
        prf_output: 64 bytes: the outputs at both inputs, one after the other.
    """

    credential_id: bytes
    prf_output: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Enrolment(Secret):
    """A new passkey and its PRF output, agreed by two separate evaluations.

    Attributes:
        credential: The new passkey.
        discoverable: Whether it can be found without its id; None if unknown.
        backup_eligible: Whether its provider may synchronise it.
        nonce: The 16 bytes whose inputs it was evaluated at; the slot stores them.
        prf_output: 64 bytes, as in :class:`Answer`.
    """

    credential: Credential
    discoverable: bool | None
    backup_eligible: bool
    nonce: bytes
    prf_output: bytes


@dataclass(frozen=True, slots=True)
class Notice:
    """What a password manager should hear of a passkey that it lists.

    Attributes:
        credential: The passkey.
        label: Its new label; None where it opens nothing any more.
        made: The year and month in which it was made.
    """

    credential: Credential
    label: str | None
    made: str


class PasskeyClient(Protocol):
    """Something that can hold a passkey ceremony, such as a browser."""

    def enroll(self, *, label: str, nonce: bytes) -> Enrolment:
        """Makes a new passkey and evaluates its PRF at the inputs of `nonce`.

        Raises:
            CeremonyError: The person, the browser or the authenticator declined.
        """

    def evaluate(self, questions: Sequence[Question]) -> Answer:
        """Evaluates the PRF of whichever of the passkeys is at hand.

        Raises:
            CeremonyError: None of them answered.
        """


def check_label(label: str) -> str:
    """A label as it is stored: in NFC, without space around it.

    Raises:
        InvalidInputError: It is empty, longer than 64 characters, or not one line
            of printable characters.
    """
    normal = unicodedata.normalize("NFC", label).strip()
    if not normal:
        raise InvalidInputError("the label is empty")
    if len(normal) > MAX_LABEL:
        raise InvalidInputError(f"the label is longer than {MAX_LABEL} characters")
    if not normal.isprintable():
        raise InvalidInputError("the label holds a character that cannot be shown")
    return normal

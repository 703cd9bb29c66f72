"""Recipients and identities as such, and their text forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from passkeep.age.header import Stanza
from passkeep.age.hybrid import HybridIdentity, HybridRecipient
from passkeep.age.x25519 import X25519Identity, X25519Recipient
from passkeep.errors import InvalidInputError


class Recipient(Protocol):
    """Somebody a file key can be wrapped for."""

    def wrap(self, file_key: bytes, /) -> list[Stanza]:
        """The stanzas that wrap a 16-byte file key."""


class Identity(Protocol):
    """Something that may open a stanza."""

    def unwrap(self, stanzas: Sequence[Stanza], /) -> bytes | None:
        """The file key, or None if no stanza is for this identity.

        Raises:
            DamagedError: A stanza of its type is malformed.
        """


def parse_recipient(text: str) -> HybridRecipient | X25519Recipient:
    """Reads an `age1pq1…` or `age1…` string.

    Raises:
        InvalidInputError: It is neither.
    """
    stripped = text.strip()
    if stripped.lower().startswith("age1pq1"):
        return HybridRecipient.from_string(stripped)
    if stripped.lower().startswith("age1"):
        return X25519Recipient.from_string(stripped)
    raise InvalidInputError("a recipient begins with age1pq1 or age1")


def parse_identity(text: str) -> HybridIdentity | X25519Identity:
    """Reads an `AGE-SECRET-KEY-PQ-1…` or `AGE-SECRET-KEY-1…` string.

    Raises:
        InvalidInputError: It is neither. The message never quotes it.
    """
    stripped = text.strip()
    if stripped.startswith("AGE-SECRET-KEY-PQ-1"):
        return HybridIdentity.from_string(stripped)
    if stripped.startswith("AGE-SECRET-KEY-1"):
        return X25519Identity.from_string(stripped)
    raise InvalidInputError("an identity begins with AGE-SECRET-KEY-PQ-1 or AGE-SECRET-KEY-1")


def parse_identity_file(text: str) -> list[HybridIdentity | X25519Identity]:
    """Reads an identity file: one identity a line, `#` comments, empty lines.

    Raises:
        InvalidInputError: A line is malformed, or there is no identity. The message
            names the line's number and never its content.
    """
    found: list[HybridIdentity | X25519Identity] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            found.append(parse_identity(line))
        except InvalidInputError as error:
            raise InvalidInputError(f"line {number} of the identity file: {error}") from None
    if not found:
        raise InvalidInputError("the identity file holds no identity")
    return found

"""Recipients and identities as such, and their text forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from passkeep.age import fido2prf
from passkeep.age.header import Stanza
from passkeep.age.hybrid import HybridIdentity, HybridRecipient
from passkeep.age.x25519 import X25519Identity, X25519Recipient
from passkeep.errors import InvalidInputError

Parsed = TypeVar("Parsed")

_PASSKEYS = (
    "passkeep.passkey.PasskeyIdentity asks the passkey; so do `passkeep encrypt --to` and "
    "`passkeep decrypt --identity FILE`."
)


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
    if fido2prf.names_passkey(stripped):
        raise InvalidInputError(
            "this names a passkey (AGE-PLUGIN-FIDO2PRF-1…): sealing to it takes a tap each time",
            hint=_PASSKEYS,
        )
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
    if fido2prf.names_passkey(stripped):
        raise InvalidInputError(
            "this names a passkey (AGE-PLUGIN-FIDO2PRF-1…), and opens nothing without a tap",
            hint=_PASSKEYS,
        )
    if stripped.startswith("AGE-SECRET-KEY-PQ-1"):
        return HybridIdentity.from_string(stripped)
    if stripped.startswith("AGE-SECRET-KEY-1"):
        return X25519Identity.from_string(stripped)
    raise InvalidInputError("an identity begins with AGE-SECRET-KEY-PQ-1 or AGE-SECRET-KEY-1")


def parse_identity_file(text: str) -> list[HybridIdentity | X25519Identity]:
    """Reads an identity file: one identity a line, `#` comments, empty lines.

    Raises:
        InvalidInputError: A line is malformed or names a passkey, or there is no
            identity. The message names the line's number and never its content.
    """
    return list(_lines(text, parse_identity))


def read_identity_file(text: str) -> list[HybridIdentity | X25519Identity | fido2prf.Credential]:
    """Reads an identity file that may name passkeys, in `AGE-PLUGIN-FIDO2PRF-1…` lines.

    Raises:
        InvalidInputError: As for :func:`parse_identity_file`.
    """
    return list(_lines(text, _parse_any))


def _parse_any(text: str) -> HybridIdentity | X25519Identity | fido2prf.Credential:
    stripped = text.strip()
    if fido2prf.names_passkey(stripped):
        return fido2prf.Credential.from_string(stripped)
    return parse_identity(stripped)


def _lines(text: str, parse: Callable[[str], Parsed]) -> Iterator[Parsed]:
    empty = True
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            yield parse(line)
        except InvalidInputError as error:
            raise InvalidInputError(
                f"line {number} of the identity file: {error}", hint=error.hint
            ) from None
        empty = False
    if empty:
        raise InvalidInputError("the identity file holds no identity")

"""What stands before the chunks of a sealed file, in both formats.

An age file begins with its header. The AES container (docs/formats.md, "Sealed
container") begins with a magic line and an age file that wraps the key of a
Cobblestone-256 message. Whoever wraps or unwraps keys meets the same header in
both, so recipients, identities and travelling copies work alike.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from passkeep._native import PayloadKey, open_bytes, seal_bytes
from passkeep.age import envelope
from passkeep.age import header as grammar
from passkeep.age.header import FILE_KEY_SIZE, Header, Stanza
from passkeep.age.keys import Identity, Recipient
from passkeep.errors import DamagedError, InvalidInputError, LimitError, NewerVersionError

Cipher: TypeAlias = Literal["age", "aes-256-gcm"]
"""The format of a sealed file, by the cipher that people choose it for."""

CIPHERS: tuple[Cipher, ...] = ("age", "aes-256-gcm")

CONTEXT = b"passkeep.sealed/1"
"""What the Cobblestone-256 message of a container is bound to."""

_MAGIC = CONTEXT + b"\n"
_SORT = b"passkeep.sealed/"
_LENGTH = struct.Struct(">I")
_KEY_SIZE = 32
_PAYLOAD_LIMIT = 256
"""Bytes of the envelope behind its header; 80 are a nonce and 32 sealed bytes."""
PREFIX_LIMIT = len(_MAGIC) + _LENGTH.size + grammar.HEADER_LIMIT + _PAYLOAD_LIMIT
"""Bytes that stand before the chunks at most."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The beginning of a sealed file, read and not verified yet.

    Attributes:
        header: The age header of the file, or of the container's envelope.
        wrapped: The envelope's payload; None for an age file.
    """

    header: Header
    wrapped: bytes | None

    @property
    def cipher(self) -> Cipher:
        """The format of the file."""
        return "age" if self.wrapped is None else "aes-256-gcm"

    def unlock(self, identities: Sequence[Identity]) -> PayloadKey:
        """Finds the key of the chunks with the first identity that opens a stanza.

        Raises:
            WrongKeyError: No identity opens a stanza.
            DamagedError: The header is malformed or was changed.
            LimitError: A password asks for too much work.
        """
        return _payload_key(self.raw_key(identities), self.cipher)

    def raw_key(self, identities: Sequence[Identity]) -> bytes:
        """The key as bytes, to be wrapped for somebody else. Errors as in `unlock`."""
        file_key = envelope.open_header(self.header, identities)
        if self.wrapped is None:
            return file_key
        wrapped = open_bytes(self.wrapped, 0, PayloadKey.age(file_key), threads=1)
        if len(wrapped) != _KEY_SIZE:
            raise DamagedError("the key envelope does not hold a key")
        return wrapped

    def plain_size(self, sealed: int) -> int:
        """Bytes of plaintext in a payload of `sealed` bytes.

        Raises:
            DamagedError: No payload has that size.
        """
        # Sizes depend on the format alone.
        size = FILE_KEY_SIZE if self.wrapped is None else _KEY_SIZE
        return _payload_key(bytes(size), self.cipher).plain_size(sealed)


def begin(
    recipients: Sequence[Recipient],
    extra: Sequence[Stanza] = (),
    *,
    cipher: Cipher = "age",
    key: bytes | None = None,
) -> tuple[bytes, PayloadKey]:
    """Begins a sealed file.

    Args:
        recipients: Who can open it; at least one.
        extra: Stanzas that wrap nothing and that other tools ignore.
        cipher: Its format.
        key: The key of a payload that exists; by default a new one.

    Returns:
        What stands before the payload, and the payload's key.

    Raises:
        InvalidInputError: There is no recipient, recipients cannot be combined, or
            the cipher is unknown.
    """
    if cipher not in CIPHERS:
        raise InvalidInputError(f"the cipher is one of {', '.join(CIPHERS)}")
    if cipher == "age":
        header, file_key = envelope.new_header(recipients, extra, file_key=key)
        return header, PayloadKey.age(file_key)
    key = os.urandom(_KEY_SIZE) if key is None else key
    header, file_key = envelope.new_header(recipients, extra)
    wrapped = seal_bytes(key, header, PayloadKey.age(file_key), threads=1)
    return _MAGIC + _LENGTH.pack(len(wrapped)) + wrapped, _payload_key(key, cipher)


def parse(data: bytes) -> tuple[Opening, int] | None:
    """Reads what stands before the chunks that `data` begins with.

    Returns:
        It and its length in bytes, or None if `data` ends inside of it.

    Raises:
        DamagedError: `data` is not the beginning of a sealed file, or malformed.
        LimitError: It asks for more than a limit allows.
        NewerVersionError: It needs a newer passkeep.
    """
    if not data or not _SORT.startswith(data[: len(_SORT)]):
        parsed = grammar.parse(data)
        return parsed and (Opening(parsed[0], None), parsed[1])
    if len(data) < len(_MAGIC) + _LENGTH.size:
        _check_magic(data[: len(_MAGIC)])
        return None
    _check_magic(data[: len(_MAGIC)])
    (size,) = _LENGTH.unpack_from(data, len(_MAGIC))
    start = len(_MAGIC) + _LENGTH.size
    if start + size > PREFIX_LIMIT:
        raise LimitError("the key envelope is longer than 1 MiB")
    if len(data) < start + size:
        return None
    return _parse_envelope(data[start : start + size]), start + size


def split(data: memoryview) -> tuple[Opening, int]:
    """Reads what stands before the chunks of a complete sealed file.

    Raises:
        DamagedError: It is not a sealed file.
        LimitError: It asks for more than a limit allows.
    """
    parsed = parse(bytes(data[:PREFIX_LIMIT]))
    if parsed is None:
        raise DamagedError("the file ends inside its header")
    return parsed


def _payload_key(key: bytes, cipher: Cipher) -> PayloadKey:
    return PayloadKey.age(key) if cipher == "age" else PayloadKey.cobblestone(key, CONTEXT)


def _check_magic(found: bytes) -> None:
    if _MAGIC.startswith(found):
        return
    if found.startswith(_SORT) and found[len(_SORT) : len(_SORT) + 1].isdigit():
        raise NewerVersionError("the file has a version that this passkeep does not know")
    raise DamagedError("this is neither an age file nor a sealed container")


def _parse_envelope(data: bytes) -> Opening:
    parsed = grammar.parse(data)
    if parsed is None:
        raise DamagedError("the key envelope ends inside its header")
    header, length = parsed
    if len(data) - length > _PAYLOAD_LIMIT:
        raise DamagedError("the key envelope does not hold a key")
    return Opening(header, data[length:])

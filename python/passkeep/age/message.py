"""Whole age files in memory: the small ones that keyrings are made of."""

from __future__ import annotations

from collections.abc import Sequence

from passkeep import _native
from passkeep.age import armor, envelope, header
from passkeep.age.header import Stanza
from passkeep.age.keys import Identity, Recipient
from passkeep.errors import DamagedError


def encrypt_text(text: str, recipients: Sequence[Recipient]) -> str:
    """Encrypts a short text to an armored age file."""
    return encrypt(text.encode(), recipients)


def encrypt(data: bytes, recipients: Sequence[Recipient]) -> str:
    """Encrypts a few bytes to an armored age file."""
    head, file_key = envelope.new_header(recipients)
    return armor.armor(_seal(data, head, file_key))


def encrypt_text_under(text: str, stanza: Stanza, file_key: bytes) -> str:
    """Encrypts a short text under a file key that `stanza` already wraps."""
    head = header.serialize([stanza], file_key)
    return armor.armor(_seal(text.encode(), head, file_key))


def _seal(data: bytes, head: bytes, file_key: bytes) -> bytes:
    key = _native.PayloadKey.age(file_key)
    return _native.seal_bytes(data, head, key, threads=1)


def decrypt_text(armored: str, identities: Sequence[Identity]) -> str:
    """Decrypts an armored age file that holds a short text.

    Raises:
        WrongKeyError: No identity opens it.
        DamagedError: It is not an armored age file, or was changed.
        LimitError: Its header asks for too much.
    """
    try:
        return decrypt(armored, identities).decode()
    except UnicodeDecodeError:
        raise DamagedError("the decrypted text is not UTF-8") from None


def decrypt(armored: str, identities: Sequence[Identity]) -> bytes:
    """Decrypts an armored age file in memory. Errors as in :func:`decrypt_text`."""
    data, head, length = split(armored)
    file_key = envelope.open_header(head, identities)
    return _native.open_bytes(data, length, _native.PayloadKey.age(file_key), threads=1)


def split(armored: str) -> tuple[bytes, header.Header, int]:
    """Takes an armored age file apart: its bytes, its header and the header's length.

    Raises:
        DamagedError: It is not an armored age file.
        LimitError: Its header is too large.
    """
    data = armor.dearmor(armored)
    return data, *split_header(memoryview(data))


def split_header(data: memoryview) -> tuple[header.Header, int]:
    """Reads the header in front of a complete binary age file.

    Returns:
        The header and its length in bytes.

    Raises:
        DamagedError: It is not an age file.
        LimitError: Its header is too large.
    """
    parsed = header.parse(bytes(data[: header.HEADER_LIMIT + 1]))
    if parsed is None:
        raise DamagedError("the age file ends inside its header")
    return parsed

"""A second implementation of Cobblestone-256: slow, short, and readable.

Written from the specification on `cryptography`'s AES-GCM and HMAC alone, to be
compared with the native core. It shares no code with passkeep.
"""

from __future__ import annotations

import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 16 * 1024
TAG = 16
LABEL = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0"


class MessageError(Exception):
    """The message is damaged, or of another key or context."""


def seal(plaintext: bytes, key: bytes, context: bytes, salt: bytes) -> bytes:
    """The salt, the commitment and all chunks of a message."""
    aead, base, commitment = _derive(key, salt, context)
    # The last chunk is always shorter than the others.
    starts = range(0, len(plaintext) // CHUNK * CHUNK + 1, CHUNK)
    chunks = [
        aead.encrypt(_nonce(base, number), plaintext[start : start + CHUNK], None)
        for number, start in enumerate(starts)
    ]
    return salt + commitment + b"".join(chunks)


def open_(message: bytes, key: bytes, context: bytes) -> tuple[bytes, MessageError | None]:
    """What a streaming reader may release, and why it stopped if it did."""
    salt, claimed, rest = message[:24], message[24:56], message[56:]
    aead, base, commitment = _derive(key, salt, context)
    if claimed != commitment:
        return b"", MessageError("another key or context")
    released = b""
    number = 0
    while True:
        chunk, rest = rest[: CHUNK + TAG], rest[CHUNK + TAG :]
        try:
            plain = aead.decrypt(_nonce(base, number), chunk, None)
        except (InvalidTag, ValueError):
            return released, MessageError("a bad chunk, or none")
        released += plain
        number += 1
        if len(plain) < CHUNK:
            return released, MessageError("trailing data") if rest else None


def _derive(key: bytes, salt: bytes, context: bytes) -> tuple[AESGCM, bytes, bytes]:
    """HKDF-Expand-SHA-512, written out for its two blocks."""
    info = LABEL + salt + context
    first = hmac.digest(key, info + b"\x01", "sha512")
    okm = first + hmac.digest(key, first + info + b"\x02", "sha512")
    return AESGCM(okm[:32]), okm[32:44], okm[44:76]


def _nonce(base: bytes, number: int) -> bytes:
    return (int.from_bytes(base, "big") ^ number).to_bytes(12, "big")

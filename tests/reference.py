"""A second implementation of the age v1 payload: slow, short, and readable.

Written from the specification on `cryptography` alone, to be compared with the
native core. It shares no code with passkeep.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CHUNK = 64 * 1024
TAG = 16


class PayloadError(Exception):
    """The payload is damaged."""


def seal(plaintext: bytes, file_key: bytes, nonce: bytes) -> bytes:
    """The nonce and all chunks of a message."""
    aead = _aead(file_key, nonce)
    chunks = [plaintext[i : i + CHUNK] for i in range(0, len(plaintext), CHUNK)] or [b""]
    sealed = [
        aead.encrypt(_chunk_nonce(i, last=i == len(chunks) - 1), chunk, None)
        for i, chunk in enumerate(chunks)
    ]
    return nonce + b"".join(sealed)


def open_(payload: bytes, file_key: bytes) -> tuple[bytes, PayloadError | None]:
    """What a streaming reader may release, and why it stopped if it did.

    A full chunk that authenticates as either kind is released; the message is
    good only if the last one is of the last kind and nothing follows it.
    """
    nonce, rest = payload[:16], payload[16:]
    if len(nonce) < 16:
        return b"", PayloadError("no nonce")
    aead = _aead(file_key, nonce)
    released = b""
    number = 0
    while rest:
        chunk, rest = rest[: CHUNK + TAG], rest[CHUNK + TAG :]
        if (plain := _open(aead, number, chunk, last=False)) is not None and len(plain) == CHUNK:
            released += plain
            number += 1
            continue
        plain = _open(aead, number, chunk, last=True)
        if plain is None or (not plain and number > 0):
            return released, PayloadError("a bad chunk")
        released += plain
        return released, PayloadError("trailing data") if rest else None
    return released, PayloadError("no last chunk")


def _open(aead: ChaCha20Poly1305, number: int, chunk: bytes, *, last: bool) -> bytes | None:
    if len(chunk) < TAG:
        return None
    try:
        return aead.decrypt(_chunk_nonce(number, last=last), chunk, None)
    except InvalidTag:
        return None


def _aead(file_key: bytes, nonce: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(HKDF(SHA256(), 32, nonce, b"payload").derive(file_key))


def _chunk_nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")

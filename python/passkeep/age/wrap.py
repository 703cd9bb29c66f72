"""What most stanzas have in common: a file key sealed under a wrapping key."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from passkeep.age.header import FILE_KEY_SIZE, Stanza
from passkeep.errors import DamagedError

BODY_SIZE = FILE_KEY_SIZE + 16
# Each wrapping key is used for one message only, so the nonce is fixed.
_NONCE = bytes(12)


def seal(wrapping_key: bytes, file_key: bytes) -> bytes:
    """Seals a file key: ChaCha20-Poly1305 under a nonce of zeros. Returns 32 bytes."""
    return ChaCha20Poly1305(wrapping_key).encrypt(_NONCE, file_key, None)


def open_(wrapping_key: bytes, body: bytes) -> bytes | None:
    """Opens a stanza's body; None if it was sealed under another key."""
    try:
        return ChaCha20Poly1305(wrapping_key).decrypt(_NONCE, body, None)
    except InvalidTag:
        return None


def check(stanza: Stanza, arguments: int) -> None:
    """Checks the shape of a stanza whose type is known.

    The length of the body comes first: a shorter or longer ciphertext must not
    reach the cipher.

    Raises:
        DamagedError: The body or the number of arguments is wrong.
    """
    if len(stanza.body) != BODY_SIZE or len(stanza.args) != arguments:
        raise DamagedError(f"the header is malformed: a bad {stanza.type} stanza")

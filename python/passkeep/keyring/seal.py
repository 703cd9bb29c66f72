"""The keyring key: what proves that a keyring was written by a holder of a slot.

Anyone can encrypt to a recipient, so a root sealed to every slot proves
nothing. The keyring key is handed to each slot under the slot's own seed, and
authenticates the whole document (docs/formats.md, "Keyring").
"""

from __future__ import annotations

import hmac
import os
from enum import Enum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from passkeep.errors import DamagedError, TamperedError, WrongKeyError
from passkeep.keyring.strict_json import Object, canonical

KEY_SIZE = 32
_SALT_SIZE = 16
_AUTH_SIZE = _SALT_SIZE + KEY_SIZE + 16
_ZERO_NONCE = bytes(12)
_AUTH_INFO = b"passkeep keyring/1 auth"


class Form(Enum):
    """What a MAC is for. One form never passes for the other."""

    KEYRING = b"passkeep keyring/1 mac"
    COPY = b"passkeep keyring/1 copy mac"


def new_key() -> bytes:
    """A fresh keyring key from the operating system."""
    return os.urandom(KEY_SIZE)


def hand_over(seed: bytes, keyring_key: bytes) -> bytes:
    """Seals the keyring key under a slot's 32-byte seed.

    The nonce is zero because the key is used once: it is derived with a fresh salt.
    """
    salt = os.urandom(_SALT_SIZE)
    key = _derive(seed, salt, _AUTH_INFO)
    return salt + ChaCha20Poly1305(key).encrypt(_ZERO_NONCE, keyring_key, None)


def take_over(seed: bytes, auth: bytes) -> bytes:
    """Opens the keyring key with a slot's seed.

    Raises:
        DamagedError: `auth` has the wrong length.
        WrongKeyError: It was not made for this seed.
    """
    if len(auth) != _AUTH_SIZE:
        raise DamagedError("the keyring is malformed: a slot's authentication has a wrong length")
    salt, sealed = auth[:_SALT_SIZE], auth[_SALT_SIZE:]
    try:
        return ChaCha20Poly1305(_derive(seed, salt, _AUTH_INFO)).decrypt(_ZERO_NONCE, sealed, None)
    except InvalidTag:
        raise WrongKeyError("the slot's authentication does not open with its key") from None


def mac(document: Object, keyring_key: bytes, form: Form) -> bytes:
    """HMAC-SHA-256 over the RFC 8785 form of the document without its "mac"."""
    body = {name: value for name, value in document.items() if name != "mac"}
    return hmac.digest(_derive(keyring_key, b"", form.value), canonical(body), "sha256")


def verify(document: Object, claimed: bytes, keyring_key: bytes, form: Form) -> None:
    """Checks a document's MAC in constant time.

    Raises:
        TamperedError: It was changed by somebody who holds no slot.
    """
    if not hmac.compare_digest(mac(document, keyring_key, form), claimed):
        raise changed_by_a_stranger()


def changed_by_a_stranger() -> TamperedError:
    """The error for a keyring that no holder of a slot wrote."""
    return TamperedError(
        "the keyring was changed by somebody who holds none of its ways in; it was not used",
        hint="Take the keyring from a copy that you trust, or use another backup.",
    )


def _derive(ikm: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), KEY_SIZE, salt, info).derive(ikm)

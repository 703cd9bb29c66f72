"""The mlkem768x25519 stanza: post-quantum recipients, `age1pq1…`.

HPKE (RFC 9180) in base mode with the hybrid KEM MLKEM768-X25519 (0x647a),
HKDF-SHA256 and ChaCha20Poly1305.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHAKE256, Hash
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from passkeep.age import base64, bech32, wrap
from passkeep.age.header import Stanza
from passkeep.age.secret import Secret
from passkeep.errors import DamagedError, InvalidInputError

STANZA_TYPE = "mlkem768x25519"
RECIPIENT_PREFIX = "age1pq"
IDENTITY_PREFIX = "age-secret-key-pq-"
SEED_SIZE = 32
RECIPIENT_SIZE = 1216
_MLKEM_PUBLIC_SIZE = 1184
_MLKEM_SEED_SIZE = 64
_MLKEM_ENC_SIZE = 1088
_ENC_SIZE = _MLKEM_ENC_SIZE + 32
_INFO = b"age-encryption.org/mlkem768x25519"
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


class HybridRecipient:
    """A post-quantum public key of 1216 bytes. `str()` gives its `age1pq1…` form.

    Args:
        key: ML-KEM-768 encapsulation key (1184 bytes), then X25519 (32 bytes).

    Raises:
        InvalidInputError: It is no such key.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != RECIPIENT_SIZE:
            raise InvalidInputError("this is not an age1pq1… recipient")
        try:
            mlkem = MLKEM768PublicKey.from_public_bytes(key[:_MLKEM_PUBLIC_SIZE])
        except ValueError:
            raise InvalidInputError("the recipient holds an invalid ML-KEM key") from None
        x25519 = X25519PublicKey.from_public_bytes(key[_MLKEM_PUBLIC_SIZE:])
        self.key = key
        self._public = MLKEM768X25519PublicKey(mlkem, x25519)

    @classmethod
    def from_string(cls, text: str) -> HybridRecipient:
        """Reads an `age1pq1…` string.

        Raises:
            InvalidInputError: It is not one.
        """
        prefix, key = bech32.decode(text)
        if prefix != RECIPIENT_PREFIX:
            raise InvalidInputError("this is not an age1pq1… recipient")
        return cls(key)

    def wrap(self, file_key: bytes) -> list[Stanza]:
        """Wraps a file key by HPKE to this recipient."""
        try:
            message = _SUITE.encrypt(file_key, self._public, info=_INFO)
        except ValueError:
            raise InvalidInputError("the recipient holds a point of low order") from None
        enc, body = message[:_ENC_SIZE], message[_ENC_SIZE:]
        return [Stanza(STANZA_TYPE, (base64.encode(enc),), body)]

    def __str__(self) -> str:
        return bech32.encode(RECIPIENT_PREFIX, self.key)

    def __repr__(self) -> str:
        return f"HybridRecipient({str(self)[:20]}…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HybridRecipient) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)


class HybridIdentity(Secret):
    """A post-quantum private key: a 32-byte seed.

    `str()` gives its secret `AGE-SECRET-KEY-PQ-1…` form.

    Args:
        seed: 32 bytes, from which everything else is derived.

    Raises:
        InvalidInputError: It has another length.
    """

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_SIZE:
            raise InvalidInputError("a hybrid identity has a seed of 32 bytes")
        self.seed = seed

    @classmethod
    def generate(cls) -> HybridIdentity:
        """A fresh identity from the operating system's randomness."""
        return cls(os.urandom(SEED_SIZE))

    @classmethod
    def from_seed(cls, seed: bytes) -> HybridIdentity:
        """The identity of a 32-byte seed."""
        return cls(seed)

    @classmethod
    def from_string(cls, text: str) -> HybridIdentity:
        """Reads an `AGE-SECRET-KEY-PQ-1…` string.

        Raises:
            InvalidInputError: It is not one. The message never quotes it.
        """
        prefix, seed = bech32.decode(text)
        if prefix != IDENTITY_PREFIX or text != text.upper():
            raise InvalidInputError("this is not an AGE-SECRET-KEY-PQ-1… identity")
        return cls(seed)

    @cached_property
    def recipient(self) -> HybridRecipient:
        """The public key."""
        mlkem, x25519 = self._keys
        return HybridRecipient(
            mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        )

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Opens the first stanza that was made for this identity.

        Raises:
            DamagedError: An mlkem768x25519 stanza is malformed.
        """
        for stanza in stanzas:
            if stanza.type != STANZA_TYPE:
                continue
            wrap.check(stanza, arguments=1)
            enc = base64.decode(stanza.args[0])
            if len(enc) != _ENC_SIZE:
                raise DamagedError("the header is malformed: a hybrid share has a wrong length")
            try:
                return _SUITE.decrypt(enc + stanza.body, self._private, info=_INFO)
            except InvalidTag:
                # HPKE gives the same answer for a stanza that is somebody else's
                # and for one that no honest sender makes.
                self._refuse_low_order(enc)
        return None

    def __str__(self) -> str:
        return bech32.encode(IDENTITY_PREFIX, self.seed).upper()

    def _refuse_low_order(self, enc: bytes) -> None:
        try:
            self._keys[1].exchange(X25519PublicKey.from_public_bytes(enc[_MLKEM_ENC_SIZE:]))
        except ValueError:
            raise DamagedError("the header holds a point of low order") from None

    @cached_property
    def _keys(self) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
        """SHAKE256(seed, 96): the ML-KEM seed d and z, then the X25519 secret."""
        size = _MLKEM_SEED_SIZE + 32
        expander = Hash(SHAKE256(size))
        expander.update(self.seed)
        expanded = expander.finalize()
        return (
            MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_SIZE]),
            X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_SIZE:]),
        )

    @cached_property
    def _private(self) -> MLKEM768X25519PrivateKey:
        return MLKEM768X25519PrivateKey(*self._keys)

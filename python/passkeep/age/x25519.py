"""The X25519 stanza: classic recipients, `age1…`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from passkeep.age import base64, bech32, wrap
from passkeep.age.header import Stanza
from passkeep.age.secret import Secret
from passkeep.errors import DamagedError, InvalidInputError

STANZA_TYPE = "X25519"
RECIPIENT_PREFIX = "age"
IDENTITY_PREFIX = "age-secret-key-"
_KEY_SIZE = 32
_INFO = b"age-encryption.org/v1/X25519"


@dataclass(frozen=True, slots=True)
class X25519Recipient:
    """A classic public key. `str()` gives its `age1…` form.

    Attributes:
        key: 32 bytes.
    """

    key: bytes

    @classmethod
    def from_string(cls, text: str) -> X25519Recipient:
        """Reads an `age1…` string.

        Raises:
            InvalidInputError: It is not one.
        """
        prefix, key = bech32.decode(text)
        if prefix != RECIPIENT_PREFIX or len(key) != _KEY_SIZE:
            raise InvalidInputError("this is not an age1… recipient")
        return cls(key)

    def wrap(self, file_key: bytes) -> list[Stanza]:
        """Wraps a file key under a shared secret with a fresh key pair."""
        ephemeral = X25519PrivateKey.generate()
        share = ephemeral.public_key().public_bytes_raw()
        try:
            shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(self.key))
        except ValueError:
            raise InvalidInputError("the recipient is a point of low order") from None
        body = wrap.seal(_wrapping_key(shared, share, self.key), file_key)
        return [Stanza(STANZA_TYPE, (base64.encode(share),), body)]

    def __str__(self) -> str:
        return bech32.encode(RECIPIENT_PREFIX, self.key)


class X25519Identity(Secret):
    """A classic private key. `str()` gives its secret `AGE-SECRET-KEY-1…` form."""

    __slots__ = ("_key",)

    def __init__(self, key: X25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> X25519Identity:
        """A fresh identity from the operating system's randomness."""
        return cls(X25519PrivateKey.generate())

    @classmethod
    def from_string(cls, text: str) -> X25519Identity:
        """Reads an `AGE-SECRET-KEY-1…` string.

        Raises:
            InvalidInputError: It is not one. The message never quotes it.
        """
        prefix, key = bech32.decode(text)
        if prefix != IDENTITY_PREFIX or len(key) != _KEY_SIZE or text != text.upper():
            raise InvalidInputError("this is not an AGE-SECRET-KEY-1… identity")
        return cls(X25519PrivateKey.from_private_bytes(key))

    @property
    def recipient(self) -> X25519Recipient:
        """The public key."""
        return X25519Recipient(self._key.public_key().public_bytes_raw())

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Opens the first stanza that was made for this identity.

        Raises:
            DamagedError: An X25519 stanza is malformed.
        """
        for stanza in stanzas:
            if stanza.type != STANZA_TYPE:
                continue
            wrap.check(stanza, arguments=1)
            share = base64.decode(stanza.args[0])
            if len(share) != _KEY_SIZE:
                raise DamagedError("the header is malformed: an X25519 share has a wrong length")
            file_key = wrap.open_(self._wrapping_key(share), stanza.body)
            if file_key is not None:
                return file_key
        return None

    def __str__(self) -> str:
        return bech32.encode(IDENTITY_PREFIX, self._key.private_bytes_raw()).upper()

    def _wrapping_key(self, share: bytes) -> bytes:
        try:
            shared = self._key.exchange(X25519PublicKey.from_public_bytes(share))
        except ValueError:
            raise DamagedError("the header holds a point of low order") from None
        return _wrapping_key(shared, share, self.recipient.key)


def _wrapping_key(shared: bytes, share: bytes, recipient: bytes) -> bytes:
    return HKDF(SHA256(), 32, share + recipient, _INFO).derive(shared)

"""The authenticator's side of the CTAP PIN/UV auth protocols, from the specification.

Written apart from python-fido2, which plays the other side in the tests.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

BLOCK = 16


class Protocol:
    """PIN/UV auth protocol one or two.

    Args:
        version: 1 or 2.
        private: The key agreement key; default: a random one.
    """

    def __init__(self, version: int, private: ec.EllipticCurvePrivateKey | None = None) -> None:
        self.version = version
        self._private = private or ec.generate_private_key(ec.SECP256R1())

    @property
    def public(self) -> dict[int, Any]:
        """The COSE key of the authenticator."""
        numbers = self._private.public_key().public_numbers()
        x, y = (value.to_bytes(32, "big") for value in (numbers.x, numbers.y))
        return {1: 2, 3: -25, -1: 1, -2: x, -3: y}

    def shared(self, platform: dict[int, Any]) -> bytes:
        """The shared secret with a platform's COSE key; ValueError for a bad point."""
        point = b"\x04" + platform[-2] + platform[-3]
        peer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        z = self._private.exchange(ec.ECDH(), peer)
        if self.version == 1:
            return hashlib.sha256(z).digest()
        infos = (b"CTAP2 HMAC key", b"CTAP2 AES key")
        return b"".join(HKDF(SHA256(), 32, bytes(32), info).derive(z) for info in infos)

    def encrypt(self, secret: bytes, plaintext: bytes, iv: bytes | None = None) -> bytes:
        iv = bytes(BLOCK) if self.version == 1 else iv or os.urandom(BLOCK)
        encryptor = Cipher(AES(secret[-32:]), CBC(iv)).encryptor()
        ciphertext = encryptor.update(plaintext) + encryptor.finalize()
        return ciphertext if self.version == 1 else iv + ciphertext

    def decrypt(self, secret: bytes, ciphertext: bytes) -> bytes:
        iv = bytes(BLOCK)
        if self.version == 2:
            iv, ciphertext = ciphertext[:BLOCK], ciphertext[BLOCK:]
        decryptor = Cipher(AES(secret[-32:]), CBC(iv)).decryptor()
        return decryptor.update(ciphertext) + decryptor.finalize()

    def verify(self, key: bytes, message: bytes, signature: bytes) -> bool:
        """Checks a MAC made with a shared secret or a token."""
        expected = hmac.digest(key[:32], message, "sha256")
        return hmac.compare_digest(signature, expected[:16] if self.version == 1 else expected)

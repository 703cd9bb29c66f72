"""PRF outputs travel from the page to this process sealed.

The page gets the process's public key in the fragment of its address, which no server
and no other page sees, and answers with a key of its own and a box::

    key = HKDF-SHA-256(ikm=P-256 shared secret, salt=process key ‖ page key,
                       info="passkeep loopback/1", 32 bytes)
    box = AES-256-GCM(key, nonce=0, PRF outputs, AAD=challenge of the step)

Keys are uncompressed points of 65 bytes. The nonce may be constant because the page
makes a new key for every box. These algorithms are the ones that every browser's
WebCrypto has. The challenge ties a box to its step.
"""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fido2.utils import websafe_encode

from passkeep.passkey.responses import decode

_INFO = b"passkeep loopback/1"
_NONCE = bytes(12)


class BoxError(Exception):
    """A box does not open with this key and challenge. The message holds nothing of it."""


class BoxKey:
    """The process's key pair of one ceremony."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._public = _point(self._private.public_key())

    @property
    def public(self) -> str:
        """The public key as base64url without padding, for the address of the page."""
        return websafe_encode(self._public)

    def open(self, box: object, challenge: bytes) -> bytes:
        """Open one box.

        Args:
            box: ``{"key": base64url, "box": base64url}`` from the page, unchecked.
            challenge: The challenge of the step that the box answers.

        Returns:
            The PRF outputs, one after another.

        Raises:
            BoxError: It does not open.
        """
        try:
            return self._open(box, challenge)
        except (InvalidTag, KeyError, TypeError, ValueError):
            raise BoxError("the box does not open") from None

    def _open(self, box: object, challenge: bytes) -> bytes:
        if not isinstance(box, Mapping):
            raise TypeError("not a box")
        point = decode(box["key"])
        page = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        shared = self._private.exchange(ec.ECDH(), page)
        kdf = HKDF(algorithm=SHA256(), length=32, salt=self._public + point, info=_INFO)
        return AESGCM(kdf.derive(shared)).decrypt(_NONCE, decode(box["box"]), challenge)


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

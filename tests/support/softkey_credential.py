"""What a software security key stores for a credential, and its hmac-secret."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.ctap import CtapError

from support.ctap_protocols import Protocol

ERR = CtapError.ERR


@dataclass
class Credential:
    """One credential, and its two secrets."""

    rp_id: str
    user: dict[str, Any]
    resident: bool
    id: bytes = field(default_factory=lambda: os.urandom(32))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    with_uv: bytes = field(default_factory=lambda: os.urandom(32))
    without_uv: bytes = field(default_factory=lambda: os.urandom(32))

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message, ec.ECDSA(SHA256()))

    def hmac_secret(
        self,
        protocols: Mapping[int, Protocol],
        inputs: dict[int, Any],
        *,
        verified: bool,
        drift: bytes = b"",
    ) -> bytes:
        """One or two salts in, as many outputs out, encrypted both ways.

        `drift` enters the secret, for keys that misbehave.
        """
        protocol = protocols.get(inputs.get(4, 1))
        if protocol is None:
            raise CtapError(ERR.INVALID_PARAMETER)
        secret = protocol.shared(inputs[1])
        if not protocol.verify(secret, inputs[2], inputs[3]):
            raise CtapError(ERR.PIN_AUTH_INVALID)
        salts = protocol.decrypt(secret, inputs[2])
        if len(salts) not in {32, 64}:
            raise CtapError(ERR.INVALID_LENGTH)
        key = (self.with_uv if verified else self.without_uv) + drift
        halves = (salts[:32], salts[32:]) if salts[32:] else (salts,)
        return protocol.encrypt(
            secret, b"".join(hmac.digest(key, salt, "sha256") for salt in halves)
        )

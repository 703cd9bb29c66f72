"""A passkey in a few lines of Python: JSON options in, JSON responses out.

It plays browser and authenticator together, so that a test can bend any field of an
answer. What real ones do is tested with a real browser.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

Flag = AuthenticatorData.FLAG


class SoftPasskey:
    """One passkey. Change its attributes to make it misbehave.

    Attributes:
        prf_at_creation: Whether the PRF is evaluated at creation already.
        enabled: The ``prf.enabled`` that is reported at creation.
        drift: Bytes that enter the PRF; change them and the secret changes.
        origin, cross_origin, flags, rp_id, type: What the responses claim.
    """

    def __init__(self, origin: str = "http://passkeep.localhost:1") -> None:
        self.id = os.urandom(16)
        self.origin = origin
        self.cross_origin = False
        self.rp_id: str | None = None
        self.type: str | None = None
        self.flags = Flag.UP | Flag.UV
        self.prf_at_creation = True
        self.enabled = True
        self.drift = b""
        self._secret = os.urandom(32)
        self._key = ec.generate_private_key(ec.SECP256R1())

    def respond(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer the options of one step."""
        public = options["publicKey"]
        return self.create(public) if "rp" in public else self.get(public)

    def create(self, public: dict[str, Any]) -> dict[str, Any]:
        cose = ES256.from_cryptography_key(self._key.public_key())
        attested = AttestedCredentialData.create(bytes(16), self.id, cose)
        data = self._data(public["rp"]["id"], self.flags | Flag.AT, attested)
        prf: dict[str, Any] = {"enabled": self.enabled}
        if self.prf_at_creation:
            prf["results"] = self.evaluate(public["extensions"]["prf"]["eval"])
        attestation = AttestationObject.create("none", data, {})
        fields = {
            "clientDataJSON": self._client_data("webauthn.create", public),
            "attestationObject": websafe_encode(attestation),
            "transports": ["internal", "hybrid", "carrier-pigeon"],
        }
        return self._response(fields, {"prf": prf, "credProps": {"rk": True}})

    def get(self, public: dict[str, Any]) -> dict[str, Any]:
        data = self._data(public["rpId"], self.flags)
        client_data = self._client_data("webauthn.get", public)
        signed = data + hashlib.sha256(websafe_decode(client_data)).digest()
        fields = {
            "clientDataJSON": client_data,
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(self._key.sign(signed, ec.ECDSA(SHA256()))),
        }
        inputs = public["extensions"]["prf"]["evalByCredential"].get(websafe_encode(self.id))
        results = self.evaluate(inputs) if inputs else {}
        return self._response(fields, {"prf": {"results": results}})

    def evaluate(self, inputs: dict[str, str]) -> dict[str, str]:
        """Return the PRF results of this passkey, as a browser would."""
        return {
            name: websafe_encode(
                hmac.digest(self._secret, websafe_decode(value) + self.drift, "sha256")
            )
            for name, value in inputs.items()
        }

    def output(self, inputs: tuple[bytes, bytes]) -> bytes:
        """Return the 64 bytes for two PRF inputs."""
        return b"".join(hmac.digest(self._secret, each + self.drift, "sha256") for each in inputs)

    def _response(self, fields: dict[str, Any], extensions: dict[str, Any]) -> dict[str, Any]:
        name = websafe_encode(self.id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "response": fields,
            "clientExtensionResults": extensions,
        }

    def _data(self, rp_id: str, flags: Flag, attested: bytes = b"") -> AuthenticatorData:
        rp_hash = hashlib.sha256((self.rp_id or rp_id).encode()).digest()
        return AuthenticatorData.create(rp_hash, flags, 0, attested)

    def _client_data(self, kind: str, public: dict[str, Any]) -> str:
        fields = {
            "type": self.type or kind,
            "challenge": public["challenge"],
            "origin": self.origin,
            "crossOrigin": self.cross_origin,
        }
        return websafe_encode(json.dumps(fields).encode())

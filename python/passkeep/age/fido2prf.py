"""The fido2prf stanza: a file key under a passkey's PRF (docs/formats.md, "fido2prf")."""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass

from passkeep.age import base64, bech32
from passkeep.age import wrap as wrapping
from passkeep.age.header import Stanza
from passkeep.errors import DamagedError, InvalidInputError, WrongKeyError

STANZA_TYPE = "age-encryption.org/fido2prf"
LABEL = STANZA_TYPE.encode()
NONCE_SIZE = 16
PRF_OUTPUT_SIZE = 64
CREDENTIAL_PREFIX = "age-plugin-fido2prf-"
_FIRST, _SECOND = b"\x01", b"\x02"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Credential:
    """Which passkey: the content of an `AGE-PLUGIN-FIDO2PRF-1…` string. Not secret.

    Attributes:
        id: The credential id.
        rp_id: The relying party's domain.
        transports: How its authenticator was reached, as WebAuthn names it.
    """

    id: bytes
    rp_id: str
    transports: tuple[str, ...]

    def to_string(self) -> str:
        """The `AGE-PLUGIN-FIDO2PRF-1…` form: four CBOR items in Bech32."""
        from fido2 import cbor  # noqa: PLC0415  (only where a passkey is used)

        items = (_VERSION, self.id, self.rp_id, list(self.transports))
        data = b"".join(cbor.encode(item) for item in items)
        return bech32.encode(CREDENTIAL_PREFIX, data).upper()

    @classmethod
    def from_string(cls, text: str) -> Credential:
        """Reads an `AGE-PLUGIN-FIDO2PRF-1…` string.

        Raises:
            InvalidInputError: It is not one.
        """
        from fido2 import cbor  # noqa: PLC0415

        prefix, rest = bech32.decode(text)
        if prefix != CREDENTIAL_PREFIX:
            raise InvalidInputError("this is not an AGE-PLUGIN-FIDO2PRF-1… string")
        items: list[object] = []
        try:
            while rest:
                item, rest = cbor.decode_from(rest)
                items.append(item)
        except (ValueError, TypeError, LookupError, RecursionError, OverflowError, struct.error):
            raise _malformed() from None
        match items:
            case [int(version), bytes(id_), str(rp_id), list(transports)] if (
                version is not True and version == _VERSION and id_ and rp_id
            ):
                if all(isinstance(transport, str) for transport in transports):
                    return cls(id_, rp_id, tuple(transports))
        raise _malformed()


def names_passkey(text: str) -> bool:
    """Whether a string looks like an `AGE-PLUGIN-FIDO2PRF-1…` string, whatever its case."""
    return text.lower().startswith(f"{CREDENTIAL_PREFIX}1")


def prf_inputs(nonce: bytes) -> tuple[bytes, bytes]:
    """The two inputs that a passkey's PRF is evaluated at, 44 bytes each."""
    return LABEL + _FIRST + nonce, LABEL + _SECOND + nonce


def wrap(file_key: bytes, nonce: bytes, prf_output: bytes) -> Stanza:
    """Wraps a file key under PRF output.

    Args:
        file_key: 16 bytes.
        nonce: The 16 bytes that the PRF inputs were made of.
        prf_output: 64 bytes, both outputs one after the other.
    """
    body = wrapping.seal(_wrapping_key(prf_output), file_key)
    return Stanza(STANZA_TYPE, (base64.encode(nonce),), body)


def nonce_of(stanza: Stanza) -> bytes:
    """The nonce of a stanza.

    Raises:
        DamagedError: The stanza is malformed.
    """
    wrapping.check(stanza, arguments=1)
    nonce = base64.decode(stanza.args[0])
    if len(nonce) != NONCE_SIZE:
        raise DamagedError("the header is malformed: a fido2prf nonce has a wrong length")
    return nonce


def unwrap(stanza: Stanza, prf_output: bytes) -> bytes:
    """Opens a stanza with 64 bytes of PRF output.

    Raises:
        DamagedError: The stanza is malformed.
        WrongKeyError: It was made with another passkey, or without verification.
    """
    nonce_of(stanza)
    file_key = wrapping.open_(_wrapping_key(prf_output), stanza.body)
    if file_key is None:
        raise WrongKeyError("the passkey answered, but its answer does not open this")
    return file_key


def _wrapping_key(prf_output: bytes) -> bytes:
    """HKDF-Extract-SHA-256 of both outputs under the label, without Expand."""
    if len(prf_output) != PRF_OUTPUT_SIZE:
        raise InvalidInputError("PRF output has 64 bytes")
    return hmac.digest(LABEL, prf_output, "sha256")


def _malformed() -> InvalidInputError:
    return InvalidInputError("this AGE-PLUGIN-FIDO2PRF-1… string is malformed")

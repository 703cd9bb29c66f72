"""The same passkey through python-fido2 and libfido2 gives the same secret."""

from __future__ import annotations

import hashlib

import pytest

from passkeep.age.fido2prf import prf_inputs
from passkeep.passkey import Question, SecurityKey
from support import libfido2
from support.person import Person, plug_in
from support.softkey import SoftKey

NONCE = bytes(range(16))


@pytest.mark.parametrize("sensor", ["PIN", "finger"])
@pytest.mark.parametrize("protocol", [1, 2])
def test_libfido2_gives_the_same_secret(
    monkeypatch: pytest.MonkeyPatch, protocol: int, sensor: str
) -> None:
    pin = "1234" if sensor == "PIN" else None
    finger = None if sensor == "PIN" else lambda: True
    key = SoftKey(protocols=(protocol,), pin=pin, fingerprint=finger)
    plug_in(monkeypatch, [key])
    made = SecurityKey(Person()).enroll(label="Key", nonce=NONCE)
    for nonce in (NONCE, bytes(16)):
        ours = SecurityKey(Person()).evaluate([Question(made.credential, nonce)])
        # WebAuthn Level 3, section 10.1.4: how a client makes salts of PRF inputs.
        salts = b"".join(
            hashlib.sha256(b"WebAuthn PRF\0" + each).digest() for each in prf_inputs(nonce)
        )
        credential = made.credential
        theirs = libfido2.evaluate(key, credential.rp_id, credential.id, salts, pin)
        assert theirs == ours.prf_output
        assert len(theirs) == 64


def test_outputs_belong_to_their_salts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone gives the same, and turned salts give turned outputs."""
    key, other = SoftKey(), SoftKey()
    plug_in(monkeypatch, [key])
    made = SecurityKey(Person()).enroll(label="Key", nonce=NONCE)
    other.credentials = dict(key.credentials)
    salts = bytes(32) + b"\1" * 32
    one = libfido2.evaluate(key, made.credential.rp_id, made.credential.id, salts, "1234")
    same = libfido2.evaluate(other, made.credential.rp_id, made.credential.id, salts, "1234")
    swapped = salts[32:] + salts[:32]
    turned = libfido2.evaluate(key, made.credential.rp_id, made.credential.id, swapped, "1234")
    assert one == same
    assert turned == one[32:] + one[:32]

"""The fido2prf stanza against a file that npm age-encryption made."""

import base64
import hashlib
import hmac
import json

import pytest

import passkeep
from passkeep.age import fido2prf, header
from passkeep.errors import DamagedError, InvalidInputError, WrongKeyError
from support import table
from support.vectors import FOLDER

VECTOR = json.loads((FOLDER / "fido2prf_vector.json").read_text())
NONCE = bytes.fromhex(VECTOR["nonce"])
PRF_OUTPUT = bytes.fromhex(VECTOR["prf_output_1"] + VECTOR["prf_output_2"])
FILE_KEY = bytes.fromhex(VECTOR["file_key"])
FILE = base64.b64decode(VECTOR["age_file_b64"])


class Tapped:
    """The vector's authenticator, after a tap, as an identity."""

    def unwrap(self, stanzas):
        return fido2prf.unwrap(stanzas[0], PRF_OUTPUT)


def test_identity_string():
    credential = fido2prf.Credential.from_string(VECTOR["identity"])
    assert credential.id.hex() == VECTOR["credential_id"]
    assert credential.rp_id == VECTOR["rp_id"]
    assert credential.transports == ("usb", "nfc")
    assert credential.to_string() == VECTOR["identity"]


def test_prf_inputs_and_what_an_authenticator_makes_of_them():
    inputs = fido2prf.prf_inputs(NONCE)
    assert [one.hex() for one in inputs] == [VECTOR["prf_input_1"], VECTOR["prf_input_2"]]
    secret = bytes.fromhex(VECTOR["cred_random_with_uv"])
    for number, one in enumerate(inputs, 1):
        salt = hashlib.sha256(b"WebAuthn PRF\x00" + one).digest()
        assert salt.hex() == VECTOR[f"hmac_secret_salt_{number}"]
        assert hmac.digest(secret, salt, "sha256").hex() == VECTOR[f"prf_output_{number}"]


def test_wrapping():
    stanza = fido2prf.wrap(FILE_KEY, NONCE, PRF_OUTPUT)
    assert stanza.body.hex() == VECTOR["stanza_body"]
    assert fido2prf.nonce_of(stanza) == NONCE
    assert fido2prf.unwrap(stanza, PRF_OUTPUT) == FILE_KEY
    parsed, _ = header.parse(FILE)
    assert parsed.stanzas == (stanza,)


def test_the_whole_file():
    assert passkeep.decrypt(FILE, Tapped()).decode() == VECTOR["plaintext"]
    table.passed("fido2prf", "bytes")


def test_another_answer_is_a_wrong_key():
    stanza = fido2prf.wrap(FILE_KEY, NONCE, PRF_OUTPUT)
    with pytest.raises(WrongKeyError):
        fido2prf.unwrap(stanza, PRF_OUTPUT[::-1])


@pytest.mark.parametrize(
    "stanza",
    [
        header.Stanza(fido2prf.STANZA_TYPE, (), bytes(32)),
        header.Stanza(fido2prf.STANZA_TYPE, ("AAAA",), bytes(32)),
        header.Stanza(fido2prf.STANZA_TYPE, ("A" * 22, "A"), bytes(32)),
        header.Stanza(fido2prf.STANZA_TYPE, ("A" * 21 + "B",), bytes(32)),
        header.Stanza(fido2prf.STANZA_TYPE, ("A" * 22,), bytes(31)),
    ],
)
def test_malformed_stanzas(stanza):
    with pytest.raises(DamagedError):
        fido2prf.unwrap(stanza, PRF_OUTPUT)


@pytest.mark.parametrize(
    "items",
    [
        b"",
        b"\x01",
        b"\x02\x41a\x61b\x80",  # version 2
        b"\x01\x40\x61b\x80",  # an empty id
        b"\x01\x41a\x61b\x80\x00",  # one item too many
        b"\x01\x41a\x61b\x81\x01",  # a transport that is a number
        b"\x01\x5a\xff\xff\xff\xff",  # a length beyond the end
        b"\x01\x41a\x61\xff\x80",  # text that is not UTF-8
        b"\x81" * 5000,  # deep nesting
    ],
)
def test_malformed_identity_strings(items):
    from passkeep.age import bech32

    text = bech32.encode(fido2prf.CREDENTIAL_PREFIX, items).upper()
    with pytest.raises(InvalidInputError):
        fido2prf.Credential.from_string(text)

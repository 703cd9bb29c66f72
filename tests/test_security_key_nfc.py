"""Security keys on NFC readers: the extra, and machines without it."""

from __future__ import annotations

import sys

import pytest

from passkeep.age.fido2prf import Credential
from passkeep.errors import CeremonyError
from passkeep.passkey import Question, SecurityKey, hid_keys
from support.person import Person, plug_in
from support.softkey import SoftKey
from support.softkey_nfc import lay_on_readers

NONCE = bytes(range(16))


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> SoftKey:
    """A key on a reader, and nothing plugged in."""
    one = SoftKey()
    plug_in(monkeypatch, [])
    lay_on_readers(monkeypatch, [one])
    return one


def test_a_key_on_a_reader_enrols_and_opens(key: SoftKey) -> None:
    made = SecurityKey(Person(), plug_in_timeout=0).enroll(label="Key", nonce=NONCE)
    assert made.credential.transports == ("nfc", "usb"), (
        "reached by one, and by its own words the other"
    )
    question = Question(made.credential, NONCE)
    assert (
        SecurityKey(Person(), plug_in_timeout=0).evaluate([question]).prf_output == made.prf_output
    )
    assert key.touches >= 3


def test_the_same_key_opens_on_a_cable(key: SoftKey, monkeypatch: pytest.MonkeyPatch) -> None:
    made = SecurityKey(Person(), plug_in_timeout=0).enroll(label="Key", nonce=NONCE)
    lay_on_readers(monkeypatch, [])
    plug_in(monkeypatch, [key])
    credential = Credential(made.credential.id, made.credential.rp_id, ("usb",))
    answer = SecurityKey(Person(), plug_in_timeout=0).evaluate([Question(credential, NONCE)])
    assert answer.prf_output == made.prf_output


def test_a_key_on_a_reader_and_one_on_a_cable(
    key: SoftKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = SoftKey()
    other.touch = lambda: None
    plug_in(monkeypatch, [other])
    person = Person()
    made = SecurityKey(person).enroll(label="Key", nonce=NONCE)
    assert person.heard("choose") == [[2]]
    assert made.credential.id in key.credentials


def test_a_card_that_is_taken_away(key: SoftKey) -> None:
    key.plugged_in = False
    with pytest.raises(CeremonyError, match="No security key was found"):
        SecurityKey(Person(), plug_in_timeout=0).enroll(label="Key", nonce=NONCE)


def test_without_the_extra_there_are_no_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, [])
    monkeypatch.delitem(sys.modules, "fido2.pcsc", raising=False)
    monkeypatch.setitem(sys.modules, "smartcard", None)
    with pytest.raises(CeremonyError, match="No security key was found") as caught:
        SecurityKey(Person(), plug_in_timeout=0).enroll(label="Key", nonce=NONCE)
    assert "passkeep[nfc]" in caught.value.hint


def test_whether_there_is_a_key_at_all(key: SoftKey, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hid_keys.any_plugged_in()
    lay_on_readers(monkeypatch, [])
    assert not hid_keys.any_plugged_in()
    plug_in(monkeypatch, [key])
    assert hid_keys.any_plugged_in()

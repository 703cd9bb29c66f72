"""Security keys in the terminal, on a key in software: what works."""

from __future__ import annotations

import _thread
import hashlib
import hmac
import os
import threading
import time
from types import SimpleNamespace

import pytest
from fido2.ctap import CtapError

import passkeep
from passkeep.age.fido2prf import Credential, prf_inputs
from passkeep.errors import CeremonyError, InvalidInputError, UnsupportedError, WrongKeyError
from passkeep.passkey import Question, SecurityKey, hid_keys, key_choice
from support import softkey_hid
from support.person import Person, plug_in
from support.softkey import SoftKey
from support.waiting import wait_until

NONCE = bytes(range(16))
RP_ID = "passkeep.localhost"


def raw(key: SoftKey, credential_id: bytes, nonce: bytes = NONCE) -> bytes:
    """The outputs, computed from the key's secret without any of the code under test."""
    secret = key.credentials[credential_id].with_uv
    salts = [hashlib.sha256(b"WebAuthn PRF\0" + each).digest() for each in prf_inputs(nonce)]
    return b"".join(hmac.digest(secret, salt, "sha256") for salt in salts)


def question(credential_id: bytes, nonce: bytes = NONCE, rp_id: str = RP_ID) -> Question:
    return Question(Credential(credential_id, rp_id, ("usb",)), nonce)


@pytest.fixture
def key(monkeypatch) -> SoftKey:
    """A key with the PIN 1234, and nothing else plugged in."""
    one = SoftKey()
    plug_in(monkeypatch, [one])
    return one


@pytest.mark.parametrize("resident", [False, True], ids=["by id", "resident"])
@pytest.mark.parametrize("at_creation", [False, True], ids=["hmac-secret", "hmac-secret-mc"])
@pytest.mark.parametrize("sensor", ["PIN", "old PIN", "finger", "old finger"])
@pytest.mark.parametrize("protocol", [1, 2])
def test_every_kind_of_key_enrols_and_opens(monkeypatch, protocol, sensor, at_creation, resident):
    key = SoftKey(
        protocols=(protocol,),
        pin="1234" if "PIN" in sensor else None,
        fingerprint=None if "PIN" in sensor else lambda: True,
        tokens="old" not in sensor,  # CTAP 2.0 or 2.1
        at_creation=at_creation,
    )
    plug_in(monkeypatch, [key])
    person = Person()
    made = SecurityKey(person, discoverable=resident).enroll(label="Key", nonce=NONCE)
    assert made.prf_output == raw(key, made.credential.id)
    assert made.discoverable is resident
    assert made.backup_eligible is False
    assert made.credential.rp_id == RP_ID
    assert made.credential.transports == ("usb",)
    assert key.credentials[made.credential.id].resident is resident
    touches = 2 if at_creation else 3
    assert key.touches == touches
    assert person.heard("touch") == [[False]] + [[True]] * (touches - 1)
    assert len(person.heard("pin")) == ("PIN" in sensor), "one PIN for a whole ceremony"
    assert bool(person.heard("verify")) == ("PIN" not in sensor)
    other = os.urandom(16)
    answer = SecurityKey(Person()).evaluate([question(made.credential.id, other)])
    assert answer.credential_id == made.credential.id
    assert answer.prf_output == raw(key, made.credential.id, other)
    assert key.touches == touches + 1


def test_one_touch_for_all_slots_each_with_inputs_of_its_own(monkeypatch):
    keys = [SoftKey(), SoftKey()]
    asked = []
    for one in keys:
        plug_in(monkeypatch, [one])
        nonce = os.urandom(16)
        made = SecurityKey(Person()).enroll(label="Key", nonce=nonce)
        asked.append(question(made.credential.id, nonce))
        one.touches = 0
    for one, asked_of_it in zip(keys, asked, strict=True):
        plug_in(monkeypatch, [one])
        answer = SecurityKey(Person()).evaluate(asked)
        assert answer.credential_id == asked_of_it.credential.id
        assert answer.prf_output == raw(one, answer.credential_id, asked_of_it.nonce)
        assert one.touches == 1


def test_more_passkeys_than_fit_into_one_list(key):
    made = SecurityKey(Person()).enroll(label="Key", nonce=NONCE)
    strangers = [question(os.urandom(32)) for _ in range(15)]
    answer = SecurityKey(Person()).evaluate([*strangers, question(made.credential.id)])
    assert answer.credential_id == made.credential.id


def test_a_touch_for_each_rp_id_until_one_answers(key):
    made = SecurityKey(Person(), rp_id="example.org").enroll(label="Key", nonce=NONCE)
    assert key.credentials[made.credential.id].rp_id == "example.org"
    key.touches = 0
    person = Person()
    answer = SecurityKey(person).evaluate(
        [
            question(b"no domain", rp_id="no domain"),
            question(made.credential.id, rp_id="example.org"),
            question(b"another"),
        ]
    )
    assert answer.credential_id == made.credential.id
    assert key.touches == 2
    assert person.heard("touch") == [[False], [True]]
    assert len(person.heard("pin")) == 1


def test_a_key_that_is_synchronised_says_so(monkeypatch):
    plug_in(monkeypatch, [SoftKey(synced=True)])
    assert SecurityKey(Person()).enroll(label="Key", nonce=NONCE).backup_eligible


def test_a_wrong_output_at_creation_is_not_believed(monkeypatch):
    key = SoftKey(at_creation=True)
    key.wrong_at_creation = True
    plug_in(monkeypatch, [key])
    made = SecurityKey(Person()).enroll(label="Key", nonce=NONCE)
    assert made.prf_output == raw(key, made.credential.id)
    assert key.touches == 3


def test_a_key_whose_secret_drifts_is_refused(key):
    def touch() -> bool:
        key.drift = os.urandom(1) * (1 + len(key.drift))
        return True

    key.touch = touch
    with pytest.raises(CeremonyError, match="different secret each time"):
        SecurityKey(Person()).enroll(label="Key", nonce=NONCE)


# PINs


def test_a_wrong_pin_is_asked_for_again_with_the_tries_that_are_left(key):
    person = Person("4321", "12", "0000", "1234")
    SecurityKey(person).enroll(label="Key", nonce=NONCE)
    # "12" is no PIN at all, and the key is not asked.
    assert person.heard("pin") == [[8, False], [7, True], [7, True], [6, True]]
    assert key.pin.pin_tries == 8


def test_a_pin_is_compared_in_normal_form(monkeypatch):
    plug_in(monkeypatch, [SoftKey(pin="sécurité")])
    SecurityKey(Person("se\u0301curite\u0301")).enroll(label="Key", nonce=NONCE)


@pytest.mark.parametrize("pin", ["x" * 64, "\udcff" * 5])
def test_what_no_key_takes_costs_no_try(key, pin):
    person = Person(pin, "1234")
    SecurityKey(person).enroll(label="Key", nonce=NONCE)
    assert person.heard("pin") == [[8, False], [8, True]]


def test_three_wrong_pins_pause_the_key(key):
    person = Person("0000")
    with pytest.raises(CeremonyError, match="Three wrong PINs") as caught:
        SecurityKey(person).enroll(label="Key", nonce=NONCE)
    assert "plug it in again" in caught.value.hint
    assert person.heard("pin") == [[8, False], [7, True], [6, True]]
    with pytest.raises(CeremonyError, match="Three wrong PINs"):
        SecurityKey(Person()).enroll(label="Key", nonce=NONCE)
    key.pin.plug_in()
    SecurityKey(Person()).enroll(label="Key", nonce=NONCE)


def test_the_last_wrong_pin_blocks_the_key(key):
    key.pin.pin_tries = 1
    with pytest.raises(CeremonyError, match="blocked for good") as caught:
        SecurityKey(Person("0000")).enroll(label="Key", nonce=NONCE)
    assert "erases every passkey" in caught.value.hint
    key.pin.plug_in()
    person = Person()
    with pytest.raises(CeremonyError, match="blocked for good"):
        SecurityKey(person).enroll(label="Key", nonce=NONCE)
    assert person.heard("pin") == [], "nobody is asked for a PIN in vain"


def test_no_pin_given_ends_the_ceremony(key):
    with pytest.raises(CeremonyError, match="no PIN was given"):
        SecurityKey(Person(None)).enroll(label="Key", nonce=NONCE)
    assert key.pin.pin_tries == 8


def test_a_pin_is_in_no_error_and_no_record(key, caplog):
    caplog.set_level(0)
    secret = "71 62 53 44"
    with pytest.raises(CeremonyError) as caught:
        SecurityKey(Person(secret)).enroll(label="Key", nonce=NONCE)
    assert secret not in repr(caught.value) + str(caught.value) + caught.value.hint
    assert caught.value.__suppress_context__
    assert secret not in caplog.text


# Fingers


def test_a_finger_that_is_not_recognised_is_asked_for_again(monkeypatch):
    fingers = iter([False, True, True, True])
    plug_in(monkeypatch, [SoftKey(pin=None, fingerprint=lambda: next(fingers))])
    person = Person()
    SecurityKey(person).enroll(label="Key", nonce=NONCE)
    assert person.heard("verify")[:2] == [[False], [True]]


def test_a_blocked_sensor_leaves_the_pin(monkeypatch):
    plug_in(monkeypatch, [SoftKey(fingerprint=lambda: False)])
    person = Person()
    SecurityKey(person).enroll(label="Key", nonce=NONCE)
    assert person.heard("pin") == [[8, False]]


def test_a_blocked_sensor_without_a_pin(monkeypatch):
    plug_in(monkeypatch, [SoftKey(pin=None, fingerprint=lambda: False)])
    with pytest.raises(CeremonyError, match="sensor is blocked") as caught:
        SecurityKey(Person()).enroll(label="Key", nonce=NONCE)
    assert "plug it in again" in caught.value.hint


# Several keys


@pytest.mark.parametrize("tokens", [True, False], ids=["CTAP 2.1", "CTAP 2.0"])
def test_one_of_several_keys_is_chosen_by_touch(monkeypatch, tokens):
    left, right = SoftKey(tokens=tokens), SoftKey(tokens=tokens)
    left.touch = lambda: None
    plug_in(monkeypatch, [left, right])
    person = Person()
    made = SecurityKey(person).enroll(label="Key", nonce=NONCE)
    assert set(right.credentials) == {made.credential.id}
    assert left.credentials == {}
    assert person.said[0] == ("choose", 2)
    assert person.heard("touch") == [[True]] * 3, "it was touched already, to choose it"
    assert (left.touches, right.touches) == (0, 4)


def test_keys_that_cannot_serve_are_not_asked(monkeypatch):
    old, unset, good = SoftKey(hmac_secret=False), SoftKey(pin=None), SoftKey()
    plug_in(monkeypatch, [old, unset, good])
    person = Person()
    SecurityKey(person).enroll(label="Key", nonce=NONCE)
    assert person.heard("choose") == []
    assert good.touches == 3
    left_out = dict(person.heard("leave out"))
    assert list(left_out) == ["Soft Key (0)", "Soft Key (1)"]
    assert "does not support hmac-secret" in left_out["Soft Key (0)"]
    assert "no PIN" in left_out["Soft Key (1)"]


def test_where_no_key_can_serve_each_is_named(monkeypatch):
    plug_in(monkeypatch, [SoftKey(hmac_secret=False), SoftKey(pin=None)])
    person = Person()
    with pytest.raises(CeremonyError) as caught:
        SecurityKey(person).enroll(label="Key", nonce=NONCE)
    assert str(caught.value).startswith("None of the 2 security keys can be used.")
    assert "Soft Key (0): This security key cannot hold a backup key" in str(caught.value)
    assert "Soft Key (1): This security key has no PIN" in str(caught.value)
    assert "ykman fido access change-pin" in caught.value.hint
    assert "recovery key" in caught.value.hint
    assert person.said == []


def test_keys_that_all_lack_what_cannot_be_added_are_unsupported(monkeypatch):
    plug_in(monkeypatch, [SoftKey(hmac_secret=False), SoftKey(hmac_secret=False)])
    with pytest.raises(UnsupportedError, match="None of the 2"):
        SecurityKey(Person()).enroll(label="Key", nonce=NONCE)


def test_a_key_that_gives_no_answer_hides_no_other(monkeypatch):
    good, dead = SoftKey(), SoftKey()
    dead.plugged_in = False
    plug_in(monkeypatch, [dead, good])
    person = Person()
    SecurityKey(person).enroll(label="Key", nonce=NONCE)
    assert [name for name, _ in person.heard("leave out")] == ["Soft Key (0)"]
    assert good.touches == 3


def test_a_key_that_may_not_be_opened_is_left_out(key, monkeypatch):
    monkeypatch.setattr(hid_keys, "locked_nodes", lambda: ("/dev/hidraw7",))
    person = Person()
    SecurityKey(person).enroll(label="Key", nonce=NONCE)
    assert person.heard("leave out") == [["/dev/hidraw7", "This security key cannot be opened."]]
    assert key.touches == 3


def test_a_choice_is_left_at_once_though_a_key_hangs(monkeypatch):
    """Ctrl-C waits for no key that neither answers nor says that it is alive."""
    released = threading.Event()
    keys = [SoftKey(), SoftKey()]
    for one in keys:
        one.touch = lambda: released.wait() and None
    plug_in(monkeypatch, keys)
    monkeypatch.setattr(softkey_hid, "KEEPALIVE_EVERY", 3600)

    class Leaving(Person):
        def choose(self, count: int) -> None:
            threading.Timer(0.2, _thread.interrupt_main).start()

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        SecurityKey(Leaving()).enroll(label="Key", nonce=NONCE)
    assert time.monotonic() - began < 0.9 * key_choice._PARTING
    released.set()


# Keys that are plugged in late


def test_a_key_is_waited_for(monkeypatch):
    keys: list[SoftKey] = []
    monkeypatch.setattr("fido2.hid.list_descriptors", lambda: softkey_hid.describe(keys))
    monkeypatch.setattr("fido2.hid.open_connection", softkey_hid.connect(keys))

    class Obliging(Person):
        def plug_in(self) -> None:
            super().plug_in()
            keys.append(SoftKey())

    person = Obliging()
    SecurityKey(person).enroll(label="Key", nonce=NONCE)
    assert person.said[0] == ("plug in",)
    assert len(person.heard("plug in")) == 1
    assert keys[0].touches == 3


def test_nobody_plugs_a_key_in(monkeypatch):
    plug_in(monkeypatch, [])
    person = Person()
    with pytest.raises(CeremonyError, match="No security key was found"):
        SecurityKey(person, plug_in_timeout=0.05).enroll(label="Key", nonce=NONCE)
    assert person.said == [("plug in",)]


def test_another_thread_cancels_the_wait_for_a_key(monkeypatch):
    plug_in(monkeypatch, [])

    class Leaving(Person):
        def plug_in(self) -> None:
            client.cancel()

    client = SecurityKey(Leaving())
    with pytest.raises(CeremonyError, match="was cancelled"):
        client.enroll(label="Key", nonce=NONCE)


def test_a_key_that_udev_does_not_open_after_a_while(monkeypatch):
    """A new device belongs to root for a moment, and only then to the person."""
    plug_in(monkeypatch, [])
    looks = iter([(), ("/dev/hidraw7",), (), ("/dev/hidraw7",), ("/dev/hidraw7",)])
    monkeypatch.setattr(hid_keys, "locked_nodes", lambda: next(looks))
    monkeypatch.setattr(key_choice, "_LOOK", 0.01)
    clock = iter(range(100))
    monkeypatch.setattr(key_choice, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    with pytest.raises(CeremonyError, match=r"hidraw7\), but it cannot be opened") as caught:
        SecurityKey(Person()).enroll(label="Key", nonce=NONCE)
    assert "udev" in caught.value.hint
    assert next(looks, None) is None


def test_all_of_several_keys_are_pulled_out(monkeypatch):
    keys = [SoftKey(), SoftKey()]

    def pull(key: SoftKey) -> None:
        key.plugged_in = False
        raise OSError("gone")

    for key in keys:
        key.touch = lambda key=key: pull(key)
    plug_in(monkeypatch, keys)
    with pytest.raises(CeremonyError, match="was it pulled out"):
        SecurityKey(Person()).enroll(label="Key", nonce=NONCE)


# Whole keyrings


def test_a_keyring_opens_with_the_key_and_with_no_other(key, monkeypatch, made, tmp_path):
    keyring = passkeep.Keyring.load(made.write(tmp_path))
    keyring.unlock(recovery_key=made.digits)
    slot = keyring.add_passkey(SecurityKey(Person()), label="YubiKey")
    keyring.save(tmp_path / "keyring.json")
    assert slot.credential is not None
    assert slot.credential.discoverable is False
    again = passkeep.Keyring.load(tmp_path / "keyring.json")
    again.unlock(passkey=SecurityKey(Person()))
    plug_in(monkeypatch, [SoftKey()])
    with pytest.raises(CeremonyError, match="holds none of these passkeys"):
        passkeep.Keyring.load(tmp_path / "keyring.json").unlock(passkey=SecurityKey(Person()))


def test_a_cloned_key_restores_on_another_machine_from_the_backup_alone(
    key, monkeypatch, made, tmp_path
):
    """Cloning the key is what synchronising a passkey comes to."""
    keyring = passkeep.Keyring.load(made.write(tmp_path))
    keyring.unlock(recovery_key=made.digits)
    keyring.add_passkey(SecurityKey(Person()), label="Key")
    keyring.save(tmp_path / "keyring.json")
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "one.txt").write_text("one")
    passkeep.backup(folder, tmp_path / "b.age", to=keyring)
    (tmp_path / "keyring.json").unlink()
    monkeypatch.setenv("PASSKEEP_STATE_DIR", str(tmp_path / "another machine"))
    twin = key.clone()
    plug_in(monkeypatch, [twin])
    unlock = passkeep.Unlock(passkey=SecurityKey(Person()))
    passkeep.restore(tmp_path / "b.age", tmp_path / "out", unlock)
    assert (tmp_path / "out" / "photos" / "one.txt").read_text() == "one"
    assert twin.touches == key.touches + 1


def test_a_removed_credential_closes_the_slot(key):
    made = SecurityKey(Person()).enroll(label="Key", nonce=NONCE)
    key.credentials.clear()
    with pytest.raises(CeremonyError, match="holds none of these passkeys") as caught:
        SecurityKey(Person()).evaluate([question(made.credential.id)])
    assert "recovery key" in caught.value.hint


def test_an_unverified_secret_never_opens(key, made, tmp_path):
    """The other of the key's two secrets is a wrong one, should it ever be used."""
    keyring = passkeep.Keyring.load(made.write(tmp_path))
    keyring.unlock(recovery_key=made.digits)
    keyring.add_passkey(SecurityKey(Person()), label="Key")
    keyring.save(tmp_path / "keyring.json")
    for credential in key.credentials.values():
        credential.with_uv = credential.without_uv
    with pytest.raises(WrongKeyError):
        passkeep.Keyring.load(tmp_path / "keyring.json").unlock(passkey=SecurityKey(Person()))


# Ends


def test_another_thread_cancels(key):
    client, errors = SecurityKey(person := Person()), []
    key.touch = lambda: None

    def enrol() -> None:
        try:
            client.enroll(label="Key", nonce=NONCE)
        except CeremonyError as error:
            errors.append(error)

    waiting = threading.Thread(target=enrol)
    waiting.start()
    wait_until(lambda: person.heard("touch"))
    client.cancel()
    waiting.join(10)
    assert str(errors[0]) == "The ceremony was cancelled."
    assert key.credentials == {}


def test_another_thread_cancels_the_choice(monkeypatch):
    keys = [SoftKey(), SoftKey()]
    for key in keys:
        key.touch = lambda: None
    plug_in(monkeypatch, keys)
    client = SecurityKey(Person())
    threading.Timer(0.05, client.cancel).start()
    with pytest.raises(CeremonyError, match="was cancelled"):
        client.enroll(label="Key", nonce=NONCE)


def test_cancelling_what_has_not_begun_changes_nothing(key):
    client = SecurityKey(Person())
    client.cancel()
    client.enroll(label="Key", nonce=NONCE)
    client.cancel()
    client.enroll(label="Key", nonce=NONCE)


def test_nobody_touches_the_key(key):
    key.touch = lambda: None
    with pytest.raises(CeremonyError, match="Nobody touched"):
        SecurityKey(Person(), timeout=0.05).enroll(label="Key", nonce=NONCE)


def test_the_key_itself_stops_waiting(key):
    key.touch = lambda: False
    with pytest.raises(CeremonyError, match="Nobody touched"):
        SecurityKey(Person()).enroll(label="Key", nonce=NONCE)


def test_what_a_prompt_raises_reaches_the_caller(key):
    class Interrupted(Person):
        def touch(self, *, again: bool) -> None:
            raise RuntimeError("the terminal is gone")

    with pytest.raises(RuntimeError, match="the terminal is gone"):
        SecurityKey(Interrupted()).enroll(label="Key", nonce=NONCE)


@pytest.mark.parametrize(
    "arguments",
    [
        {"rp_id": ""},
        {"rp_id": "two words"},
        {"rp_id": "a/b"},
        {"rp_id": "127.0.0.1"},
        {"timeout": 0},
        {"plug_in_timeout": -1},
        {"plug_in_timeout": float("nan")},
    ],
)
def test_impossible_arguments(arguments):
    with pytest.raises(InvalidInputError):
        SecurityKey(Person(), **arguments)


def test_nothing_to_ask_for(key):
    with pytest.raises(CeremonyError, match="no passkey to ask for"):
        SecurityKey(Person()).evaluate([])
    assert key.touches == 0


@pytest.mark.parametrize(("label", "nonce"), [("", NONCE), ("Key", bytes(5))])
def test_bad_arguments_touch_nothing(key, label, nonce):
    with pytest.raises(InvalidInputError):
        SecurityKey(Person()).enroll(label=label, nonce=nonce)
    assert key.touches == 0


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (CtapError.ERR.OPERATION_DENIED, "declined"),
        (CtapError.ERR.KEY_STORE_FULL, "no room"),
        (CtapError.ERR.LIMIT_EXCEEDED, "LIMIT_EXCEEDED"),
        (0xF7, "UNKNOWN_ERR"),
    ],
)
def test_the_key_refuses(key, code, words):
    def refuse() -> bool:
        raise CtapError(code)

    key.touch = refuse
    with pytest.raises(CeremonyError, match=words) as caught:
        SecurityKey(Person()).enroll(label="Key", nonce=NONCE)
    assert caught.value.hint

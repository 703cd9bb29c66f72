"""Keyrings: making, saving, opening with each way in, and never losing one."""

from __future__ import annotations

import copy
import os
import pickle
import stat
import unicodedata
from pathlib import Path

import pytest

import passkeep
from passkeep.keyring import passwords
from support.keyrings import PASSWORD, Made, rewrite
from support.passkeys import SoftwarePasskeys
from support.trees import names


def sealed_to(keyring: passkeep.Keyring) -> bytes:
    return passkeep.encrypt(b"secret", to=keyring)


def test_each_way_opens_the_same_root(keyring, made):
    sealed = sealed_to(keyring)
    for way in (
        {"password": PASSWORD},
        {"recovery_key": made.digits},
        {"passkey": made.passkeys},
    ):
        assert passkeep.decrypt(sealed, keyring.unlock(**way)) == b"secret", way


def test_the_recovery_key_is_an_identity_of_its_own(keyring, made):
    identity = passkeep.Identity(bytes.fromhex(made.digits.replace(" ", "")))
    assert passkeep.decrypt(sealed_to(keyring), identity) == b"secret"


def test_one_prompt_asks_for_all_passkeys_and_any_of_them_opens(quick_keyring, quick, tmp_path):
    quick_keyring.unlock(recovery_key=quick.digits)
    several = SoftwarePasskeys()
    for label in ("Phone", "Key"):
        quick_keyring.add_passkey(several, label=label)
    quick_keyring.save(tmp_path / "quick.json")
    loaded = passkeep.Keyring.load(tmp_path / "quick.json")
    sealed = sealed_to(loaded)
    for _ in range(2):
        assert passkeep.decrypt(sealed, loaded.unlock(passkey=several)) == b"secret"
        several.lose(several.credential_ids[0])
    assert several.prompts == [3, 3]
    with pytest.raises(passkeep.CeremonyError):
        loaded.unlock(passkey=several)


def test_nothing_opens_with_the_wrong_secret(keyring, quick):
    with pytest.raises(passkeep.WrongKeyError):
        keyring.unlock(password="not the password at all")
    with pytest.raises(passkeep.WrongKeyError):
        keyring.unlock(recovery_key="0" * 64)
    with pytest.raises(passkeep.WrongKeyError):
        keyring.unlock(recovery_key=quick.digits)
    with pytest.raises(passkeep.CeremonyError):
        keyring.unlock(passkey=quick.passkeys)


def test_a_passkey_that_answers_with_another_output_is_a_wrong_key(quick_keyring, quick):
    class Confused(SoftwarePasskeys):
        def evaluate(self, questions):
            answer = quick.passkeys.evaluate(questions)
            return passkeep.passkey.Answer(answer.credential_id, os.urandom(64))

    with pytest.raises(passkeep.WrongKeyError):
        quick_keyring.unlock(passkey=Confused())


@pytest.mark.parametrize(
    "ways", [{}, {"password": "a", "recovery_key": "b"}, {"password": "", "recovery_key": "0" * 64}]
)
def test_exactly_one_way_is_given(quick_keyring, ways):
    with pytest.raises(passkeep.InvalidInputError):
        quick_keyring.unlock(**ways)
    with pytest.raises(passkeep.InvalidInputError):
        passkeep.Unlock(**ways)


def test_a_way_that_the_keyring_does_not_have(quick_keyring):
    with pytest.raises(passkeep.WrongKeyError, match="no password slot"):
        quick_keyring.unlock(password=PASSWORD)


# Completeness


def incomplete() -> passkeep.Keyring:
    keyring = passkeep.Keyring.create()
    keyring.add_passkey(SoftwarePasskeys())
    return keyring


@pytest.mark.parametrize("shown", [False, True])
def test_an_incomplete_keyring_is_neither_saved_nor_used(tmp_path, shown):
    keyring = incomplete()
    if shown:  # but never typed back
        keyring.new_recovery_key()
    assert not keyring.is_complete
    with pytest.raises(passkeep.KeyringError, match="not complete"):
        keyring.save(tmp_path / "keyring.json")
    with pytest.raises(passkeep.KeyringError, match="not complete"):
        keyring.public()
    (tmp_path / "tree").mkdir()
    with pytest.raises(passkeep.KeyringError, match="not complete"):
        passkeep.backup(tmp_path / "tree", tmp_path / "b.age", to=keyring)
    assert names(tmp_path) == ["tree"]


def test_a_wrong_key_typed_back_is_refused_and_the_right_one_still_counts():
    keyring = incomplete()
    digits = keyring.new_recovery_key()
    wrong = digits[:-1] + ("0" if digits[-1] != "0" else "1")
    with pytest.raises(passkeep.InvalidInputError):
        keyring.confirm_recovery_key(wrong)
    assert not keyring.is_complete
    keyring.confirm_recovery_key(digits)
    assert keyring.is_complete


def test_there_is_one_recovery_key_and_the_last_shown_counts():
    keyring = incomplete()
    with pytest.raises(passkeep.KeyringError):
        keyring.confirm_recovery_key("0" * 64)
    first = keyring.new_recovery_key()
    second = keyring.new_recovery_key()
    with pytest.raises(passkeep.InvalidInputError):
        keyring.confirm_recovery_key(first)
    keyring.confirm_recovery_key(second)
    with pytest.raises(passkeep.KeyringError):
        keyring.confirm_recovery_key(second)
    assert [slot.kind for slot in keyring.slots] == ["passkey", "recovery-key"]


def test_a_locked_keyring_cannot_be_changed(quick_keyring):
    with pytest.raises(passkeep.KeyringError, match="locked"):
        quick_keyring.add_password(PASSWORD)
    with pytest.raises(passkeep.KeyringError, match="locked"):
        quick_keyring.add_passkey(SoftwarePasskeys())


def test_slots_end_at_sixteen(tmp_path):
    keyring = passkeep.Keyring.create()
    keyring.confirm_recovery_key(keyring.new_recovery_key())
    client = SoftwarePasskeys()
    for number in range(15):
        keyring.add_passkey(client, label=f"Key {number}")
    with pytest.raises(passkeep.LimitError):
        keyring.add_passkey(client)
    assert len(client.credential_ids) == 15, "no passkey is made in vain"
    keyring.save(tmp_path / "full.json")
    loaded = passkeep.Keyring.load(tmp_path / "full.json")
    assert len(loaded.slots) == 16
    loaded.unlock(passkey=client)


# Passwords


@pytest.mark.parametrize("weak", ["", "letmein12", "Passw0rd!", "hunter2", "aaaaaaaaaaaaaaaaaaaa"])
def test_weak_passwords_are_refused_without_being_quoted(weak):
    keyring = incomplete()
    with pytest.raises(passkeep.InvalidInputError) as caught:
        keyring.add_password(weak)
    assert not weak or weak not in f"{caught.value} {caught.value.hint}"
    assert len(keyring.slots) == 1


def test_generated_passwords_are_six_words_and_strong_enough():
    drawn = {passwords.generate() for _ in range(20)}
    assert len(drawn) == 20
    for password in drawn:
        assert len(password.split("-")) == passwords.GENERATED_WORDS
        assert passwords.prepare(password) == password


def test_both_spellings_of_a_password_open(tmp_path):
    typed = "Über-Größe déjà vu Straßenbahn Nuñez"
    nfc, nfd = (unicodedata.normalize(form, typed) for form in ("NFC", "NFD"))
    assert nfc != nfd
    keyring = incomplete()
    keyring.confirm_recovery_key(keyring.new_recovery_key())
    keyring.add_password(nfd)
    keyring.save(tmp_path / "keyring.json")
    loaded = passkeep.Keyring.load(tmp_path / "keyring.json")
    for spelling in (nfc, nfd):
        loaded.unlock(password=spelling)


# Epochs and files


def grow(path: Path, made: Made) -> passkeep.Keyring:
    keyring = passkeep.Keyring.load(path)
    keyring.unlock(recovery_key=made.digits)
    keyring.add_passkey(SoftwarePasskeys(), label="Another")
    return keyring


def test_epochs_grow_and_an_old_copy_is_refused_after_a_newer_one(quick, tmp_path):
    path, old = quick.write(tmp_path), quick.write(tmp_path, "old.json")
    before = passkeep.Keyring.load(path).epoch
    grow(path, quick).save(path, state=passkeep.State(tmp_path / "elsewhere"))
    newer = passkeep.Keyring.load(path)
    assert newer.epoch > before
    # This machine knows nothing of the newer one yet.
    passkeep.Keyring.load(old).unlock(recovery_key=quick.digits)
    newer.unlock(recovery_key=quick.digits)
    with pytest.raises(passkeep.KeyringError, match="old copy"):
        passkeep.Keyring.load(old).unlock(recovery_key=quick.digits)
    newer.unlock(recovery_key=quick.digits)


def test_a_wrong_key_does_not_teach_this_machine_an_epoch(quick, tmp_path):
    document = quick.document()
    document["epoch"] += 5
    with pytest.raises(passkeep.KeyringError):
        rewrite(tmp_path / "forged.json", document).unlock(recovery_key=quick.digits)
    passkeep.Keyring.load(quick.write(tmp_path)).unlock(recovery_key=quick.digits)


def test_a_later_epoch_is_never_overwritten(quick, tmp_path):
    path = quick.write(tmp_path)
    one, other = grow(path, quick), grow(path, quick)
    one.save(path)
    stored = path.read_bytes()
    with pytest.raises(passkeep.KeyringError, match="changed meanwhile"):
        other.save(path)
    assert path.read_bytes() == stored
    one.save(path)  # unchanged: the same file again
    assert path.read_bytes() == stored


def test_another_keyring_is_never_overwritten(quick, made, tmp_path):
    path = quick.write(tmp_path)
    with pytest.raises(passkeep.KeyringError, match="another keyring"):
        grow(made.write(tmp_path, "made.json"), made).save(path)
    assert path.read_bytes() == quick.text


def test_a_file_that_is_no_keyring_is_never_overwritten(quick, tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("Dear Ada")
    with pytest.raises(passkeep.PasskeepError):
        grow(quick.write(tmp_path), quick).save(path)
    assert path.read_text() == "Dear Ada"


def test_only_the_owner_can_read_a_keyring(quick, tmp_path):
    grow(quick.write(tmp_path), quick).save(tmp_path / "mine.json")
    assert stat.S_IMODE((tmp_path / "mine.json").stat().st_mode) == 0o600


# Leaks


def test_nothing_secret_is_shown_or_pickled(quick_keyring, quick):
    root = quick_keyring.unlock(recovery_key=quick.digits)
    nonce = bytes(16)
    enrolment = SoftwarePasskeys().enroll(label="x", nonce=nonce)
    holders = [
        quick_keyring,
        root,
        passkeep.Unlock(recovery_key=quick.digits),
        passkeep.Unlock(password=PASSWORD),
        passkeep.Password(PASSWORD),
        passkeep.Identity.generate(),
        passkeep.X25519Identity.generate(),
        enrolment,
        passkeep.passkey.Answer(b"id", bytes(64)),
    ]
    secrets = [
        PASSWORD,
        quick.digits.replace(" ", ""),
        "SECRET-KEY",
        repr(enrolment.prf_output),
        repr(bytes(64)),
    ]
    for holder in holders:
        shown = [repr(holder)]
        if not isinstance(holder, (passkeep.Identity, passkeep.X25519Identity)):
            shown.append(str(holder))  # of an identity this is the way to get its secret
        for text in shown:
            assert not [s for s in secrets if s.lower() in text.lower()], type(holder)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError):
                pickle.dumps(holder, protocol)
        with pytest.raises(TypeError):
            copy.deepcopy(holder)

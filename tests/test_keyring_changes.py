"""Changing a keyring: what opens afterwards, what does not, and what still does."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

import passkeep
from passkeep.keyring import reminder, vault
from support.keyrings import PASSWORD, PASSWORD_2
from support.passkeys import SoftwarePasskeys

LOST = "Lost"


@pytest.fixture
def path(quick, tmp_path):
    return quick.write(tmp_path)


@pytest.fixture
def keyring(path, quick):
    """Unlocked, with a recovery key, a passkey, and a second passkey whose device is gone."""
    keyring = passkeep.Keyring.load(path)
    keyring.unlock(recovery_key=quick.digits)
    keyring.add_passkey(SoftwarePasskeys(), label=LOST)
    keyring.save(path)
    return keyring


def slot_named(keyring, label):
    return next(slot for slot in keyring.slots if slot.label == label)


def saved(keyring, path):
    """The keyring as the next process finds it."""
    keyring.save(path)
    return passkeep.Keyring.load(path)


def sealed(keyring):
    return passkeep.encrypt(b"secret", to=keyring)


def opens(data, identity) -> bool:
    try:
        return passkeep.decrypt(data, identity) == b"secret"
    except passkeep.WrongKeyError:
        return False


# Removing and rotating


def test_a_removed_way_opens_earlier_backups_and_no_later_one(path, quick, tmp_path):
    keyring = passkeep.Keyring.load(path)
    keyring.unlock(recovery_key=quick.digits)
    lost = SoftwarePasskeys()
    slot = keyring.add_passkey(lost, label=LOST)
    old = saved(keyring, path)
    earlier = sealed(old)
    held = old.unlock(passkey=lost)  # what the thief of the device keeps

    keyring.remove(slot.id)
    loaded = saved(keyring, path)
    later = sealed(loaded)
    for way in ({"recovery_key": quick.digits}, {"passkey": quick.passkeys}):
        identity = loaded.unlock(**way)
        assert opens(later, identity), way
        assert opens(earlier, identity), way
    assert opens(earlier, held)
    assert not opens(later, held)
    with pytest.raises(passkeep.CeremonyError):
        loaded.unlock(passkey=lost)


def test_no_authenticator_is_asked_for_the_ways_that_stay(keyring, quick, path):
    before = len(quick.passkeys.prompts)
    keyring.remove(slot_named(keyring, LOST).id)
    keyring.rotate()
    saved(keyring, path)
    assert len(quick.passkeys.prompts) == before


def test_a_backup_from_before_opens_through_its_own_travelling_copy(keyring, quick, tree, tmp_path):
    passkeep.backup(tree, tmp_path / "1.age", to=keyring)
    keyring.remove(slot_named(keyring, LOST).id)
    passkeep.backup(tree, tmp_path / "2.age", to=saved(keyring, tmp_path / "new.json"))
    for name in ("1.age", "2.age"):
        unlock = passkeep.Unlock(passkey=quick.passkeys)
        assert passkeep.verify(tmp_path / name, unlock).files == 2


def test_rotation_keeps_every_way_in_and_every_earlier_backup(keyring, quick, path):
    earlier = [sealed(keyring)]
    held = keyring.unlock(recovery_key=quick.digits)
    for _ in range(3):
        keyring.rotate()
        with pytest.raises(passkeep.KeyringError, match="not saved"):
            sealed(keyring)
        loaded = saved(keyring, path)
        earlier.append(sealed(loaded))
    identity = loaded.unlock(passkey=quick.passkeys)
    assert len(identity.identities) == 4
    assert [opens(data, identity) for data in earlier] == [True] * 4
    assert [opens(data, held) for data in earlier] == [True, False, False, False]


def test_the_recovery_key_is_not_removed_and_too_few_ways_are_not_left(keyring):
    recovery = next(slot for slot in keyring.slots if slot.kind == "recovery-key")
    for allow_last in (False, True):
        with pytest.raises(passkeep.KeyringError, match="never without a recovery key"):
            keyring.remove(recovery.id, allow_last=allow_last)
    keyring.remove(slot_named(keyring, LOST).id)
    with pytest.raises(passkeep.KeyringError, match="only one way in"):
        keyring.remove(slot_named(keyring, "Laptop").id)
    assert len(keyring.slots) == 2
    keyring.remove(slot_named(keyring, "Laptop").id, allow_last=True)
    assert [slot.kind for slot in keyring.slots] == ["recovery-key"]


def test_a_recipient_is_no_way_in_that_counts(keyring):
    other = passkeep.Identity.generate().recipient
    friend = keyring.add_recipient(other, label="Ada")
    keyring.remove(slot_named(keyring, LOST).id)
    with pytest.raises(passkeep.KeyringError, match="only one way in"):
        keyring.remove(slot_named(keyring, "Laptop").id)
    keyring.remove(friend.id)


def test_unknown_slots_and_locked_keyrings(keyring, path):
    locked = passkeep.Keyring.load(path)
    slot_id = locked.slots[0].id
    for change in (
        lambda k, i: k.remove(i),
        lambda k, i: k.rename(i, "x"),
        lambda k, i: k.mark_checked(i),
        lambda k, i: k.change_password(i, PASSWORD),
        lambda k, i: k.set_travels(i, travels=False),
    ):
        with pytest.raises(passkeep.InvalidInputError, match="no such slot"):
            change(keyring, "ffffffff")
        with pytest.raises(passkeep.KeyringError, match="locked"):
            change(locked, slot_id)
    for change in (locked.rotate, locked.new_recovery_key):
        with pytest.raises(passkeep.KeyringError, match="locked"):
            change()


def test_nothing_is_stored_before_it_is_saved(keyring, path):
    before = path.read_bytes()
    keyring.remove(slot_named(keyring, LOST).id)
    assert path.read_bytes() == before


# Replacing secrets


def test_a_changed_password_opens_what_comes_and_the_old_one_what_was(made, tmp_path):
    path = made.write(tmp_path)
    keyring = passkeep.Keyring.load(path)
    earlier = sealed(keyring)
    held = keyring.unlock(password=PASSWORD)
    old = keyring.opened_slot
    epoch = keyring.epoch
    with pytest.raises(passkeep.InvalidInputError):
        keyring.change_password(old.id, "hunter2")
    with pytest.raises(passkeep.InvalidInputError, match="recovery-key"):
        keyring.change_password(keyring.slots[0].id, PASSWORD_2)
    keyring.set_travels(old.id, travels=False)
    new = keyring.change_password(old.id, PASSWORD_2)
    assert new.label == old.label
    assert not keyring.travels(new.id), "what did not travel does not begin to"
    loaded = saved(keyring, path)
    assert loaded.epoch == epoch + 1, "one saved change"
    with pytest.raises(passkeep.WrongKeyError):
        loaded.unlock(password=PASSWORD)
    identity = loaded.unlock(password=PASSWORD_2)
    assert opens(earlier, identity)
    assert opens(earlier, held)
    assert not opens(sealed(loaded), held)


def test_a_new_recovery_key_counts_only_when_it_was_typed_back(keyring, quick, path):
    earlier = sealed(keyring)
    digits = keyring.new_recovery_key()
    unconfirmed = saved(keyring, path)
    unconfirmed.unlock(recovery_key=quick.digits)
    with pytest.raises(passkeep.WrongKeyError):
        unconfirmed.unlock(recovery_key=digits)

    keyring.confirm_recovery_key(digits)
    assert [slot.kind for slot in keyring.slots].count("recovery-key") == 1
    loaded = saved(keyring, path)
    with pytest.raises(passkeep.WrongKeyError):
        loaded.unlock(recovery_key=quick.digits)
    identity = loaded.unlock(recovery_key=digits)
    later = sealed(loaded)
    assert opens(earlier, identity)
    assert opens(later, identity)
    old_key = passkeep.Unlock(recovery_key=quick.digits)
    assert opens(earlier, old_key)
    assert not opens(later, old_key)
    assert opens(later, passkeep.Unlock(recovery_key=digits))


def test_a_full_keyring_can_replace_and_not_add(tmp_path):
    keyring = passkeep.Keyring.create()
    keyring.confirm_recovery_key(keyring.new_recovery_key())
    client = SoftwarePasskeys()
    for number in range(15):
        keyring.add_passkey(client, label=f"Key {number}")
    digits = keyring.new_recovery_key()
    keyring.confirm_recovery_key(digits)
    for label in (*(f"Key {number}" for number in range(15)), "x"):
        with pytest.raises(passkeep.LimitError):
            keyring.add_recipient(passkeep.Identity.generate().recipient, label=label)
    loaded = saved(keyring, tmp_path / "full.json")
    assert len(loaded.slots) == 16
    loaded.unlock(recovery_key=digits)


def test_no_more_passwords_and_roots_are_made_than_an_unlock_tries(made, tmp_path, monkeypatch):
    keyring = passkeep.Keyring.load(made.write(tmp_path))
    keyring.unlock(recovery_key=made.digits)
    monkeypatch.setattr("passkeep.keyring.document.MAX_PASSWORDS", 1)
    with pytest.raises(passkeep.LimitError, match="at most 1 passwords"):
        keyring.add_password(PASSWORD_2)
    for _ in range(vault.MAX_ROOTS - 1):
        keyring.rotate()
    with pytest.raises(passkeep.LimitError, match="as many as a keyring can have") as caught:
        keyring.rotate()
    assert "new keyring" in caught.value.hint
    loaded = saved(keyring, tmp_path / "rotated.json")
    assert len(loaded.unlock(recovery_key=made.digits).identities) == vault.MAX_ROOTS


# Labels, checks and reminders


@pytest.mark.parametrize("label", ["", "   ", "x" * 65, "a\nb", "\x1b[31m", "a\u202eb", "\ud800"])
def test_malformed_labels_are_refused_before_anybody_is_asked(keyring, label):
    client = SoftwarePasskeys()
    before = keyring.slots
    for attempt in (
        lambda: keyring.add_passkey(client, label=label),
        lambda: keyring.add_password(PASSWORD, label=label),
        lambda: keyring.add_recipient(passkeep.Identity.generate().recipient, label=label),
        lambda: keyring.rename(before[0].id, label),
    ):
        with pytest.raises(passkeep.InvalidInputError, match="label"):
            attempt()
    assert client.credential_ids == []
    assert keyring.slots == before


def test_a_slot_gets_another_name(keyring, quick, path):
    slot = slot_named(keyring, LOST)
    keyring.rename(slot.id, "  Télé ")
    loaded = saved(keyring, path)
    assert [one.label for one in loaded.slots] == ["Recovery key", "Laptop", "Télé"]
    loaded.unlock(passkey=quick.passkeys)


def test_unlocking_tells_which_slot_opened(keyring, quick, path):
    loaded = passkeep.Keyring.load(path)
    assert loaded.opened_slot is None
    loaded.unlock(passkey=quick.passkeys)
    assert loaded.opened_slot.label == "Laptop"
    loaded.unlock(recovery_key=quick.digits)
    assert loaded.opened_slot.kind == "recovery-key"
    with pytest.raises(passkeep.WrongKeyError):
        loaded.unlock(recovery_key="0" * 64)
    assert loaded.opened_slot.kind == "recovery-key"


def test_a_way_in_is_due_after_ninety_days(keyring, quick, path):
    today = date.fromisoformat(keyring.slots[0].checked)
    later = today + timedelta(days=90)
    keyring.add_recipient(passkeep.Identity.generate().recipient, label="Ada")
    assert keyring.slots_due(later - timedelta(days=1)) == ()
    assert reminder(keyring.slots, later - timedelta(days=1)) is None
    assert [slot.label for slot in keyring.slots_due(later)] == ["Recovery key", "Laptop", LOST]
    keyring.mark_checked(slot_named(keyring, "Laptop").id, later)
    loaded = saved(keyring, path)
    assert [slot.label for slot in loaded.slots_due(later)] == ["Recovery key", LOST]
    line = reminder(loaded.slots, later)
    assert "Recovery key, Lost" in line
    assert "Laptop" not in line
    assert "\n" not in line


# What travels


def test_a_password_that_does_not_travel_cannot_be_guessed_from_a_backup(made, tree, tmp_path):
    path = made.write(tmp_path)
    keyring = passkeep.Keyring.load(path)
    keyring.unlock(recovery_key=made.digits)
    slot = next(slot for slot in keyring.slots if slot.kind == "password")
    keyring.set_travels(slot.id, travels=False)
    loaded = saved(keyring, path)
    assert not loaded.travels(slot.id)
    passkeep.backup(tree, tmp_path / "b.age", to=loaded)
    with pytest.raises(passkeep.WrongKeyError, match="no password slot"):
        passkeep.verify(tmp_path / "b.age", passkeep.Unlock(password=PASSWORD))
    assert passkeep.verify(tmp_path / "b.age", loaded.unlock(password=PASSWORD)).files == 2
    # The choice outlasts later changes, and can be taken back.
    loaded.rotate()
    again = saved(loaded, path)
    assert not again.travels(slot.id)
    again.unlock(recovery_key=made.digits)
    again.set_travels(slot.id, travels=True)
    passkeep.backup(tree, tmp_path / "c.age", to=saved(again, path))
    assert passkeep.verify(tmp_path / "c.age", passkeep.Unlock(password=PASSWORD)).files == 2


def test_recovery_keys_and_recipients_always_travel(keyring):
    friend = keyring.add_recipient(passkeep.Identity.generate().recipient, label="Ada")
    for slot_id in (keyring.slots[0].id, friend.id):
        with pytest.raises(passkeep.InvalidInputError, match="cannot be left out"):
            keyring.set_travels(slot_id, travels=False)
        assert keyring.travels(slot_id)


def test_a_backup_without_the_keyring(keyring, quick, tree, tmp_path):
    backup = tmp_path / "b.age"
    passkeep.backup(tree, backup, to=keyring, travel=False)
    assert b"passkeep/keyring" not in backup.read_bytes()
    with pytest.raises(passkeep.WrongKeyError, match="carries no keyring"):
        passkeep.verify(backup, passkeep.Unlock(passkey=quick.passkeys))
    for identity in (
        passkeep.Unlock(recovery_key=quick.digits),
        keyring.unlock(passkey=quick.passkeys),
    ):
        assert passkeep.verify(backup, identity).files == 2
    with pytest.raises(passkeep.KeyringError, match="carries no keyring"):
        passkeep.Keyring.adopt(backup, recovery_key=quick.digits)

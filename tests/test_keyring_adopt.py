"""Adopting: a keyring made again from a backup does all that the lost one did."""

from __future__ import annotations

import dataclasses
import zlib

import pytest

import passkeep
from passkeep.age import envelope
from passkeep.keyring import seal, strict_json
from support.cli import assert_fails, ok, run
from support.keyrings import PASSWORD
from support.passkeys import SoftwarePasskeys


@pytest.fixture
def friend():
    return passkeep.Identity.generate()


@pytest.fixture
def backup(made, friend, tree, tmp_path, monkeypatch):
    """A backup of a keyring with each kind of slot, on a machine that has neither."""
    path = made.write(tmp_path)
    keyring = passkeep.Keyring.load(path)
    keyring.unlock(recovery_key=made.digits)
    keyring.rename(keyring.slots[1].id, "Stolen laptop")
    keyring.set_travels(keyring.slots[2].id, travels=False)
    keyring.add_recipient(friend.recipient, label="Ada")
    keyring.rotate()
    keyring.save(path)
    passkeep.backup(tree, tmp_path / "b.age", to=keyring)
    path.unlink()
    monkeypatch.setenv("PASSKEEP_STATE_DIR", str(tmp_path / "new-machine"))
    return tmp_path / "b.age"


WAYS = {
    "recovery key": lambda made: {"recovery_key": made.digits},
    "passkey": lambda made: {"passkey": made.passkeys},
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_an_adopted_keyring_is_whole(backup, made, friend, tmp_path, way):
    tree, path = tmp_path / "tree", tmp_path / "again.json"
    adopted = passkeep.Keyring.adopt(backup, **way(made))
    assert adopted.id == made.document()["id"]
    assert adopted.opened_slot.kind in ("recovery-key", "passkey")
    adopted.save(path)

    keyring = passkeep.Keyring.load(path)
    labels = [slot.label for slot in keyring.slots]
    assert labels == ["Recovery key", "Stolen laptop", "Password", "Ada"]
    assert [keyring.travels(slot.id) for slot in keyring.slots] == [True, True, False, True]
    for opening in (
        {"recovery_key": made.digits},
        {"passkey": made.passkeys},
        {"password": PASSWORD},
        {"identity": friend},
    ):
        assert passkeep.verify(backup, keyring.unlock(**opening)).files == 2

    # Everything that the lost one could do: back up, add, and close a way in.
    passkeep.backup(tree, tmp_path / "2.age", to=keyring)
    more = SoftwarePasskeys()
    keyring.add_passkey(more, label="New laptop")
    keyring.remove(keyring.slots[1].id)
    keyring.save(path)
    passkeep.backup(tree, tmp_path / "3.age", to=keyring)
    stolen = passkeep.Unlock(passkey=made.passkeys)
    assert passkeep.verify(tmp_path / "2.age", stolen).files == 2
    with pytest.raises(passkeep.CeremonyError):
        passkeep.verify(tmp_path / "3.age", stolen)
    for unlock in (
        passkeep.Unlock(recovery_key=made.digits),
        passkeep.Unlock(passkey=more),
        passkeep.Unlock(identity=friend),
    ):
        assert passkeep.verify(tmp_path / "3.age", unlock).files == 2


def test_every_sort_of_file_that_carries_a_keyring_can_be_adopted(quick, tree, tmp_path):
    keyring = passkeep.Keyring.load(quick.write(tmp_path))
    passkeep.backup(tree, tmp_path / "aes", to=keyring, cipher="aes-256-gcm")
    with passkeep.open(tmp_path / "stream", "wb", to=keyring) as file:
        file.write(b"Dear Ada")
    for name in ("aes", "stream"):
        adopted = passkeep.Keyring.adopt(tmp_path / name, passkey=quick.passkeys)
        assert adopted.slots == keyring.slots


def test_the_wrong_secret_adopts_nothing(backup, quick):
    with pytest.raises(passkeep.WrongKeyError):
        passkeep.Keyring.adopt(backup, recovery_key=quick.digits)
    with pytest.raises(passkeep.WrongKeyError, match="no password slot"):
        passkeep.Keyring.adopt(backup, password=PASSWORD)
    with pytest.raises(passkeep.CeremonyError):
        passkeep.Keyring.adopt(backup, passkey=SoftwarePasskeys())
    for ways in ({}, {"password": "a", "recovery_key": "b"}):
        with pytest.raises(passkeep.InvalidInputError):
            passkeep.Keyring.adopt(backup, **ways)


def test_an_older_backup_is_refused_on_a_machine_that_knows_better(backup, made, tmp_path):
    adopted = passkeep.Keyring.adopt(backup, recovery_key=made.digits)
    adopted.rotate()
    adopted.save(tmp_path / "again.json")
    with pytest.raises(passkeep.KeyringError, match="old copy"):
        passkeep.Keyring.adopt(backup, recovery_key=made.digits)


def test_an_adopted_keyring_does_not_replace_a_later_one(backup, made, tmp_path):
    adopted = passkeep.Keyring.adopt(backup, recovery_key=made.digits)
    later = passkeep.Keyring.adopt(backup, recovery_key=made.digits)
    later.rotate()
    later.save(tmp_path / "again.json")
    stored = (tmp_path / "again.json").read_bytes()
    with pytest.raises(passkeep.KeyringError, match="changed meanwhile"):
        adopted.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == stored


def test_a_copy_in_a_strangers_backup_is_not_adopted(quick, quick_keyring, tmp_path):
    stanzas = quick_keyring.public().stanzas
    header, key = envelope.new_header([passkeep.Identity.generate().recipient], stanzas)
    path = tmp_path / "b.age"
    path.write_bytes(
        passkeep._native.seal_bytes(
            bytes(1024), header, passkeep._native.PayloadKey.age(key), threads=1
        )
    )
    with pytest.raises(passkeep.DamagedError, match="another"):
        passkeep.Keyring.adopt(path, recovery_key=quick.digits)


def test_a_backup_that_carries_none(tree, tmp_path, quick):
    passkeep.backup(tree, tmp_path / "b.age", to=passkeep.Identity.generate().recipient)
    with pytest.raises(passkeep.KeyringError, match="carries no keyring"):
        passkeep.Keyring.adopt(tmp_path / "b.age", recovery_key=quick.digits)
    (tmp_path / "c.age").write_bytes(b"Dear Ada")
    with pytest.raises(passkeep.DamagedError):
        passkeep.Keyring.adopt(tmp_path / "c.age", recovery_key=quick.digits)


def strangers_slots(value, key):
    value["private"] = value["root"]


def no_slots(value, key):
    del value["private"]


def signed_but_empty(value, key):
    from passkeep.age import message

    recipient = passkeep.Recipient.from_string(value["recipient"])
    value["private"] = message.encrypt(zlib.compress(b'{"slots":[]}'), [recipient])
    value["mac"] = strict_json.encode_data(seal.mac(value, key, seal.Form.COPY))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (strangers_slots, passkeep.TamperedError),
        (no_slots, passkeep.TamperedError),
        (signed_but_empty, passkeep.DamagedError),
    ],
)
def test_changed_copies_are_not_adopted(quick, tree, tmp_path, change, error):
    quick_keyring = passkeep.Keyring.load(quick.write(tmp_path))
    quick_keyring.unlock(recovery_key=quick.digits)
    public = quick_keyring.public()
    value = strict_json.loads(zlib.decompress(public.travel), "a copy")
    change(value, quick_keyring._contents.keyring_key)
    changed = dataclasses.replace(public, travel=zlib.compress(strict_json.canonical(value)))
    passkeep.backup(tree, tmp_path / "b.age", to=changed)
    with pytest.raises(error):
        passkeep.Keyring.adopt(tmp_path / "b.age", recovery_key=quick.digits)


def test_an_older_backup_is_adopted_where_every_later_keyring_is_lost(backup, made, tmp_path):
    path, digits = tmp_path / "again.json", tmp_path / "digits"
    digits.write_text(made.digits)
    epoch = passkeep.Keyring.adopt(backup, recovery_key=made.digits).epoch
    passkeep.State().remember_epoch(made.document()["id"], epoch + 5)
    opening = ("--keyring", path, "--recovery-key-file", digits)
    done = run("key", "adopt", backup, *opening)
    assert_fails(done, 1)
    assert "--older" in done.err
    ok("key", "adopt", backup, "--older", *opening)
    assert passkeep.Keyring.load(path).unlock(recovery_key=made.digits)
    ok("key", "check", *opening)

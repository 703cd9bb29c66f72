"""Saving: two at once, what was changed meanwhile, and what a killed process left."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

import passkeep
from passkeep.keyring import changes, storage
from support.keyrings import rewrite
from support.passkeys import SoftwarePasskeys
from support.trees import names

FRIENDS = 6

SAVER = """
import sys, passkeep
path, digits, label, start = sys.argv[1:]
friend = passkeep.Identity.generate().recipient
open(start + label, "w").close()
while True:
    keyring = passkeep.Keyring.load(path)
    keyring.unlock(recovery_key=digits)
    keyring.add_recipient(friend, label=label)
    try:
        keyring.save(path)
    except passkeep.KeyringError as error:
        assert "meanwhile" in str(error) or "old copy" in str(error), error
        continue
    break
"""


def unlocked(path, made):
    keyring = passkeep.Keyring.load(path)
    keyring.unlock(recovery_key=made.digits)
    return keyring


def test_several_processes_lose_no_change(quick, tmp_path):
    """Each refuses to overwrite what it has not read, and repeats its change."""
    path = quick.write(tmp_path)
    savers = [
        subprocess.Popen(
            [sys.executable, "-c", SAVER, path, quick.digits, f"Friend {n}", tmp_path / "s"],
            stderr=subprocess.PIPE,
        )
        for n in range(FRIENDS)
    ]
    for saver in savers:
        _, said = saver.communicate(timeout=120)
        assert saver.returncode == 0, said.decode()
    keyring = unlocked(path, quick)
    labels = [slot.label for slot in keyring.slots]
    assert sorted(labels[2:]) == [f"Friend {n}" for n in range(FRIENDS)]
    assert keyring.epoch == quick.document()["epoch"] + FRIENDS
    keyring.unlock(passkey=quick.passkeys)


def test_more_changes_do_not_win_over_one(quick, tmp_path):
    """An epoch alone does not say that the other change is in ours."""
    path = quick.write(tmp_path)
    one, other = unlocked(path, quick), unlocked(path, quick)
    one.rotate()
    one.save(path)
    stored = path.read_bytes()
    for _ in range(3):
        other.rotate()
        other.public()
    assert other.epoch > one.epoch
    with pytest.raises(passkeep.KeyringError, match="changed meanwhile"):
        other.save(path)
    assert path.read_bytes() == stored


def test_the_same_file_by_another_name_is_the_same_file(quick, tmp_path):
    path = quick.write(tmp_path)
    (tmp_path / "link.json").symlink_to(path)
    one, other = unlocked(path, quick), unlocked(tmp_path / "link.json", quick)
    one.rotate()
    one.save(path)
    for _ in range(2):
        other.rotate()
        other.public()
    with pytest.raises(passkeep.KeyringError, match="changed meanwhile"):
        other.save(path)


def test_an_older_copy_elsewhere_is_brought_up_to_date(quick, tmp_path):
    path, copy = quick.write(tmp_path), quick.write(tmp_path, "copy.json")
    keyring = unlocked(path, quick)
    keyring.rotate()
    keyring.save(path)
    keyring.save(copy)
    assert copy.read_bytes() == path.read_bytes()


def test_a_keyring_whose_file_is_gone_is_saved_again(quick, tmp_path):
    path = quick.write(tmp_path)
    keyring = unlocked(path, quick)
    path.unlink()
    keyring.rotate()
    keyring.save(path)
    unlocked(path, quick)


def test_leftovers_of_a_killed_process_are_removed_and_others_are_not(quick, tmp_path):
    path = quick.write(tmp_path)
    leftover = tmp_path / ".keyring.json.passkeep-0123456789ab"
    others = [".keyring.json.passkeep-notes", ".other.json.passkeep-0123456789ab"]
    for name in (leftover.name, *others):
        (tmp_path / name).write_text("half of somethi")
    keyring = unlocked(path, quick)
    keyring.rotate()
    keyring.save(path)
    assert names(tmp_path) == sorted([*others, "keyring.json"])


@contextmanager
def held(path):
    """Another process is changing the keyring."""
    lock = os.open(path.with_name(f".{path.name}.passkeep-lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def rotated(path, made):
    keyring = unlocked(path, made)
    keyring.rotate()
    return keyring


def test_a_lock_that_is_never_given_back_ends_in_an_error(quick, tmp_path, monkeypatch):
    path = quick.write(tmp_path)
    keyring = rotated(path, quick)
    with held(path), monkeypatch.context() as patch:
        patch.setattr(storage, "PATIENCE", 0.1)
        with pytest.raises(passkeep.KeyringError, match="does not finish"):
            keyring.save(path)
    assert path.read_bytes() == quick.text
    keyring.save(path)
    unlocked(path, quick)
    assert names(tmp_path) == ["keyring.json"]


def test_a_save_waits_for_another_one(quick, tmp_path):
    path = quick.write(tmp_path)
    keyring = rotated(path, quick)
    with held(path) as lock:
        copy = os.dup(lock)
        release = threading.Timer(0.3, lambda: (fcntl.flock(copy, fcntl.LOCK_UN), os.close(copy)))
        release.start()
        keyring.save(path)
        release.join()
    unlocked(path, quick)


def test_whoever_gets_a_lock_that_was_removed_takes_the_next_one(quick, tmp_path, monkeypatch):
    path = quick.write(tmp_path)
    keyring = rotated(path, quick)
    real, seen = storage._lock, []

    def removed_meanwhile(descriptor):
        """The holder removes the file and ends, after it was opened here."""
        if not seen:
            (tmp_path / ".keyring.json.passkeep-lock").unlink()
        seen.append(os.fstat(descriptor).st_ino)
        return real(descriptor)

    monkeypatch.setattr(storage, "_lock", removed_meanwhile)
    keyring.save(path, state=passkeep.State(tmp_path / "state"))
    assert len(seen) > 1
    unlocked(path, quick)


def test_the_lock_is_private_and_nobody_who_reads_the_folder_can_hold_it(
    quick, tmp_path, monkeypatch
):
    path = quick.write(tmp_path)
    tmp_path.chmod(0o755)
    keyring = rotated(path, quick)
    modes = []
    monkeypatch.setattr(
        changes,
        "verify",
        lambda *_: modes.append((tmp_path / ".keyring.json.passkeep-lock").stat().st_mode),
    )
    reader = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(reader, fcntl.LOCK_EX)
        keyring.save(path)
    finally:
        os.close(reader)
    assert [oct(mode & 0o777) for mode in modes] == ["0o600"]


def test_a_keyring_lies_where_the_machine_remembers_keyrings(quick, fresh_machine):
    folder = fresh_machine / "state" / "keyrings"
    folder.mkdir(parents=True)
    path = quick.write(folder)
    rotated(path, quick).save(path)
    unlocked(path, quick)
    assert names(folder) == sorted(["keyring.json", f"{quick.document()['id']}.json"])


def test_a_lock_that_a_killed_process_left_is_nobodys(quick, tmp_path):
    path = quick.write(tmp_path)
    (tmp_path / ".keyring.json.passkeep-lock").touch()
    rotated(path, quick).save(path)
    assert names(tmp_path) == ["keyring.json"]


# What is not published


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: b"",
        lambda text: text.replace(b'"label":"Laptop"', b'"label":"Desktop"'),
    ],
    ids=["cut", "empty", "changed"],
)
def test_what_does_not_read_back_replaces_nothing(quick, tmp_path, monkeypatch, damage):
    from pathlib import Path

    path = quick.write(tmp_path)
    keyring = unlocked(path, quick)
    keyring.rotate()
    write = Path.write_bytes

    def lying(self, data):
        return write(self, damage(data) if ".keyring.json." in self.name else data)

    monkeypatch.setattr(Path, "write_bytes", lying)
    with pytest.raises(passkeep.KeyringError, match="does not read back"):
        keyring.save(path)
    assert path.read_bytes() == quick.text
    assert names(tmp_path) == ["keyring.json"]


def test_verification_finds_every_part_that_is_not_as_meant(quick, tmp_path):
    """What would be signed and well formed, and still not what was meant."""
    keyring = unlocked(quick.write(tmp_path), quick)
    contents, _ = changes.sealed(keyring._contents)
    other, source = changes.sealed(changes.rotated(contents))
    with pytest.raises(passkeep.KeyringError, match="not saved"):
        changes.verify(json.dumps(source).encode(), contents)
    changes.verify(json.dumps(source).encode(), other)
    source["slots"][0]["label"] = "x"
    with pytest.raises(passkeep.TamperedError):
        changes.verify(json.dumps(source).encode(), other)


# Tampering


def test_a_tampered_keyring_is_both_a_keyring_error_and_damage(quick, tmp_path):
    document = quick.document()
    document["slots"][1]["label"] = "Mine"
    keyring = rewrite(tmp_path / "keyring.json", document)
    with pytest.raises(passkeep.TamperedError) as caught:
        keyring.unlock(passkey=quick.passkeys)
    assert isinstance(caught.value, passkeep.KeyringError)
    assert isinstance(caught.value, passkeep.DamagedError)
    assert caught.value.hint


# A machine that was interrupted


def test_either_keyring_is_accepted_after_a_save_that_was_cut_off(quick, tree, tmp_path):
    path = quick.write(tmp_path)
    state = passkeep.State()
    before = passkeep.Keyring.load(path)
    passkeep.backup(tree, tmp_path / "1.age", to=before)
    keyring = unlocked(path, quick)
    keyring.add_passkey(SoftwarePasskeys(), label="More")
    keyring.rotate()
    state.expect(keyring.id, keyring.public().part)
    # Killed before the keyring was replaced: the old one still backs up …
    passkeep.backup(tree, tmp_path / "2.age", to=passkeep.Keyring.load(path))
    # … and killed after it, the new one does.
    keyring.save(path, state=passkeep.State(tmp_path / "elsewhere"))
    passkeep.backup(tree, tmp_path / "3.age", to=passkeep.Keyring.load(path))
    # From then on the old one is history.
    with pytest.raises(passkeep.KeyringError, match="not what this machine used"):
        passkeep.backup(tree, tmp_path / "4.age", to=before)


def test_a_first_save_that_was_cut_off_blocks_nothing(quick, tree, tmp_path):
    """A machine that has pinned nothing yet takes what it finds."""
    path = quick.write(tmp_path)
    keyring = unlocked(path, quick)
    keyring.rotate()
    passkeep.State().expect(keyring.id, keyring.public().part)
    passkeep.backup(tree, tmp_path / "1.age", to=passkeep.Keyring.load(path))


def test_a_file_is_pinned_even_where_its_keyring_was_pinned_before(quick, made, tree, tmp_path):
    path, other = quick.write(tmp_path), quick.write(tmp_path, "other.json")
    for number, one in enumerate((path, other)):
        passkeep.backup(tree, tmp_path / f"{number}.age", to=passkeep.Keyring.load(one))
    made.write(tmp_path, "other.json")
    with pytest.raises(passkeep.KeyringError, match="not what this machine used"):
        passkeep.backup(tree, tmp_path / "x.age", to=passkeep.Keyring.load(other))


# Keyrings given to other functions


def test_keyrings_are_pinned_wherever_something_is_sealed_to_them(quick, tree, tmp_path):
    path = quick.write(tmp_path)
    keyring = passkeep.Keyring.load(path)
    data = passkeep.encrypt(b"x", to=keyring)
    assert passkeep.decrypt(data, keyring.unlock(recovery_key=quick.digits)) == b"x"
    document = quick.document()
    document["recipient"] = str(passkeep.Identity.generate().recipient)
    changed = rewrite(path, document)
    for to in (changed, [changed], changed.public(), [changed.public()]):
        with pytest.raises(passkeep.KeyringError, match="not what this machine used"):
            passkeep.encrypt(b"x", to=to)
        with pytest.raises(passkeep.KeyringError, match="not what this machine used"):
            passkeep.encrypt_file(tree / "letter.txt", tmp_path / "x.age", to=to)
    assert not (tmp_path / "x.age").exists()


def test_nothing_is_sealed_to_a_keyring_that_was_never_saved(quick, tree, tmp_path):
    """Its passkeys would open nothing of what carries no copy, once the process ends."""
    path = quick.write(tmp_path)
    passkeep.backup(tree, tmp_path / "1.age", to=passkeep.Keyring.load(path))
    made = passkeep.Keyring.create()
    made.confirm_recovery_key(made.new_recovery_key())
    adopted = passkeep.Keyring.adopt(tmp_path / "1.age", recovery_key=quick.digits)
    for keyring in (made, adopted):
        with pytest.raises(passkeep.KeyringError, match="never saved") as caught:
            passkeep.encrypt(b"x", to=keyring)
        with pytest.raises(passkeep.KeyringError, match="never saved"):
            passkeep.backup(tree, tmp_path / "2.age", to=keyring)
        assert caught.value.hint == "Save the keyring first."
        keyring.save(tmp_path / f"{keyring.id}.json")
        assert passkeep.encrypt(b"x", to=keyring)
    assert not (tmp_path / "2.age").exists()


def test_two_keyrings_do_not_both_travel(quick, made, tree, tmp_path):
    one, other = quick.write(tmp_path), made.write(tmp_path, "made.json")
    both = [passkeep.Keyring.load(path) for path in (one, other)]
    with pytest.raises(passkeep.InvalidInputError, match="one keyring"):
        passkeep.backup(tree, tmp_path / "b.age", to=both)
    passkeep.backup(tree, tmp_path / "b.age", to=both, travel=False)
    for digits in (quick.digits, made.digits):
        unlock = passkeep.Unlock(recovery_key=digits)
        assert passkeep.verify(tmp_path / "b.age", unlock).files == 2


def test_keyrings_and_recipients_are_taken_together(quick, quick_keyring, tree, tmp_path):
    other = passkeep.Identity.generate()
    both = [quick_keyring, str(other.recipient)]
    data = passkeep.encrypt(b"x", to=both)
    for identity in (other, passkeep.Unlock(recovery_key=quick.digits)):
        assert passkeep.decrypt(data, identity) == b"x"
    passkeep.backup(tree, tmp_path / "b.age", to=both)
    for identity in (other, passkeep.Unlock(passkey=quick.passkeys)):
        assert passkeep.verify(tmp_path / "b.age", identity).files == 2
    for wrong in (5, [5], [None], object()):
        with pytest.raises(passkeep.InvalidInputError, match="is not a recipient"):
            passkeep.encrypt(b"x", to=wrong)

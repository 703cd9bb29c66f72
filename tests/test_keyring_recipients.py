"""Somebody else's recipient in a keyring: restores everything, changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import passkeep
from support.cli import ok, run
from support.passkeys import SoftwarePasskeys
from support.trees import differences

AGE = Path(sys.executable).parent / "age"  # `make peers` puts it there


@pytest.fixture
def friend():
    return passkeep.Identity.generate()


@pytest.fixture
def path(quick, friend, tmp_path):
    path = quick.write(tmp_path)
    keyring = passkeep.Keyring.load(path)
    keyring.unlock(recovery_key=quick.digits)
    keyring.add_recipient(str(friend.recipient), label="Ada")
    keyring.save(path)
    return path


@pytest.fixture
def backup(path, tree, tmp_path):
    passkeep.backup(tree, tmp_path / "b.age", to=passkeep.Keyring.load(path))
    return tmp_path / "b.age"


def test_the_holder_restores_with_an_identity_file(backup, path, friend, tree, tmp_path):
    path.unlink()
    (tmp_path / "other.txt").write_text(f"# Ada's\n{friend}\n")
    ok("restore", backup, "-C", tmp_path / "out", "--identity", tmp_path / "other.txt")
    assert differences(tree, tmp_path / "out" / "tree") == []
    (tmp_path / "wrong.txt").write_text(f"{passkeep.Identity.generate()}\n")
    assert run("verify", backup, "--identity", tmp_path / "wrong.txt").code == 3


def test_the_holder_needs_the_keyring_file_where_none_travels(path, friend, tree, tmp_path):
    backup, identity = tmp_path / "b.age", tmp_path / "other.txt"
    ok("backup", tree, "-o", backup, "--keyring", path, "--no-travel")
    identity.write_text(str(friend))
    assert run("verify", backup, "--identity", identity).code == 3
    ok("verify", backup, "--identity", identity, "--keyring", path)
    # A keyring that is none of this identity's does not stand in its way.
    ok("encrypt", tree / "letter.txt", "-o", tmp_path / "x.age", "--to", friend.recipient)
    path.write_text("{}")
    ok(
        "decrypt",
        tmp_path / "x.age",
        "-o",
        tmp_path / "x",
        "--identity",
        identity,
        "--keyring",
        path,
    )


def test_the_holder_restores_with_the_library(backup, friend):
    assert passkeep.verify(backup, passkeep.Unlock(identity=friend)).files == 2
    stranger = passkeep.Unlock(identity=passkeep.Identity.generate())
    with pytest.raises(passkeep.WrongKeyError):
        passkeep.verify(backup, stranger)
    # Where it opens nothing it leaves the file to the identities after it.
    assert passkeep.verify(backup, [stranger, passkeep.Unlock(identity=friend)]).files == 2


def test_the_holder_opens_backups_with_the_keyring_and_cannot_change_it(backup, path, friend):
    keyring = passkeep.Keyring.load(path)
    assert passkeep.verify(backup, keyring.unlock(identity=friend)).files == 2
    assert keyring.opened_slot is None
    with pytest.raises(passkeep.KeyringError, match="locked"):
        keyring.rotate()
    with pytest.raises(passkeep.WrongKeyError):
        keyring.unlock(identity=passkeep.Identity.generate())


def test_a_removed_recipient_opens_nothing_new(path, quick, friend, backup, tmp_path):
    keyring = passkeep.Keyring.load(path)
    keyring.unlock(recovery_key=quick.digits)
    keyring.remove(keyring.slots[-1].id)
    keyring.save(path)
    passkeep.backup(tmp_path / "tree", tmp_path / "new.age", to=keyring)
    assert passkeep.verify(backup, passkeep.Unlock(identity=friend)).files == 2
    with pytest.raises(passkeep.WrongKeyError):
        passkeep.verify(tmp_path / "new.age", passkeep.Unlock(identity=friend))


def test_later_changes_keep_the_recipient(path, quick, friend):
    keyring = passkeep.Keyring.load(path)
    keyring.unlock(recovery_key=quick.digits)
    keyring.rotate()
    keyring.add_passkey(SoftwarePasskeys(), label="More")
    keyring.save(path)
    loaded = passkeep.Keyring.load(path)
    sealed = passkeep.encrypt(b"x", to=loaded)
    assert passkeep.decrypt(sealed, loaded.unlock(identity=friend)) == b"x"


@pytest.mark.parametrize("recipient", ["", "nonsense", "age1pq1nonsense", "x" * 3000])
def test_malformed_recipients(quick, quick_keyring, recipient):
    quick_keyring.unlock(recovery_key=quick.digits)
    with pytest.raises(passkeep.InvalidInputError):
        quick_keyring.add_recipient(recipient, label="Ada")


def test_classic_and_known_recipients_are_refused(quick, quick_keyring, friend):
    quick_keyring.unlock(recovery_key=quick.digits)
    classic = str(passkeep.X25519Identity.generate().recipient)
    with pytest.raises(passkeep.InvalidInputError, match="post-quantum"):
        quick_keyring.add_recipient(classic, label="Ada")
    quick_keyring.add_recipient(friend.recipient, label="Ada")
    with pytest.raises(passkeep.KeyringError, match="already"):
        quick_keyring.add_recipient(friend.recipient, label="Ada again")


def test_a_recipient_cannot_pass_for_a_way_in(path, quick, tmp_path):
    document = json.loads(path.read_bytes())
    recipient = document["slots"][-1]
    assert set(recipient) == {"id", "kind", "label", "created", "checked", "recipient"}
    for change in (
        lambda d: d["slots"][-1].__setitem__("auth", d["slots"][0]["auth"]),
        lambda d: d["slots"][-1].__setitem__("kind", "password"),
        lambda d: d["slots"][0].pop("auth"),
    ):
        changed = json.loads(path.read_bytes())
        change(changed)
        (tmp_path / "changed.json").write_text(json.dumps(changed))
        with pytest.raises(passkeep.DamagedError):
            passkeep.Keyring.load(tmp_path / "changed.json")


def test_who_the_recipients_are_does_not_travel_in_clear(path, friend):
    text = zlib.decompress(passkeep.Keyring.load(path).public().travel)
    assert str(friend.recipient).encode() not in text
    assert b'"recipient"' in text  # the root's own
    assert b'"kind":"recipient"' not in text


def test_stock_age_opens_the_root_that_travels(path, friend, tmp_path):
    root = json.loads(path.read_bytes())["root"]
    (tmp_path / "root.age").write_text(root)
    (tmp_path / "other.txt").write_text(f"{friend}\n")
    done = subprocess.run(
        [AGE, "-d", "-i", tmp_path / "other.txt", tmp_path / "root.age"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert done.stdout.startswith(b"AGE-SECRET-KEY-PQ-1")

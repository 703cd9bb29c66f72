"""`passkeep key …` that change a keyring: by script, and what they say of earlier backups."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import passkeep
from passkeep.cli import recovery_file
from support.cli import Terminal, assert_fails, ok, run
from support.keyrings import PASSWORD, PASSWORD_2
from support.passkeys import SoftwarePasskeys
from support.trees import names

AGE = Path(sys.executable).parent / "age"  # `make peers` puts it there
SECRET = {"WORDS": PASSWORD, "NEW": PASSWORD_2}


@pytest.fixture
def recovery(quick, tmp_path):
    path = tmp_path / "recovery.txt"
    path.write_text(quick.digits)
    return path


@pytest.fixture
def path(quick, tmp_path):
    """A keyring with a recovery key, a passkey, and one whose device is lost."""
    path = quick.write(tmp_path)
    keyring = passkeep.Keyring.load(path)
    keyring.unlock(recovery_key=quick.digits)
    keyring.add_passkey(SoftwarePasskeys(), label="Lost phone")
    keyring.save(path)
    return path


@pytest.fixture
def key(path, recovery):
    """Runs a command of `passkeep key` that opens the keyring with the recovery key."""

    def run_it(*arguments, runner=ok, env=None):
        opening = ("--keyring", path, "--recovery-key-file", recovery)
        return runner("key", *arguments, *opening, env=env)

    return run_it


def verify(backup, *opening, env=None):
    return run("verify", backup, *opening, env=env).code


def back_up(tree, path, target):
    ok("backup", tree, "-o", target, "--keyring", path)
    return target


def labels(path):
    return [slot.label for slot in passkeep.Keyring.load(path).slots]


# Removing


@pytest.mark.parametrize("by", ["label", "id"])
def test_remove_closes_a_way_in_and_tells_of_earlier_backups(path, key, quick, by):
    slot = passkeep.Keyring.load(path).slots[-1]
    said = key("remove", slot.label if by == "label" else slot.id).err
    assert "Removed Lost phone (passkey)" in said
    assert "made earlier stay open to it" in said
    assert "key export --public" in said
    assert labels(path) == ["Recovery key", "Laptop"]
    passkeep.Keyring.load(path).unlock(passkey=quick.passkeys)


def test_remove_as_json(path, key):
    slot = passkeep.Keyring.load(path).slots[-1]
    value = json.loads(key("remove", slot.id, "--json").out)
    assert value["removed"] == slot.id
    assert [one["label"] for one in value["slots"]] == ["Recovery key", "Laptop"]
    assert value["epoch"] == passkeep.Keyring.load(path).epoch


def test_remove_leaves_two_ways_in_unless_it_is_told_otherwise(path, key):
    key("remove", "Lost phone")
    before = path.read_bytes()
    result = key("remove", "Laptop", runner=run)
    assert_fails(result, 1)
    assert "--allow-last" in result.err
    assert_fails(key("remove", "Recovery key", "--allow-last", runner=run), 1)
    assert path.read_bytes() == before
    key("remove", "Laptop", "--allow-last")
    assert labels(path) == ["Recovery key"]


def test_slots_that_are_not_there_or_not_one(path, key):
    for command in (("remove", "Nobody"), ("rename", "Nobody", "x"), ("password", "Nobody")):
        result = key(*command, runner=run)
        assert_fails(result, 2)
        assert "key show" in result.err
    key("rename", "Lost phone", "Laptop")
    result = key("remove", "Laptop", runner=run)
    assert_fails(result, 2)
    for slot in passkeep.Keyring.load(path).slots[1:]:
        assert slot.id in result.err


# Names, passwords, recovery keys, roots


def test_rename(path, key):
    key("rename", "Lost phone", "Found phone")
    assert labels(path)[-1] == "Found phone"
    before = path.read_bytes()
    for label in ("", " ", "a\nb", "x" * 65):
        result = key("rename", "Found phone", label, runner=run)
        assert_fails(result, 2, hint=False)
        assert "label" in result.err
    assert path.read_bytes() == before


def test_a_malformed_label_is_refused_before_the_keyring_is_opened(path):
    for command in (
        ("key", "add", "passkey", "--label", "\t", "--keyring", path),
        ("key", "rename", "Laptop", "\t", "--keyring", path),
        ("init", "--label", "\t", "--keyring", path.parent / "new.json"),
    ):
        # Nobody is at the terminal: opening first would say so instead.
        result = run(*command)
        assert result.code == 2
        assert "label" in result.err


def test_a_password_is_added_changed_and_kept_out_of_backups(path, key, tree, tmp_path):
    added = json.loads(
        key("add", "password", "--new-password-env", "WORDS", "--json", env=SECRET).out
    )
    slot = next(one for one in added["slots"] if one["id"] == added["added"])
    assert (slot["kind"], slot["label"], slot["travels"]) == ("password", "Password", True)
    first = back_up(tree, path, tmp_path / "1.age")

    said = key("password", "--new-password-env", "NEW", env=SECRET).err
    assert "made earlier stay open to the old one" in said
    assert PASSWORD_2 not in said
    second = back_up(tree, path, tmp_path / "2.age")
    key("travel", "Password", "no")
    third = back_up(tree, path, tmp_path / "3.age")
    assert "needs the keyring file" in ok("key", "show", "--keyring", path).out.decode()

    old, new = ("--password-env", "WORDS"), ("--password-env", "NEW")
    with_file, without = path.read_bytes(), path
    without.unlink()
    outcome = [(verify(b, *old, env=SECRET), verify(b, *new, env=SECRET)) for b in (first, second)]
    assert outcome == [(0, 3), (3, 0)]
    assert verify(third, *new, env=SECRET) == 3
    path.write_bytes(with_file)
    assert verify(third, *new, "--keyring", path, env=SECRET) == 0


def test_a_password_to_change_must_be_there(path, key):
    assert "key add password" in key("password", runner=run).err
    result = key("password", "Laptop", runner=run)
    assert_fails(result, 2, hint=False)


def test_a_person_changes_a_password_and_chooses_again_after_a_weak_one(made, tmp_path):
    path = made.write(tmp_path)
    (tmp_path / "recovery.txt").write_text(made.digits)
    opening = ("--keyring", path, "--recovery-key-file", tmp_path / "recovery.txt")
    with Terminal("key", "password", *opening) as terminal:
        before = 0
        for password in ("hunter2", PASSWORD_2):
            terminal.wait_for("Your own password", after=before)
            before = terminal.type(password)
            terminal.wait_for("Type it again", after=before)
            before = terminal.type(password)
        terminal.wait_for("The password Password was changed")
        assert terminal.finish() == 0
    assert "could be guessed" in terminal.screen
    assert PASSWORD_2 not in terminal.screen
    passkeep.Keyring.load(path).unlock(password=PASSWORD_2)


def test_the_recovery_key_is_replaced_by_script(path, key, recovery, tree, tmp_path):
    first = back_up(tree, path, tmp_path / "1.age")
    out = tmp_path / "new.txt"
    said = key("recovery", "--recovery-key-out", out).err
    assert "made earlier stay open to the old one" in said
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    second = back_up(tree, path, tmp_path / "2.age")
    path.unlink()
    old, new = ("--recovery-key-file", recovery), ("--recovery-key-file", out)
    assert [verify(first, *old), verify(second, *old), verify(second, *new)] == [0, 3, 0]


def test_a_recovery_key_that_could_not_be_saved_leaves_no_file(path, key, tmp_path):
    stored = path.read_bytes()
    out = tmp_path / "there.txt"
    out.write_text("mine")
    assert_fails(key("recovery", "--recovery-key-out", out, runner=run), 1)
    assert out.read_text() == "mine"
    assert path.read_bytes() == stored


@pytest.mark.parametrize("saved", [False, True])
def test_a_recovery_key_file_stays_only_if_the_keyring_has_the_key(path, quick, tmp_path, saved):
    keyring = passkeep.Keyring.load(path)
    keyring.unlock(recovery_key=quick.digits)
    out = tmp_path / "new.txt"

    def interrupted():
        with recovery_file.recovery_key_in_file(keyring, out, path):
            if saved:
                keyring.save(path)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert out.exists() == saved
    assert list(tmp_path.glob("new.txt?*")) == []


@pytest.mark.parametrize("saved", [False, True])
def test_a_recovery_key_of_a_killed_command_is_found_again(path, key, quick, tmp_path, saved):
    out, pending = tmp_path / "new.txt", tmp_path / "new.txt.pending"
    keyring = passkeep.Keyring.load(path)
    keyring.unlock(recovery_key=quick.digits)

    def killed():
        with recovery_file.recovery_key_in_file(keyring, out, path):
            if saved:
                keyring.save(path)
            shutil.copy2(pending, tmp_path / "left")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    out.unlink(missing_ok=True)
    (tmp_path / "left").rename(pending)
    stored = path.read_bytes()
    if saved:
        result = key("recovery", "--recovery-key-out", out, runner=run)
        assert_fails(result, 1)
        assert "now holds the recovery key of the keyring" in result.err
        assert path.read_bytes() == stored
    else:
        key("recovery", "--recovery-key-out", out)
    assert not pending.exists()
    passkeep.Keyring.load(path).unlock(recovery_key=out.read_text())


@pytest.mark.parametrize("content", ["mine", "another keyring's", "link", "folder"])
def test_what_no_command_left_for_this_keyring_stays(path, key, tmp_path, content):
    out, pending = tmp_path / "new.txt", tmp_path / "new.txt.pending"
    if content == "link":
        pending.symlink_to(tmp_path / "elsewhere")
    elif content == "folder":
        pending.mkdir()
    else:
        lines = ["# passkeep recovery key: opens every backup of this keyring. Keep it safe."]
        lines += [f"# Keyring: {tmp_path / 'another.json'}", "0" * 64]
        pending.write_text("mine" if content == "mine" else "\n".join(lines))
    result = key("recovery", "--recovery-key-out", out, runner=run)
    assert_fails(result, 1)
    assert "is in the way and was left as it is" in result.err
    assert os.path.lexists(pending)
    assert not out.exists()


def test_a_person_types_the_new_recovery_key_back(path, recovery):
    with Terminal(
        "key", "recovery", "--keyring", path, "--recovery-key-file", recovery
    ) as terminal:
        screen = terminal.wait_for("Type it back")
        shown = [line.strip() for line in screen.splitlines() if line.startswith("    ")]
        digits = " ".join(shown)
        wrong = ("0000" if not digits.startswith("0000") else "1111") + digits[4:]
        before = terminal.type(wrong)
        terminal.wait_for("look at group 1", after=before)
        terminal.type(digits)
        assert terminal.finish() == 0
    keyring = passkeep.Keyring.load(path)
    keyring.unlock(recovery_key=digits)
    with pytest.raises(passkeep.WrongKeyError):
        keyring.unlock(recovery_key=recovery.read_text())


def test_a_person_who_leaves_keeps_the_old_recovery_key(path, recovery):
    stored = path.read_bytes()
    with Terminal(
        "key", "recovery", "--keyring", path, "--recovery-key-file", recovery
    ) as terminal:
        terminal.wait_for("Type it back")
        terminal.press(b"\x04")  # the end of input; Ctrl-C could come just before the read
        assert terminal.finish() == 130
    assert path.read_bytes() == stored


def test_a_mistyped_recovery_key_is_told_where(path, quick, recovery, tree, tmp_path):
    backup = back_up(tree, path, tmp_path / "1.age")
    groups = quick.digits.split()
    groups[6] = groups[6][:3] + ("0" if groups[6][3] != "0" else "1")
    recovery.write_text(" ".join(groups))
    for command in (("verify", backup), ("key", "check", "--keyring", path)):
        result = run(*command, "--recovery-key-file", recovery)
        assert_fails(result, 3)
        assert "group 7 looks mistyped" in result.err


def test_rotate(path, key, quick, tree, tmp_path):
    first = back_up(tree, path, tmp_path / "1.age")
    root = passkeep.Keyring.load(path).unlock(recovery_key=quick.digits)
    said = key("rotate").err
    assert "made earlier stay open to the old root" in said
    second = back_up(tree, path, tmp_path / "2.age")
    assert passkeep.verify(first, root).files == 2
    with pytest.raises(passkeep.WrongKeyError):
        passkeep.verify(second, root)
    for backup in (first, second):
        unlock = passkeep.Unlock(passkey=quick.passkeys)
        assert passkeep.verify(backup, unlock).files == 2


# Checking


def test_check_notes_the_date_and_tells_what_is_due(path, key, quick, tree, tmp_path):
    long_ago = (datetime.now(UTC) - timedelta(days=91)).date()
    keyring = passkeep.Keyring.load(path)
    keyring.unlock(recovery_key=quick.digits)
    for slot in keyring.slots:
        keyring.mark_checked(slot.id, long_ago)
    keyring.save(path)
    shown = ok("key", "show", "--keyring", path)
    assert "Not checked for 90 days: Recovery key, Laptop, Lost phone" in shown.err
    done = ok("backup", tree, "-o", tmp_path / "b.age", "--keyring", path)
    assert "Not checked for 90 days: Recovery key, Laptop, Lost phone" in done.err

    said = key("check").err
    assert "Recovery key (recovery-key) opens the keyring" in said
    assert "Not checked for 90 days: Laptop, Lost phone." in said
    value = json.loads(key("check", "--json").out)
    assert value["opened"] == value["slots"][0]["id"]
    assert [slot["due"] for slot in value["slots"]] == [False, True, True]
    assert value["slots"][0]["checked"] > long_ago.isoformat()


def test_a_check_that_fails_notes_nothing(path, made, recovery):
    stored = path.read_bytes()
    recovery.write_text(made.digits)
    result = run("key", "check", "--keyring", path, "--recovery-key-file", recovery)
    assert_fails(result, 3)
    assert path.read_bytes() == stored


# Somebody else


@pytest.mark.parametrize("given", ["text", "file"])
def test_a_recipient_restores_and_is_told_apart(path, key, tree, tmp_path, given):
    friend = passkeep.Identity.generate()
    (tmp_path / "ada.txt").write_text(f"# Ada\n{friend.recipient}\n")
    (tmp_path / "identity.txt").write_text(str(friend))
    recipient = str(friend.recipient) if given == "text" else tmp_path / "ada.txt"
    key("add", "recipient", recipient, "--label", "Ada")
    assert "restores, and changes nothing" in ok("key", "show", "--keyring", path).out.decode()
    backup = back_up(tree, path, tmp_path / "1.age")
    assert verify(backup, "--identity", tmp_path / "identity.txt") == 0
    result = run("key", "rotate", "--keyring", path, "--identity", tmp_path / "identity.txt")
    assert result.code == 2


def test_recipients_that_are_refused(path, key, tmp_path):
    stored = path.read_bytes()
    (tmp_path / "none.txt").write_text("# nothing\n")
    (tmp_path / "noise.bin").write_bytes(b"\xff\xfe")
    classic = str(passkeep.X25519Identity.generate().recipient)
    for arguments in (
        ("recipient",),
        ("recipient", classic),
        ("recipient", "age1pq1nonsense"),
        ("recipient", tmp_path / "none.txt"),
        ("recipient", tmp_path / "noise.bin"),
        ("recipient", classic, "--no-travel"),
        ("password", "age1pq1x"),
    ):
        assert key("add", *arguments, runner=run).code == 2, arguments
    assert key("add", "recipient", tmp_path / "missing.txt", runner=run).code == 1
    assert path.read_bytes() == stored


def test_a_new_way_in_may_stay_out_of_backups(path, key, tree, tmp_path):
    key("add", "password", "--new-password-env", "WORDS", "--no-travel", env=SECRET)
    backup = back_up(tree, path, tmp_path / "1.age")
    assert verify(backup, "--password-env", "WORDS", "--keyring", path, env=SECRET) == 0
    path.unlink()
    assert verify(backup, "--password-env", "WORDS", env=SECRET) == 3


def test_a_backup_without_the_keyring(path, recovery, tree, tmp_path):
    target = tmp_path / "b.age"
    ok("backup", tree, "-o", target, "--keyring", path, "--no-travel")
    assert b"passkeep/keyring" not in target.read_bytes()
    assert verify(target, "--recovery-key-file", recovery) == 0


# Exports


def test_stock_age_opens_a_backup_with_the_exported_root(path, key, tree, tmp_path):
    first = back_up(tree, path, tmp_path / "1.age")
    key("rotate")
    second = back_up(tree, path, tmp_path / "2.age")
    root = tmp_path / "root.txt"
    said = key("export", "--identity-out", root).err
    assert "Whoever has this file" in said
    assert "SECRET-KEY" not in said
    assert stat.S_IMODE(root.stat().st_mode) == 0o600
    for backup in (first, second):
        subprocess.run(
            [AGE, "-d", "-i", root, "-o", tmp_path / "out.tar", backup], check=True, timeout=60
        )
    assert_fails(key("export", "--identity-out", root, runner=run), 1)
    key("export", "--identity-out", root, "--force")


def test_an_export_is_of_one_sort(path, key, tmp_path):
    for arguments in (
        (),
        ("--public", "--identity-out", tmp_path / "x"),
        ("--identity-out", tmp_path / "x", "-o", tmp_path / "y"),
    ):
        assert key("export", *arguments, runner=run).code == 2
    assert not (tmp_path / "x").exists()


def test_pin_accepts_one_export_and_no_other(path, key, tree, tmp_path):
    host = {"PASSKEEP_STATE_DIR": str(tmp_path / "host"), "XDG_DATA_HOME": str(tmp_path / "none")}
    export = tmp_path / "server.json"
    ok("key", "export", "--public", "-o", export, "--keyring", path)
    genuine = export.read_bytes()
    fingerprint = passkeep.PublicKeyring.load(export).fingerprint
    assert fingerprint in ok("key", "pin", export, env=host).err
    value = json.loads(ok("key", "pin", export, "--json", env=host).out)
    assert value == {"id": passkeep.Keyring.load(path).id, "sha256": fingerprint}

    changed = json.loads(genuine) | {"epoch": 99}
    export.write_text(json.dumps(changed))
    for command in (("key", "pin", export), ("backup", tree, "-o", "x.age", "--keyring", export)):
        result = run(*command, env=host, cwd=tmp_path)
        assert_fails(result, 1)
        assert "key trust" in result.err
    assert json.loads(ok("key", "trust", export, "--json", env=host).out)["sha256"] != fingerprint
    ok("backup", tree, "-o", "x.age", "--keyring", export, env=host, cwd=tmp_path)


# Adopting


def test_adopt_brings_a_lost_keyring_back(path, key, recovery, tree, tmp_path):
    key("rename", "Lost phone", "Stolen phone")
    backup = back_up(tree, path, tmp_path / "b.age")
    path.unlink()
    new = {"PASSKEEP_STATE_DIR": str(tmp_path / "new"), "XDG_DATA_HOME": str(tmp_path / "data")}
    said = ok("key", "adopt", backup, "--recovery-key-file", recovery, env=new).err
    assert "Recovery key, Laptop, Stolen phone" in said
    adopted = tmp_path / "data" / "passkeep" / "keyring.json"
    assert stat.S_IMODE(adopted.stat().st_mode) == 0o600
    ok("key", "remove", "Stolen phone", "--recovery-key-file", recovery, env=new)
    ok("backup", tree, "-o", tmp_path / "c.age", env=new)
    assert verify(tmp_path / "c.age", "--recovery-key-file", recovery) == 0
    stored = adopted.read_bytes()
    assert_fails(run("key", "adopt", backup, "--recovery-key-file", recovery, env=new), 1)
    assert adopted.read_bytes() == stored


def test_adopt_as_json_to_a_chosen_file(path, quick, recovery, tree, tmp_path):
    backup = back_up(tree, path, tmp_path / "b.age")
    target = tmp_path / "deep" / "again.json"
    result = ok(
        *("key", "adopt", backup, "--json", "--keyring", target),
        *("--recovery-key-file", recovery),
    )
    value = json.loads(result.out)
    assert value["epoch"] == passkeep.Keyring.load(target).epoch
    assert [slot["label"] for slot in value["slots"]] == ["Recovery key", "Laptop", "Lost phone"]
    passkeep.Keyring.load(target).unlock(passkey=quick.passkeys)


def test_what_cannot_be_adopted(path, made, recovery, tree, tmp_path):
    backup = back_up(tree, path, tmp_path / "b.age")
    ok("backup", tree, "-o", tmp_path / "none.age", "--keyring", path, "--no-travel")
    (tmp_path / "letter.age").write_text("Dear Ada")
    before = names(tmp_path)
    target = ("--keyring", tmp_path / "again.json", "--recovery-key-file", recovery)
    assert_fails(run("key", "adopt", tmp_path / "none.age", *target), 1)
    assert_fails(run("key", "adopt", tmp_path / "letter.age", *target), 4)
    recovery.write_text(made.digits)
    assert_fails(run("key", "adopt", backup, *target), 3)
    identity = ("--keyring", tmp_path / "again.json", "--identity", tmp_path / "id.txt")
    (tmp_path / "id.txt").write_text(str(passkeep.Identity.generate()))
    assert run("key", "adopt", backup, *identity).code == 2
    assert names(tmp_path) == sorted([*before, "id.txt"])

"""The command line, from `init` by script to restores with each way in."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

import passkeep
from support.cli import PROGRAM, assert_fails, ok, run
from support.keyrings import PASSWORD
from support.trees import differences, names

SECRET = {"WORDS": PASSWORD}


@pytest.fixture
def digits(made, tmp_path):
    path = tmp_path / "recovery.txt"
    path.write_text(made.digits + "\n")
    return path


@pytest.fixture
def backup(tree, keyring_path, tmp_path):
    """A backup; its keyring file is gone."""
    ok("backup", tree, "-o", tmp_path / "b.tar.age", "--keyring", keyring_path)
    keyring_path.unlink()
    return tmp_path / "b.tar.age"


def test_from_init_by_script_to_a_restore(tree, tmp_path, fresh_machine):
    init = ok(
        *("init", "--no-passkey", "--password-env", "WORDS"),
        *("--recovery-key-out", tmp_path / "key.txt"),
        env=SECRET,
    )
    path = fresh_machine / "data" / "passkeep" / "keyring.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "key.txt").stat().st_mode & 0o777 == 0o600
    digits = (tmp_path / "key.txt").read_text().splitlines()[-1]
    assert_no_secret(init, digits)
    backed_up = ok("backup", "tree", cwd=tmp_path)
    assert (tmp_path / "tree.tar.age").is_file()
    assert_no_secret(backed_up, digits)
    # With the default keyring, and into the default folder.
    (tmp_path / "elsewhere").mkdir()
    ok(
        *("restore", tmp_path / "tree.tar.age", "--password-env", "WORDS"),
        env=SECRET,
        cwd=tmp_path / "elsewhere",
    )
    assert differences(tree, tmp_path / "elsewhere" / "tree" / "tree") == []


def assert_no_secret(result, digits):
    said = (result.out.decode(errors="replace") + result.err).lower()
    assert PASSWORD not in said
    assert digits.replace(" ", "") not in said.replace(" ", "").replace("\n", "")
    assert "secret-key" not in said


def test_init_never_replaces_a_keyring_or_a_recovery_key(tmp_path, made):
    path = made.write(tmp_path)
    key = tmp_path / "key.txt"
    init = ("init", "--no-passkey", "--recovery-key-out", key, "--keyring")
    assert_fails(run(*init, path), 1)
    assert path.read_bytes() == made.text
    assert not key.exists()
    key.write_text("the only copy")
    assert_fails(run(*init, tmp_path / "new.json"), 1)
    assert key.read_text() == "the only copy"
    assert not (tmp_path / "new.json").exists()


def test_init_without_anybody_at_the_terminal_says_what_to_do(tmp_path):
    result = run("init", "--no-passkey", "--keyring", tmp_path / "k.json")
    assert result.code == 2
    assert "--recovery-key-out" in result.err
    assert names(tmp_path) == []


def test_init_refuses_a_weak_password(tmp_path):
    result = run(
        *("init", "--no-passkey", "--keyring", tmp_path / "k.json", "--password-env", "WORDS"),
        *("--recovery-key-out", tmp_path / "key.txt"),
        env={"WORDS": "hunter2-hunter2"},
    )
    assert result.code == 2
    assert "hunter2" not in result.err
    # A recovery key of no keyring would be mistaken for one that opens something.
    assert names(tmp_path) == []


def test_restore_with_the_backup_alone(backup, tree, tmp_path, digits):
    ok("restore", backup, "-C", tmp_path / "1", "--password-env", "WORDS", env=SECRET)
    ok("restore", backup, "-C", tmp_path / "2", "--recovery-key-file", digits)
    for name in "12":
        assert differences(tree, tmp_path / name / "tree") == []


def test_a_password_from_a_descriptor(backup, tmp_path):
    reading, writing = os.pipe()
    os.write(writing, PASSWORD.encode() + b"\n")
    os.close(writing)
    ok("verify", backup, "--password-fd", reading, pass_fds=(reading,))
    os.close(reading)


def test_restore_with_an_age_identity(backup, made, tmp_path):
    identity = passkeep.Identity(bytes.fromhex(made.digits.replace(" ", "")))
    (tmp_path / "identity.txt").write_text(f"# mine\n{identity}\n")
    ok("restore", backup, "-C", tmp_path / "out", "--identity", tmp_path / "identity.txt")
    assert (tmp_path / "out" / "tree" / "letter.txt").read_text() == "Dear Ada"


def test_restore_with_the_keyring_of_somebody_else_at_hand(
    backup, quick, digits, tmp_path, fresh_machine
):
    # The person at this machine has a keyring; the backup is of another one.
    folder = fresh_machine / "data" / "passkeep"
    folder.mkdir(parents=True)
    quick.write(folder)
    ok("verify", backup, "--password-env", "WORDS", env=SECRET)
    ok("verify", backup, "--recovery-key-file", digits)


# Results for programs


def test_verify_and_list(backup, digits):
    opening = ("--recovery-key-file", digits)
    assert "is whole" in ok("verify", backup, *opening).err
    listing = ok("list", backup, *opening).out.decode()
    assert [line.split()[0] for line in listing.splitlines()] == [
        *("d0755", "-0644", "l0777", "d0755", "-0644")
    ]
    assert "tree/link -> letter.txt" in listing


def test_json(backup, tree, made, digits, tmp_path):
    opening = ("--recovery-key-file", digits, "--json")
    keyring = made.write(tmp_path)
    reports = [
        ok("backup", tree, "-o", tmp_path / "c.age", "--keyring", keyring, "--json").out,
        ok("restore", backup, "-C", tmp_path / "out", *opening).out,
        ok("verify", backup, *opening).out,
    ]
    for report in reports:
        value = json.loads(report)
        assert (value["files"], value["directories"], value["links"]) == (2, 2, 1)
        assert value["bytes"] == 3_000_001 + len("Dear Ada")
        assert (value["problem_count"], value["problems"]) == (0, [])
    entries = [json.loads(x) for x in ok("list", backup, *opening).out.splitlines()]
    assert [entry["kind"] for entry in entries] == [
        *("directory", "file", "symlink", "directory", "file")
    ]
    assert entries[2]["target"] == "letter.txt"


def test_names_from_a_backup_cannot_reach_the_terminal(tmp_path):
    (tmp_path / "odd").mkdir()
    for name in (b"\x1b[31mred", b"new\nline", b"\xff\xfe", "right\u202eleft".encode()):
        (tmp_path / "odd" / os.fsdecode(name)).touch()
    identity = passkeep.Identity.generate()
    (tmp_path / "id.txt").write_text(str(identity))
    ok("backup", tmp_path / "odd", "-o", tmp_path / "b.age", "--to", identity.recipient)
    plain = ok("list", tmp_path / "b.age", "--identity", tmp_path / "id.txt").out
    assert len(plain.splitlines()) == 5
    assert b"\x1b" not in plain
    assert "\u202e" not in plain.decode()
    as_json = ok("list", tmp_path / "b.age", "--identity", tmp_path / "id.txt", "--json").out
    assert len([json.loads(line) for line in as_json.splitlines()]) == 5


# Pipes and existing outputs


def test_pipes(tree, keyring_path, digits, tmp_path):
    sealed = ok("backup", tree, "-o", "-", "--keyring", keyring_path)
    assert sealed.out.startswith(b"age-encryption.org/v1\n")
    ok(
        *("restore", "-", "-C", tmp_path / "out", "--recovery-key-file", digits),
        stdin=sealed.out,
    )
    assert differences(tree, tmp_path / "out" / "tree") == []
    verified = ok("verify", "-", "--recovery-key-file", digits, stdin=sealed.out)
    assert verified.out == b""


def test_a_password_opens_a_piped_backup(tree, keyring_path, tmp_path):
    sealed = ok("backup", tree, "-o", "-", "--keyring", keyring_path)
    keyring_path.unlink()
    ok(
        *("restore", "-", "-C", tmp_path / "out", "--password-env", "WORDS"),
        stdin=sealed.out,
        env=SECRET,
    )
    assert differences(tree, tmp_path / "out" / "tree") == []


def test_a_reader_that_leaves_gets_no_traceback(keyring_path, tree):
    (tree / "more.bin").write_bytes(os.urandom(20_000_000))
    sealing = subprocess.Popen(
        [*PROGRAM, "backup", tree, "-o", "-", "--keyring", keyring_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    sealing.stdout.read(1000)
    sealing.stdout.close()
    said = sealing.stderr.read()
    sealing.stderr.close()
    assert sealing.wait(60) == 1
    assert said == b""


def test_an_existing_backup_is_kept_unless_forced(backup, tree, keyring_path, made):
    keyring_path.write_bytes(made.text)
    before = backup.read_bytes()
    again = ("backup", tree, "-o", backup, "--keyring", keyring_path)
    assert_fails(run(*again), 1)
    assert backup.read_bytes() == before
    ok(*again, "--force")
    assert backup.read_bytes() != before


def test_existing_files_are_kept_unless_forced(backup, tree, digits, tmp_path):
    target = tmp_path / "out"
    (target / "tree").mkdir(parents=True)
    (target / "tree" / "letter.txt").write_text("mine")
    restore = ("restore", backup, "-C", target, "--recovery-key-file", digits)
    result = run(*restore)
    assert result.code == 5
    assert "tree/letter.txt" in result.err
    assert (target / "tree" / "letter.txt").read_text() == "mine"
    value = json.loads(run(*restore, "--json").out)
    # Now everything exists but the folders.
    assert "tree/letter.txt" in [problem["path"] for problem in value["problems"]]
    ok(*restore, "--force")
    assert differences(tree, target / "tree") == []


def test_one_of_a_kind_is_told_as_one(keyring_path, tmp_path):
    letter = tmp_path / "folder" / "letter.txt"
    letter.parent.mkdir()
    letter.write_text("Dear")
    done = ok("backup", letter.parent, "-o", tmp_path / "one.age", "--keyring", keyring_path)
    assert "Backed up 1 file in 1 folder, 4 B" in done.err


def test_a_result_is_not_mixed_with_the_backup(tree, keyring_path):
    done = run("backup", tree, "-o", "-", "--keyring", keyring_path, "--json")
    assert (done.code, done.out) == (2, b"")
    assert "standard output is taken" in done.err


def test_what_could_not_be_backed_up_is_said(tree, keyring_path, tmp_path):
    os.mkfifo(tree / "pipe")
    result = run("backup", tree, "-o", tmp_path / "b.age", "--keyring", keyring_path)
    assert result.code == 5
    assert "tree/pipe" in result.err
    assert (tmp_path / "b.age").is_file()


def test_a_tree_that_does_not_exist(tmp_path, keyring_path):
    result = run("backup", tmp_path / "no", "-o", tmp_path / "b.age", "--keyring", keyring_path)
    assert result.code == 2
    assert not (tmp_path / "b.age").exists()


def test_no_keyring_at_all(tree, tmp_path):
    result = run("backup", tree, "-o", tmp_path / "b.age")
    assert result.code in (1, 2)
    assert "passkeep init" in result.err
    assert not (tmp_path / "b.age").exists()

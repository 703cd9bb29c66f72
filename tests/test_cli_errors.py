"""How commands fail: the documented code, one clear line, a hint, and no output."""

from __future__ import annotations

import os
import sys

import pytest

from support.cli import assert_fails, ok, run
from support.keyrings import PASSWORD
from support.trees import names

SECRET = {"WORDS": PASSWORD}
WRONG = {"WORDS": "not-the-password-that-it-was-made-with"}


@pytest.fixture
def digits(made, tmp_path):
    path = tmp_path / "recovery.txt"
    path.write_text(made.digits + "\n")
    return path


@pytest.fixture
def backup(tree, keyring_path, tmp_path):
    ok("backup", tree, "-o", tmp_path / "b.tar.age", "--keyring", keyring_path)
    keyring_path.unlink()
    return tmp_path / "b.tar.age"


def assert_restore_fails(backup, code, *opening, env=None):
    """Restores, verifies, lists and decrypts; every one of them fails the same way."""
    folder = backup.parent
    before = names(folder)
    for command in (
        ("restore", backup, "-C", folder / "out"),
        ("verify", backup),
        ("decrypt", backup, "-o", folder / "out.tar"),
    ):
        assert_fails(run(*command, *opening, env=env), code)
        assert names(folder) == before


def test_a_wrong_password(backup):
    assert_restore_fails(backup, 3, "--password-env", "WORDS", env=WRONG)


def test_a_wrong_recovery_key(backup, digits, quick):
    digits.write_text(quick.digits)
    assert_restore_fails(backup, 3, "--recovery-key-file", digits)


def test_one_flipped_bit(backup, digits):
    data = bytearray(backup.read_bytes())
    data[len(data) // 2] ^= 1
    backup.write_bytes(data)
    assert_restore_fails(backup, 4, "--recovery-key-file", digits)


@pytest.mark.parametrize("cut", [1, 65_552, 2_000_000])
def test_a_cut_file(backup, digits, cut):
    os.truncate(backup, backup.stat().st_size - cut)
    assert_restore_fails(backup, 4, "--recovery-key-file", digits)


@pytest.mark.parametrize(
    "content", [b"", b"Dear Ada\n", b"PK\x03\x04" + bytes(5000), b"\x1f\x8b" * 40_000]
)
def test_a_foreign_file(backup, digits, content):
    backup.write_bytes(content)
    assert_restore_fails(backup, 4, "--recovery-key-file", digits)
    assert_restore_fails(backup, 4, "--password-env", "WORDS", env=SECRET)


def test_a_changed_keyring(backup, quick, tmp_path, digits):
    digits.write_text(quick.digits)
    changed = tmp_path / "changed.json"
    changed.write_bytes(quick.text.replace(b'"label":"Laptop"', b'"label":"Desktop"'))
    assert changed.read_bytes() != quick.text
    result = run(
        *("key", "add", "password", "--new-password-env", "WORDS"),
        *("--keyring", changed, "--recovery-key-file", digits),
        env=SECRET,
    )
    assert_fails(result, 4)
    assert "changed by somebody" in result.err


@pytest.mark.parametrize("broken", [b"", b"{}", b"[1]", b"\0" * 100, b'{"passkeep":"keyring/1"}'])
def test_a_broken_keyring(tree, tmp_path, broken):
    (tmp_path / "k.json").write_bytes(broken)
    result = run("backup", tree, "-o", tmp_path / "b.age", "--keyring", tmp_path / "k.json")
    assert_fails(result, 4)
    assert not (tmp_path / "b.age").exists()


def test_a_hostile_copy_in_a_backup_is_damage_and_no_usage_error(tree, quick, tmp_path):
    import dataclasses
    import json
    import zlib

    import passkeep

    public = passkeep.Keyring.load(quick.write(tmp_path)).public()
    value = json.loads(zlib.decompress(public.travel))
    for slot in value["slots"]:
        if slot["kind"] == "passkey":
            slot["credential"] = "AGE-PLUGIN-FIDO2PRF-1NONSENSE"
    changed = dataclasses.replace(public, travel=zlib.compress(json.dumps(value).encode()))
    passkeep.backup(tree, tmp_path / "b.age", to=changed)
    assert_fails(run("verify", tmp_path / "b.age", "--with", "passkey"), 4)


def test_a_recovery_key_that_is_none_is_not_quoted(backup, digits):
    typed = "00112233445566778899aabbccddeeff" * 2
    for broken in (typed[:-1], typed[:-1] + "g", typed + "0", ""):
        digits.write_text(broken)
        result = run("verify", backup, "--recovery-key-file", digits)
        assert_fails(result, 2, hint=False)
        assert "8899" not in result.err


# Usage


@pytest.mark.parametrize("command", ["restore", "verify", "list", "decrypt"])
def test_nobody_at_the_terminal(backup, command):
    result = run(command, backup)
    assert result.code == 2
    assert "--password-env" in result.err
    assert "--with passkey" in result.err


@pytest.mark.parametrize("way", ["password", "recovery-key"])
def test_a_way_that_needs_a_person_without_one(backup, way):
    result = run("verify", backup, "--with", way)
    assert result.code not in (0, 3, 4)
    assert result.err.strip()


def test_several_ways_at_once(backup, digits):
    result = run(
        *("verify", backup, "--recovery-key-file", digits, "--password-env", "WORDS"), env=SECRET
    )
    assert result.code == 2


def test_a_variable_that_is_not_set(backup):
    result = run("verify", backup, "--password-env", "NO_SUCH_VARIABLE")
    assert result.code == 2
    assert "NO_SUCH_VARIABLE" in result.err


def test_a_descriptor_that_is_not_open(backup):
    assert run("verify", backup, "--password-fd", "77").code == 2


def test_an_empty_password_is_told_as_such(backup):
    result = run("verify", backup, "--password-env", "WORDS", env={"WORDS": ""})
    assert_fails(result, 2, hint=False)
    assert "empty" in result.err


def test_missing_files_are_named(backup, tmp_path):
    for arguments in (
        ("verify", tmp_path / "no.age", "--password-env", "WORDS"),
        ("verify", backup, "--recovery-key-file", tmp_path / "no.age"),
        ("verify", backup, "--identity", tmp_path / "no.age"),
    ):
        result = run(*arguments, env=SECRET)
        assert result.code in (1, 2)
        assert "no.age" in result.err


def test_names_in_errors_are_escaped(tmp_path):
    result = run("verify", tmp_path / "\x1b[31mred\nline", "--password-env", "WORDS", env=SECRET)
    assert "\x1b" not in result.err
    assert "Error: " in result.err


HELP = [
    (),
    *(("init",), ("backup",), ("restore",), ("list",), ("verify",), ("encrypt",), ("decrypt",)),
    ("key",),
    *(("key", "show"), ("key", "add"), ("key", "check"), ("key", "remove"), ("key", "rename")),
    *(("key", "password"), ("key", "recovery"), ("key", "rotate"), ("key", "travel")),
    *(("key", "export"), ("key", "pin"), ("key", "trust"), ("key", "adopt")),
]


@pytest.mark.parametrize("command", HELP, ids=" ".join)
def test_help(command):
    for flag in ("-h", "--help"):
        result = ok(*command, flag)
        assert result.err == ""
        text = result.out.decode()
        assert text.startswith("Usage: passkeep")
        assert len(text.splitlines()) > 5
        assert max(map(len, text.splitlines())) <= 100


def test_every_command_is_in_the_help():
    text = ok("--help").out.decode()
    for command in {words[0] for words in HELP if words}:
        assert f"\n  {command} " in text


def test_every_key_command_is_in_its_help():
    text = ok("key", "--help").out.decode()
    listed = {line.split()[0] for line in text.split("Commands:")[1].splitlines() if line.strip()}
    assert listed == {words[1] for words in HELP if len(words) == 2}


def test_version():
    import passkeep

    assert ok("--version").out.decode().split() == ["passkeep", passkeep.__version__]


@pytest.mark.parametrize("arguments", [("nonsense",), ("backup",), ("restore", "--nonsense")])
def test_usage_errors(arguments):
    result = run(*arguments)
    assert result.code == 2
    assert "Usage: passkeep" in result.err


@pytest.mark.parametrize(
    "command",
    [
        ("rewrap", "b.age", "--to", "age1", "-o", "-"),
        ("key", "export", "--identity-out", "-"),
        ("init", "--no-passkey", "--recovery-key-out", "-"),
        ("key", "recovery", "--recovery-key-out", "-"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_dash_is_no_file(command, tmp_path):
    (tmp_path / "b.age").write_bytes(b"")
    done = run(*command, cwd=tmp_path, env={"XDG_DATA_HOME": str(tmp_path / "data")})
    assert done.code == 2
    assert "standard output cannot be used here" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["b.age"]


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_standard_stream_that_is_closed_is_not_missed(backup, made, digits, tmp_path, closed):
    """As a daemon may start a job."""
    made.write(tmp_path, "k.json")
    script = f"'{sys.executable}' -m passkeep \"$@\" {closed}"
    program = ("/bin/sh", "-c", script, "sh")
    opened = ("--recovery-key-file", digits)
    ok("decrypt", backup, *opened, "-o", tmp_path / "plain.tar", program=program)
    ok("encrypt", digits, "--keyring", tmp_path / "k.json", "-o", tmp_path / "d", program=program)
    assert (tmp_path / "plain.tar").stat().st_size > 0
    if closed == ">&-":
        assert run("decrypt", backup, *opened, program=program).code == 1
    if closed == "<&-":
        assert run("decrypt", "-", *opened, program=program).code == 1


@pytest.mark.parametrize("number", ["99999999999999999999", "9" * 5000])
def test_numbers_that_are_too_large_are_usage_errors(backup, tmp_path, number):
    assert run("verify", backup, "--password-fd", number).code == 2
    out = tmp_path / "out"
    for size in (number, f"{number}TB", "9223372036854775808"):
        done = run("restore", backup, "-C", out, "--max-size", size, "--password-env", "HOME")
        assert done.code == 2, done.err
    assert not out.exists()

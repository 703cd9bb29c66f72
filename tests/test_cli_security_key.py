"""The command line with security keys, in software, and a person at the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

import passkeep
from support import softkey_file
from support.cli import Terminal, assert_fails, ok, run
from support.keyrings import PASSWORD
from support.security_keys import plugged_in, tap
from support.softkey import SoftKey
from support.trees import differences

PIN = "73914"
WORDS = {"WORDS": PASSWORD}


@pytest.fixture
def key(tmp_path) -> Path:
    return softkey_file.save(SoftKey(pin=PIN), tmp_path / "key.json")


@pytest.fixture
def enrolled(key, tmp_path) -> Path:
    """A keyring that was made with the key."""
    path = tmp_path / "keyring.json"
    with Terminal(
        *("init", "--security-key", "--label", "Key in the drawer", "--keyring", path),
        *("--recovery-key-out", tmp_path / "recovery.txt"),
        program=plugged_in(key),
    ) as person:
        person.wait_for("PIN of your security key (8 tries left)")
        person.type(PIN)
        assert person.finish() == 0, person.screen
        assert PIN not in person.screen, "PINs are not echoed"
        assert "Touch your security key." in person.screen
        assert person.screen.count("Touch it again.") == 2
        assert "web browser" not in person.screen
        assert "on this one device" in person.screen
    return path


def restore(
    backup: Path, out: Path, *keys: Path, pins: tuple[str, ...] = (PIN,)
) -> tuple[int, str]:
    return tap("restore", backup, "-C", out, "--with", "security-key", keys=keys, pins=pins)


@pytest.fixture
def backup(enrolled, tree, tmp_path) -> Path:
    """A backup, and nothing else: the keyring is gone."""
    ok("backup", tree, "-o", tmp_path / "b.age", "--keyring", enrolled)
    enrolled.unlink()
    return tmp_path / "b.age"


def test_a_security_key_makes_a_keyring_and_restores_without_it(backup, key, tree, tmp_path):
    (credential,) = softkey_file.load(key).credentials.values()
    assert credential.rp_id == "passkeep.localhost"
    assert credential.resident is False
    code, screen = restore(backup, tmp_path / "out", key)
    assert code == 0, screen
    assert screen.count("Touch your security key.") == 1
    assert differences(tree, tmp_path / "out" / "tree") == []


def test_the_slot(enrolled):
    slot = passkeep.Keyring.load(enrolled).slots[-1]
    assert (slot.kind, slot.label) == ("passkey", "Key in the drawer")


def test_a_clone_restores_on_another_machine(backup, key, tree, tmp_path):
    twin = softkey_file.save(softkey_file.load(key).clone(), tmp_path / "twin.json")
    key.unlink()
    code, screen = restore(backup, tmp_path / "out", twin)
    assert code == 0, screen
    assert differences(tree, tmp_path / "out" / "tree") == []


def test_a_wrong_pin_is_asked_for_again(backup, key, tmp_path):
    code, screen = restore(backup, tmp_path / "out", key, pins=("00000", PIN))
    assert code == 0, screen
    assert "That is not the PIN." in screen
    assert "(7 tries left)" in screen
    assert "00000" not in screen


def test_a_key_with_one_try_left_is_blocked(backup, key, tmp_path):
    worn = softkey_file.load(key)
    worn.pin.pin_tries = 1
    softkey_file.save(worn, key)
    code, screen = restore(backup, tmp_path / "out", key, pins=("00000",))
    assert code == 1
    assert "(1 try left)" in screen
    assert "blocked for good" in screen
    assert "recovery key" in screen
    assert not (tmp_path / "out").exists()


def test_an_empty_pin_ends_it(backup, key, tmp_path):
    code, screen = restore(backup, tmp_path / "out", key, pins=("",))
    assert code == 1
    assert "no PIN was given" in screen


@pytest.mark.parametrize("browser", [False, True])
def test_with_no_browser_to_be_seen_the_key_is_asked(backup, key, tmp_path, browser):
    shown = (
        {"BROWSER": "true"} if browser else {"BROWSER": "", "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    )
    with Terminal(
        "restore", backup, "-C", tmp_path / "out", program=plugged_in(key), env=shown
    ) as person:
        if browser:
            person.wait_for("web browser")
            person.interrupt()
            assert person.finish() == 130
            return
        person.wait_for("PIN of your security key")
        person.type(PIN)
        assert person.finish() == 0, person.screen
    assert "web browser" not in person.screen


def test_ctrl_c_at_the_pin(backup, key, tmp_path):
    with Terminal(
        *("restore", backup, "-C", tmp_path / "out", "--with", "security-key"),
        program=plugged_in(key),
    ) as person:
        person.wait_for("PIN of your security key")
        person.interrupt()
        assert person.finish() == 130
        assert "Traceback" not in person.screen


def test_ctrl_c_instead_of_a_touch(backup, key, tmp_path):
    with Terminal(
        *("restore", backup, "-C", tmp_path / "out", "--with", "security-key"),
        program=plugged_in(key),
        env={"NOBODY_TOUCHES": "1"},
    ) as person:
        person.wait_for("PIN of your security key")
        person.type(PIN)
        person.wait_for("Touch your security key.")
        person.interrupt()
        assert person.finish() == 130
        assert "Traceback" not in person.screen
    assert not (tmp_path / "out").exists()


def test_one_of_two_keys_is_touched(backup, key, tmp_path):
    other = softkey_file.save(SoftKey(), tmp_path / "other.json")
    code, screen = restore(backup, tmp_path / "out", key, other)
    assert code == 0, screen
    assert "2 security keys are plugged in. Touch the one to use." in screen
    code, screen = restore(backup, tmp_path / "out2", other, key, pins=("1234",))
    assert code == 1
    assert "holds none of these passkeys" in screen


def test_a_key_is_added_with_another_one(enrolled, key, tmp_path):
    second = softkey_file.save(SoftKey(pin="2222"), tmp_path / "second.json")
    ok(
        *("key", "add", "password", "--keyring", enrolled, "--new-password-env", "WORDS"),
        *("--recovery-key-file", tmp_path / "recovery.txt"),
        env=WORDS,
    )
    with Terminal(
        *("key", "add", "passkey", "--security-key", "--keyring", enrolled),
        *("--password-env", "WORDS"),
        program=plugged_in(second),
        env=WORDS,
    ) as person:
        person.wait_for("PIN of your security key")
        person.type("2222")
        assert person.finish() == 0, person.screen
    assert passkeep.Keyring.load(enrolled).slots[-1].label == "Security key"
    assert len(softkey_file.load(second).credentials) == 1


def test_a_pin_can_be_typed_while_standard_input_is_a_file(backup, key, tmp_path):
    with Terminal(
        *("verify", backup, "--with", "security-key"),
        program=("/bin/sh", "-c", 'exec "$@" </dev/null', "sh", *plugged_in(key)),
    ) as person:
        person.wait_for("PIN of your security key")
        person.type(PIN)
        assert person.finish() == 0, person.screen


def test_nobody_is_there_to_type_the_pin(backup, key):
    result = run("verify", backup, "--with", "security-key", program=plugged_in(key))
    assert result.code == 2
    assert "Nobody is at the terminal" in result.err


def test_no_key_is_plugged_in(backup):
    result = run("verify", backup, "--with", "security-key", program=plugged_in())
    assert_fails(result, 1)
    assert "No security key was found" in result.err


def test_a_keyring_is_made_even_where_no_key_can_serve(tmp_path):
    bare = softkey_file.save(SoftKey(pin=None), tmp_path / "bare.json")
    with Terminal(
        *("init", "--security-key", "--keyring", tmp_path / "k.json"),
        *("--recovery-key-out", tmp_path / "recovery.txt"),
        program=plugged_in(bare),
    ) as person:
        assert person.finish() == 1
    assert "the keyring was made without a passkey" in person.screen
    assert "key add passkey" in person.screen
    assert passkeep.Keyring.load(tmp_path / "k.json").is_complete


def test_nothing_is_begun_where_nobody_can_type_a_pin(key, made, tmp_path):
    new, digits = tmp_path / "k.json", tmp_path / "recovery.txt"
    for command in (
        ("init", "--recovery-key-out", digits, "--keyring", new),
        ("key", "add", "passkey", "--password-env", "WRONG", "--keyring", made.write(tmp_path)),
    ):
        result = run(*command, "--security-key", program=plugged_in(key), env={"WRONG": "x"})
        assert_fails(result, 2, hint=False)
        assert "Nobody is at the terminal to type the PIN" in result.err
    assert not new.exists()
    assert not digits.exists()


def test_ctrl_c_leaves_a_keyring_without_a_passkey_and_says_so(key, tmp_path):
    with Terminal(
        *("init", "--security-key", "--keyring", tmp_path / "k.json"),
        *("--recovery-key-out", tmp_path / "recovery.txt"),
        program=plugged_in(key),
    ) as person:
        person.wait_for("PIN of your security key")
        person.interrupt()
        assert person.finish() == 130
    assert "made without a passkey" in person.screen
    assert passkeep.Keyring.load(tmp_path / "k.json").is_complete


def test_a_key_without_a_pin(backup, tmp_path):
    bare = softkey_file.save(SoftKey(pin=None), tmp_path / "bare.json")
    result = run("verify", backup, "--with", "security-key", program=plugged_in(bare))
    assert_fails(result, 1)
    assert "no PIN and no fingerprint" in result.err
    assert "ykman fido access change-pin" in result.err


def test_a_passkey_and_none_is_a_contradiction(tmp_path):
    result = run("init", "--security-key", "--no-passkey", "--keyring", tmp_path / "k.json")
    assert result.code == 2
    assert not (tmp_path / "k.json").exists()


def test_help_names_it():
    assert "security-key" in ok("restore", "--help").out.decode()
    assert "--security-key" in ok("init", "--help").out.decode()
    assert "--security-key" in ok("key", "add", "--help").out.decode()

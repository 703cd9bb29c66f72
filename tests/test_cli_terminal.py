"""What a person meets at a terminal: prompts, a recovery key to type back, a bar."""

from __future__ import annotations

import re

import pytest

import passkeep
from support.cli import Terminal, ok
from support.keyrings import PASSWORD
from support.trees import differences

GROUPS = re.compile(r"(?:\b[0-9a-f]{4}\b\s*){16}")


def shown_digits(screen: str) -> str:
    found = GROUPS.findall(screen)
    assert len(found) == 1, screen
    return " ".join(found[0].split())


def test_init_shows_the_recovery_key_and_has_it_typed_back(tmp_path):
    path = tmp_path / "k.json"
    with Terminal("init", "--no-passkey", "--keyring", path) as person:
        digits = shown_digits(person.wait_for("Type it back"))
        assert not path.exists()
        wrong = digits[:-4] + "zzzz"
        at = person.type(wrong)
        person.wait_for("group 16", after=at)
        at = person.type("0" * 64)
        person.wait_for("not the recovery key that was shown", after=at)
        person.wait_for("Type it back", after=at)
        person.type(digits.upper().replace(" ", "-"))
        assert person.finish() == 0
        assert "is confirmed" in person.screen
    keyring = passkeep.Keyring.load(path)
    assert keyring.is_complete
    keyring.unlock(recovery_key=digits)


def test_a_recovery_key_that_was_not_saved_is_not_called_confirmed(quick, made, tmp_path):
    path, old = quick.write(tmp_path), tmp_path / "old.txt"
    old.write_text(quick.digits)
    with Terminal("key", "recovery", "--keyring", path, "--recovery-key-file", old) as person:
        digits = shown_digits(person.wait_for("Type it back"))
        made.write(tmp_path)  # another keyring takes its place meanwhile
        person.type(digits)
        assert person.finish() == 1
        assert "opens nothing" in person.screen
        assert "is confirmed" not in person.screen


def test_init_with_a_password_of_ones_own(tmp_path):
    path = tmp_path / "k.json"
    with Terminal("init", "--no-passkey", "--password", "--keyring", path) as person:
        digits = shown_digits(person.wait_for("Type it back"))
        person.type(digits)
        person.wait_for("Your own password")
        at = person.type("hunter2")
        person.wait_for("again", after=at)
        person.type("hunter2")
        person.wait_for("could be guessed", after=at)
        person.wait_for("Your own password", after=at)
        at = person.type(PASSWORD)
        person.wait_for("again", after=at)
        at = person.type("something else")
        person.wait_for("not the same", after=at)
        person.wait_for("Your own password", after=at)
        at = person.type(PASSWORD)
        person.wait_for("again", after=at)
        person.type(PASSWORD)
        assert person.finish() == 0
        assert PASSWORD not in person.screen, "passwords are not echoed"
        assert "hunter2" not in person.screen
    passkeep.Keyring.load(path).unlock(password=PASSWORD)


def test_init_draws_six_words(tmp_path):
    path = tmp_path / "k.json"
    with Terminal("init", "--no-passkey", "--password", "--keyring", path) as person:
        person.type(shown_digits(person.wait_for("Type it back")))
        person.wait_for("Your own password")
        at = person.type("")
        screen = person.wait_for("again", after=at)
        (words,) = re.findall(r"\b[a-z]+(?:-[a-z]+){5}\b", screen[at:])
        person.type(words)
        assert person.finish() == 0
    passkeep.Keyring.load(path).unlock(password=words)


def test_giving_up_leaves_nothing(tmp_path):
    with Terminal("init", "--no-passkey", "--keyring", tmp_path / "k.json") as person:
        person.wait_for("Type it back")
        person.interrupt()
        assert person.finish() == 130
        assert "Interrupted" in person.screen
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def backup(tree, tmp_path):
    """A backup of a keyring without a passkey, so that no browser is tried; and its digits."""
    keyring = passkeep.Keyring.create()
    digits = keyring.new_recovery_key()
    keyring.confirm_recovery_key(digits)
    keyring.add_password(PASSWORD)
    keyring.save(tmp_path / "lost.json")
    passkeep.backup(tree, tmp_path / "b.tar.age", to=keyring)
    (tmp_path / "lost.json").unlink()
    return tmp_path / "b.tar.age", digits


@pytest.mark.parametrize("way", [(), ("--with", "password")])
def test_restore_asks_for_the_password(backup, tree, tmp_path, way):
    with Terminal("restore", backup[0], *way, cwd=tmp_path / "tree" / "..") as person:
        person.wait_for("Password")
        person.type(PASSWORD)
        assert person.finish() == 0
        assert PASSWORD not in person.screen
    assert differences(tree, tmp_path / "b" / "tree") == []


@pytest.mark.parametrize("way", [(), ("--with", "recovery-key")])
def test_restore_takes_the_recovery_key_as_well(backup, tree, tmp_path, way):
    with Terminal("restore", backup[0], "-C", tmp_path / "out", *way) as person:
        person.wait_for("ecovery key")
        person.type(backup[1].upper())
        assert person.finish() == 0
        assert backup[1].upper() not in person.screen
    assert differences(tree, tmp_path / "out" / "tree") == []


def test_a_wrong_password_at_the_terminal(backup, tmp_path):
    with Terminal("restore", backup[0], "-C", tmp_path / "out") as person:
        person.wait_for("Password")
        person.type("not the password")
        assert person.finish() == 3
        assert "Error: " in person.screen
    assert not (tmp_path / "out").exists()


def test_a_backup_at_the_terminal_asks_nothing(backup, tree, tmp_path, quick):
    keyring = quick.write(tmp_path)
    with Terminal("backup", tree, "-o", tmp_path / "c.age", "--keyring", keyring) as person:
        assert person.finish() == 0
        assert "Backed up" in person.screen


@pytest.mark.parametrize(
    "arguments", [("backup", "TREE", "-o", "-", "--to", "KEY"), ("encrypt", "FILE", "--to", "KEY")]
)
def test_binary_is_not_written_to_a_terminal(arguments, tree):
    words = {
        "TREE": tree,
        "FILE": tree / "letter.txt",
        "KEY": passkeep.Identity.generate().recipient,
    }
    with Terminal(*(words.get(word, word) for word in arguments)) as person:
        assert person.finish() == 2
        assert "age-encryption.org" not in person.screen


def test_encrypt_with_a_password_that_is_asked_for_twice(tree, tmp_path):
    sealed = tmp_path / "sealed.age"
    with Terminal("encrypt", tree / "letter.txt", "-p", "-o", sealed) as person:
        person.wait_for("Password")
        at = person.type(PASSWORD)
        person.wait_for("Repeat", after=at)
        person.type(PASSWORD)
        assert person.finish() == 0
        assert PASSWORD not in person.screen
    opened = ok("decrypt", sealed, "--password-env", "WORDS", env={"WORDS": PASSWORD})
    assert opened.out == b"Dear Ada"


def test_encrypt_with_six_generated_words(tree, tmp_path):
    sealed = tmp_path / "sealed.age"
    with Terminal("encrypt", tree / "letter.txt", "-p", "-o", sealed) as person:
        person.wait_for("Password")
        person.type("")
        person.wait_for("Repeat")
        person.type("")
        assert person.finish() == 0
        (words,) = re.findall(r"\b[a-z]+(?:-[a-z]+){5}\b", person.screen)
    opened = ok("decrypt", sealed, "--password-env", "WORDS", env={"WORDS": words})
    assert opened.out == b"Dear Ada"


@pytest.mark.parametrize(("no_color", "coloured"), [("1", False), ("", True)])
def test_errors_are_in_colour_unless_told_otherwise(tmp_path, no_color, coloured):
    asked = ("decrypt", __file__, "-o", tmp_path / "x")
    with Terminal(*asked, env={"NO_COLOR": no_color}) as person:
        assert person.finish() == 4
        assert "Error:" in person.screen
        assert (b"\x1b[" in person.written) is coloured

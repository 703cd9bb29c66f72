"""docs/recovery.md: every block of it runs, in a clean folder, where there is no passkeep."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import passkeep
from support.cli import Terminal, ok
from support.keyrings import PASSWORD
from support.trees import differences

PAGE = (Path(__file__).parents[1] / "docs" / "recovery.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = {
    re.match(r"# (\w+\.py): ", code)[1]: code
    for language, code in BLOCK.findall(PAGE)
    if language == "python"
}
PREPARING = "Recovery without passkeep"
AES = "AES containers"
FOLLOWED = {
    PREPARING: 1,
    "The 64 digits": 1,
    "Compressed backups": 1,
    "An exported root": 1,
    "A file with a password": 1,
    "A password and the keyring": 1,
    "A password and a backup": 1,
    AES: 3,
    "Batches": 1,
}
"""How many blocks of commands the tests below follow in each section."""


def sections():
    parts = re.split(r"^#{1,2} ([A-Z].+)\n", PAGE, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def commands(section, number=0):
    found = [code for language, code in BLOCK.findall(sections()[section]) if language == "sh"]
    return found[number]


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """A folder for PATH: age and a Python that cannot import passkeep."""
    folder = tmp_path_factory.mktemp("tools")
    (folder / "age").symlink_to(Path(sys.executable).parent / "age")
    hidden = folder / "hidden"
    hidden.mkdir()
    (hidden / "passkeep.py").write_text("raise ImportError('there is no passkeep here')\n")
    python = folder / "python3"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{hidden}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return folder


class CleanFolder:
    """A folder with the page's programs and what a person has left."""

    def __init__(self, path, tools):
        self.path = path
        self._env = {"PATH": f"{tools}:/usr/bin:/bin"}
        path.mkdir()
        for name, program in PROGRAMS.items():
            (path / name).write_text(program)

    def follow(self, section, number=0, *, password=None):
        """Does what a section says, at a terminal; types the password where it is asked for."""
        block = commands(section, number)
        script = f"set -e -o pipefail\n{commands(PREPARING)}{block}"
        shell = ("/bin/bash", "-c", script)
        with Terminal(program=shell, env=self._env, cwd=self.path) as person:
            if password is not None:
                person.wait_for("passphrase")
                person.wait_until_unseen()
                person.type(password)
            code = person.finish()
            assert password is None or password not in person.screen
            assert code == 0, person.screen
        return person.screen

    def run(self, *words, stdin=b""):
        return subprocess.run(
            words,
            env=os.environ | self._env,
            cwd=self.path,
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def clean(tmp_path, tools):
    return CleanFolder(tmp_path / "clean", tools)


@pytest.fixture
def chats(tree):
    return tree.rename(tree.with_name("chats"))


def restored(clean, chats):
    return differences(chats, clean.path / "chats") == []


def identity(clean, quick):
    """Makes recovery.txt, as the page's first section does."""
    done = clean.run("python3", "identity.py", stdin=quick.digits.encode())
    (clean.path / "recovery.txt").write_bytes(done.stdout)


def test_each_block_is_run():
    found = {
        section: sum(language == "sh" for language, _ in BLOCK.findall(text))
        for section, text in sections().items()
    }
    assert {section: count for section, count in found.items() if count} == FOLLOWED
    # test_fido2prf_browser.py runs the one for a browser.
    assert {language for language, _ in BLOCK.findall(PAGE)} == {"python", "sh", "js"}
    named = set(re.findall(r"python3 (\w+\.py)", PAGE))
    assert named == set(PROGRAMS)


def test_no_passkeep_is_there(clean):
    assert b"no passkeep here" in clean.run("python3", "-c", "import passkeep").stderr
    assert clean.run("python3", "-c", "import cryptography.cobblestone").returncode == 0
    assert clean.run("/bin/sh", "-c", "command -v passkeep").returncode != 0


@pytest.mark.parametrize(
    "spell",
    [
        str,
        str.upper,
        lambda digits: digits.replace(" ", ""),
        lambda digits: digits.replace(" ", "-") + "\n",
        lambda digits: f"# a comment of the file\n{digits[:39]}\n{digits[40:]}\n",
    ],
)
def test_digits_become_an_identity(clean, quick, spell):
    done = clean.run("python3", "identity.py", stdin=spell(quick.digits).encode())
    identity = passkeep.Identity(bytes.fromhex(quick.digits))
    assert done.stdout.decode() == f"{identity}\n"


def test_too_few_digits_are_no_identity(clean, quick):
    done = clean.run("python3", "identity.py", stdin=quick.digits[:-2].encode())
    assert done.returncode != 0
    assert done.stdout == b""
    assert b"62 digits" in done.stderr


def test_the_digits_restore(clean, chats, quick, quick_keyring):
    passkeep.backup(chats, clean.path / "chats.tar.age", to=quick_keyring)
    (clean.path / "digits.txt").write_text(quick.digits)
    clean.follow("The 64 digits")
    assert restored(clean, chats)
    assert (clean.path / "recovery.txt").stat().st_mode & 0o077 == 0


def test_the_digits_restore_what_is_compressed(clean, chats, quick, quick_keyring):
    passkeep.backup(chats, clean.path / "chats.tar.zst.age", to=quick_keyring, compress=3)
    identity(clean, quick)
    clean.follow("Compressed backups")
    assert restored(clean, chats)


def test_an_exported_root_restores(clean, chats, quick, tmp_path):
    keyring = quick.write(tmp_path)
    (tmp_path / "digits").write_text(quick.digits)
    ok("backup", chats, "-o", clean.path / "chats.tar.age", "--keyring", keyring)
    exported = ("--identity-out", clean.path / "root.txt", "--recovery-key-file")
    ok("key", "export", *exported, tmp_path / "digits", "--keyring", keyring)
    clean.follow("An exported root")
    assert restored(clean, chats)


def test_a_password_opens_a_file(clean, tmp_path):
    (tmp_path / "letter.txt").write_text("Dear Ada")
    sealed = clean.path / "letter.txt.age"
    words = {"WORDS": PASSWORD}
    ok("encrypt", tmp_path / "letter.txt", "-o", sealed, "--password-env", "WORDS", env=words)
    clean.follow("A file with a password", password=PASSWORD)
    assert (clean.path / "letter.txt").read_text() == "Dear Ada"


def test_a_password_and_the_keyring_restore(clean, chats, made, keyring):
    made.write(clean.path)
    # What travels is not needed where the keyring is.
    passkeep.backup(chats, clean.path / "chats.tar.age", to=keyring, travel=False)
    screen = clean.follow("A password and the keyring", password=PASSWORD)
    assert "password-3.age Password" in screen
    assert restored(clean, chats)


def test_a_password_and_a_backup_restore(clean, chats, keyring):
    passkeep.backup(chats, clean.path / "chats.tar.age", to=keyring)
    clean.follow("A password and a backup", password=PASSWORD)
    assert restored(clean, chats)


def test_the_digits_open_a_container(clean, quick, quick_keyring):
    content = bytes(range(256)) * 20_000
    sealed = passkeep.encrypt(content, to=quick_keyring, cipher="aes-256-gcm")
    (clean.path / "letter.txt.sealed").write_bytes(sealed)
    identity(clean, quick)
    clean.follow(AES)
    assert (clean.path / "letter.txt").read_bytes() == content


def test_the_digits_restore_a_container(clean, chats, quick, quick_keyring):
    target = clean.path / "chats.tar.sealed"
    passkeep.backup(chats, target, to=quick_keyring, cipher="aes-256-gcm")
    identity(clean, quick)
    clean.follow(AES, 1)
    assert restored(clean, chats)


def test_a_container_carries_the_keyring(clean, chats, quick_keyring):
    target = clean.path / "chats.tar.sealed"
    passkeep.backup(chats, target, to=quick_keyring, cipher="aes-256-gcm")
    clean.follow(AES, 2)
    assert json.loads((clean.path / "keyring.json").read_bytes())["id"] == quick_keyring.id


@pytest.mark.parametrize("content", [b"", b"small", bytes(70_000)])
def test_the_digits_open_a_batch(clean, quick, quick_keyring, content):
    batch = passkeep.Batch.create(to=quick_keyring)
    (clean.path / "envelope.age").write_bytes(batch.envelope)
    (clean.path / "ada.sealed").write_bytes(batch.seal("photos/ada.jpg", content))
    identity(clean, quick)
    clean.follow("Batches")
    assert (clean.path / "ada.jpg").read_bytes() == content


def test_damage_ends_in_an_error(clean, quick, quick_keyring):
    sealed = passkeep.encrypt(bytes(100_000), to=quick_keyring, cipher="aes-256-gcm")
    (clean.path / "letter.sealed").write_bytes(sealed)
    identity(clean, quick)
    assert clean.run("python3", "container.py", "letter.sealed").returncode == 0
    assert clean.run("age", "-d", "-i", "recovery.txt", "-o", "key", "key.age").returncode == 0
    opening = ("python3", "cobblestone.py", "key", "message")
    assert clean.run(*opening, "passkeep.sealed/1").stdout == bytes(100_000)
    assert clean.run(*opening, "passkeep.batch/1", "x").returncode != 0
    message = clean.path / "message"
    message.write_bytes(message.read_bytes()[:-1])
    assert clean.run(*opening, "passkeep.sealed/1").returncode != 0


def test_the_programs_refuse_other_files(clean, quick_keyring):
    (clean.path / "plain.age").write_bytes(passkeep.encrypt(b"", to=quick_keyring))
    for program in ("container.py", "travel.py"):
        done = clean.run("python3", program, "plain.age")
        assert done.returncode == 1
        assert b"Traceback" not in done.stderr
        assert done.stderr.startswith((b"this is no", b"no keyring"))

"""New recipients for sealed files: the payload stays as it is."""

import errno
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import passkeep
from passkeep import copying, sealed
from support.cli import assert_fails, ok, run

OLD, NEW = passkeep.Identity.generate(), passkeep.Identity.generate()
DATA = random.Random(8).randbytes(2_500_001)
each_cipher = pytest.mark.parametrize("cipher", ["age", "aes-256-gcm"])
each_size = pytest.mark.parametrize("size", [0, 100, len(DATA)])


def seal(path, size=None, cipher="age", to=OLD.recipient):
    path.write_bytes(passkeep.encrypt(DATA[:size], to=to, cipher=cipher))
    return path


def payload(path) -> bytes:
    data = path.read_bytes()
    return data[sealed.split(memoryview(data))[1] :]


@each_cipher
@each_size
def test_the_new_recipient_opens_it_and_the_old_one_does_not(cipher, size, tmp_path):
    source, target = seal(tmp_path / "old", size, cipher), tmp_path / "new"
    before = source.read_bytes()
    written = passkeep.rewrap(source, target, OLD, to=NEW.recipient)
    assert written == target.stat().st_size
    assert passkeep.decrypt(target.read_bytes(), NEW) == DATA[:size]
    assert payload(target) == payload(source)
    with pytest.raises(passkeep.WrongKeyError):
        passkeep.decrypt(target.read_bytes(), OLD)
    assert source.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


@each_cipher
def test_a_file_takes_its_own_place(cipher, tmp_path):
    path = seal(tmp_path / "file", cipher=cipher)
    with pytest.raises(passkeep.InvalidInputError, match="same file"):
        passkeep.rewrap(path, path, OLD, to=NEW.recipient)
    passkeep.rewrap(path, path, OLD, to=NEW.recipient, overwrite=True)
    assert passkeep.decrypt(path.read_bytes(), NEW) == DATA


def test_from_a_password_to_several_recipients_and_back(tmp_path):
    path = seal(tmp_path / "file", to=passkeep.Password("a b c"))
    many = [passkeep.Identity.generate() for _ in range(5)]
    recipients = [one.recipient for one in many]
    passkeep.rewrap(path, tmp_path / "many", passkeep.Password("a b c"), to=recipients)
    for one in many:
        assert passkeep.decrypt((tmp_path / "many").read_bytes(), one) == DATA
    passkeep.rewrap(tmp_path / "many", tmp_path / "one", many[3], to=passkeep.Password("d e f"))
    assert passkeep.decrypt((tmp_path / "one").read_bytes(), passkeep.Password("d e f")) == DATA


@each_cipher
def test_to_a_keyring_it_carries_the_keyring(cipher, quick, quick_keyring, tree, tmp_path):
    path, moved = tmp_path / "b.tar.age", tmp_path / "moved"
    passkeep.backup(tree, path, to=OLD.recipient, cipher=cipher)
    passkeep.rewrap(path, moved, OLD, to=quick_keyring)
    assert passkeep.verify(moved, passkeep.Unlock(passkey=quick.passkeys)).files == 2
    passkeep.rewrap(
        moved, tmp_path / "bare", quick_keyring.unlock(passkey=quick.passkeys), to=NEW.recipient
    )
    with pytest.raises(passkeep.WrongKeyError, match="carries no keyring"):
        passkeep.verify(tmp_path / "bare", passkeep.Unlock(passkey=quick.passkeys))
    assert passkeep.verify(tmp_path / "bare", NEW).files == 2


def test_other_tools_open_it(tmp_path):
    path = seal(tmp_path / "file")
    passkeep.rewrap(path, tmp_path / "new", OLD, to=NEW.recipient)
    (tmp_path / "identity.txt").write_text(f"{NEW}\n")
    age = Path(sys.executable).parent / "age"  # put there by `make peers`
    command = [age, "-d", "-i", tmp_path / "identity.txt", tmp_path / "new"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == DATA


@each_cipher
def test_blocks_can_be_shared(cipher, tmp_path):
    """A large payload stands at the same distance from a block's beginning."""
    source, target = seal(tmp_path / "old", cipher=cipher), tmp_path / "new"
    for count in range(1, 6):
        recipients = [passkeep.Identity.generate().recipient for _ in range(count)]
        passkeep.rewrap(source, target, OLD, to=recipients, overwrite=True)
        starts = [sealed.split(memoryview(path.read_bytes()))[1] for path in (source, target)]
        assert (starts[0] - starts[1]) % copying.BLOCK == 0


def test_what_is_not_a_binary_file_is_refused(tmp_path):
    armored = tmp_path / "armored"
    armored.write_bytes(passkeep.encrypt(DATA, to=OLD.recipient, armored=True))
    with pytest.raises(passkeep.InvalidInputError, match="armor"):
        passkeep.rewrap(armored, tmp_path / "new", OLD, to=NEW.recipient)
    (tmp_path / "noise").write_bytes(DATA)
    with pytest.raises(passkeep.DamagedError):
        passkeep.rewrap(tmp_path / "noise", tmp_path / "new", OLD, to=NEW.recipient)
    assert not (tmp_path / "new").exists()


@each_cipher
def test_a_changed_header_is_refused(cipher, tmp_path):
    path = seal(tmp_path / "file", cipher=cipher)
    data = bytearray(path.read_bytes())
    data[data.index(b"\n--- ") + 8] ^= 1
    path.write_bytes(data)
    with pytest.raises(passkeep.DamagedError):
        passkeep.rewrap(path, tmp_path / "new", OLD, to=NEW.recipient)
    with pytest.raises(passkeep.WrongKeyError):
        passkeep.rewrap(seal(path), tmp_path / "new", NEW, to=NEW.recipient)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_an_existing_file_is_kept(tmp_path):
    path, target = seal(tmp_path / "file"), tmp_path / "new"
    target.write_bytes(b"good")
    with pytest.raises(passkeep.OutputError):
        passkeep.rewrap(path, target, OLD, to=NEW.recipient)
    assert target.read_bytes() == b"good"


def test_nobody_is_locked_out_of_a_file_that_is_replaced(quick, quick_keyring, tree, tmp_path):
    mine, other = tmp_path / "mine.age", seal(tmp_path / "other")
    passkeep.backup(tree, mine, to=quick_keyring)
    before, digits = mine.read_bytes(), passkeep.Unlock(recovery_key=quick.digits)
    for source, opens in ((mine, digits), (other, OLD)):
        with pytest.raises(passkeep.OutputError, match="carries a keyring"):
            passkeep.rewrap(source, mine, opens, to=NEW.recipient, overwrite=True)
    assert mine.read_bytes() == before
    passkeep.rewrap(mine, mine, digits, to=[quick_keyring, NEW.recipient], overwrite=True)
    for opens in (digits, NEW):
        assert passkeep.verify(mine, opens).files == 2
    assert mine.read_bytes() != before
    other.write_bytes(b"no sealed file at all")
    passkeep.rewrap(mine, other, digits, to=NEW.recipient, overwrite=True)
    assert passkeep.verify(other, NEW).files == 2


def test_a_keyring_that_cannot_be_read_is_somebodys_too(quick_keyring, tree, tmp_path):
    mine = tmp_path / "mine.age"
    passkeep.backup(tree, mine, to=quick_keyring)
    data = mine.read_bytes()
    newer = data.replace(b"-> passkeep/keyring 1\n", b"-> passkeep/keyring 2\n")
    assert newer != data
    mine.write_bytes(newer)
    with pytest.raises(passkeep.OutputError, match="carries a keyring"):
        passkeep.rewrap(seal(tmp_path / "b"), mine, OLD, to=quick_keyring, overwrite=True)
    assert mine.read_bytes() == newer


def test_progress_and_cancelling(tmp_path):
    path, seen = seal(tmp_path / "file"), []
    passkeep.rewrap(path, tmp_path / "new", OLD, to=NEW.recipient, progress=seen.append)
    assert seen[-1] == len(payload(path))
    token = passkeep.CancelToken()
    token.cancel()
    with pytest.raises(passkeep.CancelledError):
        passkeep.rewrap(path, tmp_path / "other", OLD, to=NEW.recipient, cancel=token)
    assert not (tmp_path / "other").exists()


def test_a_source_that_changes_meanwhile_is_noticed(tmp_path):
    path = seal(tmp_path / "file")

    def grow(done):
        with path.open("ab") as file:
            file.write(b"more")

    with pytest.raises(passkeep.OutputError, match="changed"):
        passkeep.rewrap(path, tmp_path / "new", OLD, to=NEW.recipient, progress=grow)
    assert not (tmp_path / "new").exists()


class Slow:
    """An identity that has to be waited for, while something happens."""

    def __init__(self, happens):
        self.happens = happens

    def unwrap(self, stanzas):
        self.happens()
        return OLD.unwrap(stanzas)


@each_cipher
def test_what_was_opened_is_what_is_rewrapped(cipher, tmp_path):
    """A nightly job replaces the source while a person is asked."""
    path, target, other = seal(tmp_path / "file", cipher=cipher), tmp_path / "new", tmp_path / "two"
    nightly = Slow(lambda: seal(other, 50, cipher).replace(path))
    passkeep.rewrap(path, target, nightly, to=NEW.recipient)
    assert passkeep.decrypt(target.read_bytes(), NEW) == DATA
    with pytest.raises(passkeep.OutputError, match="replaced"):
        passkeep.rewrap(path, path, nightly, to=NEW.recipient, overwrite=True)
    assert passkeep.decrypt(path.read_bytes(), OLD) == DATA[:50]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "new"]


def test_a_source_that_is_written_anew_while_somebody_is_asked(tmp_path):
    path = seal(tmp_path / "file")
    os.utime(path, (0, 0))
    with pytest.raises(passkeep.OutputError, match="changed"):
        passkeep.rewrap(path, tmp_path / "new", Slow(lambda: seal(path)), to=NEW.recipient)
    assert not (tmp_path / "new").exists()


@each_cipher
@pytest.mark.parametrize("at", [-1, -len(DATA) + 100, None])
def test_a_payload_that_does_not_open_is_not_published(cipher, at, tmp_path):
    """The first and the last chunk are tried before the result gets its name."""
    path = seal(tmp_path / "file", cipher=cipher)
    data = bytearray(path.read_bytes())
    if at is None:
        del data[-100_000:]
    else:
        data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(passkeep.DamagedError):
        passkeep.rewrap(path, path, OLD, to=NEW.recipient, overwrite=True)
    assert path.read_bytes() == data
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for source in (tmp_path / "pipe", tmp_path):
        with pytest.raises(passkeep.InvalidInputError, match="pipe"):
            passkeep.rewrap(source, tmp_path / "new", OLD, to=NEW.recipient)


@pytest.mark.parametrize("shift", [0, 1, 4096, 8191])
@pytest.mark.parametrize("way", ["as it is", "no copy_file_range", "refused"])
def test_copying_without_the_kernels_help(shift, way, tmp_path, monkeypatch):
    if way == "no copy_file_range":
        monkeypatch.delattr(os, "copy_file_range")
    elif way == "refused":

        def refuse(*arguments):
            raise OSError(errno.EXDEV, "Invalid cross-device link")

        monkeypatch.setattr(os, "copy_file_range", refuse)
    (tmp_path / "old").write_bytes(b"12345" + DATA)
    with (tmp_path / "old").open("rb") as old, (tmp_path / "new").open("wb+") as new:
        new.write(b"x" * (5 + shift))
        new.flush()
        seen = []
        copied = copying.copy_rest(old.fileno(), 5, new.fileno(), 5 + shift, seen.append)
    assert copied == seen[-1] == len(DATA)
    assert (tmp_path / "new").read_bytes() == b"x" * (5 + shift) + DATA


# The command


def test_the_command(quick, tmp_path, tree):
    keyring = quick.write(tmp_path)
    (tmp_path / "old.txt").write_text(f"{OLD}\n")
    (tmp_path / "digits.txt").write_text(quick.digits)
    ok("backup", tree, "-o", "b.age", "--to", str(OLD.recipient), cwd=tmp_path)
    done = ok(
        *("rewrap", "b.age", "-o", "new.age", "--identity", "old.txt"),
        *("--to-keyring", keyring.name),
        cwd=tmp_path,
    )
    assert "still can" in done.err
    ok("verify", "new.age", "--recovery-key-file", "digits.txt", cwd=tmp_path)
    to_new = ("--recovery-key-file", "digits.txt", "--to", str(NEW.recipient))
    refused = run("rewrap", "new.age", "-o", "new.age", "--force", *to_new, cwd=tmp_path)
    assert_fails(refused, 1)
    ok("verify", "new.age", "--recovery-key-file", "digits.txt", cwd=tmp_path)
    done = ok("rewrap", "new.age", "-o", "bare.age", "--json", *to_new, cwd=tmp_path)
    size = (tmp_path / "bare.age").stat().st_size
    assert json.loads(done.out) == {"output": "bare.age", "bytes": size}
    (tmp_path / "new.age").unlink()
    (tmp_path / "bare.age").rename(tmp_path / "new.age")
    in_place = ("rewrap", "b.age", "-o", "b.age", "--force", "--identity", "old.txt")
    done = ok(*in_place, "--to", str(OLD.recipient), cwd=tmp_path)
    assert "kept a copy" in done.err
    (tmp_path / "new.txt").write_text(f"{NEW}\n")
    ok("verify", "new.age", "--identity", "new.txt", cwd=tmp_path)
    assert_fails(
        run(
            *("rewrap", "new.age", "-o", "b.age", "--identity", "new.txt"),
            *("--to", str(OLD.recipient)),
            cwd=tmp_path,
        ),
        1,
    )
    both = run(
        *("rewrap", "b.age", "-o", "x", "--identity", "old.txt", "--to", str(OLD.recipient)),
        *("--to-keyring", keyring.name),
        cwd=tmp_path,
    )
    assert both.code == 2

"""`passkeep encrypt` and `decrypt`: single streams, as scripts use them."""

from __future__ import annotations

import pytest

import passkeep
from support.cli import assert_fails, ok, run
from support.keyrings import PASSWORD
from support.trees import names

SECRET = {"WORDS": PASSWORD}
MESSAGE = bytes(range(256)) * 1000


@pytest.fixture
def identity(tmp_path):
    """The path of an identity file, and its recipient."""
    made = passkeep.Identity.generate()
    path = tmp_path / "identity.txt"
    path.write_text(f"# a comment\n\n{made}\n")
    return path, str(made.recipient)


@pytest.fixture
def plain(tmp_path):
    path = tmp_path / "plain.bin"
    path.write_bytes(MESSAGE)
    return path


def test_file_to_file(plain, identity, tmp_path):
    path, recipient = identity
    ok("encrypt", plain, "-o", tmp_path / "sealed.age", "--to", recipient)
    ok("decrypt", tmp_path / "sealed.age", "-o", tmp_path / "again.bin", "--identity", path)
    assert (tmp_path / "again.bin").read_bytes() == MESSAGE


def test_stream_to_stream(identity):
    path, recipient = identity
    sealed = ok("encrypt", "--to", recipient, stdin=MESSAGE).out
    assert ok("decrypt", "--identity", path, stdin=sealed).out == MESSAGE
    assert ok("decrypt", "-", "--identity", path, stdin=sealed).out == MESSAGE


def test_nothing_is_a_message_too(identity):
    path, recipient = identity
    sealed = ok("encrypt", "--to", recipient, stdin=b"").out
    assert ok("decrypt", "--identity", path, stdin=sealed).out == b""


@pytest.mark.parametrize("as_file", [False, True])
def test_armor(identity, plain, tmp_path, as_file):
    path, recipient = identity
    output = ("-o", tmp_path / "sealed.txt") if as_file else ()
    sealed = ok("encrypt", plain, "--armor", "--to", recipient, *output).out
    sealed = (tmp_path / "sealed.txt").read_bytes() if as_file else sealed
    lines = sealed.decode("ascii").splitlines()
    assert lines[0] == "-----BEGIN AGE ENCRYPTED FILE-----"
    assert lines[-1] == "-----END AGE ENCRYPTED FILE-----"
    assert {len(line) for line in lines[1:-2]} == {64}
    assert ok("decrypt", "--identity", path, stdin=sealed).out == MESSAGE


def test_several_recipients(identity, tmp_path):
    path, recipient = identity
    other = passkeep.Identity.generate()
    sealed = ok("encrypt", "--to", recipient, "--to", other.recipient, stdin=MESSAGE).out
    assert passkeep.decrypt(sealed, other) == MESSAGE
    assert ok("decrypt", "--identity", path, stdin=sealed).out == MESSAGE


def test_classic_recipients(identity, tmp_path):
    classic = passkeep.X25519Identity.generate()
    sealed = ok("encrypt", "--to", classic.recipient, stdin=MESSAGE).out
    (tmp_path / "classic.txt").write_text(str(classic))
    assert ok("decrypt", "--identity", tmp_path / "classic.txt", stdin=sealed).out == MESSAGE
    mixed = run("encrypt", "--to", classic.recipient, "--to", identity[1], stdin=MESSAGE)
    assert_fails(mixed, 2, hint=False)


def test_a_password(plain, tmp_path):
    sealed = tmp_path / "sealed.age"
    ok("encrypt", plain, "-o", sealed, "-p", "--password-env", "WORDS", env=SECRET)
    assert sealed.read_bytes().split(b"\n")[1].startswith(b"-> scrypt ")
    assert ok("decrypt", sealed, "--password-env", "WORDS", env=SECRET).out == MESSAGE
    wrong = run("decrypt", sealed, "--password-env", "WORDS", env={"WORDS": "something else"})
    assert_fails(wrong, 3)


def test_a_weak_password(plain, tmp_path):
    result = run("encrypt", plain, "-p", "--password-env", "WORDS", env={"WORDS": "hunter2"})
    assert_fails(result, 2)
    assert "hunter2" not in result.err


def test_a_keyring(plain, keyring_path, made, tmp_path):
    sealed = tmp_path / "sealed.age"
    ok("encrypt", plain, "-o", sealed, "--keyring", keyring_path)
    (tmp_path / "key.txt").write_text(made.digits)
    opened = ok("decrypt", sealed, "--keyring", keyring_path, "--password-env", "WORDS", env=SECRET)
    assert opened.out == MESSAGE
    assert ok("decrypt", sealed, "--recovery-key-file", tmp_path / "key.txt").out == MESSAGE


def test_the_default_keyring(plain, made, tmp_path, fresh_machine):
    folder = fresh_machine / "data" / "passkeep"
    folder.mkdir(parents=True)
    made.write(folder)
    sealed = ok("encrypt", plain).out
    opened = ok("decrypt", "--password-env", "WORDS", stdin=sealed, env=SECRET)
    assert opened.out == MESSAGE


def test_recipients_and_passwords_do_not_mix(identity, plain):
    result = run("encrypt", plain, "--to", identity[1], "--password-env", "WORDS", env=SECRET)
    assert result.code == 2
    assert result.out == b""


@pytest.mark.parametrize("recipient", ["age1nonsense", "", "ssh-ed25519 AAAA", "age1pq1"])
def test_a_malformed_recipient(plain, recipient, tmp_path):
    before = names(tmp_path)
    result = run("encrypt", plain, "-o", tmp_path / "sealed.age", "--to", recipient)
    assert_fails(result, 2, hint=False)
    assert names(tmp_path) == before


def test_a_malformed_identity_file_is_named_by_line_and_not_quoted(tmp_path):
    secret = str(passkeep.Identity.generate())
    (tmp_path / "bad.txt").write_text(f"# fine\n{secret[:-1]}\n")
    result = run("decrypt", "--identity", tmp_path / "bad.txt", stdin=b"x")
    assert_fails(result, 2, hint=False)
    assert "2" in result.err
    assert secret[20:30] not in result.err


def test_the_wrong_identity(identity, plain, tmp_path):
    sealed = ok("encrypt", plain, "--to", passkeep.Identity.generate().recipient).out
    (tmp_path / "sealed.age").write_bytes(sealed)
    before = names(tmp_path)
    opening = ("--identity", identity[0])
    assert_fails(run("decrypt", *opening, stdin=sealed), 3)
    assert_fails(run("decrypt", tmp_path / "sealed.age", "-o", tmp_path / "out", *opening), 3)
    assert names(tmp_path) == before


def test_an_existing_output_is_kept_unless_forced(identity, plain, tmp_path):
    path, recipient = identity
    output = tmp_path / "out"
    output.write_text("mine")
    sealing = ("encrypt", plain, "-o", output, "--to", recipient)
    assert_fails(run(*sealing), 1)
    assert output.read_text() == "mine"
    ok(*sealing, "-f")
    assert passkeep.decrypt(output.read_bytes(), passkeep.parse_identity_file(path.read_text()))
    opening = ("decrypt", output, "--identity", path, "-o")
    (tmp_path / "plain again").write_text("mine")
    assert_fails(run(*opening, tmp_path / "plain again"), 1)
    assert (tmp_path / "plain again").read_text() == "mine"


def test_input_and_output_are_one_file(identity, plain, tmp_path):
    (tmp_path / "same").hardlink_to(plain)
    for name in ("plain.bin", "same"):
        result = run("encrypt", plain, "-o", tmp_path / name, "--force", "--to", identity[1])
        assert result.code == 2
        assert plain.read_bytes() == MESSAGE


@pytest.mark.parametrize("armor", [(), ("--armor",)])
def test_damage_on_a_pipe_gives_only_genuine_bytes_and_the_code(identity, armor):
    path, recipient = identity
    sealed = bytearray(ok("encrypt", *armor, "--to", recipient, stdin=MESSAGE).out)
    at = len(sealed) * 4 // 5
    sealed[at] = ord("B") if sealed[at] != ord("B") else ord("C")
    result = run("decrypt", "--identity", path, stdin=bytes(sealed))
    assert result.code == 4
    assert MESSAGE.startswith(result.out)
    assert len(result.out) < len(MESSAGE)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_a_replaced_file_keeps_its_permissions(identity, plain, tmp_path, mode):
    target = tmp_path / "sealed.age"
    target.write_bytes(b"old")
    target.chmod(mode)
    ok("encrypt", plain, "-o", target, "--to", identity[1], "--force")
    assert target.stat().st_mode & 0o7777 == mode
    assert target.read_bytes() != b"old"

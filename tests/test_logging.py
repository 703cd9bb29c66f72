"""The library logs what it does, to whoever asks, and never a secret."""

import json
import logging

import passkeep
from support.cli import ok
from support.keyrings import PASSWORD


def test_a_library_says_nothing_unless_it_is_asked_to():
    handlers = logging.getLogger("passkeep").handlers
    assert any(isinstance(handler, logging.NullHandler) for handler in handlers)


def test_what_is_done_is_logged_without_secrets(made, tree, tmp_path, caplog):
    caplog.set_level(logging.DEBUG, "passkeep")
    keyring = passkeep.Keyring.load(made.write(tmp_path))
    keyring.unlock(password=PASSWORD)
    passkeep.backup(tree, tmp_path / "b.age", to=keyring)
    said = caplog.text
    assert f"unlocked keyring {keyring.id}" in said
    assert f"published {tmp_path / 'b.age'}" in said
    for secret in (PASSWORD, made.digits, made.digits.replace(" ", ""), "AGE-SECRET-KEY"):
        assert secret not in said


def test_verbose_shows_it(made, tree, tmp_path):
    path = made.write(tmp_path)
    out = tmp_path / "b.age"
    done = ok("-v", "backup", tree, "-o", out, "--keyring", path)
    assert f"passkeep.output: published {out}" in done.err
    done = ok("-v", "verify", out, "--keyring", path, "--password-env", "P", env={"P": PASSWORD})
    assert "passkeep.keyring.keyring: unlocked keyring" in done.err
    assert PASSWORD not in done.err
    assert "published" not in ok("backup", tree, "-o", tmp_path / "c.age", "--keyring", path).err


def test_verbose_tells_which_way_in_is_tried_and_no_secret(made, tree, tmp_path):
    path, digits = made.write(tmp_path), tmp_path / "digits"
    digits.write_text(made.digits)
    opened = ("--keyring", path, "--recovery-key-file", digits)
    done = ok("-v", "key", "check", *opened)
    assert "trying the given recovery key" in done.err
    said = done.err.replace(" ", "").lower()
    assert made.digits.replace(" ", "") not in said
    assert "secret-key" not in said


def test_results_as_json(tmp_path):
    env = {"P": PASSWORD}
    keyring, digits = tmp_path / "k.json", tmp_path / "digits"
    made = ok(
        *("init", "--no-passkey", "--password-env", "P", "--json"),
        *("--keyring", keyring, "--recovery-key-out", digits),
        env=env,
    )
    value = json.loads(made.out)
    assert value["keyring"] == str(keyring)
    assert value["id"] == passkeep.Keyring.load(keyring).id
    assert [slot["kind"] for slot in value["slots"]] == ["recovery-key", "password"]

    (tmp_path / "plain").write_bytes(b"Dear Ada")
    sealed, opened = tmp_path / "sealed", tmp_path / "opened"
    to = ("--keyring", keyring)
    done = ok("encrypt", tmp_path / "plain", "-o", sealed, "--json", "--digest", "sha256", *to)
    digest = passkeep.digest(sealed, "sha256").hexdigest()
    assert json.loads(done.out) == {
        "output": str(sealed),
        "bytes": 8,
        "digest": {"algorithm": "sha256", "hex": digest},
    }
    done = ok("decrypt", sealed, "-o", opened, "--json", "--recovery-key-file", digits)
    assert json.loads(done.out) == {"output": str(opened), "bytes": 8}

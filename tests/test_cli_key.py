"""`passkeep key …`: looking after a keyring, and hosts that only back up."""

from __future__ import annotations

import json
import os

import pytest

import passkeep
from support.cli import assert_fails, ok, run
from support.keyrings import PASSWORD, PASSWORD_2

SECRET = {"WORDS": PASSWORD, "NEW": PASSWORD_2}


@pytest.fixture
def recovery(made, tmp_path):
    path = tmp_path / "recovery.txt"
    path.write_text(made.digits)
    return path


@pytest.fixture
def host(tmp_path):
    """The environment of another machine."""
    return {"PASSKEEP_STATE_DIR": str(tmp_path / "host"), "XDG_DATA_HOME": str(tmp_path / "none")}


def test_show(keyring_path, made):
    text = ok("key", "show", "--keyring", keyring_path).out.decode()
    document = made.document()
    assert document["id"] in text
    assert f"Epoch {document['epoch']}" in text
    for slot in document["slots"]:
        assert slot["kind"] in text
        assert slot["label"] in text
    assert "passkeep.localhost" in text
    assert "secret" not in text.lower()


def test_show_as_json(keyring_path, made):
    value = json.loads(ok("key", "show", "--json", "--keyring", keyring_path).out)
    assert value["id"] == made.document()["id"]
    assert value["complete"] is True
    kinds = [slot["kind"] for slot in value["slots"]]
    assert kinds == ["recovery-key", "passkey", "password"]


def test_show_escapes_labels(made, tmp_path):
    document = made.document()
    document["slots"][0]["label"] = "\x1b[31mred\nline"
    (tmp_path / "k.json").write_text(json.dumps(document))
    text = ok("key", "show", "--keyring", tmp_path / "k.json").out.decode()
    assert "\x1b" not in text
    assert "red\nline" not in text


def test_a_new_password_belongs_to_a_password(made, tmp_path):
    path = made.write(tmp_path)
    before = path.read_bytes()
    result = run(
        *("key", "add", "passkey", "--new-password-env", "NEW", "--keyring", path),
        env={"NEW": "x"},
    )
    assert_fails(result, 2, hint=False)
    assert "Only `key add password` takes a new password" in result.err
    assert path.read_bytes() == before


@pytest.mark.parametrize("more", [("--security-key",), ("--rp-id", "localhost")])
@pytest.mark.parametrize("kind", [("password",), ("recipient", "age1pq1")])
def test_what_is_about_passkeys_goes_with_no_other_way_in(made, tmp_path, kind, more):
    path = made.write(tmp_path)
    result = run("key", "add", *kind, *more, "--keyring", path)
    assert_fails(result, 2, hint=False)
    assert "go with `key add passkey`" in result.err
    assert path.read_bytes() == made.text


def test_the_keyring_by_environment(keyring_path):
    ok("key", "show", env={"PASSKEEP_KEYRING": str(keyring_path)})


def test_add_a_password(keyring_path, recovery, tree, tmp_path):
    before = json.loads(keyring_path.read_bytes())["epoch"]
    result = ok(
        *("key", "add", "password", "--new-password-env", "NEW", "--label", "Another"),
        *("--keyring", keyring_path, "--password-env", "WORDS"),
        env=SECRET,
    )
    assert PASSWORD_2 not in result.err
    keyring = passkeep.Keyring.load(keyring_path)
    assert keyring.epoch > before
    assert keyring.slots[-1].label == "Another"
    keyring.unlock(password=PASSWORD_2)
    # The machine that changed it need not trust its own change.
    ok("backup", tree, "-o", tmp_path / "b.age", "--keyring", keyring_path)


def test_add_with_the_wrong_key_changes_nothing(keyring_path, made):
    result = run(
        *("key", "add", "password", "--new-password-env", "NEW"),
        *("--keyring", keyring_path, "--password-env", "NEW"),
        env=SECRET,
    )
    assert_fails(result, 3)
    assert keyring_path.read_bytes() == made.text


def test_a_host_with_only_the_export_backs_up_and_opens_nothing(
    keyring_path, tree, tmp_path, host, recovery
):
    export = tmp_path / "server.json"
    ok("key", "export", "--public", "-o", export, "--keyring", keyring_path)
    sealed = tmp_path / "b.age"
    ok("backup", tree, "-o", sealed, "--keyring", export, env=host)
    for more in ((), ("-o", "-")):
        printed = ok("key", "export", "--public", "--keyring", keyring_path, *more, cwd=tmp_path)
        assert export.read_bytes() == printed.out
    assert not (tmp_path / "-").exists()
    opening = run(
        "restore", sealed, "--keyring", export, "--password-env", "X", env=host | {"X": "x"}
    )
    assert opening.code != 0
    assert not (tmp_path / "out").exists()
    ok("restore", sealed, "-C", tmp_path / "out", "--recovery-key-file", recovery)


def test_no_export_takes_the_keyrings_place(keyring_path):
    before = keyring_path.read_bytes()
    for words in (("--public", "-o"), ("--identity-out",)):
        asked = ("key", "export", *words, keyring_path, "--force", "--keyring", keyring_path)
        assert_fails(run(*asked, "--password-env", "WORDS", env=SECRET), 2, hint=False)
        assert keyring_path.read_bytes() == before


def test_an_export_is_no_keyring_and_the_error_says_so(keyring_path, tmp_path):
    export = tmp_path / "server.json"
    ok("key", "export", "--public", "-o", export, "--keyring", keyring_path)
    result = run("key", "show", "--keyring", export)
    assert_fails(result, 4)
    assert "public" in result.err.lower() or "keyring/1" in result.err


def test_a_changed_export_is_refused_until_it_is_trusted(keyring_path, tree, tmp_path, host):
    export = tmp_path / "server.json"
    ok("key", "export", "--public", "-o", export, "--keyring", keyring_path)
    sealing = ("backup", tree, "--keyring", export, "-o")
    ok(*sealing, tmp_path / "1.age", env=host)
    changed = json.loads(export.read_bytes())
    changed["recipient"] = str(passkeep.Identity.generate().recipient)
    export.write_text(json.dumps(changed))
    result = run(*sealing, tmp_path / "2.age", env=host)
    assert_fails(result, 1)
    assert "key trust" in result.err
    assert not (tmp_path / "2.age").exists()
    said = ok("key", "trust", export, env=host).err
    assert passkeep.PublicKeyring.load(export).fingerprint in said
    ok(*sealing, tmp_path / "2.age", env=host)


@pytest.mark.parametrize("command", ["backup", "encrypt"])
def test_a_changed_export_seals_nothing_with_any_command(
    command, keyring_path, tree, tmp_path, host
):
    export, source = tmp_path / "server.json", tree / "letter.txt"
    ok("key", "export", "--public", "-o", export, "--keyring", keyring_path)
    ok("backup", tree, "--keyring", export, "-o", tmp_path / "1.age", env=host)
    changed = json.loads(export.read_bytes())
    changed["recipient"] = str(passkeep.Identity.generate().recipient)
    export.write_text(json.dumps(changed))
    result = run(command, source, "-o", tmp_path / "2.age", "--keyring", export, env=host)
    assert_fails(result, 1)
    assert not (tmp_path / "2.age").exists()


def test_export_shows_the_fingerprint_that_trust_shows(keyring_path, tmp_path):
    export = tmp_path / "server.json"
    exported = ok("key", "export", "--public", "-o", export, "--keyring", keyring_path).err
    trusted = ok("key", "trust", export).err
    assert exported.split()[-1] == trusted.split()[-1]
    assert len(exported.split()[-1]) == 64
    assert_fails(run("key", "export", "--public", "-o", export, "--keyring", keyring_path), 1)


def test_export_needs_public(keyring_path):
    assert run("key", "export", "--keyring", keyring_path).code == 2


def test_no_secret_is_in_the_arguments_of_a_running_command(keyring_path, tmp_path):
    """Options take names of variables, files and descriptors; there is none for a secret."""
    for command in (("init",), ("restore",), ("decrypt",), ("encrypt",), ("key", "add")):
        text = ok(*command, "--help").out.decode()
        assert "--password VALUE" not in text
        assert "--password TEXT" not in text
        assert "--recovery-key TEXT" not in text
    assert os.environ.get("WORDS") is None

"""What a machine remembers of keyrings, and what it must not learn from strangers."""

import pytest

import passkeep
from passkeep.age import bech32, fido2prf
from passkeep.keyring import strict_json


@pytest.fixture
def export(quick_keyring, tmp_path):
    path = tmp_path / "server.json"
    quick_keyring.public().save(path)
    return path


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


def strangers_export():
    keyring = passkeep.Keyring.create()
    keyring.confirm_recovery_key(keyring.new_recovery_key())
    return keyring.public()


def test_another_keyring_in_the_same_file_is_refused(export, tree, tmp_path):
    """The id in a file is chosen by whoever wrote it, so the file is pinned as well."""
    passkeep.backup(tree, tmp_path / "1.age", to=passkeep.PublicKeyring.load(export))
    strangers_export().save(export, overwrite=True)
    changed = passkeep.PublicKeyring.load(export)
    with pytest.raises(passkeep.KeyringError, match="not what this machine used before"):
        passkeep.backup(tree, tmp_path / "2.age", to=changed)
    assert not (tmp_path / "2.age").exists()
    passkeep.State().trust(changed.id, changed.fingerprint, changed.origin)
    passkeep.backup(tree, tmp_path / "2.age", to=changed)


def test_a_claimed_epoch_is_not_remembered(quick, export, tree, tmp_path):
    """Nobody has verified an export, so it cannot lock out the keyring itself."""
    value = strict_json.loads(export.read_bytes(), "an export")
    value["epoch"] = (1 << 53) - 1
    claiming = passkeep.PublicKeyring.from_json(value)
    passkeep.backup(tree, tmp_path / "1.age", to=claiming)
    keyring = passkeep.Keyring.load(quick.write(tmp_path, "again.json"))
    assert keyring.unlock(recovery_key=quick.digits)


def test_a_machine_that_cannot_remember_lets_a_person_in(quick, quick_keyring, tmp_path, caplog):
    (tmp_path / "state").write_text("no folder")
    state = passkeep.State(tmp_path / "state")
    assert quick_keyring.unlock(recovery_key=quick.digits, state=state)
    assert "was not checked" in caplog.text
    # What seals unattended cannot do without: nobody would notice.
    with pytest.raises(OSError, match="Not a directory"):
        quick_keyring.pinned(state)


def test_a_locked_keyring_is_not_saved(quick_keyring, tmp_path):
    with pytest.raises(passkeep.KeyringError, match="locked"):
        quick_keyring.save(tmp_path / "copy.json")
    assert not (tmp_path / "copy.json").exists()


@pytest.mark.parametrize("items", [b"\x1b", b"\xa1\x80\x01", b"\xf5\x41a\x61b\x80"])
def test_hostile_credentials_are_malformed(items):
    text = bech32.encode(fido2prf.CREDENTIAL_PREFIX, items).upper()
    with pytest.raises(passkeep.InvalidInputError):
        fido2prf.Credential.from_string(text)


def test_deep_documents_are_damaged():
    deep = []
    for _ in range(3000):
        deep = [deep]
    with pytest.raises(passkeep.DamagedError):
        strict_json.canonical({"deep": deep})


def test_a_password_that_is_no_text_stays_secret():
    with pytest.raises(passkeep.InvalidInputError) as caught:
        passkeep.Password("caf\udce9-secret")
    assert caught.value.__suppress_context__
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_link_in_the_place_of_a_keyring_is_no_first_use(export, kind, tmp_path):
    """Neither a name that becomes a link nor a link that leads elsewhere."""
    named = export
    if kind == "link":
        named = tmp_path / "link.json"
        named.symlink_to(export)
    passkeep.PublicKeyring.load(named).pinned()
    strangers_export().save(tmp_path / "stranger.json")
    named.unlink()
    named.symlink_to("stranger.json")
    with pytest.raises(passkeep.KeyringError, match="not what this machine used"):
        passkeep.PublicKeyring.load(named).pinned()

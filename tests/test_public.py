"""Public exports: what a host has that backs up and can open nothing."""

from __future__ import annotations

import dataclasses
import json
import os

import pytest

import passkeep
from support.passkeys import SoftwarePasskeys
from support.trees import names


@pytest.fixture
def public(quick_keyring):
    return quick_keyring.public()


def test_an_export_reads_back(public, tmp_path):
    public.save(tmp_path / "public.json")
    loaded = passkeep.PublicKeyring.load(tmp_path / "public.json")
    assert loaded == public
    assert loaded.fingerprint == public.fingerprint
    with pytest.raises(passkeep.OutputError):
        public.save(tmp_path / "public.json")


def test_a_locked_keyring_and_an_unlocked_one_export_the_same(quick_keyring, quick, public):
    quick_keyring.unlock(recovery_key=quick.digits)
    assert quick_keyring.public() == public


def test_an_export_holds_no_labels_and_nothing_that_opens(public, quick):
    text = public.to_bytes().decode()
    assert set(json.loads(text)) == {"passkeep", "id", "epoch", "recipient", "recovery", "travel"}
    assert "SECRET-KEY" not in text.upper()
    assert quick.digits.replace(" ", "") not in text


def test_backing_up_pins_the_export_and_refuses_another(public, tree, tmp_path, quick):
    passkeep.backup(tree, tmp_path / "1.age", to=public)
    changed = dataclasses.replace(
        public, recipient=str(passkeep.Identity.generate().recipient), epoch=public.epoch + 1
    )
    with pytest.raises(passkeep.KeyringError, match="not what this machine used") as caught:
        passkeep.backup(tree, tmp_path / "2.age", to=changed)
    assert "key trust" in caught.value.hint
    assert names(tmp_path) == ["1.age", "quick.json", "tree"]
    # The refusal did not replace the pin.
    passkeep.backup(tree, tmp_path / "3.age", to=public)
    with pytest.raises(passkeep.KeyringError):
        passkeep.backup(tree, tmp_path / "4.age", to=changed)


@pytest.mark.parametrize("member", ["recipient", "recovery", "epoch", "travel"])
def test_every_member_is_pinned(public, tree, tmp_path, member, made):
    passkeep.backup(tree, tmp_path / "1.age", to=public)
    other = passkeep.PublicKeyring.from_json(made.document() | {"passkeep": "public/1"})
    value = public.epoch + 1 if member == "epoch" else getattr(other, member)
    changed = dataclasses.replace(public, **{member: value})
    with pytest.raises(passkeep.KeyringError):
        passkeep.backup(tree, tmp_path / "2.age", to=changed)
    assert not (tmp_path / "2.age").exists()


def test_trust_accepts_a_change(public, tree, tmp_path):
    passkeep.backup(tree, tmp_path / "1.age", to=public)
    changed = dataclasses.replace(public, recipient=str(passkeep.Identity.generate().recipient))
    passkeep.State().trust(changed.id, changed.fingerprint)
    passkeep.backup(tree, tmp_path / "2.age", to=changed)
    with pytest.raises(passkeep.KeyringError):
        passkeep.backup(tree, tmp_path / "3.age", to=public)


def test_a_machine_that_changes_its_keyring_itself_need_not_trust_it(quick, tree, tmp_path):
    path = quick.write(tmp_path)
    keyring = passkeep.Keyring.load(path)
    passkeep.backup(tree, tmp_path / "1.age", to=keyring)
    keyring.unlock(recovery_key=quick.digits)
    keyring.add_passkey(SoftwarePasskeys())
    keyring.save(path)
    passkeep.backup(tree, tmp_path / "2.age", to=passkeep.Keyring.load(path))


def test_the_api_pins_a_keyring_as_it_pins_its_export(quick_keyring, public, tree, tmp_path):
    passkeep.backup(tree, tmp_path / "1.age", to=quick_keyring)
    changed = dataclasses.replace(public, recipient=str(passkeep.Identity.generate().recipient))
    with pytest.raises(passkeep.KeyringError):
        passkeep.backup(tree, tmp_path / "2.age", to=changed)


def test_a_damaged_record_is_not_taken_for_a_first_use(public, tree, tmp_path):
    passkeep.backup(tree, tmp_path / "1.age", to=public)
    records = [path for path in state_folder().rglob("*") if path.is_file()]
    assert sorted(path.parent.name for path in records) == ["files", "keyrings"]
    for record in records:
        genuine = record.read_bytes()
        for text in ("", "{}", '{"epoch": 1}', "\0" * 100, '{"epoch": 1, "pin": "", "pin": "x"}'):
            record.write_text(text)
            with pytest.raises(passkeep.KeyringError, match="damaged"):
                passkeep.backup(tree, tmp_path / "2.age", to=public)
        record.write_bytes(genuine)
    assert not (tmp_path / "2.age").exists()


def test_an_export_cannot_open_what_it_wrote(public, tree, tmp_path, quick):
    backup = tmp_path / "1.age"
    passkeep.backup(tree, backup, to=public)
    assert not hasattr(public, "unlock")
    assert not hasattr(public, "unwrap")
    with pytest.raises(passkeep.WrongKeyError):
        passkeep.verify(backup, passkeep.Identity.generate())
    assert passkeep.verify(backup, passkeep.Unlock(recovery_key=quick.digits)).files == 2


def change_and_load(public, tmp_path, change):
    value = json.loads(public.to_bytes())
    change(value)
    (tmp_path / "public.json").write_text(json.dumps(value))
    return passkeep.PublicKeyring.load(tmp_path / "public.json")


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("passkeep", "public/2", passkeep.NewerVersionError),
        ("passkeep", "keyring/1", passkeep.DamagedError),
        ("id", "../" * 10 + "xx", passkeep.DamagedError),
        ("epoch", "1", passkeep.DamagedError),
        ("travel", "", passkeep.DamagedError),
        ("travel", "AAAA", passkeep.DamagedError),
        ("recipient", "age1pq1nonsense", passkeep.PasskeepError),
        ("recovery", "", passkeep.PasskeepError),
    ],
)
def test_malformed_exports(public, tmp_path, name, value, kind):
    with pytest.raises(kind):
        change_and_load(public, tmp_path, lambda export: export.__setitem__(name, value))


def test_a_malformed_recipient_in_an_export_is_damage_and_no_usage_error(public, tmp_path):
    # The person typed nothing wrong: what came out of the file is.
    with pytest.raises(passkeep.DamagedError):
        change_and_load(public, tmp_path, lambda e: e.__setitem__("recipient", "age1pq1nonsense"))


def state_folder():
    from pathlib import Path

    return Path(os.environ["PASSKEEP_STATE_DIR"])

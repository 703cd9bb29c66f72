"""Password managers hear of passkeys that were removed or renamed, on a page opened anyway."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import passkeep
from passkeep.age.fido2prf import Credential
from passkeep.keyring.notices import Notices
from passkeep.prf import Notice
from support.browser import PHONE, Chromium
from support.cli import ok
from support.keyrings import Made
from support.waiting import wait_until

NO_SIGNALS = """
delete PublicKeyCredential.signalUnknownCredential;
delete PublicKeyCredential.signalCurrentUserDetails;
"""


@pytest.fixture(scope="module")
def one_chromium() -> Iterator[Chromium]:
    with Chromium() as chromium:
        yield chromium


@pytest.fixture
def chromium(one_chromium: Chromium) -> Chromium:
    one_chromium.use_authenticator(PHONE)
    return one_chromium


@pytest.fixture
def keyring(chromium: Chromium, tmp_path: Path) -> Path:
    """A keyring with the passkeys "Laptop" and "Lost"."""
    path, key = tmp_path / "keyring.json", tmp_path / "key.txt"
    init = ("init", "--keyring", path, "--recovery-key-out", key, "--label", "Laptop")
    ok(*init, env=chromium.environment)
    lost = ("key", "add", "passkey", "--label", "Lost", "--keyring", path)
    ok(*lost, "--recovery-key-file", key, env=chromium.environment)
    return path


def listed(chromium: Chromium) -> set[bytes]:
    return {b64decode(each["credentialId"]) for each in chromium.credentials()}


def names(chromium: Chromium) -> set[str]:
    return {each["userName"] for each in chromium.credentials()}


def ids(keyring: Path) -> set[bytes]:
    slots = passkeep.Keyring.load(keyring).slots
    return {
        Credential.from_string(slot.credential.identity).id for slot in slots if slot.credential
    }


def test_a_removed_passkey_leaves_the_list(chromium: Chromium, keyring: Path) -> None:
    """Not by the removal itself, which needs no browser, but by the next page."""
    key = ("--keyring", keyring, "--recovery-key-file", keyring.parent / "key.txt")
    before = listed(chromium)
    said = ok("key", "remove", "Lost", *key, env={"BROWSER": "false"}).err
    assert "may still list its passkey" in said
    assert listed(chromium) == before
    # What is to be told survives commands without a page.
    ok("key", "rotate", *key)
    ok("key", "check", "--with", "passkey", "--keyring", keyring, env=chromium.environment)
    wait_until(lambda: listed(chromium) == ids(keyring))
    assert len(before) == 2
    state = passkeep.State().folder
    loaded = passkeep.Keyring.load(keyring)
    assert Notices(state, loaded.id).pending(loaded.slots) == []


def test_a_renamed_passkey_is_listed_by_its_new_name(chromium: Chromium, keyring: Path) -> None:
    key = ("--keyring", keyring, "--recovery-key-file", keyring.parent / "key.txt")
    ok("key", "rename", "Laptop", "Old laptop", *key)
    assert not any("Old laptop" in name for name in names(chromium))
    lost = passkeep.Keyring.load(keyring).slots[-1]
    assert lost.credential
    chromium.forget(Credential.from_string(lost.credential.identity).id)
    ok("key", "check", "--with", "passkey", "--keyring", keyring, env=chromium.environment)
    (name,) = names(chromium)
    assert name.startswith("passkeep backup key · Old laptop · 20")
    assert name.endswith(" · do not delete")


def test_a_browser_that_cannot_tell_is_no_obstacle(chromium: Chromium, keyring: Path) -> None:
    key = ("--keyring", keyring, "--recovery-key-file", keyring.parent / "key.txt")
    ok("key", "remove", "Lost", *key)
    early = chromium.cdp("Page.addScriptToEvaluateOnNewDocument", source=NO_SIGNALS)
    check = ("key", "check", "--with", "passkey", "--keyring", keyring)
    try:
        ok(*check, env=chromium.environment)
    finally:
        chromium.cdp("Page.removeScriptToEvaluateOnNewDocument", identifier=early["identifier"])
    assert len(listed(chromium)) == 2
    ok(*check, env=chromium.environment)
    wait_until(lambda: listed(chromium) == ids(keyring))


def test_a_folder_that_cannot_be_written_is_no_obstacle(
    quick: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSKEEP_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "notices").write_text("in the way")
    path, key = quick.write(tmp_path), tmp_path / "key.txt"
    key.write_text(quick.digits)
    remove = ("key", "remove", "Laptop", "--allow-last", "--keyring", path)
    said = ok(*remove, "--recovery-key-file", key).err
    assert "Removed Laptop" in said
    assert "may still list" not in said


# What is remembered


@pytest.fixture
def slot(quick: Made, tmp_path: Path) -> passkeep.Slot:
    return passkeep.Keyring.load(quick.write(tmp_path)).slots[-1]


def credential_of(slot: passkeep.Slot) -> Credential:
    assert slot.credential
    return Credential.from_string(slot.credential.identity)


def test_what_is_told_is_forgotten(slot: passkeep.Slot, tmp_path: Path) -> None:
    notices = Notices(tmp_path, "00" * 16)
    assert notices.add(slot, None)
    assert notices.pending([]) == [Notice(credential_of(slot), None, slot.created[:7])]
    notices.forget({b"another"})
    assert notices.pending([])
    notices.forget({credential_of(slot).id})
    assert notices.pending([]) == []


def test_a_passkey_that_opens_the_keyring_after_all_is_not_called_unknown(
    slot: passkeep.Slot, tmp_path: Path
) -> None:
    notices = Notices(tmp_path, "00" * 16)
    notices.add(slot, None)
    assert notices.pending([slot]) == []
    notices.add(slot, "New")
    assert notices.pending([slot]) == []
    assert [each.label for each in notices.pending([replace(slot, label="New")])] == ["New"]


def test_only_passkeys_that_a_browser_could_list(slot: passkeep.Slot, tmp_path: Path) -> None:
    notices = Notices(tmp_path, "00" * 16)
    assert slot.credential
    on_a_key = replace(slot, credential=replace(slot.credential, discoverable=False))
    assert not notices.add(on_a_key, None)
    assert not notices.add(replace(slot, credential=None), None)
    assert notices.pending([]) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"notices":[{}]}', '{"notices":[7]}'])
def test_a_damaged_record_is_none(slot: passkeep.Slot, tmp_path: Path, text: str) -> None:
    notices = Notices(tmp_path, "00" * 16)
    notices.add(slot, None)
    (tmp_path / "notices" / f"{'00' * 16}.json").write_text(text)
    assert notices.pending([]) == []
    assert notices.add(slot, None)
    assert len(notices.pending([])) == 1

"""The command line with a passkey in a real browser."""

from __future__ import annotations

import pytest

import passkeep
from support.browser import Chromium
from support.cli import ok, run
from support.keyrings import PASSWORD
from support.trees import differences


@pytest.fixture(scope="module")
def browsing():
    with Chromium() as chromium:
        yield chromium


@pytest.fixture
def chromium(browsing):
    """The browser, with an authenticator that holds nothing yet."""
    for credential in browsing.credentials():
        browsing.cdp(
            "WebAuthn.removeCredential",
            authenticatorId=browsing.authenticator,
            credentialId=credential["credentialId"],
        )
    return browsing


def make(chromium, tmp_path, *options, env=None):
    path = tmp_path / "keyring.json"
    ok(
        *("init", "--keyring", path, "--recovery-key-out", tmp_path / "key.txt", *options),
        env=chromium.environment | (env or {}),
    )
    return path


def test_a_tap_makes_a_keyring_and_a_tap_restores_without_it(chromium, tree, tmp_path):
    path = make(chromium, tmp_path, "--label", "My phone")
    (credential,) = chromium.credentials()
    assert credential["rpId"] == "passkeep.localhost"
    slot = passkeep.Keyring.load(path).slots[-1]
    assert (slot.kind, slot.label) == ("passkey", "My phone")
    ok("backup", tree, "-o", tmp_path / "b.age", "--keyring", path)
    path.unlink()
    ok(
        *("restore", tmp_path / "b.age", "-C", tmp_path / "out", "--with", "passkey"),
        env=chromium.environment,
    )
    assert differences(tree, tmp_path / "out" / "tree") == []


def test_a_passkey_is_added_to_a_keyring(chromium, tree, tmp_path):
    path = tmp_path / "keyring.json"
    ok(
        *("init", "--no-passkey", "--keyring", path, "--password-env", "WORDS"),
        *("--recovery-key-out", tmp_path / "key.txt"),
        env={"WORDS": PASSWORD},
    )
    epoch = passkeep.Keyring.load(path).epoch
    ok(
        *("key", "add", "passkey", "--label", "Laptop"),
        *("--keyring", path, "--password-env", "WORDS"),
        env=chromium.environment | {"WORDS": PASSWORD},
    )
    keyring = passkeep.Keyring.load(path)
    assert keyring.epoch > epoch
    assert keyring.slots[-1].label == "Laptop"
    ok("backup", tree, "-o", tmp_path / "b.age", "--keyring", path)
    ok(
        "verify",
        tmp_path / "b.age",
        "--keyring",
        path,
        "--with",
        "passkey",
        env=chromium.environment,
    )
    # A second one, opened with the first.
    ok(
        *("key", "add", "passkey", "--label", "Key", "--keyring", path, "--with", "passkey"),
        env=chromium.environment,
    )
    assert len(chromium.credentials()) == 2


def test_a_tap_checks_adopts_and_closes_another_way_in(chromium, tree, tmp_path):
    path = make(chromium, tmp_path, "--label", "Laptop")
    tap = ("--keyring", path, "--with", "passkey")
    said = ok("key", "check", *tap, env=chromium.environment).err
    assert "Laptop (passkey) opens the keyring" in said
    ok(*("key", "add", "passkey", "--label", "Lost", *tap), env=chromium.environment)
    ok("backup", tree, "-o", tmp_path / "b.age", "--keyring", path)
    path.unlink()
    ok("key", "adopt", tmp_path / "b.age", *tap, env=chromium.environment)
    lost = passkeep.Keyring.load(path).slots[-1]
    assert lost.label == "Lost"
    ok("key", "remove", "Lost", *tap, env=chromium.environment)
    assert [slot.label for slot in passkeep.Keyring.load(path).slots] == ["Recovery key", "Laptop"]


def test_a_browser_that_cannot_make_one_leaves_a_keyring_that_works(tree, tmp_path):
    with Chromium({"transport": "internal", "hasPrf": False}) as chromium:
        result = run(
            *("init", "--keyring", tmp_path / "k.json"),
            *("--recovery-key-out", tmp_path / "key.txt"),
            env=chromium.environment,
        )
    assert result.code == 1
    assert "key add passkey" in result.err
    ok("backup", tree, "-o", tmp_path / "b.age", "--keyring", tmp_path / "k.json")
    ok("verify", tmp_path / "b.age", "--recovery-key-file", tmp_path / "key.txt")

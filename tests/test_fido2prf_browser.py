"""npm's age-encryption in a real Chromium, and passkeep, with the same passkey."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import passkeep
from passkeep.age.fido2prf import Credential
from passkeep.age.keys import read_identity_file
from passkeep.errors import CeremonyError
from passkeep.passkey import Browser, PasskeyIdentity
from support.browser import OLD_SECURITY_KEY, PHONE, SECURITY_KEY, Chromium
from support.ceremonies import play
from support.cli import ok, run
from support.npm import AgeEncryption, serve
from support.trees import differences

OURS = "passkeep.localhost"
_RECOVERY = (Path(__file__).parents[1] / "docs" / "recovery.md").read_text("utf-8")
RECIPE = _RECOVERY.partition('```js\nimport * as age from "age-encryption";\n')[2].partition("```")[
    0
]
"""How the page on recovery opens a passkey's slot."""

PLAIN = b"Dear Ada"


@pytest.fixture(scope="module")
def one_chromium() -> Iterator[Chromium]:
    with Chromium() as browser:
        yield browser


@pytest.fixture
def chromium(one_chromium: Chromium) -> Chromium:
    one_chromium.use_authenticator(PHONE)
    return one_chromium


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serve() as number:
        yield number


@pytest.fixture
def page(chromium: Chromium, port: int) -> AgeEncryption:
    """age-encryption on a page of passkeep's own RP ID."""
    return AgeEncryption(chromium, port, OURS)


def identity_file(tmp_path: Path, *lines: str) -> tuple[str, Path]:
    path = tmp_path / "identity.txt"
    path.write_text("".join(f"{line}\n" for line in ("# age-encryption", *lines)))
    return "--identity", path


@pytest.mark.parametrize("rp_id", [OURS, "localhost"])
@pytest.mark.parametrize(
    "authenticator",
    [PHONE, SECURITY_KEY, OLD_SECURITY_KEY],
    ids=["phone", "security key", "old security key"],
)
def test_each_opens_what_the_other_encrypted(chromium, port, tmp_path, rp_id, authenticator):
    chromium.use_authenticator(authenticator)
    page = AgeEncryption(chromium, port, rp_id)
    security_key = authenticator is not PHONE
    theirs = page.create(security_key=security_key)
    credential = Credential.from_string(theirs)
    assert credential.to_string() == theirs
    assert (credential.rp_id, credential.transports) == (rp_id, (authenticator["transport"],))
    assert [each["isResidentCredential"] for each in chromium.credentials()] == [not security_key]
    named = identity_file(tmp_path, theirs)
    sealed = page.encrypt(PLAIN, theirs)
    done = ok("decrypt", *named, stdin=sealed, env=chromium.environment)
    assert done.out == PLAIN
    assert "takes a tap" in done.err
    done = ok("encrypt", "--to", theirs, stdin=PLAIN, env=chromium.environment)
    assert "Encrypting to a passkey takes a tap." in done.err
    assert page.decrypt(done.out, theirs) == PLAIN


@pytest.mark.parametrize("size", [0, 65_536, 300_000])
def test_files_of_other_sizes_armored_and_by_the_library(chromium, page, size):
    theirs, plain = page.create(), os.urandom(size)
    passkey = PasskeyIdentity(theirs, Browser(open_url=chromium.open_and_click, timeout=20))
    assert passkeep.decrypt(page.encrypt(plain, theirs), passkey) == plain
    armored = passkeep.encrypt(plain, to=passkey, armored=True)
    assert page.decrypt(page.dearmor(armored.decode()), theirs) == plain
    assert passkeep.decrypt(armored, passkey) == plain


def test_a_discoverable_passkey_needs_no_identity_string_there(chromium, page):
    sealed = ok("encrypt", "-r", page.create(), stdin=PLAIN, env=chromium.environment).out
    assert page.decrypt(sealed, None) == PLAIN


def test_age_encryption_takes_a_keyring_apart_with_its_passkey(chromium, page, tree, tmp_path):
    """docs/recovery.md: a passkey's slot, the root, and with it every backup."""
    keyring, backup = tmp_path / "keyring.json", tmp_path / "b.age"
    ok(
        *("init", "--keyring", keyring, "--recovery-key-out", tmp_path / "digits"),
        env=chromium.environment,
    )
    ok("backup", tree, "-o", backup, "--keyring", keyring)
    exported = ok("key", "export", "--passkeys", "--keyring", keyring).out.decode()
    (credential,) = read_identity_file(exported)
    assert isinstance(credential, Credential)
    ours = credential.to_string()
    # The string is one that age-encryption encrypts to, and opens with.
    sealed = page.encrypt(PLAIN, ours)
    (tmp_path / "passkeys.txt").write_text(exported)
    done = ok("decrypt", "-i", tmp_path / "passkeys.txt", stdin=sealed, env=chromium.environment)
    assert done.out == PLAIN
    document = json.loads(keyring.read_bytes())
    (slot,) = (slot for slot in document["slots"] if slot["kind"] == "passkey")
    secret = page.run(f"const slot = options;\n{RECIPE}\nreturn secret", slot).strip()
    root = passkeep.decrypt(document["root"].encode(), secret)
    identities = passkeep.parse_identity_file(root.decode())
    passkeep.restore(backup, tmp_path / "out", identities)
    assert differences(tree, tmp_path / "out" / "tree") == []


def test_another_passkey_of_the_file_s_domain_does_not_open_it(chromium, page, tmp_path):
    mine, other = page.create(), page.create()
    assert mine != other
    sealed = page.encrypt(PLAIN, mine)
    named = identity_file(tmp_path, other)
    done = run("decrypt", *named, stdin=sealed, env=chromium.environment)
    assert done.code == 3
    assert done.out == b""
    assert "not encrypted to it" in done.err
    # With both in the file, one prompt offers both, and each is asked in turn.
    chromium.forget(Credential.from_string(other).id)
    named = identity_file(tmp_path, other, mine)
    assert ok("decrypt", *named, stdin=sealed, env=chromium.environment).out == PLAIN


def test_a_file_for_two_passkeys_takes_up_to_two_taps(chromium, page, tmp_path):
    first, second = page.create(), page.create()
    sealed = ok("encrypt", "-r", first, "-r", second, stdin=PLAIN, env=chromium.environment).out
    for text in (first, second):
        assert page.decrypt(sealed, text) == PLAIN
        named = identity_file(tmp_path, text)
        assert ok("decrypt", *named, stdin=sealed, env=chromium.environment).out == PLAIN


@pytest.mark.parametrize("why", ["removed", "not verified"])
def test_nobody_answers(chromium, page, why):
    theirs = page.create()
    sealed = page.encrypt(PLAIN, theirs)
    if why == "removed":
        chromium.forget(Credential.from_string(theirs).id)
    else:
        chromium.set_user_verified(False)

    def scene(url: str) -> None:
        chromium.open_and_click(url)
        chromium.wait_for("No passkey answered")
        chromium.click("cancel")

    with pytest.raises(CeremonyError, match="No passkey answered") as caught:
        play(lambda browser: passkeep.decrypt(sealed, PasskeyIdentity(theirs, browser)), scene)
    assert "recovery key" not in caught.value.hint

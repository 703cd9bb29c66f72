"""Files that are encrypted to passkeys themselves, in the library and on the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import passkeep
from passkeep import Identity, InvalidInputError, WrongKeyError, _native
from passkeep.age import base64, header, keys
from passkeep.age.fido2prf import STANZA_TYPE, Credential
from passkeep.age.header import Stanza
from passkeep.errors import CeremonyError, DamagedError, LimitError
from passkeep.passkey import PasskeyIdentity, SecurityKey
from passkeep.prf import PasskeyClient
from support import softkey_file
from support.cli import assert_fails, run
from support.person import Person, plug_in
from support.security_keys import tap
from support.softkey import SoftKey


class Drawer:
    """Security keys in software, of which the person takes those that are plugged in."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *keys: SoftKey) -> None:
        self._monkeypatch = monkeypatch
        self.client = SecurityKey(Person())
        self.texts = []
        for key in keys:
            plug_in(monkeypatch, [key])
            made = self.client.enroll(label="Key", nonce=bytes(16))
            self.texts.append(made.credential.to_string())
            key.touches = 0

    def take(self, key: SoftKey) -> PasskeyClient:
        plug_in(self._monkeypatch, [key])
        return self.client


@pytest.fixture
def keys_() -> list[SoftKey]:
    return [SoftKey(), SoftKey()]


@pytest.fixture
def drawer(keys_, monkeypatch) -> Drawer:
    return Drawer(monkeypatch, *keys_)


@pytest.mark.parametrize("cipher", ["age", "aes-256-gcm"])
def test_each_use_takes_a_tap(drawer, keys_, cipher):
    key = keys_[1]
    passkey = PasskeyIdentity(f" {drawer.texts[1].lower()}\n", drawer.client)
    sealed = passkeep.encrypt(b"Dear Ada", to=passkey, cipher=cipher)
    assert key.touches == 1
    assert passkeep.decrypt(sealed, passkey) == b"Dear Ada"
    assert key.touches == 2
    assert sealed != passkeep.encrypt(b"Dear Ada", to=passkey, cipher=cipher)
    assert passkey.credentials == (Credential.from_string(drawer.texts[1]),)


def test_whichever_of_several_passkeys_is_at_hand(drawer, keys_):
    to = [
        PasskeyIdentity(text, drawer.take(key))
        for text, key in zip(drawer.texts, keys_, strict=True)
    ]
    drawer.take(keys_[0])
    first = passkeep.encrypt(b"x", to=to[0])
    both = PasskeyIdentity(drawer.texts, drawer.client)
    assert passkeep.decrypt(first, both) == b"x"
    drawer.take(keys_[1])
    with pytest.raises(WrongKeyError, match="not encrypted to it"):
        passkeep.decrypt(first, both)
    assert [key.touches for key in keys_] == [2, 1]


def test_a_file_for_several_passkeys_asks_until_one_opens(monkeypatch, drawer, keys_):
    """Stanzas do not say whose they are, so the second one takes a second tap."""
    file_key = bytes(16)
    stanzas = []
    for text, key in zip(drawer.texts, keys_, strict=True):
        stanzas += PasskeyIdentity(text, drawer.take(key)).wrap(file_key)
    for text, key, touches in zip(drawer.texts, keys_, (1, 2), strict=True):
        key.touches = 0
        assert PasskeyIdentity(text, drawer.take(key)).unwrap(stanzas) == file_key
        assert key.touches == touches


def test_a_passkey_beside_recipients(drawer):
    identity = Identity.generate()
    passkey = PasskeyIdentity(drawer.texts[1], drawer.client)
    sealed = passkeep.encrypt(b"x", to=[identity.recipient, passkey])
    for opens in (identity, passkey, [Identity.generate(), passkey]):
        assert passkeep.decrypt(sealed, opens) == b"x"


class Nobody:
    """A client that must not be asked."""

    def enroll(self, *, label: str, nonce: bytes):
        raise AssertionError

    def evaluate(self, questions):
        raise AssertionError


ANY = Credential(b"id", "example.org", ()).to_string()


def test_nobody_is_asked_in_vain():
    passkey = PasskeyIdentity(ANY, Nobody())
    sealed = passkeep.encrypt(b"x", to=Identity.generate().recipient)
    with pytest.raises(WrongKeyError):
        passkeep.decrypt(sealed, passkey)
    good = Stanza(STANZA_TYPE, (base64.encode(bytes(16)),), bytes(32))
    for bad in (Stanza(STANZA_TYPE, (), bytes(32)), Stanza(STANZA_TYPE, ("AAAA",), bytes(32))):
        with pytest.raises(DamagedError):
            passkey.unwrap([good, bad])
    with pytest.raises(LimitError, match="17 passkeys; the limit is 16"):
        passkey.unwrap([good] * 17)


def test_a_changed_header_is_not_believed(drawer):
    passkey = PasskeyIdentity(drawer.texts[1], drawer.client)
    file_key = os.urandom(16)
    stanzas = [*passkey.wrap(file_key), Stanza("stranger", (), b"")]
    head = header.serialize(stanzas, os.urandom(16))
    sealed = _native.seal_bytes(b"x", head, _native.PayloadKey.age(file_key), threads=1)
    with pytest.raises(DamagedError, match="MAC"):
        passkeep.decrypt(sealed, passkey)


def test_the_hint_names_no_keyring(drawer, keys_):
    keys_[1].credentials.clear()
    with pytest.raises(CeremonyError, match="holds none of these passkeys") as caught:
        passkeep.encrypt(b"x", to=PasskeyIdentity(drawer.texts[1], drawer.client))
    assert "recovery key" not in caught.value.hint
    assert "something else that opens the file" in caught.value.hint


def test_no_passkey_at_all():
    with pytest.raises(InvalidInputError, match="no passkey"):
        PasskeyIdentity([], Nobody())
    with pytest.raises(InvalidInputError):
        PasskeyIdentity("AGE-PLUGIN-FIDO2PRF-1NONSENSE", Nobody())


@pytest.mark.parametrize(
    "parse", [passkeep.parse_identity, passkeep.parse_recipient, passkeep.parse_identity_file]
)
@pytest.mark.parametrize("text", [ANY, ANY.lower()])
def test_without_a_client_the_error_says_what_asks(parse, text):
    with pytest.raises(InvalidInputError, match=r"names a passkey.* tap") as caught:
        parse(text)
    assert "PasskeyIdentity" in caught.value.hint


def test_identity_files_may_name_passkeys():
    secret = Identity.generate()
    found = keys.read_identity_file(f"# a comment\n{secret}\n\n {ANY}\n{ANY.lower()}\n")
    assert str(found[0]) == str(secret)
    assert found[1:] == [Credential(b"id", "example.org", ())] * 2
    with pytest.raises(InvalidInputError, match="line 2 of the identity file"):
        keys.read_identity_file(f"{ANY}\n{ANY[:-1]}\n")
    with pytest.raises(InvalidInputError, match="no identity"):
        keys.read_identity_file("# nothing\n")


# The command line, with security keys

PIN = "73914"


def make(tmp_path: Path, rp_id: str, name: str = "key.json") -> tuple[Path, str]:
    """A key in a file, with a passkey of an RP ID, and the passkey's string."""
    key = SoftKey(pin=PIN)
    with pytest.MonkeyPatch.context() as patch:
        plug_in(patch, [key])
        made = SecurityKey(Person(PIN), rp_id=rp_id).enroll(label="Key", nonce=bytes(16))
    return softkey_file.save(key, tmp_path / name), made.credential.to_string()


@pytest.fixture
def letter(tmp_path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Ada")
    return path


def test_a_tap_encrypts_and_a_tap_decrypts(letter, tmp_path):
    key, text = make(tmp_path, "passkeep.localhost")
    by_key, sealed, out = ("--with", "security-key"), tmp_path / "l.age", tmp_path / "out.txt"
    code, screen = tap(
        *("encrypt", "-r", text, letter, "-o", sealed), *by_key, keys=(key,), pins=(PIN,)
    )
    assert code == 0, screen
    assert "Encrypting to a passkey takes a tap." in screen
    (tmp_path / "id.txt").write_text(f"# my passkey\n{text}\n")
    identity = ("-i", tmp_path / "id.txt")
    code, screen = tap(
        *("decrypt", sealed, "-o", out), *identity, *by_key, keys=(key,), pins=(PIN,)
    )
    assert code == 0, screen
    assert "Decrypting with a passkey takes a tap." in screen
    assert out.read_text() == "Dear Ada"


def test_other_identities_come_first(letter, tmp_path):
    """A tap is asked for only where nothing else opens the file."""
    secret, path = Identity.generate(), tmp_path / "id.txt"
    path.write_text(f"{ANY}\n{secret}\n")
    sealed = passkeep.encrypt(b"Dear Ada", to=secret.recipient)
    done = run("decrypt", "--identity", path, stdin=sealed)
    assert (done.code, done.out) == (0, b"Dear Ada")
    assert "tap" not in done.err


def test_a_passkey_of_another_site_is_asked_on_a_security_key(letter, tmp_path):
    key, text = make(tmp_path, "example.org")
    sealed = tmp_path / "l.age"
    code, screen = tap("encrypt", "--to", text, letter, "-o", sealed, keys=(key,), pins=(PIN,))
    assert code == 0, screen
    assert "Only pages of example.org can ask" in " ".join(screen.split())
    done = run("encrypt", "--to", text, letter, "-o", tmp_path / "2.age", "--with", "passkey")
    assert_fails(done, 2)
    assert "pages of example.org" in done.err
    assert "--with security-key" in done.err
    assert not (tmp_path / "2.age").exists()


def test_the_wrong_passkey_and_the_wrong_key(letter, tmp_path):
    (mine, text), (other, others) = (make(tmp_path, "example.org", name) for name in ("a", "b"))
    sealed = tmp_path / "l.age"
    assert tap("encrypt", "-r", text, letter, "-o", sealed, keys=(mine,), pins=(PIN,))[0] == 0
    for line, key, expected, words in (
        (others, other, 3, "not encrypted to it"),
        (text, other, 1, "holds none of these passkeys"),
    ):
        (tmp_path / "id.txt").write_text(line)
        code, screen = tap(
            *("decrypt", sealed, "-i", tmp_path / "id.txt"), keys=(key,), pins=(PIN,)
        )
        assert code == expected, screen
        assert words in screen
        assert "Dear Ada" not in screen


def test_a_tree_is_sealed_to_a_passkey_and_gets_other_recipients(tree, tmp_path):
    key, text = make(tmp_path, "example.org")
    backup, moved, back = (tmp_path / name for name in ("b.age", "moved.age", "back.age"))
    assert tap("backup", tree, "-r", text, "-o", backup, keys=(key,), pins=(PIN,))[0] == 0
    identity, (names, secret) = Identity.generate(), (tmp_path / "p.txt", tmp_path / "s.txt")
    names.write_text(text)
    secret.write_text(str(identity))
    to = ("--to", str(identity.recipient))
    code, screen = tap("rewrap", backup, "-o", moved, "-i", names, *to, keys=(key,), pins=(PIN,))
    assert code == 0, screen
    code, screen = tap(
        *("rewrap", moved, "-o", back, "-i", secret, "--to", text), keys=(key,), pins=(PIN,)
    )
    assert code == 0, screen
    code, screen = tap("verify", back, "-i", names, keys=(key,), pins=(PIN,))
    assert code == 0, screen


@pytest.mark.parametrize(
    "options",
    [
        ("decrypt", "--identity", "id.txt", "--with", "password"),
        ("decrypt", "--identity", "id.txt", "--recovery-key-file", "id.txt"),
        ("encrypt", "--with", "passkey"),
        ("encrypt", "--with", "passkey", "--to", str(Identity.generate().recipient)),
        ("backup", ".", "--with", "security-key"),
        ("encrypt", "--to", ANY[:-1]),
    ],
)
def test_contradictions(options, tmp_path):
    (tmp_path / "id.txt").write_text(ANY)
    done = run(*options, cwd=tmp_path, stdin=b"x")
    assert done.code == 2, done.err
    assert done.out == b""


def test_jobs_cannot_tap(tmp_path):
    job = f'{{"source": "x", "destination": "y.age", "to": "{ANY}"}}'
    done = run("backup", "--jobs", "-", stdin=job.encode(), cwd=tmp_path)
    assert_fails(done, 2, hint=False)
    assert "takes a tap" in done.err


def test_a_keyring_names_its_passkeys(made, quick, tmp_path):
    path, out = made.write(tmp_path), tmp_path / "passkeys.txt"
    done = run("key", "export", "--passkeys", "--keyring", path)
    assert done.code == 0
    (slot,) = (slot for slot in passkeep.Keyring.load(path).slots if slot.kind == "passkey")
    assert slot.credential is not None
    assert [str(one.to_string()) for one in keys.read_identity_file(done.out.decode())] == [
        slot.credential.identity
    ]
    assert "# Laptop" in done.out.decode()
    assert run("key", "export", "--passkeys", "--keyring", path, "-o", out).code == 0
    assert out.read_bytes() == done.out
    # Not over a keyring, and not instead of anything else.
    done = run("key", "export", "--passkeys", "--keyring", path, "-o", path, "--force")
    assert done.code != 0
    assert path.read_bytes() == made.text
    assert run("key", "export", "--passkeys", "--public", "--keyring", path).code == 2
    assert run("key", "export", "--keyring", path).code == 2


def test_a_keyring_without_passkeys_names_none(tmp_path):
    keyring = passkeep.Keyring.create()
    keyring.confirm_recovery_key(keyring.new_recovery_key())
    keyring.save(tmp_path / "k.json")
    done = run("key", "export", "--passkeys", "--keyring", tmp_path / "k.json")
    assert_fails(done, 1)
    assert "no passkey" in done.err

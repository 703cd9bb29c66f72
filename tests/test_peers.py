"""Other people's tools open what passkeep writes, and the other way round."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pyrage
import pytest

import passkeep
from support.trees import differences

# `make peers` puts them beside the interpreter. A missing one is an error.
BIN = Path(sys.executable).parent
AGE, AGE_KEYGEN = BIN / "age", BIN / "age-keygen"
NPM = BIN.parent / "npm"

SIZES = [0, 1, 65_535, 65_536, 65_537, 1_048_576, 3_000_000]

each_size = pytest.mark.parametrize("size", SIZES)


def age(*arguments, data=b""):
    return subprocess.run(
        [AGE, *map(str, arguments)], input=data, capture_output=True, check=True
    ).stdout


def npm_age(script, data, *arguments):
    """Runs a script with the age-encryption package; standard input to standard output."""
    program = f"""
        import * as age from "age-encryption";
        const chunks = [];
        for await (const chunk of process.stdin) chunks.push(chunk);
        const data = new Uint8Array(Buffer.concat(chunks));
        const [text] = process.argv.slice(1);
        process.stdout.write({script});
    """
    command = ["node", "--input-type=module", "-e", program, *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=True, cwd=NPM).stdout


@pytest.fixture
def identity_file(tmp_path):
    identity = passkeep.Identity.generate()
    path = tmp_path / "identity.txt"
    path.write_text(f"# a comment\n\n{identity}\n")
    return identity, path


@each_size
def test_age_opens_hybrid_files(size, identity_file):
    identity, path = identity_file
    plain = os.urandom(size)
    sealed = passkeep.encrypt(plain, to=identity.recipient)
    assert age("-d", "-i", path, data=sealed) == plain


@each_size
def test_hybrid_files_of_age_open(size, identity_file):
    identity, _ = identity_file
    plain = os.urandom(size)
    assert passkeep.decrypt(age("-r", identity.recipient, data=plain), identity) == plain
    armored = age("-a", "-r", identity.recipient, data=plain)
    assert passkeep.decrypt(armored, identity) == plain


def test_keys_of_age_keygen_are_ours():
    text = subprocess.run([AGE_KEYGEN, "-pq"], capture_output=True, check=True, text=True).stdout
    (identity,) = passkeep.parse_identity_file(text)
    assert f"# public key: {identity.recipient}" in text.splitlines()


def test_age_takes_our_armor(identity_file):
    identity, path = identity_file
    sealed = passkeep.encrypt(b"armored", to=identity.recipient, armored=True)
    assert age("-d", "-i", path, data=sealed) == b"armored"


@each_size
def test_npm_age_encryption_opens_hybrid_files(size, identity_file):
    identity, _ = identity_file
    plain = os.urandom(size)
    sealed = passkeep.encrypt(plain, to=identity.recipient)
    script = """await (async () => {
        const d = new age.Decrypter(); d.addIdentity(text); return d.decrypt(data);
    })()"""
    assert npm_age(script, sealed, str(identity)) == plain


@each_size
def test_hybrid_files_of_npm_age_encryption_open(size, identity_file):
    identity, _ = identity_file
    plain = os.urandom(size)
    script = """await (async () => {
        const e = new age.Encrypter(); e.addRecipient(text); return e.encrypt(data);
    })()"""
    sealed = npm_age(script, plain, str(identity.recipient))
    assert passkeep.decrypt(sealed, identity) == plain


@each_size
def test_pyrage_and_x25519(size):
    identity = passkeep.X25519Identity.generate()
    theirs = pyrage.x25519.Identity.from_str(str(identity))
    assert str(theirs.to_public()) == str(identity.recipient)
    plain = os.urandom(size)
    sealed = passkeep.encrypt(plain, to=identity.recipient)
    assert pyrage.decrypt(sealed, [theirs]) == plain
    sealed = pyrage.encrypt(plain, [theirs.to_public()])
    assert passkeep.decrypt(sealed, identity) == plain


def test_passwords_of_pyrage():
    sealed = passkeep.encrypt(b"by password", to=passkeep.Password("pässword", work_factor=12))
    assert pyrage.passphrase.decrypt(sealed, "pässword") == b"by password"
    sealed = pyrage.passphrase.encrypt(b"by password", "pässword")
    # rage measures the machine and may choose more work than is accepted by default.
    password = passkeep.Password("pässword", max_work_factor=24)
    assert passkeep.decrypt(sealed, password) == b"by password"


def test_age_and_tar_open_a_backup_with_the_recovery_key(made, tmp_path):
    """docs/recovery: 64 digits, age and tar are enough."""
    tree = tmp_path / "tree"
    (tree / "folder").mkdir(parents=True)
    (tree / "folder" / "file.txt").write_text("chat")
    (tree / "link").symlink_to("folder/file.txt")
    keyring = passkeep.Keyring.load(made.write(tmp_path))
    backup = tmp_path / "backup.age"
    passkeep.backup(tree, backup, to=keyring)
    recovery = tmp_path / "recovery.txt"
    seed = bytes.fromhex(made.digits.replace(" ", ""))
    recovery.write_text(f"{passkeep.Identity(seed)}\n")

    archive = age("-d", "-i", recovery, backup)
    listed = subprocess.run(
        ["tar", "-t"], input=archive, capture_output=True, check=True
    ).stdout.splitlines()
    assert listed == [b"tree/", b"tree/folder/", b"tree/folder/file.txt", b"tree/link"]
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    subprocess.run(["tar", "-xp"], input=archive, cwd=unpacked, check=True)
    assert differences(tree, unpacked / "tree") == []

    script = """await (async () => {
        const d = new age.Decrypter(); d.addIdentity(text); return d.decrypt(data);
    })()"""
    opened = npm_age(script, backup.read_bytes(), recovery.read_text().strip())
    assert opened == archive


def test_a_tar_that_age_sealed_is_restored(identity_file, tmp_path):
    identity, _ = identity_file
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("a/file")
        info.size = 5
        archive.addfile(info, io.BytesIO(b"hello"))
    sealed = tmp_path / "theirs.tar.age"
    sealed.write_bytes(age("-r", identity.recipient, data=buffer.getvalue()))
    passkeep.restore(sealed, tmp_path / "restored", identity)
    assert (tmp_path / "restored/a/file").read_bytes() == b"hello"

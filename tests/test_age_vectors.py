"""The public age vectors through every interface."""

import hashlib
import io
import os
import subprocess
import sys

import pytest

import passkeep
import reference
from passkeep.age import armor, envelope, header
from support import table
from support.vectors import AgeVector, age_vectors

VECTORS = age_vectors()
ERRORS = {
    "no match": passkeep.WrongKeyError,
    "HMAC failure": passkeep.DamagedError,
    "header failure": (passkeep.DamagedError, passkeep.LimitError),
    "armor failure": passkeep.DamagedError,
    "payload failure": passkeep.DamagedError,
}
EXIT_CODES = {
    "success": {0},
    "no match": {3},
    "HMAC failure": {4},
    "header failure": {1, 4},  # 1: beyond a limit
    "armor failure": {4},
    "payload failure": {4},
}

each_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)


def identities(vector: AgeVector) -> list[object]:
    return [
        *(passkeep.parse_identity(text) for text in vector.identities),
        *(passkeep.Password(text) for text in vector.passphrases),
    ]


def released_hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def assert_released(vector: AgeVector, data: bytes) -> None:
    if vector.expect in ("success", "payload failure"):
        assert released_hash(data) == vector.payload
    else:
        assert data == b""


def test_all_vectors_are_here():
    assert len(VECTORS) == 81
    assert {vector.expect for vector in VECTORS} == set(EXIT_CODES)


each_thread_count = pytest.mark.parametrize("threads", [1, 2, 8])


@each_vector
@each_thread_count
def test_bytes(vector, threads):
    if vector.expect == "success":
        plain = passkeep.decrypt(vector.file, identities(vector), threads=threads)
        assert released_hash(plain) == vector.payload
    else:
        with pytest.raises(ERRORS[vector.expect]):
            passkeep.decrypt(vector.file, identities(vector), threads=threads)
    table.passed("age test kit", "bytes", threads)


class Pieces(io.RawIOBase):
    """A source that gives a few bytes at a time."""

    def __init__(self, data, size):
        self._data, self._size = io.BytesIO(data), size

    def readable(self):
        return True

    def read(self, size=-1):
        return self._data.read(min(self._size, size) if size >= 0 else self._size)


@each_vector
@each_thread_count
@pytest.mark.parametrize("piece", [1, 100_000])
def test_stream(vector, threads, piece):
    if piece == 1 and len(vector.file) > 70_000:
        piece = 13
    released = io.BytesIO()
    source = Pieces(vector.file, piece)
    if vector.expect == "success":
        passkeep.decrypt_file(source, released, identities(vector), threads=threads)
    else:
        with pytest.raises(ERRORS[vector.expect]):
            passkeep.decrypt_file(source, released, identities(vector), threads=threads)
    assert_released(vector, released.getvalue())
    if piece == 100_000:
        table.passed("age test kit", "stream", threads)


@each_vector
@each_thread_count
def test_file(vector, threads, tmp_path):
    source, target = tmp_path / "file.age", tmp_path / "plain"
    source.write_bytes(vector.file)
    if vector.expect == "success":
        passkeep.decrypt_file(source, target, identities(vector), threads=threads)
        assert released_hash(target.read_bytes()) == vector.payload
    else:
        with pytest.raises(ERRORS[vector.expect]):
            passkeep.decrypt_file(source, target, identities(vector), threads=threads)
        assert [path.name for path in tmp_path.iterdir()] == ["file.age"]
    table.passed("age test kit", "file", threads)


@each_vector
@each_thread_count
def test_random_access(vector, threads, tmp_path):
    """Read whole, and then again from the end to the beginning."""
    path = tmp_path / "file.age"
    path.write_bytes(vector.file)

    def read_everywhere() -> bytes:
        with passkeep.open(path, identity=identities(vector), threads=threads) as file:
            assert file.seekable() == (not vector.armored)
            plain = file.read()
            for at in range(len(plain) - 1, 0, -5000) if file.seekable() else ():
                file.seek(at)
                assert file.read(10) == plain[at : at + 10]
            return plain

    if vector.expect == "success":
        assert released_hash(read_everywhere()) == vector.payload
    else:
        with pytest.raises(ERRORS[vector.expect]):
            read_everywhere()
    table.passed("age test kit", "random access", threads)


@each_vector
@each_thread_count
def test_command_line(vector, threads, tmp_path):
    command = [sys.executable, "-m", "passkeep", "decrypt", "--threads", str(threads)]
    environment = dict(os.environ)
    if vector.passphrases:
        # The command takes one password; the kit's last one is the file's.
        environment["TEST_PASSPHRASE"] = vector.passphrases[-1]
        command += ["--password-env", "TEST_PASSPHRASE"]
    else:
        identity = tmp_path / "identity.txt"
        identity.write_text("".join(f"{text}\n" for text in vector.identities))
        command += ["--identity", str(identity)]
    ended = subprocess.run(
        command, input=vector.file, env=environment, capture_output=True, check=False
    )
    assert ended.returncode in EXIT_CODES[vector.expect], ended.stderr
    assert (b"Error:" in ended.stderr) == (vector.expect != "success")
    assert b"Traceback" not in ended.stderr
    assert_released(vector, ended.stdout)
    table.passed("age test kit", "command line", threads)


@each_vector
def test_reference_agrees(vector):
    """The slow second implementation releases the same, so it can be trusted elsewhere."""
    if vector.expect not in ("success", "payload failure"):
        return
    data = armor.dearmor(vector.file) if vector.armored else vector.file
    parsed, length = header.parse(data)
    file_key = envelope.open_header(parsed, identities(vector))
    assert vector.file_key in (None, file_key)
    released, error = reference.open_(data[length:], file_key)
    assert released_hash(released) == vector.payload
    assert (error is None) == (vector.expect == "success")

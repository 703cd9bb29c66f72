"""The public Cobblestone-256 vectors through every interface."""

import hashlib
import io
import json
import subprocess
import sys
import zlib
from dataclasses import dataclass, field

import pytest

import passkeep
import reference_cobblestone
from passkeep import _native
from support import table
from support.vectors import FOLDER

NAME = "Cobblestone-256"


@dataclass(frozen=True)
class Vector:
    """One message, and the SHA-512 of what a stream may release of it."""

    id: int
    key: bytes = field(repr=False)
    context: bytes
    message: bytes = field(repr=False)
    valid: bool
    flags: frozenset[str]
    length: int
    sha512: str

    def releases(self, data: bytes) -> bool:
        """Whether `data` is exactly what a stream may release before it ends or fails."""
        if not self.valid and "PartialPlaintext" not in self.flags:
            return data == b""
        return len(data) == self.length and hashlib.sha512(data).hexdigest() == self.sha512


def load() -> list[Vector]:
    path = FOLDER / "wycheproof/c2sp_chunked_encryption_aes_256_gcm_test.json"
    (group,) = json.loads(path.read_text())["testGroups"]
    return [
        Vector(
            id=test["tcId"],
            key=bytes.fromhex(test["key"]),
            context=bytes.fromhex(test["ctx"]),
            message=zlib.decompress(bytes.fromhex(test["ct"])),
            valid=test["result"] == "valid",
            flags=frozenset(test["flags"]),
            length=test.get("msgLength", 0),
            sha512=test.get("msgSha512", ""),
        )
        for test in group["tests"]
    ]


VECTORS = load()
each_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.id)
each_thread_count = pytest.mark.parametrize("threads", [1, 2, 8])


def key_of(vector: Vector) -> _native.PayloadKey:
    return _native.PayloadKey.cobblestone(vector.key, vector.context)


@pytest.fixture(autouse=True)
def refuse_keys_of_other_sizes(request, threads):
    """A key of another size is refused before there is anything to open."""
    vector = request.getfixturevalue("vector")
    if "InvalidKeySize" in vector.flags:
        with pytest.raises(ValueError, match="32 bytes"):
            key_of(vector)


def has_key(vector: Vector) -> bool:
    return "InvalidKeySize" not in vector.flags


@each_vector
@each_thread_count
def test_bytes(vector, threads):
    if has_key(vector):
        if vector.valid:
            plain = _native.open_bytes(vector.message, 0, key_of(vector), threads=threads)
            assert vector.releases(plain)
        else:
            with pytest.raises(passkeep.DamagedError):
                _native.open_bytes(vector.message, 0, key_of(vector), threads=threads)
    table.passed(NAME, "bytes", threads)


@each_vector
@each_thread_count
def test_stream(vector, threads):
    released = io.BytesIO()
    if has_key(vector):
        arguments = (io.BytesIO(vector.message), b"", released, key_of(vector))
        if vector.valid:
            _native.open_stream(*arguments, threads=threads)
        else:
            with pytest.raises(passkeep.DamagedError):
                _native.open_stream(*arguments, threads=threads)
        assert vector.releases(released.getvalue())
    table.passed(NAME, "stream", threads)


@each_vector
@each_thread_count
def test_file(vector, threads, tmp_path):
    source, target = tmp_path / "message", tmp_path / "plain"
    source.write_bytes(b"prefix" + vector.message)
    target.touch()
    if has_key(vector):
        arguments = (source, 6, target, key_of(vector))
        if vector.valid:
            _native.open_stream(*arguments, threads=threads)
            assert vector.releases(target.read_bytes())
        else:
            with pytest.raises(passkeep.DamagedError):
                _native.open_stream(*arguments, threads=threads)
    table.passed(NAME, "file", threads)


@each_vector
@each_thread_count
def test_random_access(vector, threads, tmp_path):
    """The last chunk is verified first; a bad one elsewhere spoils what lies in it."""
    source = tmp_path / "message"
    source.write_bytes(vector.message)

    def read() -> bytes:
        stream = _native.RangeStream(source, 0, key_of(vector), threads=threads)
        assert vector.valid or "ValidFinalChunk" in vector.flags
        stream.read(max(0, stream.size - 10), 10)
        return stream.read(0, stream.size)

    if has_key(vector):
        if vector.valid:
            assert vector.releases(read())
        else:
            with pytest.raises(passkeep.DamagedError):
                read()
    table.passed(NAME, "random access", threads)


# The command, as it is but for the context that containers are bound to.
IN_CONTEXT = """
import sys
from passkeep import cli, sealed
sealed.CONTEXT = bytes.fromhex(sys.argv.pop(1))
cli.main()
"""


@each_vector
@each_thread_count
def test_command_line(vector, threads, tmp_path):
    """In a container whose envelope wraps the vector's key."""
    identity = passkeep.Identity.generate()
    (tmp_path / "identity.txt").write_text(f"{identity}\n")
    envelope = passkeep.encrypt(vector.key, to=identity.recipient)
    before = b"passkeep.sealed/1\n" + len(envelope).to_bytes(4, "big") + envelope
    (tmp_path / "file.sealed").write_bytes(before + vector.message)
    command = [sys.executable, "-c", IN_CONTEXT, vector.context.hex(), "decrypt", "file.sealed"]
    command += ["--identity", "identity.txt", "--threads", str(threads)]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60)
    assert ended.returncode == (0 if vector.valid else 4), ended.stderr
    assert b"Traceback" not in ended.stderr
    assert vector.releases(ended.stdout)
    table.passed(NAME, "command line", threads)
    table.note(
        NAME,
        "the command line has no option for the context of a message; for these vectors the"
        " tests set the constant, and put each message into a container",
    )


@each_vector
@pytest.mark.parametrize("threads", [1])
def test_the_reference_agrees(vector, threads):
    if has_key(vector):
        released, error = reference_cobblestone.open_(vector.message, vector.key, vector.context)
        assert (error is None) == vector.valid
        assert vector.releases(released)

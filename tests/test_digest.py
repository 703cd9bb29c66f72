"""Digests of buffers, files and streams, and those made while sealing."""

import hashlib
import io
import json
import os
import random
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import passkeep
from support.cli import assert_fails, ok, run

IDENTITY = passkeep.Identity.generate()
UNIT = 1 << 18
ALONE = 4 * UNIT  # What is larger is worked on by several threads.
DATA = random.Random(6).randbytes(5 * ALONE + 77)
SIZES = [0, 1, 1024, UNIT - 1, UNIT, UNIT + 1, ALONE, ALONE + 1, 2 * ALONE, len(DATA)]


def theirs(*command: str, **options) -> bytes:
    """What another tool prints; one that is missing is an error (`make peers`)."""
    return subprocess.run(command, capture_output=True, check=True, **options).stdout


def b3sum(data: bytes) -> str:
    return theirs("b3sum", "--no-names", input=data).decode().strip()


EXPECTED = {
    "blake3": b3sum,
    "sha256": lambda data: hashlib.sha256(data).hexdigest(),
}


@pytest.mark.parametrize("algorithm", list(EXPECTED))
@pytest.mark.parametrize("size", SIZES)
def test_every_interface_gives_what_others_give(algorithm, size, tmp_path):
    data = DATA[:size]
    expected = EXPECTED[algorithm](data)
    path = tmp_path / "file"
    path.write_bytes(data)
    for threads in (1, 2, 8):
        for source in (data, bytearray(data), np.frombuffer(data, np.uint8), path, str(path)):
            found = passkeep.digest(source, algorithm, threads=threads)
            assert found.hexdigest() == expected
        assert passkeep.digest(io.BytesIO(data), algorithm).hexdigest() == expected
    hasher = passkeep.Hasher(algorithm)
    for start in range(0, size, 99_991):
        hasher.update(data[start : start + 99_991])
    assert (hasher.hexdigest(), hasher.digest().hex()) == (expected, expected)


def test_files_that_are_shorter_than_they_claim(tmp_path):
    """Those of sysfs claim to be a page."""
    short = Path("/sys/kernel/uevent_seqnum")
    for path in (short, Path("/proc/version")):
        data = path.read_bytes()
        assert len(data) < path.stat().st_size or path != short
        assert passkeep.digest(path).hexdigest() == EXPECTED["blake3"](data)
        sealed, back = tmp_path / "sealed", tmp_path / "back"
        passkeep.encrypt_file(path, sealed, to=IDENTITY.recipient, overwrite=True)
        passkeep.decrypt_file(sealed, back, IDENTITY, overwrite=True)
        assert back.read_bytes() == data


def test_the_shape_of_hashlib():
    hasher = passkeep.Hasher("sha256")
    assert (hasher.name, hasher.digest_size) == ("sha256", 32)
    hasher.update(b"a")
    first = hasher.hexdigest()
    hasher.update(b"b")
    assert first == hashlib.sha256(b"a").hexdigest()
    assert hasher.hexdigest() == hashlib.sha256(b"ab").hexdigest()
    with pytest.raises(passkeep.InvalidInputError, match="blake3 or sha256"):
        passkeep.Hasher("md5")
    with pytest.raises(passkeep.InvalidInputError):
        passkeep.digest(b"", "md5")
    with pytest.raises(passkeep.InvalidInputError, match="complete"):
        passkeep.digest(b"x").update(b"y")
    with pytest.raises(BufferError):
        hasher.update(memoryview(b"abcd")[::2])


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError):
        passkeep.digest(tmp_path / "nothing")


def test_it_tells_of_progress_and_stops(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(DATA)
    seen = []
    passkeep.digest(path, progress=seen.append)
    assert seen[-1] == len(DATA)
    token = passkeep.CancelToken()
    token.cancel()
    with pytest.raises(passkeep.CancelledError):
        passkeep.digest(path, cancel=token)


def test_many_threads_share_a_hasher():
    hasher = passkeep.Hasher()

    def work():
        for _ in range(50):
            hasher.update(bytes(10_000))

    workers = [threading.Thread(target=work) for _ in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert hasher.hexdigest() == passkeep.digest(bytes(16 * 50 * 10_000)).hexdigest()


@pytest.mark.parametrize("algorithm", list(EXPECTED))
@pytest.mark.parametrize("arguments", [{}, {"cipher": "aes-256-gcm"}, {"armored": True}])
def test_sealing_hashes_the_sealed_bytes(algorithm, arguments, tmp_path):
    source, target = tmp_path / "plain", tmp_path / "sealed"
    source.write_bytes(DATA)
    for to in (target, io.BytesIO()):
        hasher = passkeep.Hasher(algorithm)
        passkeep.encrypt_file(source, to, to=IDENTITY.recipient, digest=hasher, **arguments)
        sealed = target.read_bytes() if to is target else to.getvalue()
        assert hasher.hexdigest() == EXPECTED[algorithm](sealed)
        assert passkeep.decrypt(sealed, IDENTITY) == DATA


def test_a_backup_is_hashed_on_the_way(tree, tmp_path):
    target = tmp_path / "b.age"
    hasher = passkeep.Hasher()
    passkeep.backup(tree, target, to=IDENTITY.recipient, digest=hasher)
    assert hasher.hexdigest() == b3sum(target.read_bytes())


# The command


def test_it_prints_what_the_usual_tools_print(tmp_path):
    (tmp_path / "file").write_bytes(DATA)
    (tmp_path / "empty").write_bytes(b"")
    done = ok("digest", "file", "empty", cwd=tmp_path)
    assert done.out == theirs("b3sum", "file", "empty", cwd=tmp_path)
    done = ok("digest", "--algorithm", "sha256", "file", cwd=tmp_path)
    assert done.out == theirs("sha256sum", "file", cwd=tmp_path)
    assert ok("digest", stdin=DATA).out.decode() == f"{b3sum(DATA)}  -\n"
    value = json.loads(ok("digest", "--json", "file", cwd=tmp_path).out)
    assert value == {"file": "file", "algorithm": "blake3", "digest": b3sum(DATA)}


@pytest.mark.parametrize("tool", ["b3sum", "sha256sum", "passkeep"])
def test_lists_are_checked(tool, tmp_path):
    algorithm = "sha256" if tool == "sha256sum" else "blake3"
    (tmp_path / "one").write_bytes(DATA)
    (tmp_path / "two").write_bytes(b"two")
    if tool == "passkeep":
        listed = ok("digest", "one", "two", cwd=tmp_path).out
    else:
        listed = theirs(tool, "one", "two", cwd=tmp_path)
    (tmp_path / "list").write_bytes(listed)
    check = ("digest", "--check", "list", "--algorithm", algorithm)
    assert ok(*check, cwd=tmp_path).out == b"one: ok\ntwo: ok\n"
    (tmp_path / "two").write_bytes(b"2")
    done = run(*check, cwd=tmp_path)
    assert (done.code, done.out) == (4, b"one: ok\ntwo: different\n")
    (tmp_path / "one").unlink()
    done = run(*check, "--json", cwd=tmp_path)
    assert done.code == 4
    results = [json.loads(line)["result"] for line in done.out.splitlines()]
    assert results == ["No such file or directory", "different"]


STRANGE = ("a\\b", "\\n", f"a\n{'0' * 64}  passwd", "\\", "e\rf")


def test_a_name_forges_no_line(tmp_path):
    for name in STRANGE:
        (tmp_path / name).write_bytes(DATA[:10])
    done = ok("digest", "--algorithm", "sha256", *STRANGE, cwd=tmp_path)
    assert done.out == theirs("sha256sum", *STRANGE, cwd=tmp_path)
    (tmp_path / "list").write_bytes(done.out)
    checked = ok("digest", "--check", "list", "--algorithm", "sha256", cwd=tmp_path)
    assert checked.out.count(b": ok\n") == checked.out.count(b"\n") == len(STRANGE)
    assert theirs("sha256sum", "--check", "--quiet", "list", cwd=tmp_path) == b""
    # An older b3sum writes \r as it is.
    done = ok("digest", *STRANGE[:-1], cwd=tmp_path)
    assert done.out == theirs("b3sum", *STRANGE[:-1], cwd=tmp_path)


def test_a_name_need_not_be_text(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    (tmp_path / name).write_bytes(DATA)
    strict = {"PYTHONIOENCODING": "utf-8:strict"}
    done = ok("digest", name, cwd=tmp_path, env=strict)
    assert done.out == f"{b3sum(DATA)}  ".encode() + b"caf\xe9\n"
    (tmp_path / "list").write_bytes(done.out)
    assert ok("digest", "--check", "list", cwd=tmp_path, env=strict).out == b"caf\\udce9: ok\n"


def test_mistakes(tmp_path):
    for nonsense in ("nonsense", f"\\{'0' * 64}  a\\b", f"\\{'0' * 64}  a\\"):
        (tmp_path / "list").write_text(f"{nonsense}\n")
        assert_fails(run("digest", "--check", "list", cwd=tmp_path), 2, hint=False)
    (tmp_path / "list").write_text("")
    assert_fails(run("digest", "--check", "list", cwd=tmp_path), 2, hint=False)
    assert run("digest", "--check", "list", "list", cwd=tmp_path).code == 2
    assert run("digest", "--algorithm", "md5", "list", cwd=tmp_path).code == 2
    assert run("digest", "missing", cwd=tmp_path).code == 2


def test_digest_while_sealing(tree, tmp_path):
    out = tmp_path / "b.age"
    to = ("--to", str(IDENTITY.recipient))
    done = ok("backup", tree, "-o", out, *to, "--digest", "blake3")
    assert f"{b3sum(out.read_bytes())}  {out}" in done.err
    done = ok("backup", tree, "-o", out, *to, "--digest", "sha256", "--json", "--force")
    digest = json.loads(done.out)["digest"]
    assert digest == {"algorithm": "sha256", "hex": hashlib.sha256(out.read_bytes()).hexdigest()}
    plain = tree / "letter.txt"
    sealed = tmp_path / "letter.age"
    done = ok("encrypt", plain, "-o", sealed, *to, "--digest", "sha256", env=dict(os.environ))
    assert hashlib.sha256(sealed.read_bytes()).hexdigest() in done.err


def test_a_digest_is_not_told_while_a_stream_has_it():
    """Neither what the stream calls nor another thread waits for it forever."""
    hasher = passkeep.Hasher()

    def ask(*_: object) -> None:
        for call in (hasher.digest, hasher.hexdigest, lambda: hasher.update(b"x")):
            with pytest.raises(passkeep.InvalidInputError, match="still uses it"):
                call()
        asked.append(True)

    class Slow(io.BytesIO):
        def read(self, size=-1):
            with ThreadPoolExecutor() as other:
                other.submit(ask).result()
            return super().read(size)

    asked = []
    target = io.BytesIO()
    passkeep.encrypt_file(
        Slow(DATA[:UNIT]), target, to=IDENTITY.recipient, digest=hasher, progress=ask
    )
    assert len(asked) > 2
    assert hasher.hexdigest() == b3sum(target.getvalue())


def test_a_sparse_file_of_any_size_takes_no_memory():
    """A tree over it would be as large as the disk of a large machine."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        file.truncate(1 << 60)
        cancel = passkeep.CancelToken()
        timer = threading.Timer(0.2, cancel.cancel)
        timer.start()
        with pytest.raises(passkeep.CancelledError):
            passkeep.digest(file.name, cancel=cancel)
        timer.join()

"""Numbers that nobody means: every function of the core takes them or says what is wrong."""

from __future__ import annotations

import io
from itertools import product
from pathlib import Path

import pytest

import passkeep
from passkeep import _native

AGE = _native.PayloadKey.age(bytes(16))
COBBLESTONE = _native.PayloadKey.cobblestone(bytes(32), b"")
KEYS = [AGE, COBBLESTONE]
PLAIN = bytes(100_000)

EDGES = [0, 2**16, 2**31, 2**32, 2**48, 2**63, 2**64]
NUMBERS = sorted({sign * edge + step for edge in EDGES for sign in (1, -1) for step in (-1, 0, 1)})
NUMBERS += [10**40, -(10**40)]

# A panic is none of these: it is no Exception at all. TypeError is what a negative number
# gets where bytes would do as well.
REFUSALS = (
    passkeep.PasskeepError,
    OverflowError,
    ValueError,
    OSError,
    MemoryError,
    TypeError,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("numbers")
    (folder / "tree").mkdir()
    (folder / "tree" / "file").write_bytes(PLAIN)
    (folder / "sealed").write_bytes(_native.seal_bytes(PLAIN, b"", AGE, threads=1))
    with (folder / "backup").open("wb") as sink:
        backup(folder, sink, 1, None)
    return {path.name: path for path in folder.iterdir()}


def backup(folder, sink, threads, compress):
    return _native.backup_tree(
        [folder / "tree"],
        sink,
        b"",
        AGE,
        skip=[],
        exclude=[],
        exclude_caches=False,
        xattrs=False,
        compress=compress,
        threads=threads,
    )


def restore(files, leftover, max_bytes, threads, target):
    return _native.restore_tree(
        files["backup"],
        leftover,
        AGE,
        target,
        paths=[],
        all_links=False,
        overwrite=True,
        sync=False,
        xattrs=False,
        owners=False,
        max_bytes=max_bytes,
        threads=threads,
    )


def cat(files, leftover, max_bytes, threads):
    key, sink = AGE, io.BytesIO()
    return _native.cat_tree(
        files["backup"], leftover, key, "tree/file", sink, max_bytes=max_bytes, threads=threads
    )


def ranges(files, offset, at, size):
    stream = _native.RangeStream(files["sealed"], offset, AGE, threads=1)
    return len(stream.read(at, size)), stream.readinto(at, bytearray(10))


def opening(files, leftover, threads):
    stream = _native.OpeningStream(files["sealed"], leftover, AGE, threads=threads)
    return stream.readinto(bytearray(10))


def sealing(_, threads):
    stream = _native.SealingStream(io.BytesIO(), b"", AGE, threads=threads)
    stream.write(PLAIN)
    stream.finish()


def batches(_, threads):
    key = _native.BatchKey(bytes(32))
    names = [b"1", b"2"]
    sealed = key.seal(names, [PLAIN] * 2, threads=threads)
    return key.open(names, sealed, threads=threads)


def sealed(files):
    return files["sealed"].read_bytes()


# What is called, and what its numbers are where another one is tried.
CALLS = {
    "sealed size": (lambda _, n: [key.sealed_size(n) for key in KEYS], [1]),
    "sealed size, 256": (lambda _, n: COBBLESTONE.sealed_size(n), [1]),
    "plain size": (lambda _, n: AGE.plain_size(n), [1000]),
    "plain size, 256": (lambda _, n: COBBLESTONE.plain_size(n), [1000]),
    "seal": (lambda _, n: _native.seal_bytes(PLAIN, b"", AGE, threads=n), [1]),
    "open": (lambda f, at, n: _native.open_bytes(sealed(f), at, AGE, threads=n), [0, 1]),
    "seal into": (
        lambda _, n: _native.seal_into(PLAIN, bytearray(200_000), b"", AGE, threads=n),
        [1],
    ),
    "open into": (
        lambda f, at, n: _native.open_into(sealed(f), at, bytearray(200_000), AGE, threads=n),
        [0, 1],
    ),
    "hash": (lambda _, n: _native.hash_bytes(PLAIN, "blake3", threads=n), [1]),
    "hash a file": (lambda f, n: _native.hash_stream(f["sealed"], "blake3", threads=n), [1]),
    "seal a file": (
        lambda f, n: _native.seal_stream(f["sealed"], io.BytesIO(), b"", AGE, threads=n),
        [1],
    ),
    "open a file": (
        lambda f, at, n: _native.open_stream(f["sealed"], at, io.BytesIO(), AGE, threads=n),
        [0, 1],
    ),
    "read a file": (lambda f, n: _native.Reader(f["sealed"]).read(n), [1]),
    "ranges": (ranges, [0, 0, 10]),
    "opening": (opening, [0, 1]),
    "sealing": (sealing, [1]),
    "batches": (batches, [1]),
    "backup": (lambda f, n, level: backup(f["tree"].parent, io.BytesIO(), n, level), [1, 3]),
    "list": (lambda f, at, n: _native.list_tree(f["backup"], at, AGE, None, threads=n), [0, 1]),
    "cat": (cat, [0, 2**20, 1]),
}


@pytest.mark.parametrize("name", CALLS)
def test_absurd_numbers_are_no_panic(name, files):
    call, usual = CALLS[name]
    call(files, *usual)
    for place, number in product(range(len(usual)), NUMBERS):
        arguments = [*usual[:place], number, *usual[place + 1 :]]
        try:
            call(files, *arguments)
        except REFUSALS:
            continue


def test_absurd_numbers_are_no_panic_for_a_restore(files, tmp_path):
    usual = [0, 2**20, 1]
    restore(files, *usual, tmp_path / "usual")
    for place, number in product(range(len(usual)), NUMBERS):
        arguments = [*usual[:place], number, *usual[place + 1 :]]
        try:
            restore(files, *arguments, tmp_path / "target")
        except REFUSALS:
            continue

"""Small reads anywhere in a large sealed file."""

from __future__ import annotations

import functools
import os
import random
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from passkeep import fileobj, stream
from passkeep.age import envelope
from passkeep.age.x25519 import X25519Identity
from passkeep.benchmark.contest import Absent, Contender, ContenderError, Race
from passkeep.benchmark.references import KIB, MIB, TAG
from passkeep.benchmark.setting import Setting, temporary

READ = 4 * KIB
_CHUNK = 64 * KIB
_NONCE = 16
_BASELINE = "pread and ChaCha20Poly1305 of one chunk"
_AES_SIZE = 64 * MIB


def races(setting: Setting) -> list[Race]:
    """Reads in a sparse file of 10 GiB, however little room there is."""
    size = setting.sized(10 << 30, 64 * MIB)
    reads = 50 if setting.quick else 500
    folder = setting.folders[0]
    return [
        Race(
            f"Read 4 KiB anywhere in {size / (1 << 30):g} GiB",
            functools.partial(_enter, size, reads, folder),
            unit="items",
            amount=reads,
            baseline=(_BASELINE,),
            notes=(
                "only the chunks that are read exist; they are in the page cache",
                "each read opens one chunk: 64 KiB of an age file, 16 KiB of the AES container",
                f"the AES container holds {min(size, _AES_SIZE) >> 20} MiB",
            ),
            room={folder: reads * (_CHUNK + 2 * TAG) + 4 * MIB + 2 * min(size, _AES_SIZE)},
        )
    ]


@dataclass(frozen=True, slots=True)
class _Sparse:
    """An age file of which only some chunks exist. Made on `cryptography` alone.

    Attributes:
        path: The file.
        start: Where its first chunk begins.
        key: The key of its chunks.
        places: Where to read in the plaintext; a read ends in the chunk that it begins in.
        contents: What is there.
    """

    path: Path
    start: int
    key: ChaCha20Poly1305
    places: list[int]
    contents: list[bytes]

    @classmethod
    def make(cls, path: Path, size: int, reads: int, identity: X25519Identity) -> _Sparse:
        """Writes a file whose plaintext has `size` bytes."""
        header, file_key = envelope.new_header([identity.recipient])
        nonce = os.urandom(_NONCE)
        key = ChaCha20Poly1305(HKDF(SHA256(), 32, nonce, b"payload").derive(file_key))
        start = len(header) + _NONCE
        count = max(2, size // _CHUNK)
        order = random.Random(4)  # noqa: S311  (the same places in each run)
        numbers = [order.randrange(count - 1) for _ in range(reads)]
        chunks = {number: os.urandom(_CHUNK) for number in {*numbers, count - 1}}
        with path.open("wb") as file:
            file.write(header + nonce)
            for number, chunk in sorted(chunks.items()):
                file.seek(start + number * (_CHUNK + TAG))
                last = number == count - 1
                file.write(key.encrypt(_chunk_nonce(number, last=last), chunk, None))
        offsets = [order.randrange(_CHUNK - READ) for _ in numbers]
        places = [number * _CHUNK + offset for number, offset in zip(numbers, offsets, strict=True)]
        contents = [
            chunks[number][offset : offset + READ]
            for number, offset in zip(numbers, offsets, strict=True)
        ]
        return cls(path, start, key, places, contents)

    def read(self, descriptor: int, place: int) -> bytes:
        """Reads by hand: the least that any reader has to do."""
        number, offset = divmod(place, _CHUNK)
        at = self.start + number * (_CHUNK + TAG)
        sealed = os.pread(descriptor, _CHUNK + TAG, at)
        return self.key.decrypt(_chunk_nonce(number, last=False), sealed, None)[
            offset : offset + READ
        ]


def _chunk_nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _enter(size: int, reads: int, folder: Path, stack: ExitStack) -> Sequence[Contender | Absent]:
    place = temporary(stack, folder)
    identity = X25519Identity.generate()
    sparse = _Sparse.make(place / "sparse.age", size, reads, identity)
    descriptor = os.open(sparse.path, os.O_RDONLY)
    stack.callback(os.close, descriptor)
    found: list[bytes] = []

    def by_hand() -> None:
        found[:] = [sparse.read(descriptor, at) for at in sparse.places]

    def right() -> None:
        if found != sparse.contents:
            raise ContenderError("what was read is not what is there")

    file = stack.enter_context(fileobj.open(sparse.path, identity=identity))

    def seek_and_read() -> None:
        found.clear()
        for at in sparse.places:
            file.seek(at)
            found.append(file.read(READ))

    return [
        Contender(_BASELINE, by_hand, "reference", check=right),
        Contender("open, seek, read: age", seek_and_read, check=right),
        _in_container(place, min(size, _AES_SIZE), reads, identity, stack),
    ]


def _in_container(
    place: Path, size: int, reads: int, identity: X25519Identity, stack: ExitStack
) -> Contender:
    plain, sealed = place / "plain", place / "sealed"
    block = os.urandom(MIB)
    with plain.open("wb") as file:
        for _ in range(size // MIB):
            file.write(block)
    stream.encrypt_file(plain, sealed, to=identity.recipient, cipher="aes-256-gcm", sync=False)
    plain.unlink()
    opened = stack.enter_context(fileobj.open(sealed, identity=identity))
    order = random.Random(5)  # noqa: S311
    places = [
        order.randrange(size // MIB) * MIB + order.randrange(MIB - READ) for _ in range(reads)
    ]
    found: list[bytes] = []

    def run() -> None:
        found.clear()
        for at in places:
            opened.seek(at)
            found.append(opened.read(READ))

    def check() -> None:
        if found != [block[at % MIB : at % MIB + READ] for at in places]:
            raise ContenderError("what was read is not what is there")

    return Contender("open, seek, read: aes-256-gcm", run, check=check)

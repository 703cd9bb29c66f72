"""Digests of files, and of what is sealed on its way."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from passkeep import digests, stream
from passkeep._native import Hasher
from passkeep.age.x25519 import X25519Identity
from passkeep.benchmark import buffers, commands, machine, peers
from passkeep.benchmark.contest import Absent, Contender, ContenderError, Race
from passkeep.benchmark.digesting import hashing, require_size
from passkeep.benchmark.place import COMMANDS_START
from passkeep.benchmark.references import MIB, threads
from passkeep.benchmark.setting import Setting, temporary

_TWO_PASSES = "encrypt_file, then digest"


def races(setting: Setting) -> list[Race]:
    """BLAKE3 of a file, and AES with BLAKE3 in one pass."""
    size = setting.sized(64 * MIB, MIB)
    folder = setting.folders[0]
    kind = machine.file_system(folder)
    notes = ["the file is in the page cache"]
    if setting.peers:
        notes += [
            "b3sum maps the file, passkeep reads it",
            COMMANDS_START,
        ]
    return [
        Race(
            f"Hash a file on {kind}",
            functools.partial(_hashing, setting, size, folder),
            amount=size,
            baseline=("b3sum", "SHA-256, hashlib"),
            notes=tuple(notes),
            room={folder: size},
        ),
        Race(
            f"Encrypt a file on {kind} with AES-256-GCM, and hash what is written",
            functools.partial(_fused, setting, size, folder),
            amount=size,
            baseline=(_TWO_PASSES,),
            room={folder: 3 * size},
            fresh_pages=True,
        ),
    ]


def _hashing(
    setting: Setting, size: int, folder: Path, stack: ExitStack
) -> Sequence[Contender | Absent]:
    file = temporary(stack, folder) / "file"
    file.write_bytes(buffers.random(size))
    count = setting.threads

    def sha256() -> str:
        with file.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest()

    by_hashlib = sha256()
    blake3 = digests.digest(file, threads=1).hexdigest()

    def first_word(line: str) -> str:
        return line.split(" ", 1)[0].strip()

    def by_threads(count: int) -> Contender:
        name = f"digest, {threads(count)}"
        return hashing(
            name, blake3, lambda: digests.digest(file, threads=count).hexdigest(), "passkeep"
        )

    def b3sum(program: Path) -> Contender:
        line = (program, "--no-names", "--num-threads", str(count), file)
        return hashing("b3sum", blake3, lambda: commands.output(*line).strip(), "peer")

    def openssl(program: Path) -> Contender:
        line = (program, "dgst", "-sha256", "-r", file)
        name = "openssl dgst -sha256"
        return hashing(name, by_hashlib, lambda: first_word(commands.output(*line)), "peer")

    found: list[Contender | Absent] = [
        *(by_threads(count) for count in sorted({1, count})),
        hashing("SHA-256, hashlib", by_hashlib, sha256, "reference"),
    ]
    if setting.peers:
        line = (*commands.PASSKEEP, "digest", "--threads", str(count), file)
        found += [
            hashing(
                "passkeep digest", blake3, lambda: first_word(commands.output(*line)), "passkeep"
            ),
            peers.contender("b3sum", b3sum),
            peers.contender("openssl", openssl),
        ]
    return found


def _fused(
    setting: Setting, size: int, folder: Path, stack: ExitStack
) -> Sequence[Contender | Absent]:
    place = temporary(stack, folder)
    plain, out = place / "plain", place / "out"
    plain.write_bytes(buffers.random(size))
    to = X25519Identity.generate().recipient
    found: list[str] = []

    def seal(hasher: Hasher | None = None) -> None:
        stream.encrypt_file(
            plain,
            out,
            to=to,
            cipher="aes-256-gcm",
            sync=False,
            threads=setting.threads,
            digest=hasher,
        )

    def both() -> None:
        hasher = Hasher("blake3")
        seal(hasher)
        found[:] = [hasher.hexdigest()]

    def one_by_one() -> None:
        seal()
        found[:] = [digests.digest(out, threads=setting.threads).hexdigest()]

    def prepare() -> None:
        out.unlink(missing_ok=True)
        found.clear()

    def verify() -> None:
        if found != [digests.digest(out).hexdigest()]:
            raise ContenderError("the digest is wrong")

    return [
        Contender("encrypt_file", seal, prepare=prepare, check=lambda: require_size(out, size)),
        Contender("encrypt_file with a digest", both, prepare=prepare, verify=verify),
        Contender(_TWO_PASSES, one_by_one, prepare=prepare, verify=verify),
    ]

"""Digests of files, and of what is sealed on its way."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

from passkeep import digests, stream
from passkeep._native import Hasher
from passkeep.age.x25519 import X25519Identity
from passkeep.benchmark import buffers, commands, machine, peers
from passkeep.benchmark.contest import Absent, Contender, ContenderError, Race, Role
from passkeep.benchmark.digesting import require_size
from passkeep.benchmark.references import MIB, threads
from passkeep.benchmark.setting import Setting, temporary

_Asking: TypeAlias = Callable[[str, str, Callable[[], str], Role], Contender]

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
            "commands include their start: passkeep's that of a Python interpreter",
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

    expected = {"sha256": sha256(), "blake3": digests.digest(file, threads=1).hexdigest()}

    def first_word(line: str) -> str:
        return line.split(" ", 1)[0].strip()

    def asking(name: str, algorithm: str, call: Callable[[], str], role: Role) -> Contender:
        found: list[str] = []

        def run() -> None:
            found[:] = [call()]

        def check() -> None:
            if found != [expected[algorithm]]:
                raise ContenderError("the digest is wrong")

        return Contender(name, run, role, prepare=found.clear, check=check)

    def blake3(count: int) -> Contender:
        name = f"digest, {threads(count)}"
        return asking(
            name, "blake3", lambda: digests.digest(file, threads=count).hexdigest(), "passkeep"
        )

    found: list[Contender | Absent] = [
        *(blake3(count) for count in sorted({1, count})),
        asking("SHA-256, hashlib", "sha256", sha256, "reference"),
    ]
    if setting.peers:
        line = (*commands.PASSKEEP, "digest", "--threads", str(count), file)
        found += [
            asking(
                "passkeep digest",
                "blake3",
                lambda: first_word(commands.output(*line)),
                "passkeep",
            ),
            peers.contender("b3sum", functools.partial(_b3sum, asking, file, count)),
            peers.contender("openssl", functools.partial(_openssl, asking, file)),
        ]
    return found


def _b3sum(
    asking: _Asking,
    file: Path,
    count: int,
    program: Path,
) -> Contender:
    line = (program, "--no-names", "--num-threads", str(count), file)
    return asking("b3sum", "blake3", lambda: commands.output(*line).strip(), "peer")


def _openssl(asking: _Asking, file: Path, program: Path) -> Contender:
    line = (program, "dgst", "-sha256", "-r", file)
    return asking(
        "openssl dgst -sha256",
        "sha256",
        lambda: commands.output(*line).split(" ", 1)[0],
        "peer",
    )


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

"""What the machine itself can do: memory, the disk, raw AEAD and hashes."""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from passkeep import digests
from passkeep.benchmark import buffers, commands, machine, peers
from passkeep.benchmark.buffers import Team, require_equal
from passkeep.benchmark.contest import Absent, Contender, ContenderError, Race, Role
from passkeep.benchmark.digesting import hashing
from passkeep.benchmark.references import KIB, MIB, TITLES, Messages, Raw, threads
from passkeep.benchmark.setting import Setting, temporary
from passkeep.sealed import Cipher

_SIZES = (16 * KIB, 64 * KIB, MIB)


def races(setting: Setting) -> list[Race]:
    """Copying, ciphers and hashes by threads, and each folder's disk."""
    size = setting.sized(64 * MIB, MIB)
    made = [
        Race(
            "Copy memory",
            functools.partial(_copying, setting, size),
            amount=size,
            baseline=("memcpy, 1 thread",),
            memory=2 * size,
        )
    ]
    for cipher, name in TITLES.items():
        notes = ["from memory to memory; raw is the backend that passkeep seals with"]
        if setting.peers and cipher == "aes-256-gcm":
            notes.append("openssl speed measures itself, in the cache: there is nothing to verify")
        made.append(
            Race(
                f"Raw {name} by size of message",
                functools.partial(_ciphers, setting, size, cipher),
                amount=size,
                baseline=(Raw.of(cipher, MIB, 1).name,),
                notes=tuple(notes),
                memory=3 * size,
            )
        )
    made.append(
        Race(
            "Hash memory",
            functools.partial(_hashes, setting, size),
            amount=size,
            baseline=("SHA-256, hashlib",),
            memory=2 * size,
        )
    )
    made += [
        Race(
            f"Write and read a file on {machine.file_system(folder)}",
            functools.partial(_disk, size, folder),
            amount=size,
            baseline=("write",),
            notes=("reading comes from the page cache",),
            room={folder: size},
            memory=size,
        )
        for folder in setting.folders
    ]
    return made


def _teams(setting: Setting, stack: ExitStack) -> list[Team]:
    return [Team(stack, count) for count in sorted({1, setting.threads})]


def _copying(setting: Setting, size: int, stack: ExitStack) -> Sequence[Contender | Absent]:
    source, target = buffers.random(size), buffers.empty(size)
    return [
        Contender(
            f"memcpy, {threads(team.threads)}",
            buffers.copier(team, source, target),
            "limit",
            verify=lambda: require_equal(target, source),
        )
        for team in _teams(setting, stack)
    ]


def _ciphers(
    setting: Setting, size: int, cipher: Cipher, stack: ExitStack
) -> Sequence[Contender | Absent]:
    plain = buffers.random(size)
    out = buffers.empty(size + size // 512 + MIB)
    found: list[Contender | Absent] = []
    for team in _teams(setting, stack):
        for message in _SIZES:
            raw = Raw.of(cipher, message, team.threads)
            found.append(_sealing(raw, plain, out, "limit"))
            found.append(_sealing(Messages.of(cipher, message, team), plain, out, "reference"))
    if setting.peers and cipher == "aes-256-gcm":
        found.append(peers.contender("openssl", functools.partial(_openssl, size)))
    return found


def _sealing(messages: Messages | Raw, plain: Any, sealed: Any, role: Role) -> Contender:
    def verify() -> None:
        back = buffers.empty(len(plain))
        messages.open(sealed, back)()
        require_equal(back, plain)

    return Contender(messages.name, messages.seal(plain, sealed), role, verify=verify)


def _openssl(size: int, program: Path) -> Contender:
    line = (program, "speed", "-mr", "-seconds", "1", "-bytes", str(16 * KIB))

    def run() -> float:
        # The last of the figures is bytes a second.
        said = commands.output(*line, "-evp", "aes-256-gcm")
        found = re.search(r"^\+F:.*:([\d.]+)$", said, re.MULTILINE)
        if found is None or not float(found[1]):
            raise ContenderError("it told no rate")
        return size / float(found[1])

    return Contender("openssl speed, 16 KiB, 1 thread", run, "peer")


def _hashes(setting: Setting, size: int, stack: ExitStack) -> Sequence[Contender | Absent]:
    del stack
    data = buffers.random(size)
    sha256 = hashlib.sha256(data).hexdigest()
    blake3 = digests.digest(data, threads=1).hexdigest()

    def by_threads(count: int) -> Contender:
        return hashing(
            f"BLAKE3, passkeep, {threads(count)}",
            blake3,
            lambda: digests.digest(data, threads=count).hexdigest(),
            "passkeep",
        )

    return [
        *(by_threads(count) for count in sorted({1, setting.threads})),
        hashing("SHA-256, hashlib", sha256, lambda: hashlib.sha256(data).hexdigest(), "limit"),
        hashing(
            "SHA-256, passkeep",
            sha256,
            lambda: digests.digest(data, "sha256").hexdigest(),
            "passkeep",
        ),
    ]


def _disk(size: int, folder: Path, stack: ExitStack) -> Sequence[Contender | Absent]:
    file = temporary(stack, folder) / "file"
    data = memoryview(buffers.random(size))
    room = bytearray(MIB)
    file.write_bytes(data)

    def write(*, sync: bool) -> None:
        with file.open("wb", buffering=0) as out:
            for start in range(0, size, MIB):
                out.write(data[start : start + MIB])
            if sync:
                os.fsync(out.fileno())

    def read() -> None:
        with file.open("rb", buffering=0) as source:
            done = 0
            while count := source.readinto(room):
                done += count
        if done != size:
            raise ContenderError("it did not read all of the file")

    def same() -> None:
        require_equal(file.read_bytes(), data)

    def remove() -> None:
        file.unlink(missing_ok=True)

    return [
        Contender("write", lambda: write(sync=False), "limit", prepare=remove, verify=same),
        Contender(
            "write and fsync", lambda: write(sync=True), "limit", prepare=remove, verify=same
        ),
        Contender("read", read, "limit"),
    ]

"""From file to file, beside `cp`: in memory, on the disk, and until it is on the disk."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from passkeep import stream
from passkeep.age.x25519 import X25519Identity
from passkeep.benchmark import buffers, commands, machine, peers
from passkeep.benchmark.contest import Absent, Contender, ContenderError, Race, Role
from passkeep.benchmark.digesting import file_digest, require_same_file, require_size
from passkeep.benchmark.place import COMMANDS_START, Place
from passkeep.benchmark.references import MIB
from passkeep.benchmark.setting import Setting, temporary
from passkeep.sealed import Cipher

CIPHERS: tuple[Cipher, ...] = ("aes-256-gcm", "age")
_BASELINE = ("cp",)


def races(setting: Setting) -> list[Race]:
    """Both directions in each folder; on a disk without and with waiting for it."""
    size = setting.sized(64 * MIB, MIB)
    made = []
    for folder in setting.folders:
        kind = machine.file_system(folder)
        for sync in (False,) if kind == "tmpfs" else (False, True):
            for opening in (False, True):
                verb = "Decrypt" if opening else "Encrypt"
                waiting = ", until it is on the disk" if sync else ""
                made.append(
                    Race(
                        title=f"{verb} from file to file on {kind}{waiting}",
                        enter=functools.partial(
                            _enter, setting, size, folder, sync=sync, opening=opening
                        ),
                        amount=size,
                        baseline=_BASELINE,
                        notes=_notes(setting, sync=sync),
                        room={folder: 6 * size + 16 * MIB},
                        fresh_pages=not sync,
                    )
                )
    return made


def _notes(setting: Setting, *, sync: bool) -> tuple[str, ...]:
    notes = ["files are read from the page cache", "cp copies: it may not share extents"]
    if sync:
        notes.append("cp and other programs do not wait: fsync is called behind them")
    if setting.peers:
        notes += [
            COMMANDS_START,
            "age and rage use one thread to encrypt; all use one classic recipient",
            "openssl enc does not authenticate, which is less work",
        ]
    return tuple(notes)


@dataclass(frozen=True, slots=True)
class _Place(Place):
    """Where a race is run, and what everybody reads.

    Attributes:
        digest: That of the plaintext.
        sync: Whether to wait for the disk.
    """

    digest: str
    sync: bool

    @property
    def plain(self) -> Path:
        return self.folder / "plain"

    def sealed(self, cipher: Cipher) -> Path:
        return self.folder / f"sealed.{cipher}"

    def contender(
        self,
        name: str,
        run: Callable[[], object],
        verify: Callable[[], object],
        *,
        role: Role = "passkeep",
        waits: bool = True,
    ) -> Contender:
        """A contender that writes `out`; one that does not wait itself is waited for."""

        def work() -> None:
            run()
            if self.sync and not waits:
                _wait_for(self.out)

        return Contender(
            name,
            work,
            role,
            prepare=self._start_anew,
            check=lambda: require_size(self.out, self.size),
            verify=verify,
        )

    def _start_anew(self) -> None:
        self.out.unlink(missing_ok=True)
        # What others wrote is not to be written back while this one is timed.
        os.sync()


def _enter(
    setting: Setting, size: int, folder: Path, stack: ExitStack, *, sync: bool, opening: bool
) -> Sequence[Contender | Absent]:
    place = _furnish(temporary(stack, folder), size, setting, sync=sync)
    return _opening(place, setting) if opening else _sealing(place, setting)


def _furnish(folder: Path, size: int, setting: Setting, *, sync: bool) -> _Place:
    plain = folder / "plain"
    plain.write_bytes(buffers.random(size))
    identity = X25519Identity.generate()
    place = _Place(folder, size, identity, setting.threads, file_digest(plain), sync)
    place.write_identity()
    for cipher in CIPHERS:
        stream.encrypt_file(
            plain, place.sealed(cipher), to=identity.recipient, cipher=cipher, sync=False
        )
    os.sync()  # what was set up is not to be written while somebody is timed
    return place


def copy_command(*options: str) -> tuple[str, ...]:
    """`cp`, told to copy where it could share extents."""
    never = ("--reflink=never",) if sys.platform == "linux" else ()
    return ("cp", *never, *options)


def _copy(place: _Place) -> Contender:
    return place.contender(
        "cp",
        lambda: commands.run(*copy_command(), place.plain, place.out),
        lambda: require_same_file(place.out, place.digest),
        role="limit",
        waits=False,
    )


def _sealing(place: _Place, setting: Setting) -> Sequence[Contender | Absent]:
    def verify() -> None:
        back = place.folder / "back"
        try:
            stream.decrypt_file(place.out, back, place.identity, sync=False)
            require_same_file(back, place.digest)
        finally:
            back.unlink(missing_ok=True)

    def call(cipher: Cipher) -> Contender:
        return place.contender(
            f"encrypt_file, {cipher}",
            lambda: stream.encrypt_file(
                place.plain,
                place.out,
                to=place.identity.recipient,
                cipher=cipher,
                sync=place.sync,
                threads=place.threads,
            ),
            verify,
        )

    def command(cipher: Cipher) -> Contender:
        words = ("--cipher", cipher, "--to", place.recipient, "--threads", str(place.threads))
        return place.contender(
            f"passkeep encrypt, {cipher}",
            lambda: commands.run(
                *commands.PASSKEEP, "encrypt", *words, _sync(place), "-o", place.out, place.plain
            ),
            verify,
        )

    def like_age(name: str) -> Callable[[Path], Contender]:
        return lambda program: place.contender(
            name,
            lambda: commands.run(program, "-r", place.recipient, "-o", place.out, place.plain),
            verify,
            role="peer",
            waits=False,
        )

    found: list[Contender | Absent] = [_copy(place), *(call(cipher) for cipher in CIPHERS)]
    if setting.peers:
        found += [command(cipher) for cipher in CIPHERS]
        found += [peers.contender(name, like_age(name)) for name in ("age", "rage")]
        found.append(peers.contender("openssl", lambda path: _openssl(place, path)))
    return found


def _opening(place: _Place, setting: Setting) -> Sequence[Contender | Absent]:
    def verify() -> None:
        require_same_file(place.out, place.digest)

    def call(cipher: Cipher) -> Contender:
        return place.contender(
            f"decrypt_file, {cipher}",
            lambda: stream.decrypt_file(
                place.sealed(cipher),
                place.out,
                place.identity,
                sync=place.sync,
                threads=place.threads,
            ),
            verify,
        )

    def command(cipher: Cipher) -> Contender:
        words = ("--identity", place.identity_file, "--threads", str(place.threads))
        sealed = place.sealed(cipher)
        return place.contender(
            f"passkeep decrypt, {cipher}",
            lambda: commands.run(
                *commands.PASSKEEP, "decrypt", *words, _sync(place), "-o", place.out, sealed
            ),
            verify,
        )

    def like_age(name: str) -> Callable[[Path], Contender]:
        words = ("-d", "-i", place.identity_file, "-o", place.out, place.sealed("age"))
        return lambda program: place.contender(
            name, lambda: commands.run(program, *words), verify, role="peer", waits=False
        )

    found: list[Contender | Absent] = [_copy(place), *(call(cipher) for cipher in CIPHERS)]
    if setting.peers:
        found += [command(cipher) for cipher in CIPHERS]
        found += [peers.contender(name, like_age(name)) for name in ("age", "rage")]
    return found


def _openssl(place: _Place, program: Path) -> Contender:
    key, counter = os.urandom(32), bytes(16)
    # A key in the arguments is for nothing but this file, which holds nothing.
    words = ("-K", key.hex(), "-iv", counter.hex(), "-in", place.plain, "-out", place.out)

    def verify() -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        decryptor = Cipher(algorithms.AES256(key), modes.CTR(counter)).decryptor()
        plain, out = place.plain.open("rb"), place.out.open("rb")
        with plain, out:
            while piece := out.read(MIB):
                if decryptor.update(piece) != plain.read(len(piece)):
                    raise ContenderError("the result is not the plaintext")
            if plain.read(1):
                raise ContenderError("the result is too small to hold the plaintext")

    return place.contender(
        "openssl enc -aes-256-ctr",
        lambda: commands.run(program, "enc", "-aes-256-ctr", *words),
        verify,
        role="peer",
        waits=False,
    )


def _sync(place: _Place) -> str:
    return "--sync" if place.sync else "--no-sync"


def _wait_for(path: Path) -> None:
    if not path.is_file():
        raise ContenderError("it wrote no result")
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

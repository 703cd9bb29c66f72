"""From memory to memory: what the ciphers themselves can do."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from passkeep import memory
from passkeep.age.x25519 import X25519Identity
from passkeep.benchmark import buffers, peers
from passkeep.benchmark.buffers import Team, require_equal
from passkeep.benchmark.contest import Absent, Contender, Race, Role
from passkeep.benchmark.references import (
    CHUNKS,
    KIB,
    MIB,
    TITLES,
    Cobblestone,
    Messages,
    Raw,
    threads,
)
from passkeep.benchmark.setting import Setting
from passkeep.sealed import Cipher

_BUFFERS = 6
"""The plaintext, the result, and a sealed buffer for each format."""


def races(setting: Setting) -> list[Race]:
    """Sealing and opening, each with both ciphers."""
    size = setting.sized(64 * MIB, MIB)
    made = []
    for cipher, title in TITLES.items():
        for opening in (False, True):
            verb = "Decrypt" if opening else "Encrypt"
            made.append(
                Race(
                    title=f"{verb} from memory to memory, {title}",
                    enter=functools.partial(_enter, setting, size, cipher, opening=opening),
                    amount=size,
                    baseline=(Raw.of(cipher, CHUNKS[cipher], setting.threads).name,),
                    notes=_notes(setting, cipher),
                    memory=_BUFFERS * size,
                )
            )
    return made


def _notes(setting: Setting, cipher: Cipher) -> tuple[str, ...]:
    notes = [
        f"buffers are {buffers.kind()}",
        "passkeep and raw start their threads in each run, the other references' wait for work",
        "raw is the backend's cipher on messages of the size of passkeep's chunks",
        f"1 MiB messages are less work than chunks of {CHUNKS[cipher] // KIB} KiB",
    ]
    if cipher == "aes-256-gcm":
        notes.append("passkeep and cryptography.cobblestone seal the same: Cobblestone-256")
    elif setting.peers:
        notes.append("pyrage uses one thread, and makes new bytes each time")
    return tuple(notes)


def _enter(
    setting: Setting, size: int, cipher: Cipher, stack: ExitStack, *, opening: bool
) -> Sequence[Contender | Absent]:
    team = Team(stack, setting.threads)
    plain = buffers.random(size)
    # One output for everybody, so that all write to the same pages.
    out = buffers.empty(Cobblestone.sealed_size(size))
    make = _Opening(plain, out, size) if opening else _Sealing(plain, out, size)
    copy = Contender(
        f"memcpy, {threads(team.threads)}",
        buffers.copier(team, plain, out),
        "limit",
        verify=lambda: require_equal(memoryview(out)[:size], plain),
    )
    found: list[Contender | Absent] = [copy]
    found += make.passkeep(cipher, setting.threads)
    chunk = CHUNKS[cipher]
    found.append(make.messages(Raw.of(cipher, chunk, setting.threads), "limit"))
    found += [make.messages(Messages.of(cipher, size, team)) for size in (MIB, chunk)]
    if cipher == "aes-256-gcm":
        found.append(make.cobblestone(Cobblestone()))
    elif setting.peers:
        found.append(make.pyrage() if peers.module_version("pyrage") else peers.absent("pyrage"))
    return found


class _Sealing:
    """Contenders that encrypt `plain` into `out`; verified by decrypting it back."""

    def __init__(self, plain: Any, out: Any, size: int) -> None:
        self.plain, self.out, self.size = plain, out, size
        self.identity = X25519Identity.generate()

    def passkeep(self, cipher: Cipher, threads: int) -> list[Contender]:
        to = self.identity.recipient
        length = memory.sealed_size(self.size, to=to, cipher=cipher)
        new: list[bytes] = []

        def into() -> None:
            memory.encrypt_into(self.plain, self.out, to=to, cipher=cipher, threads=threads)

        def fresh() -> None:
            new[:] = [memory.encrypt(self.plain, to=to, cipher=cipher, threads=threads)]

        def verify(sealed: Any) -> None:
            require_equal(memory.decrypt(sealed, self.identity), self.plain)

        return [
            Contender("encrypt_into", into, verify=lambda: verify(memoryview(self.out)[:length])),
            Contender(
                "encrypt (new bytes)",
                fresh,
                prepare=new.clear,
                verify=lambda: verify(new[0]),
            ),
        ]

    def messages(self, messages: Messages | Raw, role: Role = "reference") -> Contender:
        def verify() -> None:
            back = buffers.empty(self.size)
            messages.open(self.out, back)()
            require_equal(back, self.plain)

        run = messages.seal(self.plain, self.out)
        return Contender(messages.name, run, role, verify=verify)

    def cobblestone(self, reference: Cobblestone) -> Contender:
        length = 0

        def run() -> None:
            nonlocal length
            length = reference.seal(self.plain, self.out)

        def verify() -> None:
            back = buffers.empty(reference.sealed_size(self.size))
            found = reference.open(memoryview(self.out)[:length], back)
            require_equal(memoryview(back)[:found], self.plain)

        return Contender(reference.name, run, "reference", verify=verify)

    def pyrage(self) -> Contender:
        import pyrage

        to = pyrage.x25519.Recipient.from_str(str(self.identity.recipient))
        data = bytes(self.plain)
        new: list[bytes] = []

        def run() -> None:
            new[:] = [pyrage.encrypt(data, [to])]

        def verify() -> None:
            require_equal(memory.decrypt(new[0], self.identity), self.plain)

        return Contender("pyrage", run, "peer", prepare=new.clear, verify=verify)


class _Opening:
    """Contenders that decrypt something of their own into `out`."""

    def __init__(self, plain: Any, out: Any, size: int) -> None:
        self.plain, self.out, self.size = plain, out, size
        self.identity = X25519Identity.generate()

    def _verify(self) -> None:
        require_equal(memoryview(self.out)[: self.size], self.plain)

    def passkeep(self, cipher: Cipher, threads: int) -> list[Contender]:
        to = self.identity.recipient
        sealed = buffers.empty(memory.sealed_size(self.size, to=to, cipher=cipher))
        memory.encrypt_into(self.plain, sealed, to=to, cipher=cipher)
        fixed = bytes(sealed)
        new: list[bytes] = []

        def into() -> None:
            memory.decrypt_into(sealed, self.out, self.identity, threads=threads)

        def from_bytes() -> None:
            memory.decrypt_into(fixed, self.out, self.identity, threads=threads)

        def fresh() -> None:
            new[:] = [memory.decrypt(fixed, self.identity, threads=threads)]

        return [
            Contender("decrypt_into", into, verify=self._verify, prepare=self._forget),
            Contender(
                "decrypt_into, from bytes", from_bytes, verify=self._verify, prepare=self._forget
            ),
            Contender(
                "decrypt (new bytes)",
                fresh,
                prepare=new.clear,
                verify=lambda: require_equal(new[0], self.plain),
            ),
        ]

    def messages(self, messages: Messages | Raw, role: Role = "reference") -> Contender:
        sealed = buffers.empty(messages.sealed_size(self.size))
        messages.seal(self.plain, sealed)()
        run = messages.open(sealed, memoryview(self.out)[: self.size])
        return Contender(messages.name, run, role, prepare=self._forget, verify=self._verify)

    def cobblestone(self, reference: Cobblestone) -> Contender:
        whole = buffers.empty(reference.sealed_size(self.size))
        sealed = memoryview(whole)[: reference.seal(self.plain, whole)]
        return Contender(
            reference.name,
            lambda: _discard(reference.open(sealed, self.out)),
            "reference",
            prepare=self._forget,
            verify=self._verify,
        )

    def pyrage(self) -> Contender:
        import pyrage

        mine = pyrage.x25519.Identity.from_str(str(self.identity))
        sealed = memory.encrypt(self.plain, to=self.identity.recipient)
        new: list[bytes] = []

        def run() -> None:
            new[:] = [pyrage.decrypt(sealed, [mine])]

        return Contender(
            "pyrage",
            run,
            "peer",
            prepare=new.clear,
            verify=lambda: require_equal(new[0], self.plain),
        )

    def _forget(self) -> None:
        """Spoils the output a little, so that nobody is right by what another one left."""
        view = memoryview(self.out)
        for at in range(0, self.size, MIB):
            view[at] ^= 0xFF


def _discard(value: object) -> None:
    """Turns what a function returns into nothing, which measures its time."""
    del value

"""Very small messages: what a key costs, and what sharing it saves."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TypeAlias

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from passkeep import memory, sealed
from passkeep.age import envelope
from passkeep.age.hybrid import HybridIdentity
from passkeep.age.x25519 import X25519Identity
from passkeep.batch import Batch
from passkeep.benchmark import peers
from passkeep.benchmark.contest import Absent, Contender, ContenderError, Race, Role
from passkeep.benchmark.references import KIB
from passkeep.benchmark.setting import Setting

_WRAP = "the key alone, wrapped"
_UNWRAP = "the key alone, unwrapped"
_LOOP = "AESGCM in a loop"

Either: TypeAlias = HybridIdentity | X25519Identity


def races(setting: Setting) -> list[Race]:
    """One key for each message, and one for all of them."""
    count = 20 if setting.quick else 200
    many = 500 if setting.quick else 10_000
    notes: tuple[str, ...] = ("the recipient is post-quantum, where nothing else is said",)
    if setting.peers:
        notes += ("pyrage knows only classic recipients, which are less work",)

    def race(title: str, enter: Callable[..., Contestants], amount: int, baseline: str) -> Race:
        return Race(
            title,
            functools.partial(enter, setting, amount),
            unit="items",
            amount=amount,
            baseline=(baseline,),
            notes=notes if enter is not _sharing else (_SHARING_NOTE,),
        )

    return [
        race("Encrypt messages of 1 KiB, each with its own key", _sealing, count, _WRAP),
        race("Decrypt messages of 1 KiB, each with its own key", _opening, count, _UNWRAP),
        race("Encrypt messages of 1 KiB with one key for all", _sharing, many, _LOOP),
    ]


Contestants: TypeAlias = Sequence[Contender | Absent]
_SHARING_NOTE = "the loop binds messages to no names, and derives no key for each"


def _each(
    name: str,
    count: int,
    one: Callable[[], bytes],
    verify: Callable[[bytes], object],
    role: Role = "passkeep",
) -> Contender:
    """Does one thing many times; what comes of the last time is verified in each run."""
    found: list[bytes] = []

    def run() -> None:
        for _ in range(count - 1):
            one()
        found[:] = [one()]

    return Contender(name, run, role, prepare=found.clear, check=lambda: verify(found[0]))


def _sealing(setting: Setting, count: int, stack: ExitStack) -> Contestants:
    del stack
    hybrid, classic = HybridIdentity.generate(), X25519Identity.generate()
    data = os.urandom(KIB)

    def opens(identity: Either) -> Callable[[bytes], None]:
        return lambda found: _require(memory.decrypt(found, identity), data)

    def passkeep(name: str, identity: Either) -> Contender:
        to = identity.recipient
        return _each(name, count, lambda: memory.encrypt(data, to=to), opens(identity))

    def wrap() -> bytes:
        return envelope.new_header([hybrid.recipient])[0]

    found: list[Contender | Absent] = [
        _each(_WRAP, count, wrap, _unwraps(hybrid), "limit"),
        passkeep("encrypt", hybrid),
        passkeep("encrypt, classic recipient", classic),
    ]
    if not setting.peers:
        return found
    if peers.module_version("pyrage") is None:
        return [*found, peers.absent("pyrage")]
    import pyrage

    to = pyrage.x25519.Recipient.from_str(str(classic.recipient))
    name = "pyrage, classic recipient"
    return [
        *found,
        _each(name, count, lambda: pyrage.encrypt(data, [to]), opens(classic), "peer"),
    ]


def _unwraps(identity: Either) -> Callable[[bytes], None]:
    def verify(header: bytes) -> None:
        parsed = sealed.parse(header)
        if parsed is None:
            raise ContenderError("the header ends too early")
        parsed[0].raw_key([identity])

    return verify


def _opening(setting: Setting, count: int, stack: ExitStack) -> Contestants:
    del stack
    hybrid, classic = HybridIdentity.generate(), X25519Identity.generate()
    data = os.urandom(KIB)
    ours = memory.encrypt(data, to=hybrid.recipient)
    theirs = memory.encrypt(data, to=classic.recipient)
    opening, _ = sealed.split(memoryview(ours))
    file_key = opening.raw_key([hybrid])

    def is_plain(found: bytes) -> None:
        _require(found, data)

    found: list[Contender | Absent] = [
        _each(
            _UNWRAP,
            count,
            lambda: opening.raw_key([hybrid]),
            lambda key: _require(key, file_key),
            "limit",
        ),
        _each("decrypt", count, lambda: memory.decrypt(ours, hybrid), is_plain),
        _each(
            "decrypt, classic recipient", count, lambda: memory.decrypt(theirs, classic), is_plain
        ),
    ]
    if not setting.peers:
        return found
    if peers.module_version("pyrage") is None:
        return [*found, peers.absent("pyrage")]
    import pyrage

    mine = pyrage.x25519.Identity.from_str(str(classic))
    name = "pyrage, classic recipient"
    return [
        *found,
        _each(name, count, lambda: pyrage.decrypt(theirs, [mine]), is_plain, "peer"),
    ]


def _sharing(setting: Setting, count: int, stack: ExitStack) -> Contestants:
    del stack
    objects = [(f"object/{number}", os.urandom(KIB)) for number in range(count)]
    contents = [content for _, content in objects]
    batch = Batch.create(to=HybridIdentity.generate().recipient)
    key = AESGCM(os.urandom(32))
    found: list[bytes] = []

    def many() -> None:
        found[:] = batch.seal_many(objects, threads=setting.threads)

    def one_by_one() -> None:
        found[:] = [batch.seal(name, content) for name, content in objects]

    def loop() -> None:
        found[:] = [
            key.encrypt(number.to_bytes(12, "big"), content, None)
            for number, content in enumerate(contents)
        ]

    def open_batch() -> None:
        names = [name for name, _ in objects]
        _require(batch.open_many(zip(names, found, strict=True)), contents)

    def open_loop() -> None:
        opened = [
            key.decrypt(number.to_bytes(12, "big"), one, None) for number, one in enumerate(found)
        ]
        _require(opened, contents)

    return [
        Contender(_LOOP, loop, "reference", prepare=found.clear, verify=open_loop),
        Contender("Batch.seal_many", many, prepare=found.clear, verify=open_batch),
        Contender("Batch.seal, one by one", one_by_one, prepare=found.clear, verify=open_batch),
    ]


def _require(found: object, expected: object) -> None:
    if found != expected:
        raise ContenderError("the result is not the plaintext")

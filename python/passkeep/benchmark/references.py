"""The honest rows: the same ciphers without a format, by `cryptography` and by our backend."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from passkeep._native import RawMessages
from passkeep.benchmark.buffers import Team
from passkeep.sealed import Cipher

TAG = 16
KIB, MIB = 1 << 10, 1 << 20

_CONTEXT = b"passkeep.bench"
_MARGIN = 1 * MIB
TITLES: dict[Cipher, str] = {"aes-256-gcm": "AES-256-GCM", "age": "ChaCha20-Poly1305"}
"""What ciphers are called beside the formats that use them."""

CHUNKS: dict[Cipher, int] = {"aes-256-gcm": 16 * KIB, "age": 64 * KIB}
"""Bytes in a chunk of each format."""

_AEADS: dict[Cipher, tuple[type[AESGCM | ChaCha20Poly1305], str]] = {
    "aes-256-gcm": (AESGCM, "AESGCM"),
    "age": (ChaCha20Poly1305, "ChaCha20Poly1305"),
}


@dataclass(frozen=True, slots=True)
class Messages:
    """A buffer cut into messages of one size, sealed by threads that Python starts.

    The same nonces are used in each run, which nothing that protects data may do.
    """

    cipher: Cipher
    message: int
    team: Team
    aead: AESGCM | ChaCha20Poly1305

    @classmethod
    def of(cls, cipher: Cipher, message: int, team: Team) -> Messages:
        """Makes them with a key of their own."""
        return cls(cipher, message, team, _AEADS[cipher][0](os.urandom(32)))

    @property
    def name(self) -> str:
        """What is called, on which size of messages, by how many threads."""
        return _named(_AEADS[self.cipher][1], self.message, self.team.threads)

    def sealed_size(self, size: int) -> int:
        """Bytes that the sealed messages of a buffer need."""
        return _with_tags(size, self.message)

    def seal(self, plain: Any, sealed: Any) -> Callable[[], None]:
        """Seals from one buffer into another."""
        source, target = memoryview(plain), memoryview(sealed)
        step, wide = self.message, self.message + TAG
        encrypt = self.aead.encrypt_into

        def work(first: int, last: int) -> None:
            for number in range(first, last):
                piece = source[number * step : (number + 1) * step]
                at = number * wide
                nonce = number.to_bytes(12, "big")
                encrypt(nonce, piece, None, target[at : at + len(piece) + TAG])

        return lambda: self.team.share(-(-len(source) // step), work)

    def open(self, sealed: Any, plain: Any) -> Callable[[], None]:
        """Opens from one buffer into another."""
        source, target = memoryview(sealed), memoryview(plain)
        source = source[: self.sealed_size(len(target))]
        step, wide = self.message, self.message + TAG
        decrypt = self.aead.decrypt_into

        def work(first: int, last: int) -> None:
            for number in range(first, last):
                piece = source[number * wide : (number + 1) * wide]
                at = number * step
                nonce = number.to_bytes(12, "big")
                decrypt(nonce, piece, None, target[at : at + len(piece) - TAG])

        return lambda: self.team.share(-(-len(target) // step), work)


@dataclass(frozen=True, slots=True)
class Raw:
    """The same by the backend that passkeep seals with, from Rust: what a format may cost."""

    cipher: Cipher
    message: int
    count: int
    """Threads, which are started in each run, as passkeep's are."""
    raw: RawMessages

    @classmethod
    def of(cls, cipher: Cipher, message: int, count: int) -> Raw:
        """Makes them with a key of their own."""
        return cls(cipher, message, count, RawMessages(cipher, message))

    @property
    def name(self) -> str:
        """Which cipher, on which size of messages, by how many threads."""
        return _named(f"raw {TITLES[self.cipher]}", self.message, self.count)

    def sealed_size(self, size: int) -> int:
        """Bytes that the sealed messages of a buffer need."""
        return _with_tags(size, self.message)

    def seal(self, plain: Any, sealed: Any) -> Callable[[], None]:
        """Seals from one buffer into another."""
        target = memoryview(sealed)[: self.sealed_size(len(plain))]
        return lambda: self.raw.seal(plain, target, threads=self.count)

    def open(self, sealed: Any, plain: Any) -> Callable[[], None]:
        """Opens from one buffer into another."""
        source = memoryview(sealed)[: self.sealed_size(len(plain))]
        return lambda: self.raw.open(source, plain, threads=self.count)


class Cobblestone:
    """The same message as passkeep makes, by the reference implementation: one thread."""

    name = "cryptography.cobblestone, 1 thread"

    def __init__(self) -> None:
        self._key = os.urandom(32)

    @staticmethod
    def sealed_size(size: int) -> int:
        """Bytes that are enough for a sealed buffer."""
        return size + size // 1024 + _MARGIN

    def seal(self, plain: Any, sealed: Any) -> int:
        """Seals from one buffer into another, and says how much that is."""
        encryptor = Cobblestone256Encryptor(self._key, _CONTEXT)
        return _through(encryptor, memoryview(plain), memoryview(sealed))

    def open(self, sealed: Any, plain: Any) -> int:
        """Opens from one buffer into another, which needs some room behind the plaintext."""
        decryptor = Cobblestone256Decryptor(self._key, _CONTEXT)
        return _through(decryptor, memoryview(sealed), memoryview(plain))


def _through(machine: Any, source: memoryview, target: memoryview) -> int:
    done = 0
    for start in range(0, len(source), MIB):
        done += machine.update_into(source[start : start + MIB], target[done:])
    end = machine.finalize()
    target[done : done + len(end)] = end
    return done + len(end)


def _named(what: str, message: int, count: int) -> str:
    large = message >= MIB
    size = f"{message // MIB} MiB" if large else f"{message // KIB} KiB"
    return f"{what}, {size} messages, {threads(count)}"


def _with_tags(size: int, message: int) -> int:
    return size + TAG * -(-size // message)


def threads(count: int) -> str:
    """How many threads, in words."""
    return f"{count} thread" if count == 1 else f"{count} threads"

"""How it grows: by size, by threads, and by streams at the same time."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from passkeep import memory, stream
from passkeep.age.x25519 import X25519Identity
from passkeep.benchmark import buffers
from passkeep.benchmark.buffers import require_equal
from passkeep.benchmark.contest import Absent, Contender, ContenderError, Race
from passkeep.benchmark.files import CIPHERS
from passkeep.benchmark.references import MIB, threads
from passkeep.benchmark.setting import Setting, temporary
from passkeep.sealed import Cipher

_NOWHERE = Path("/dev/null")
_SMALLEST = 64 * MIB
_IN_MEMORY = 256 * MIB
_STREAM = 16 * MIB
_STREAMS = 64

SIZES, THREADS, STREAMS = "bytes", "threads", "streams"
"""The axes."""


def races(setting: Setting) -> list[Race]:
    """Sizes up to the one that was asked for, threads up to all, streams up to 64."""
    largest = setting.sized(1 << 30, 4 * MIB)
    smallest = MIB if setting.quick else min(_SMALLEST, largest)
    in_memory = min(largest, 2 * MIB if setting.quick else _IN_MEMORY)
    for_each = min(largest, MIB // 4 if setting.quick else _STREAM)
    first = CIPHERS[0]
    generated = "what is sealed comes from a generator in Python and goes to the null device"
    return [
        Race(
            "Encrypt a stream, by its size",
            functools.partial(_by_size, setting, smallest, largest),
            baseline=(f"{first}, {smallest // MIB} MiB",),
            notes=(generated,),
            axis=SIZES,
        ),
        Race(
            f"Encrypt {in_memory // MIB} MiB from memory to memory, by threads",
            functools.partial(_by_threads, setting, in_memory),
            amount=in_memory,
            baseline=(f"{first}, {threads(1)}",),
            axis=THREADS,
            memory=3 * in_memory,
        ),
        Race(
            "Encrypt streams at the same time, by their number",
            functools.partial(_by_streams, setting, for_each),
            baseline=(f"{first}, 1 stream",),
            notes=(
                f"each seals the same file of {for_each / MIB:g} MiB to the null device",
                "one thread for each stream; the rate is that of all together",
            ),
            axis=STREAMS,
            room={setting.folders[0]: for_each},
        ),
    ]


class _Generator:
    """A source of as many bytes as are asked for, which are all the same block."""

    def __init__(self, block: bytes, size: int) -> None:
        self._left = size
        self._block = block

    def read(self, size: int, /) -> bytes:
        """Returns up to the block, which is 1 MiB."""
        size = min(size, self._left, MIB)
        self._left -= size
        return self._block if size == MIB else self._block[:size]


def _sizes(smallest: int, largest: int) -> list[int]:
    """Four times as much each time, and at last what was asked for."""
    found = [smallest]
    while found[-1] * 4 < largest:
        found.append(found[-1] * 4)
    return found if found[-1] == largest else [*found, largest]


def _powers(most: int) -> list[int]:
    found = [1]
    while found[-1] * 2 < most:
        found.append(found[-1] * 2)
    return found if found[-1] == most else [*found, most]


def _by_size(
    setting: Setting, smallest: int, largest: int, stack: ExitStack
) -> Sequence[Contender | Absent]:
    del stack
    to = X25519Identity.generate().recipient
    # One for all runs: making it would be a fifth of the work on the smallest.
    block = bytes(MIB)

    def contender(cipher: Cipher, size: int) -> Contender:
        def run() -> None:
            done = stream.encrypt_file(
                _Generator(block, size),
                _NOWHERE,
                to=to,
                cipher=cipher,
                threads=setting.threads,
            )
            if done != size:
                raise ContenderError("it did not do all of the work")

        name = f"{cipher}, {size // MIB} MiB"
        return Contender(name, run, amount=size, series=cipher, at=size)

    return [contender(cipher, size) for cipher in CIPHERS for size in _sizes(smallest, largest)]


def _by_threads(setting: Setting, size: int, stack: ExitStack) -> Sequence[Contender | Absent]:
    del stack
    identity = X25519Identity.generate()
    to = identity.recipient
    plain = buffers.random(size)
    out = buffers.empty(max(memory.sealed_size(size, to=to, cipher=one) for one in CIPHERS))

    def contender(cipher: Cipher, count: int) -> Contender:
        length = 0

        def run() -> None:
            nonlocal length
            length = memory.encrypt_into(
                plain,
                out,
                to=to,
                cipher=cipher,
                threads=count,
            )

        def verify() -> None:
            require_equal(memory.decrypt(memoryview(out)[:length], identity), plain)

        name = f"{cipher}, {threads(count)}"
        return Contender(name, run, verify=verify, series=cipher, at=count)

    return [contender(cipher, count) for cipher in CIPHERS for count in _powers(setting.threads)]


def _by_streams(setting: Setting, size: int, stack: ExitStack) -> Sequence[Contender | Absent]:
    to = X25519Identity.generate().recipient
    most = 4 if setting.quick else _STREAMS
    plain = temporary(stack, setting.folders[0]) / "plain"
    plain.write_bytes(buffers.random(size))
    pool = stack.enter_context(ThreadPoolExecutor(most))

    def contender(cipher: Cipher, count: int) -> Contender:
        def one(number: int) -> int:
            del number
            return stream.encrypt_file(
                plain,
                _NOWHERE,
                to=to,
                cipher=cipher,
                threads=1,
            )

        def run() -> None:
            if sum(pool.map(one, range(count))) != size * count:
                raise ContenderError("it did not do all of the work")

        name = f"{cipher}, {count} stream{'s' * (count > 1)}"
        return Contender(name, run, amount=size * count, series=cipher, at=count)

    return [contender(cipher, count) for cipher in CIPHERS for count in _powers(most)]

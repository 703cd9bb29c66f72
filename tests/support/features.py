"""What OpenSSL takes the processor for, in both copies of it: passkeep's and cryptography's.

As a program it prints the instruction sets that both find, so that another process can ask
under a mask.
"""

from __future__ import annotations

import ctypes
import re
import struct
from pathlib import Path

from cryptography.hazmat.bindings.openssl.binding import Binding

from passkeep import _native

CPU_INFO = 9  # OPENSSL_CPU_INFO

# Where OpenSSL keeps them: the word of 64 bits and the bit in it (OPENSSL_ia32cap(3)).
BITS = {
    "SSE2": (0, 26),
    "PCLMULQDQ": (0, 33),
    "AES": (0, 57),
    "AVX": (0, 60),
    "AVX2": (1, 5),
    "AVX-512": (1, 16),
    "VAES": (1, 41),
}


def features() -> set[str]:
    """The instruction sets that both copies find."""
    words = _of_cryptography()
    assert _native_has(words)
    return {name for name, (word, bit) in BITS.items() if words[word] >> bit & 1}


def _of_cryptography() -> tuple[int, ...]:
    binding = Binding()
    text = binding.ffi.string(binding.lib.OpenSSL_version(CPU_INFO)).decode()
    found, _, _ = text.partition(" env:")
    return tuple(int(word, 16) for word in re.findall("0x([0-9a-f]{16})", found))


def _native_has(words: tuple[int, ...]) -> bool:
    """Whether the extension's OpenSSL has found the same.

    Nothing asks it, so its variable is looked for where its library keeps them. The words
    of a processor are not found there by chance.
    """
    wanted = struct.pack("<2Q", *words[:2])
    library = str(Path(_native.__file__).resolve())
    mappings = [line.split() for line in Path("/proc/self/maps").read_text().splitlines()]
    spans = [
        [int(address, 16) for address in mapping[0].split("-")]
        for mapping in mappings
        if mapping[1].startswith("rw") and mapping[-1] == library
    ]
    assert spans
    return any(wanted in ctypes.string_at(start, end - start) for start, end in spans)


if __name__ == "__main__":
    print(*sorted(features()))

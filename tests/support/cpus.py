"""Lesser processors than this one: OpenSSL is told of one, or an emulator is one."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Cpu:
    """A processor that lacks something.

    Attributes:
        lacks: Instruction sets that it must not have (`features.BITS`).
        has: Some that it still must have.
        mask: What `OPENSSL_ia32cap` says, for OpenSSL alone.
        emulator: The command that is such a processor, for everything: BLAKE3, SHA-2,
            zstd and the C library ask the processor itself.
    """

    name: str
    lacks: frozenset[str]
    has: frozenset[str]
    mask: str | None = None
    emulator: tuple[str, ...] = field(default=())

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Starts this Python on it, in the folder of the tests."""
        environment = {name: os.environ[name] for name in os.environ if name != "PASSKEEP_SOAK"}
        if self.mask is not None:
            environment["OPENSSL_ia32cap"] = self.mask
        return subprocess.Popen(
            [*self.emulator, sys.executable, *map(str, arguments)],
            cwd=TESTS,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: object) -> str:
        """What a program says that must succeed."""
        process = self.start(*arguments)
        said, _ = process.communicate()
        assert process.returncode == 0, said
        return said


# The second word of a mask is leaf 7 of CPUID: EBX, and ECX above it.
WITHOUT_AVX512 = Cpu(
    "without AVX-512",
    lacks=frozenset({"AVX-512", "VAES"}),
    has=frozenset({"SSE2", "PCLMULQDQ", "AES", "AVX", "AVX2"}),
    mask=":~0x00005e42d0230000",
)
# The first word is leaf 1: PCLMULQDQ, XOP, AES and AVX go, and all of leaf 7.
WITHOUT_AES = Cpu(
    "without AES and AVX",
    lacks=frozenset({"PCLMULQDQ", "AES", "AVX", "AVX2", "AVX-512", "VAES"}),
    has=frozenset({"SSE2"}),
    mask="~0x1200080200000000:0",
)
NEHALEM = Cpu(
    "Nehalem",
    lacks=WITHOUT_AES.lacks,
    has=WITHOUT_AES.has,
    emulator=("qemu-x86_64", "-cpu", "Nehalem"),
)
CPUS = (WITHOUT_AVX512, WITHOUT_AES, NEHALEM)

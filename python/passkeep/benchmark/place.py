"""Where a race of files or trees is run: a folder, and a key that opens everything in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from passkeep.age.x25519 import X25519Identity

COMMANDS_START = "commands include their start: passkeep's that of a Python interpreter"
"""The note of every race in which programs take part."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a race is run.

    Attributes:
        folder: An empty folder of its own.
        size: Bytes of the plaintext.
        identity: Opens everything.
        threads: How many cores passkeep uses.
    """

    folder: Path
    size: int
    identity: X25519Identity
    threads: int

    @property
    def out(self) -> Path:
        """What a contender makes."""
        return self.folder / "out"

    @property
    def recipient(self) -> str:
        """What commands encrypt to."""
        return str(self.identity.recipient)

    @property
    def identity_file(self) -> Path:
        """What commands decrypt with."""
        return self.folder / "identity"

    def write_identity(self) -> None:
        """Writes the identity file, for its owner only."""
        descriptor = os.open(self.identity_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{self.identity}\n")

"""The suites by name; each module is imported when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from passkeep.benchmark.contest import Race
from passkeep.benchmark.setting import Setting


@dataclass(frozen=True, slots=True)
class Suite:
    """A group of races.

    Attributes:
        module: Where its function `races` is.
        about: What it measures, in a few words.
        usual: Whether it is run when no suite is named.
    """

    module: str
    about: str
    usual: bool = True


SUITES = {
    "limits": Suite("limits", "what this machine can do: memory, disk, raw AEAD, hashes"),
    "memory": Suite("memory", "from memory to memory, beside cryptography and pyrage"),
    "files": Suite("files", "from file to file, beside cp, age, rage and openssl"),
    "pipes": Suite("pipes", "from pipe to pipe, beside cat, age and rage"),
    "trees": Suite("trees", "many files, beside tar, cp, zstd and restic"),
    "digests": Suite("hashing", "digests of files, beside b3sum and openssl"),
    "reads": Suite("reading", "small reads anywhere in a large file"),
    "messages": Suite("messages", "messages of 1 KiB, beside pyrage"),
    "startup": Suite("startup", "importing, and the first answer of a command"),
    "space": Suite("space", "how much memory the work takes"),
    "growth": Suite("growth", "by size, by threads, by concurrent streams", usual=False),
}

USUAL = tuple(name for name, suite in SUITES.items() if suite.usual)
"""What is run when nothing is named."""


def races(name: str, setting: Setting) -> list[Race]:
    """The races of a suite."""
    module = import_module(f"passkeep.benchmark.{SUITES[name].module}")
    found: list[Race] = module.races(setting)
    return found

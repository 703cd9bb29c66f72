"""How long it takes until something is done at all."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from passkeep._native import VERSION
from passkeep.benchmark import commands, peers
from passkeep.benchmark.contest import Absent, Contender, ContenderError, Race
from passkeep.benchmark.setting import Setting

_BARE = "a bare interpreter"
_OTHERS = ("age", "rage", "restic")


def races(setting: Setting) -> list[Race]:
    """Importing the library, and asking the command for its version."""
    return [
        Race(
            "Start",
            functools.partial(_enter, setting),
            unit="seconds",
            baseline=(_BARE,),
            notes=("programs that are compiled start no interpreter",) if setting.peers else (),
        )
    ]


def _enter(setting: Setting, stack: ExitStack) -> Sequence[Contender | Absent]:
    del stack

    def python(name: str, program: str, *, limit: bool = False) -> Contender:
        line = (sys.executable, "-c", program)
        return Contender(name, lambda: commands.run(*line), "limit" if limit else "passkeep")

    def version() -> None:
        if VERSION not in commands.output(*commands.PASSKEEP, "--version"):
            raise ContenderError("it told no version")

    found: list[Contender | Absent] = [
        python(_BARE, "pass", limit=True),
        python("import passkeep", "import passkeep"),
        python("import passkeep, and all that is in it", "from passkeep import *"),
        Contender("passkeep --version", version),
    ]
    if setting.peers:
        found += [peers.contender(name, functools.partial(_asking, name)) for name in _OTHERS]
    return found


def _asking(name: str, program: Path) -> Contender:
    question = "version" if name == "restic" else "--version"

    def run() -> None:
        if not any(character.isdigit() for character in commands.output(program, question)):
            raise ContenderError("it told no version")

    return Contender(f"{name} {question}", run, "peer")

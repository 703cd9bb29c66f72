"""The command line where security keys in software are plugged in."""

from __future__ import annotations

import sys
from pathlib import Path

from support.cli import Terminal

_LAUNCHER = Path(__file__).with_name("with_security_keys.py")


def plugged_in(*keys: Path) -> tuple[str, ...]:
    """The program on a machine where these keys are plugged in; the first is touched."""
    return (sys.executable, str(_LAUNCHER), ",".join(map(str, keys)))


def tap(
    *arguments: object, keys: tuple[Path, ...], pins: tuple[str, ...], **options: object
) -> tuple[int, str]:
    """Runs a command at a terminal, types a PIN whenever one is asked for, and touches.

    Returns:
        The exit code and what was on the screen.
    """
    with Terminal(*arguments, program=plugged_in(*keys), **options) as person:
        at = 0
        for pin in pins:
            person.wait_for("PIN of your security key", after=at)
            at = person.type(pin)
        return person.finish(), person.screen

"""Whether a person is there to ask, and asking."""

from __future__ import annotations

import sys
from pathlib import Path

import click


def somebody_is_there() -> bool:
    """Whether a secret can be typed: also where standard input is a file or a pipe."""
    if sys.stdin.isatty():
        return True
    try:
        Path("/dev/tty").open("rb").close()
    except OSError:
        return False
    return True


def require_person(task: str, option: str, *, unseen: bool = False) -> None:
    """Refuses a task that needs somebody who reads and types.

    Args:
        task: What they would do.
        option: What a script uses instead.
        unseen: Whether all that they type is secret. That is read from the terminal,
            whatever is on standard input.

    Raises:
        UsageError: Nobody is there.
    """
    if not (somebody_is_there() if unseen else sys.stdin.isatty()):
        raise click.UsageError(f"Nobody is at the terminal {task}: use {option}.")


def ask_secret(what: str) -> str:
    """Asks for something that is typed unseen.

    Raises:
        UsageError: Nobody is at the terminal.
    """
    require_person(
        f"to type the {what[0].lower()}{what[1:]}", "an option that names it", unseen=True
    )
    answer: str = click.prompt(what, hide_input=True, err=True)
    return answer

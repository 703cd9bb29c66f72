"""Whether a person is there to ask, and asking."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TextIO

import click


def reserve_standard_streams() -> None:
    """Opens those that were closed before the start, as a daemon's may be.

    Otherwise a file of ours would get the number of one, and what is meant for a person
    or a pipe would end in it. What was closed stays unusable: reading from standard
    input fails, and so does writing to standard output.
    """
    for descriptor, flags in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_RDWR)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, flags)  # it gets the lowest number that is free
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, closefd=False)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream is a terminal. One that was closed before the start is None."""
    return stream is not None and stream.isatty()


def somebody_is_there() -> bool:
    """Whether a secret can be typed: also where standard input is a file or a pipe."""
    if is_terminal(sys.stdin):
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
    if not (somebody_is_there() if unseen else is_terminal(sys.stdin)):
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

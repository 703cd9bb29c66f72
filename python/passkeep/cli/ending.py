"""How every command ends: one clear line, a hint, and a documented exit code.

Rules of the interface: results go to standard output, everything said to a
person goes to standard error; an error says what happened and what was left
untouched, its hint what to do next; names that came out of a file are escaped,
because whoever wrote the file chose them.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import NoReturn

import click

from passkeep.errors import (
    DamagedError,
    InvalidInputError,
    PartialError,
    PasskeepError,
    WrongKeyError,
    describe,
    printable,
    sentence,
)

DONE, FAILED, USAGE, WRONG_KEY, DAMAGED, PARTIAL = range(6)
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM

_CODES = {
    PartialError: PARTIAL,
    WrongKeyError: WRONG_KEY,
    DamagedError: DAMAGED,
    InvalidInputError: USAGE,
}


__all__ = ["code", "printable", "run", "say", "sentence", "show_log"]


class _Printable(logging.Formatter):
    """Escapes names that came out of files."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


class _Terminated(BaseException):
    """SIGTERM, or a terminal that was closed: ends like Ctrl-C, with everything cleaned up.

    Not a KeyboardInterrupt, which click would turn into something of its own.
    """


def run(command: click.Command, arguments: Sequence[str] | None) -> int:
    """Runs a command and turns whatever it raises into a line and an exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` has it
        signal.signal(signal.SIGHUP, _terminate)
    return _guarded(
        lambda: command.main(
            args=None if arguments is None else list(arguments),
            prog_name="passkeep",
            standalone_mode=False,
        )
    )


def say(text: str = "") -> None:
    """Tells a person something, in colour unless NO_COLOR is set (no-color.org)."""
    click.echo(text, err=True, color=False if os.environ.get("NO_COLOR") else None)


def show_log() -> None:
    """Shows what the library logs. No secret is ever in it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Printable("%(name)s: %(message)s"))
    log = logging.getLogger("passkeep")
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)


def code(kind: type[BaseException]) -> int:
    """The exit code that a kind of error ends a command with."""
    return next((number for base, number in _CODES.items() if issubclass(kind, base)), FAILED)


def _guarded(body: Callable[[], object]) -> int:
    try:
        body()
    except PasskeepError as error:
        if isinstance(error, PartialError):
            _report(error)
        return _complain(error, error.hint, code(type(error)))
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        say("Interrupted.")
        return INTERRUPTED
    except _Terminated:
        with suppress(OSError):  # the terminal itself may be gone
            say("Terminated.")
        return TERMINATED
    except (OSError, MemoryError) as error:
        return _complain(describe(error), _system_hint(error), FAILED)
    return DONE


def _complain(error: object, hint: str, code: int) -> int:
    say(f"{click.style('Error:', fg='red', bold=True)} {sentence(error)}")
    if hint:
        say(f"{click.style('Hint:', bold=True)} {printable(hint)}")
    return code


def _report(error: PartialError) -> None:
    problems = getattr(error.report, "problems", ())
    for problem in problems:
        say(f"  {problem.kind}: {printable(problem.path)}: {printable(problem.message)}")
    more = getattr(error.report, "problem_count", 0) - len(problems)
    if more > 0:
        say(f"  … and {more} more")


def _system_hint(error: OSError | MemoryError) -> str:
    if isinstance(error, MemoryError):
        return "Nothing was written under the final name. Use fewer cores with --threads."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Make room and run it again. Nothing was written under the final name."
    return ""


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise _Terminated

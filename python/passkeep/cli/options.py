"""Options that several commands share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from passkeep.digests import ALGORITHMS
from passkeep.incoming import STDIN, STDOUT
from passkeep.sealed import CIPHERS

Command = TypeVar("Command", bound=Callable[..., Any])

FILE = click.Path(dir_okay=False, path_type=Path)
INPUT = click.Path(exists=True, dir_okay=False, path_type=Path, allow_dash=True)


class _NamedFile(click.Path):
    """A file that standard output cannot stand for."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuses what stands for standard output elsewhere."""
        if os.fspath(value) == "-":
            self.fail('standard output cannot be used here; a file of that name is "./-"')
        return super().convert(value, param, ctx)


NAMED_FILE = _NamedFile(dir_okay=False, path_type=Path)

READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)

_MAX_LINE = 4096

_LARGEST = (1 << 63) - 1
"""Bytes that a file can have at most."""

STANDARD_STREAM = Path("-")
"""What stands for standard input and standard output."""


class _Size(click.ParamType[int]):
    """A number of bytes, with or without a unit."""

    name = "size"
    _form = re.compile(
        r"0*(?P<number>\d{1,20}) ?(?:(?P<prefix>[kmgtp])(?P<binary>i?)b?|b)?", re.IGNORECASE
    )

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Turns 500MB or 2TiB into bytes."""
        found = self._form.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is not a size such as 500MB or 2TiB", param, ctx)
        power = " kmgtp".index((found["prefix"] or " ").lower())
        unit: int = (1024 if found["binary"] else 1000) ** power
        size = int(found["number"]) * unit
        if size > _LARGEST:
            self.fail(f"{value!r} is more than any file can have", param, ctx)
        return size


SIZE = _Size()

KEYRING_VARIABLE = "PASSKEEP_KEYRING"

keyring_option = click.option(
    "--keyring",
    type=FILE,
    help=f"The keyring file. Default: what {KEYRING_VARIABLE} names, or else the one that"
    " `passkeep init` made for you.",
)
to_option = click.option(
    "-r",
    "--to",
    "recipients",
    metavar="RECIPIENT",
    multiple=True,
    help="Seal to this age1… recipient instead of a keyring, or to a passkey"
    " (AGE-PLUGIN-FIDO2PRF-1…), which takes a tap. Repeatable.",
)
cipher_option = click.option(
    "--cipher",
    type=click.Choice(CIPHERS),
    default="age",
    show_default=True,
    help="The format: a plain age file, or the AES container (faster; see docs/recovery.md).",
)
digest_option = click.option(
    "--digest",
    type=click.Choice(ALGORITHMS),
    help="Hash the sealed bytes on the way, and print the digest.",
)
algorithm_option = click.option(
    "--algorithm", type=click.Choice(ALGORITHMS), default="blake3", show_default=True
)
force_option = click.option("-f", "--force", is_flag=True, help="Replace an existing file.")
sync_option = click.option(
    "--sync/--no-sync",
    default=True,
    help="Wait until the result is on the disk (the default), or not.",
)
threads_option = click.option(
    "--threads", type=click.IntRange(1, 256), help="Cores to use. Default: all."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def default_keyring() -> Path:
    """Where a person's keyring is, unless an option says otherwise.

    The variable moves the usual place. It does not name a file for this one command,
    so that a restore goes on where the file is lost.
    """
    moved = os.environ.get(KEYRING_VARIABLE)
    if moved:
        return Path(moved)
    from platformdirs import user_data_path

    return user_data_path("passkeep") / "keyring.json"


def source(file: Path) -> Path | int:
    """Where a file argument is read from."""
    return STDIN if file == STANDARD_STREAM else file


def sink(output: Path) -> Path | int:
    """Where an output option is written to."""
    return STDOUT if output == STANDARD_STREAM else output


def refuse_json_on_standard_output(output: Path, *, as_json: bool) -> None:
    """Raises UsageError where a result would get between the bytes of an output."""
    if as_json and output == STANDARD_STREAM:
        raise click.UsageError("--json needs -o FILE: standard output is taken.")


def size(file: Path) -> int | None:
    """Bytes of a file argument; None for streams, which have no size."""
    return file.stat().st_size if file.is_file() else None


def secret_options(command: Command) -> Command:
    """Adds the ways to hand over a password without a prompt."""
    for option in (
        click.option(
            "--password-fd",
            type=click.IntRange(min=0),
            metavar="N",
            help="Read the password from this open file descriptor.",
        ),
        click.option(
            "--password-env",
            metavar="VAR",
            help="Take the password from this environment variable.",
        ),
    ):
        command = option(command)
    return command


def read_password(password_env: str | None, password_fd: int | None) -> str | None:
    """The password that the options name; None where they name none."""
    if password_env is not None and password_fd is not None:
        raise click.UsageError("Give the password by --password-env or --password-fd, not both.")
    if password_env is not None:
        if password_env not in os.environ:
            raise click.UsageError(f"The environment variable {password_env} is not set.")
        password = os.environ[password_env]
    elif password_fd is not None:
        password = _read_line(password_fd)
    else:
        return None
    if not password:
        raise click.UsageError("The password is empty.")
    return password


def _read_line(descriptor: int) -> str:
    """One line, byte for byte: what stands behind it is for somebody else."""
    line = b""
    try:
        while len(line) <= _MAX_LINE and (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
            line += byte
        password = line.decode()
    except (OSError, OverflowError, UnicodeDecodeError):
        raise click.UsageError("The password could not be read from that descriptor.") from None
    if len(line) > _MAX_LINE:
        raise click.UsageError(f"The password is longer than {_MAX_LINE} bytes.")
    return password

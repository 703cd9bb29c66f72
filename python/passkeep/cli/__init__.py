"""The command line: `passkeep`.

Commands are loaded when they run, so that `--help` and `--version` answer at
once. What they say, and with which exit code they end, is decided in
:mod:`passkeep.cli.ending`; how a keyring is opened, in :mod:`passkeep.cli.ways`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from passkeep._native import VERSION
from passkeep.cli import ending
from passkeep.cli.terminal import reserve_standard_streams

_COMMANDS = {
    "init": "passkeep.cli.init",
    "backup": "passkeep.cli.tree",
    "restore": "passkeep.cli.tree",
    "list": "passkeep.cli.tree",
    "verify": "passkeep.cli.tree",
    "cat": "passkeep.cli.tree",
    "encrypt": "passkeep.cli.single",
    "decrypt": "passkeep.cli.single",
    "rewrap": "passkeep.cli.rewrap",
    "digest": "passkeep.cli.digest",
    "bench": "passkeep.cli.bench",
    "key": "passkeep.cli.key",
    "settings": "passkeep.cli.settings",
}


class _LazyGroup(click.Group):
    """A group whose commands live in modules that are imported when needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order in which people meet them."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Imports a command's module; its object is named `NAME_command`."""
        del ctx
        if name not in _COMMANDS:
            return None
        module = importlib.import_module(_COMMANDS[name])
        command: click.Command = getattr(module, f"{name}_command")
        return command


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(VERSION, message="%(prog)s %(version)s")
@click.option("-v", "--verbose", is_flag=True, help="Say what is done, step by step.")
def cli(verbose: bool) -> None:
    """End-to-end encrypted backups that a passkey opens.

    \b
    passkeep init                   make a keyring: recovery key, then a passkey
    passkeep backup chats/          seal a tree; nothing secret is needed for it
    passkeep restore chats.tar.age  open it with a tap, the password or the digits

    Exit codes: 0 done, 1 failed, 2 usage, 3 wrong key, 4 damaged, tampered or
    foreign data, 5 done but for some entries, 130 interrupted, 143 terminated.
    """  # noqa: D301  (click wants the character itself)
    if verbose:
        ending.show_log()


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and exits with its documented code."""
    reserve_standard_streams()
    sys.exit(ending.run(cli, arguments))

"""`passkeep key …`: looking after a keyring."""

from __future__ import annotations

import click

from passkeep.cli.key.add import add_command
from passkeep.cli.key.adopt import adopt_command
from passkeep.cli.key.change import (
    password_command,
    recovery_command,
    remove_command,
    rename_command,
    rotate_command,
    travel_command,
)
from passkeep.cli.key.machines import export_command, pin_command, trust_command
from passkeep.cli.key.show import check_command, show_command


@click.group()
def key_command() -> None:
    """Look after a keyring: its ways in, and what unattended machines need of it."""


for _command in (
    *(show_command, add_command, check_command, remove_command, rename_command),
    *(password_command, recovery_command, rotate_command, travel_command),
    *(export_command, pin_command, trust_command, adopt_command),
):
    key_command.add_command(_command)

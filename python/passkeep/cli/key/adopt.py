"""`passkeep key adopt`: a lost keyring file comes back out of a backup."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from passkeep.cli import options, ways
from passkeep.cli.ending import printable, say
from passkeep.cli.key import parts
from passkeep.errors import KeyringError
from passkeep.keyring import Keyring, adoption


@click.command("adopt")
@click.argument("backup", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--older",
    is_flag=True,
    help="Even if this machine has seen a later keyring, which is lost.",
)
@options.json_option
@ways.unlock_options
def adopt_command(backup: Path, older: bool, as_json: bool, given: ways.Ways) -> None:
    """Make the keyring file again from a backup, after it was lost.

    One of the ways in opens it, and all of them come back as they were when the
    backup was made. Take your newest backup: what was removed after an older one
    would be a way in again.
    """
    path = given.keyring or options.default_keyring()
    if path.exists():
        raise KeyringError(
            f"there is a keyring at {path} already, and it was left as it is",
            hint="Choose another file with --keyring, and compare the two.",
        )
    keyring = _adopt(backup, given, older=older)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    keyring.save(path)
    if as_json:
        parts.show_json(keyring)
        return
    say(f"Your keyring: {path}")
    say("Its ways in: " + ", ".join(printable(slot.label) for slot in keyring.slots) + ".")
    say("They are as this backup knew them. Close what was lost with `passkeep key remove`.")


def _adopt(backup: Path, given: ways.Ways, *, older: bool) -> Keyring:
    if given.has_identity:
        raise click.UsageError("A keyring opens with one of its own ways in, not an identity.")
    _, vault = adoption.find(backup)
    kinds: set[str] = {lock.kind for lock in vault.locks}
    return ways.choose(given, kinds, partial(Keyring.adopt, backup, older=older))

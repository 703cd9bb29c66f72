"""`passkeep init`: from nothing to a keyring."""

from __future__ import annotations

import json
from pathlib import Path

import click

from passkeep.cli import enrol, options, recovery_file
from passkeep.cli.ending import say
from passkeep.cli.terminal import require_person
from passkeep.errors import CeremonyError, KeyringError, PasskeepError
from passkeep.keyring import Keyring
from passkeep.output import check_target
from passkeep.prf import PasskeyClient


@click.command()
@options.keyring_option
@click.option("--no-passkey", is_flag=True, help="Make no passkey now.")
@click.option("--password", is_flag=True, help="Add a password as well, asked for twice.")
@options.secret_options
@recovery_file.option
@enrol.passkey_options
@options.json_option
def init_command(
    keyring: Path | None,
    no_passkey: bool,
    password: bool,
    password_env: str | None,
    password_fd: int | None,
    recovery_key_out: Path | None,
    label: str | None,
    rp_id: str,
    security_key: bool,
    as_json: bool,
) -> None:
    """Make a keyring: a recovery key first, then a passkey.

    The keyring is one small file, useless without one of its ways in. Keep a
    copy beside your backups.
    """
    if no_passkey and security_key:
        raise click.UsageError("--security-key makes a passkey and --no-passkey makes none.")
    path = keyring or options.default_keyring()
    if recovery_key_out is not None:
        recovery_file.settle(recovery_key_out, path)
    if path.exists():
        raise KeyringError(
            f"there is a keyring at {path} already, and it was left as it is",
            hint="Add to it with `passkeep key add`, or choose another file with --keyring.",
        )
    if path.parent.is_dir():
        check_target(path, overwrite=False)
    client = None if no_passkey else enrol.passkey_client(rp_id, security_key)
    chosen = options.read_password(password_env, password_fd)
    if password and chosen is None:
        require_person("to choose a password", "--password-env or --password-fd")
    made = Keyring.create()
    recovery_key = (
        enrol.recovery_key_on_terminal(made, path)
        if recovery_key_out is None
        else recovery_file.recovery_key_in_file(made, recovery_key_out, path)
    )
    with recovery_key:
        if password or chosen is not None:
            enrol.add_password(made, chosen)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made.save(path)
    if client is not None:
        _add_passkey(made, label, client)
        made.save(path)
    if as_json:
        slots = [{"id": slot.id, "kind": slot.kind, "label": slot.label} for slot in made.slots]
        click.echo(json.dumps({"keyring": str(path), "id": made.id, "slots": slots}))
        return
    say(f"Your keyring: {path}")
    say("Its ways in: " + ", ".join(slot.label for slot in made.slots) + ".")
    say("Back up with: passkeep backup FOLDER")


def _add_passkey(made: Keyring, label: str | None, client: PasskeyClient) -> None:
    """Makes the passkey. Whatever ends that, the keyring is there, and people are told."""
    try:
        enrol.add_passkey(made, label, client)
    except PasskeepError as error:
        raise CeremonyError(
            f"{error}; the keyring was made without a passkey",
            hint=f"{error.hint} Then run `passkeep key add passkey`.".strip(),
        ) from None
    except (KeyboardInterrupt, click.Abort):
        say("The keyring was made without a passkey: run `passkeep key add passkey` later.")
        raise

"""`passkeep key add`: more ways in."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from passkeep.cli import enrol, options, ways
from passkeep.cli.ending import say
from passkeep.cli.key import parts
from passkeep.cli.terminal import require_person
from passkeep.errors import InvalidInputError

_MAX_RECIPIENT = 4096
"""Characters of a file with a recipient; one has some 2000."""


@click.command("add")
@click.argument("kind", type=click.Choice(["passkey", "password", "recipient"]))
@click.argument("recipient", required=False)
@click.option(
    "--new-password-env",
    metavar="VAR",
    help="Take the new password from this environment variable.",
)
@click.option(
    "--no-travel",
    is_flag=True,
    help="Leave the new way in out of backups: it opens them only with the keyring file.",
)
@enrol.passkey_options
@options.json_option
@ways.unlock_options
def add_command(
    kind: str,
    recipient: str | None,
    new_password_env: str | None,
    no_travel: bool,
    label: str | None,
    rp_id: str,
    security_key: bool,
    as_json: bool,
    given: ways.Ways,
) -> None:
    """Add a passkey, a password, or somebody else's recipient to a keyring.

    The keyring is opened first, with one of the ways in that it has. RECIPIENT is
    an age1pq1… string, or a file that holds one: its holder can restore every
    backup of the keyring, and cannot change the keyring.
    """
    _refuse_strays(kind)
    client = enrol.passkey_client(rp_id, security_key) if kind == "passkey" else None
    password = options.read_password(new_password_env, None)
    if kind == "password" and password is None:
        require_person("to choose a password", "--new-password-env")
    theirs = None if recipient is None else _read_recipient(recipient)
    with parts.changing(given) as keyring:
        before = {slot.id for slot in keyring.slots}
        if client is not None:
            enrol.add_passkey(keyring, label, client)
        elif kind == "password":
            enrol.add_password(keyring, password, label)
        elif theirs is not None:
            keyring.add_recipient(theirs, label=label or "Recipient")
        (slot,) = (slot for slot in keyring.slots if slot.id not in before)
        if no_travel:
            keyring.set_travels(slot.id, travels=False)
    if as_json:
        parts.show_json(keyring, added=slot.id)
        return
    say(f"Added {slot.label} ({slot.kind}).")
    say("With this keyring file it opens earlier backups as well.")
    parts.tell_of_exports()


def _refuse_strays(kind: str) -> None:
    """Refuses what belongs to another kind of way in, instead of ignoring it."""
    context = click.get_current_context()
    given = {
        name
        for name in context.params
        if context.get_parameter_source(name) == ParameterSource.COMMANDLINE
    }
    if ("recipient" in given) != (kind == "recipient"):
        raise click.UsageError("Only `key add recipient` takes a recipient, and it needs one.")
    if "no_travel" in given and kind == "recipient":
        raise click.UsageError("A recipient always travels: nothing of it can be guessed.")
    if "new_password_env" in given and kind != "password":
        raise click.UsageError("Only `key add password` takes a new password.")
    if given & {"security_key", "rp_id"} and kind != "passkey":
        raise click.UsageError("--security-key and --rp-id go with `key add passkey`.")


def _read_recipient(recipient: str) -> str:
    """A recipient, or what a file with one holds besides comments."""
    if recipient.lower().startswith("age1"):
        return recipient
    try:
        with Path(recipient).open(encoding="utf-8") as file:
            text = file.read(_MAX_RECIPIENT)
    except UnicodeDecodeError:
        text = ""
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if len(found) != 1:
        raise InvalidInputError(f"{recipient} does not hold one recipient")
    return found[0]

"""`passkeep key …`: looking after a keyring."""

from __future__ import annotations

import json
from pathlib import Path

import click

from passkeep.age.fido2prf import Credential
from passkeep.cli import enrol, options, ways
from passkeep.cli.ending import printable, say
from passkeep.keyring import Keyring, Slot, State


@click.group()
def key_command() -> None:
    """Look after a keyring: its ways in, and what unattended machines need of it."""


@key_command.command("show")
@options.keyring_option
@options.json_option
def show_command(keyring: Path | None, as_json: bool) -> None:
    """Show the ways in. Nothing secret is in it, and nothing is needed for it."""
    loaded, path = ways.load_keyring(keyring)
    if as_json:
        click.echo(json.dumps(_to_json(loaded)))
        return
    click.echo(f"Keyring {loaded.id} in {path}")
    click.echo(f"Epoch {loaded.epoch}")
    for slot in loaded.slots:
        dates = f"created {printable(slot.created)}, checked {printable(slot.checked)}"
        click.echo(f"  {slot.kind:<13} {printable(slot.label)}  ({dates}{_where(slot)})")


@key_command.command("add")
@click.argument("kind", type=click.Choice(["passkey", "password"]))
@click.option(
    "--new-password-env",
    metavar="VAR",
    help="Take the new password from this environment variable.",
)
@enrol.passkey_options
@ways.unlock_options
def add_command(
    kind: str,
    new_password_env: str | None,
    label: str | None,
    rp_id: str,
    ways: ways.Ways,
) -> None:
    """Add a passkey or a password to a keyring.

    The keyring is opened first, with one of the ways in that it has.
    """
    from passkeep.cli.ways import load_keyring, open_keyring

    keyring, path = load_keyring(ways.keyring)
    open_keyring(keyring, ways)
    if kind == "passkey":
        enrol.add_passkey(keyring, label, rp_id)
    else:
        enrol.add_password(keyring, options.read_password(new_password_env, None), label)
    keyring.save(path)
    say(f"Added to {path}. Make a new `passkeep key export` for unattended machines.")


@key_command.command("export")
@click.option(
    "--public",
    is_flag=True,
    required=True,
    help="The public parts: all that an unattended backup needs, and nothing that opens.",
)
@click.option("-o", "--output", type=options.FILE, help="Default: standard output.")
@options.force_option
@options.keyring_option
def export_command(public: bool, output: Path | None, force: bool, keyring: Path | None) -> None:
    """Export the public parts of a keyring for a machine that only backs up."""
    del public
    exported = ways.load_keyring(keyring)[0].public().pinned()
    if output is None:
        click.echo(exported.to_bytes(), nl=False)
        return
    exported.save(output, overwrite=force)
    say(f"Wrote {output}. SHA-256 {exported.fingerprint}")


@key_command.command("trust")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def trust_command(file: Path) -> None:
    """Trust a keyring, or a public export, that changed since this machine used it.

    Compare the SHA-256 with the one that `passkeep key export` showed.
    """
    sealing = ways.load_sealing(file)
    public = sealing.public() if isinstance(sealing, Keyring) else sealing
    State().trust(public.id, public.fingerprint, public.origin)
    say(f"This machine now uses {file}. SHA-256 {public.fingerprint}")


def _where(slot: Slot) -> str:
    if slot.credential is None:
        return ""
    credential = Credential.from_string(slot.credential.identity)
    kind = "synced" if slot.credential.backup_eligible else "on one device"
    return f", {kind}, {printable(credential.rp_id)}"


def _to_json(keyring: Keyring) -> dict[str, object]:
    return {
        "id": keyring.id,
        "epoch": keyring.epoch,
        "complete": keyring.is_complete,
        "slots": [
            {
                "id": slot.id,
                "kind": slot.kind,
                "label": slot.label,
                "created": slot.created,
                "checked": slot.checked,
                "credential": slot.credential
                and {
                    "identity": slot.credential.identity,
                    "discoverable": slot.credential.discoverable,
                    "backup_eligible": slot.credential.backup_eligible,
                },
            }
            for slot in keyring.slots
        ],
    }

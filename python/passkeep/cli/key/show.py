"""`passkeep key show` and `check`: what the ways in are, and whether they still open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from passkeep.age.fido2prf import Credential
from passkeep.cli import options, ways
from passkeep.cli.ending import printable, say
from passkeep.cli.key import parts
from passkeep.keyring import Keyring, Slot, reminder
from passkeep.keyring.strict_json import untrusted


@click.command("show")
@options.keyring_option
@options.json_option
def show_command(keyring: Path | None, as_json: bool) -> None:
    """Show the ways in. Nothing secret is in it, and nothing is needed for it."""
    loaded, path = ways.load_keyring(keyring)
    if as_json:
        parts.show_json(loaded)
        return
    click.echo(f"Keyring {loaded.id} in {path}")
    click.echo(f"Epoch {loaded.epoch}")
    for slot in loaded.slots:
        about = ", ".join(_about(loaded, slot))
        click.echo(f"  {slot.id}  {slot.kind:<13} {printable(slot.label)}  ({about})")
    _remind(loaded)


@click.command("check")
@options.json_option
@ways.unlock_options
def check_command(as_json: bool, given: ways.Ways) -> None:
    """Try one way in, and note the date on which it opened.

    A way in that is never tried may be lost without anybody knowing. Try each of
    them now and then, while you have another.
    """
    with parts.changing(replace(given, checking=True)) as keyring:
        opened = keyring.opened_slot
        assert opened is not None
        slot = keyring.mark_checked(opened.id)
    if as_json:
        parts.show_json(keyring, opened=slot.id)
        return
    say(f"{printable(slot.label)} ({slot.kind}) opens the keyring. Noted for {slot.checked}.")
    _remind(keyring)


def _remind(keyring: Keyring) -> None:
    line = reminder(keyring.slots)
    if line is not None:
        say(printable(line))


def _about(keyring: Keyring, slot: Slot) -> list[str]:
    about = [f"created {printable(slot.created)}"]
    if slot.is_way_in:
        about.append(f"checked {printable(slot.checked)}")
    if slot.credential is not None:
        with untrusted("a slot's passkey"):
            credential = Credential.from_string(slot.credential.identity)
        about.append("synced" if slot.credential.backup_eligible else "on one device")
        about.append(printable(credential.rp_id))
    if slot.kind == "recipient":
        about.append("restores, and changes nothing")
    if not keyring.travels(slot.id):
        about.append("needs the keyring file")
    return about

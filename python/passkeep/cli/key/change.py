"""`passkeep key remove`, `rename`, `password`, `recovery`, `rotate` and `travel`."""

from __future__ import annotations

from pathlib import Path

import click

from passkeep.cli import enrol, options, recovery_file, ways
from passkeep.cli.ending import printable, say
from passkeep.cli.key import parts
from passkeep.cli.terminal import require_person
from passkeep.errors import InvalidInputError
from passkeep.keyring import Slot, notices
from passkeep.prf import check_label


@click.command("remove")
@parts.slot_argument
@click.option("--allow-last", is_flag=True, help="Even if only one way in is left.")
@options.json_option
@ways.unlock_options
def remove_command(slot: str, allow_last: bool, as_json: bool, given: ways.Ways) -> None:
    """Close a way in, named by its id or label, and make a new root.

    None of the others is asked for. Backups made earlier stay open to whoever
    holds what was removed.
    """
    removed = _slot(given, slot)
    with parts.changing(given) as keyring:
        keyring.remove(removed.id, allow_last=allow_last)
    listed = notices.remember(keyring.id, removed, None)
    if as_json:
        parts.show_json(keyring, removed=removed.id)
        return
    say(f"Removed {printable(removed.label)} ({removed.kind}).")
    if listed:
        say(
            "Your password manager may still list its passkey: delete it there, or let the next"
            " page of `passkeep key` in your browser do it."
        )
    parts.tell_of_earlier_backups("it")


@click.command("rename")
@parts.slot_argument
@click.argument("label")
@options.json_option
@ways.unlock_options
def rename_command(slot: str, label: str, as_json: bool, given: ways.Ways) -> None:
    """Give a way in another LABEL."""
    renamed, label = _slot(given, slot), check_label(label)
    with parts.changing(given) as keyring:
        keyring.rename(renamed.id, label)
    notices.remember(keyring.id, renamed, label)
    if as_json:
        parts.show_json(keyring, renamed=renamed.id)
        return
    say(f"{printable(renamed.label)} is now {label}.")


@click.command("password")
@click.argument("slot", metavar="[SLOT]", required=False)
@click.option(
    "--new-password-env",
    metavar="VAR",
    help="Take the new password from this environment variable.",
)
@options.json_option
@ways.unlock_options
def password_command(
    slot: str | None, new_password_env: str | None, as_json: bool, given: ways.Ways
) -> None:
    """Change a password.

    SLOT is needed only where there are several. Backups made earlier stay open
    to the old password.
    """
    old = _password_slot(given, slot)
    password = options.read_password(new_password_env, None)
    if password is None:
        require_person("to choose a password", "--new-password-env")
    with parts.changing(given) as keyring:
        new = enrol.choose_password(
            password, lambda chosen: keyring.change_password(old.id, chosen)
        )
    if as_json:
        parts.show_json(keyring, added=new.id, removed=old.id)
        return
    say(f"The password {printable(old.label)} was changed.")
    parts.tell_of_earlier_backups("the old one")


@click.command("recovery")
@recovery_file.option
@options.json_option
@ways.unlock_options
def recovery_command(recovery_key_out: Path | None, as_json: bool, given: ways.Ways) -> None:
    """Replace the recovery key. The old one counts until you typed the new one back.

    Backups made earlier stay open to the old recovery key.
    """
    if recovery_key_out is None:
        require_person("to write down the recovery key", "--recovery-key-out FILE")
    else:
        # Before anybody is asked to open the keyring.
        recovery_file.settle(recovery_key_out, given.keyring or options.default_keyring())
    keyring, path, _ = parts.opened_to_change(given)
    made = (
        enrol.recovery_key_on_terminal(keyring, path)
        if recovery_key_out is None
        else recovery_file.recovery_key_in_file(keyring, recovery_key_out, path)
    )
    with made:
        keyring.save(path)
    if as_json:
        parts.show_json(keyring)
        return
    say("The recovery key was replaced.")
    parts.tell_of_earlier_backups("the old one")


@click.command("rotate")
@options.json_option
@ways.unlock_options
def rotate_command(as_json: bool, given: ways.Ways) -> None:
    """Make a new root, without closing any way in.

    For when the root itself may be known: somebody saw an unlock on a machine that
    was not clean. Backups made earlier stay open to whoever has the old root.
    """
    with parts.changing(given) as keyring:
        keyring.rotate()
    if as_json:
        parts.show_json(keyring)
        return
    say("The keyring has a new root; every way in stays.")
    parts.tell_of_earlier_backups("the old root")


@click.command("travel")
@parts.slot_argument
@click.argument("choice", type=click.Choice(["yes", "no"]))
@options.json_option
@ways.unlock_options
def travel_command(slot: str, choice: str, as_json: bool, given: ways.Ways) -> None:
    """Choose whether a way in travels inside backups.

    One that travels opens a backup by itself, on any machine. A password that does
    not cannot be guessed by whoever holds a backup; it needs the keyring file.
    """
    chosen, travels = _slot(given, slot), choice == "yes"
    with parts.changing(given) as keyring:
        keyring.set_travels(chosen.id, travels=travels)
    if as_json:
        parts.show_json(keyring)
        return
    opening = "opens backups by itself" if travels else "opens backups only with the keyring file"
    say(f"From now on {printable(chosen.label)} {opening}. Earlier backups stay as they are.")
    if travels:
        parts.tell_of_exports()
    else:
        parts.tell_of_closed_exports("it")


def _slot(given: ways.Ways, name: str) -> Slot:
    """The slot that is meant, before anybody is asked to open the keyring."""
    return parts.find_slot(parts.load(given), name)


def _password_slot(given: ways.Ways, name: str | None) -> Slot:
    if name is not None:
        slot = _slot(given, name)
        if slot.kind != "password":
            raise InvalidInputError(f"{printable(slot.label)} is no password")
        return slot
    found = [slot for slot in parts.load(given).slots if slot.kind == "password"]
    if len(found) != 1:
        raise InvalidInputError(
            "the keyring has several passwords" if found else "the keyring has no password",
            hint="Name one by its id or label."
            if found
            else "Add one with `passkeep key add password`.",
        )
    return found[0]

"""What the commands that look after a keyring have in common."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from passkeep.cli import ways
from passkeep.cli.ending import say
from passkeep.cli.options import default_keyring
from passkeep.errors import InvalidInputError
from passkeep.keyring import Keyring, RootIdentity, Slot, reminders
from passkeep.output import check_target

slot_argument = click.argument("slot", metavar="SLOT")


def load(given: ways.Ways) -> Keyring:
    """The keyring that is meant, locked."""
    return ways.load_keyring(given.keyring)[0]


def opened(given: ways.Ways) -> tuple[Keyring, Path, RootIdentity]:
    """The keyring that is meant, unlocked, and where it is."""
    keyring, path = ways.load_keyring(given.keyring)
    return keyring, path, ways.open_keyring(keyring, given)


def opened_to_change(given: ways.Ways) -> tuple[Keyring, Path, RootIdentity]:
    """As :func:`opened`, once the file is known to be in a folder that can be written to."""
    check_target(given.keyring or default_keyring(), overwrite=True)
    return opened(given)


@contextmanager
def changing(given: ways.Ways) -> Iterator[Keyring]:
    """Opens the keyring for a change, and saves it where the block went well."""
    keyring, path, _ = opened_to_change(given)
    with keyring.changing(path):
        yield keyring


def find_slot(keyring: Keyring, name: str) -> Slot:
    """The slot that a person names, by its id or its label.

    Raises:
        InvalidInputError: There is none, or several have this label.
    """
    found = [slot for slot in keyring.slots if slot.id == name.lower()]
    found = found or [slot for slot in keyring.slots if slot.label == name]
    if len(found) == 1:
        return found[0]
    if not found:
        raise InvalidInputError(
            "the keyring has no slot with this id or label",
            hint="`passkeep key show` lists its slots.",
        )
    raise InvalidInputError(
        "several slots have this label",
        hint=f"Name one by its id: {', '.join(slot.id for slot in found)}.",
    )


def tell_of_earlier_backups(what: str) -> None:
    """Says what a new root does not change. `what` is the way in that was closed."""
    say(f"Backups from now on do not open with {what}.")
    say(
        f"Backups made earlier stay open to {what}: delete them, or make them anew, if it may"
        " be in the wrong hands."
    )
    tell_of_closed_exports(what)


def tell_of_closed_exports(what: str) -> None:
    """Says what an earlier export goes on doing. `what` is the way in that it still has."""
    say(
        f"Other machines with an earlier public export still make backups that open with {what};"
        " this one refuses it."
    )
    say("Make a new one for each: `passkeep key export --public`.")


def tell_of_exports() -> None:
    """Says what unattended jobs need after a change that closes nothing."""
    say(
        "Jobs with an earlier public export go on as before until they get a new one:"
        " `passkeep key export --public`."
    )


def show_json(keyring: Keyring, **more: object) -> None:
    """Prints a keyring, without anything secret, as JSON."""
    due = {slot.id for slot in reminders.due(keyring.slots)}
    value = {
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
                "due": slot.id in due,
                "travels": keyring.travels(slot.id),
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
    click.echo(json.dumps(value | more))

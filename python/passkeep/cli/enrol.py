"""Adding ways in to a keyring: what `init` and `key add` have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from passkeep.cli import security_key as key_prompts
from passkeep.cli.ending import say, sentence
from passkeep.cli.options import Command
from passkeep.cli.recovery_file import has_recovery_key
from passkeep.cli.terminal import require_person
from passkeep.errors import InvalidInputError
from passkeep.keyring import Keyring, Slot, passwords, recovery
from passkeep.passkey import Browser
from passkeep.passkey.relying_party import DEFAULT_RP_ID
from passkeep.prf import PasskeyClient, check_label

rp_id_option = click.option(
    "--rp-id",
    default=DEFAULT_RP_ID,
    show_default=True,
    help="The domain that the passkey belongs to; `localhost` where the default"
    " page cannot be reached.",
)


def passkey_options(command: Command) -> Command:
    """Adds the options of making a passkey."""
    for option in (
        rp_id_option,
        key_prompts.option,
        click.option("--label", callback=_checked_label, help="Your name for the new way in."),
    ):
        command = option(command)
    return command


def _checked_label(
    context: click.Context, option: click.Parameter, label: str | None
) -> str | None:
    """Refuses a malformed label before anybody is asked for anything."""
    del context, option
    return None if label is None else check_label(label)


@contextmanager
def recovery_key_on_terminal(keyring: Keyring, saved: Path) -> Iterator[None]:
    """Shows a new recovery key and has it typed back.

    It counts where the block ends and the keyring at `saved` has it: only then it is
    called confirmed, and where it does not come to that, the sheet of paper is called void.
    """
    require_person("to write down the recovery key", "--recovery-key-out FILE")
    digits = keyring.new_recovery_key()
    say("Your recovery key opens your backups when everything else is lost.")
    say("Write it down, and keep it away from this computer:\n")
    for line in recovery.to_lines(digits):
        say(f"    {click.style(line, bold=True)}")
    say()
    while True:
        typed = click.prompt("Type it back (spaces do not matter)", err=True)
        try:
            keyring.confirm_recovery_key(typed)
        except InvalidInputError as error:
            say(f"{sentence(error)} {error.hint}")
        else:
            break
    try:
        yield
    except BaseException:
        if not has_recovery_key(saved, digits):
            say("The keyring was not saved: the recovery key that was shown opens nothing.")
            say("Throw it away; one that you had before counts as before.")
        raise
    say("The recovery key is confirmed.\n")


def add_password(keyring: Keyring, password: str | None, label: str | None = None) -> None:
    """Adds a password slot: the given password, or one that a person chooses."""
    label = label or "Password"
    choose_password(password, lambda chosen: keyring.add_password(chosen, label=label))


def choose_password(given: str | None, use: Callable[[str], Slot]) -> Slot:
    """Has `use` make a slot of the given password, or of one that a person chooses.

    A person whose password `use` refuses chooses again.
    """
    if given is not None:
        return use(given)
    say("Six words that are drawn for you are safe and can be remembered.")
    while True:
        typed = click.prompt(
            "Your own password (leave it empty for six words)",
            hide_input=True,
            default="",
            show_default=False,
            err=True,
        )
        chosen = typed or passwords.generate()
        if not typed:
            say(f"\n    {click.style(chosen, bold=True)}\n")
        again = click.prompt("Type it again", hide_input=bool(typed), err=True)
        if (again if typed else again.strip()) != chosen:
            say("That is not the same. Try again.")
            continue
        try:
            return use(chosen)
        except InvalidInputError as error:
            say(f"{sentence(error)} {error.hint}")


def passkey_client(rp_id: str, security_key: bool) -> PasskeyClient:
    """What will make a passkey: the person's browser, or a security key.

    Raises:
        InvalidInputError: It can make none of this RP ID. Find out before anything is done.
        UsageError: Nobody is there to type the PIN of the security key.
    """
    if not security_key:
        return Browser(rp_id=rp_id, announce=say)
    client = key_prompts.client(rp_id)
    key_prompts.require_somebody()
    return client


def add_passkey(keyring: Keyring, label: str | None, client: PasskeyClient) -> None:
    """Makes a passkey with what :func:`passkey_client` gave, and adds a slot for it."""
    if isinstance(client, Browser):
        say("A page opens in your browser to make the passkey.")
        slot = keyring.add_passkey(client, label=label or "Passkey")
    else:
        say("Your security key makes the passkey. It is touched two or three times.")
        slot = keyring.add_passkey(client, label=label or "Security key")
    synced = slot.credential is not None and slot.credential.backup_eligible
    say(
        "The passkey is ready. "
        + (
            "Its provider can synchronise it to your other devices."
            if synced
            else "It lives on this one device."
        )
    )
    say("Deleting it closes this way in.\n")

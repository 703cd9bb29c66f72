"""Adding ways in to a keyring: what `init` and `key add` have in common."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from passkeep.age.hybrid import HybridIdentity
from passkeep.cli import security_key as key_prompts
from passkeep.cli.ending import say, sentence
from passkeep.cli.options import NAMED_FILE, Command
from passkeep.cli.terminal import require_person
from passkeep.errors import InvalidInputError, OutputError, PasskeepError
from passkeep.keyring import Keyring, Slot, passwords, recovery
from passkeep.keyring.storage import write_guarded
from passkeep.output import check_target
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


def _checked_out(context: click.Context, option: click.Parameter, out: Path | None) -> Path | None:
    """Refuses what is no new file, a symbolic link or a device too, before anything is done."""
    del context, option
    if out is None:
        return None
    if os.path.lexists(out):
        raise OutputError(
            f"{out} already exists and was left as it is",
            hint="A recovery key is written to a new file only: choose another name.",
        )
    check_target(out, overwrite=False)
    return out


recovery_key_option = click.option(
    "--recovery-key-out",
    type=NAMED_FILE,
    callback=_checked_out,
    help="Write the recovery key to this new file instead of showing it (for scripts).",
)


def _checked_label(
    context: click.Context, option: click.Parameter, label: str | None
) -> str | None:
    """Refuses a malformed label before anybody is asked for anything."""
    del context, option
    return None if label is None else check_label(label)


@contextmanager
def recovery_key_in_file(keyring: Keyring, out: Path, saved: Path) -> Iterator[None]:
    """Writes a new recovery key to a file, which counts as shown and confirmed.

    The file is removed again where the block ends and the keyring at `saved` does not
    have it: a recovery key of no keyring would be mistaken for one that opens something.
    """
    digits = keyring.new_recovery_key()
    text = f"# passkeep recovery key: opens every backup of this keyring. Keep it safe.\n{digits}\n"
    try:
        write_guarded(out, text.encode())
        keyring.confirm_recovery_key(digits)
        yield
    except BaseException:
        if not _has_recovery_key(saved, digits):
            _remove_if(out, text.encode())
        raise
    say(f"The recovery key was written to {os.fspath(out)}. Move it to a safe place.")


def _remove_if(path: Path, content: bytes) -> None:
    """Removes a file, unless it is another one than we wrote."""
    with suppress(OSError):
        if path.is_file() and path.read_bytes() == content:
            path.unlink()


def _has_recovery_key(path: Path, digits: str) -> bool:
    """Whether a keyring file has this recovery key."""
    recipient = str(HybridIdentity.from_seed(recovery.to_seed(digits)).recipient)
    try:
        return recipient in {slot.recipient for slot in Keyring.load(path).slots}
    except (OSError, PasskeepError):
        return False


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
        if not _has_recovery_key(saved, digits):
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
    """
    return key_prompts.client(rp_id) if security_key else Browser(rp_id=rp_id, announce=say)


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

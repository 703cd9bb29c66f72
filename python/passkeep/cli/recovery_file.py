"""A recovery key in a file, which gets its name together with the keyring that has it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from passkeep.age.hybrid import HybridIdentity
from passkeep.cli.ending import printable, say
from passkeep.cli.options import NAMED_FILE
from passkeep.errors import InvalidInputError, OutputError, PasskeepError, describe
from passkeep.keyring import Keyring, recovery
from passkeep.keyring.storage import write_guarded
from passkeep.output import check_target, rename_new, sync_folder

_PENDING = ".pending"
_MAX_TEXT = 1 << 16
"""Bytes of a file with a recovery key and the name of its keyring."""

_TITLE = "# passkeep recovery key: opens every backup of this keyring. Keep it safe."


def _checked_out(context: click.Context, option: click.Parameter, out: Path | None) -> Path | None:
    """Refuses what is no new file, a symbolic link or a device too, before anything is done."""
    del context, option
    if out is None:
        return None
    if os.path.lexists(out):
        with suppress(OSError):
            if os.path.samestat(out.lstat(), _pending(out).lstat()):
                # Killed between its two names.
                _pending(out).unlink()
        raise OutputError(
            f"{out} already exists and was left as it is",
            hint="A recovery key is written to a new file only: choose another name.",
        )
    check_target(out, overwrite=False)
    return out


option = click.option(
    "--recovery-key-out",
    type=NAMED_FILE,
    callback=_checked_out,
    help="Write the recovery key to this new file instead of showing it (for scripts).",
)


def settle(out: Path, saved: Path) -> None:
    """Ends what a command that was killed has left beside a file for a recovery key.

    Where the keyring has the key, the file gets its name; where it does not, the key
    opens nothing and is removed.

    Raises:
        OutputError: It counts already, or is not of the keyring at `saved`.
    """
    pending = _pending(out)
    if not os.path.lexists(pending):
        return
    digits = _left_for(pending, saved)
    if digits is None:
        raise OutputError(
            f"{pending} is in the way and was left as it is",
            hint="It may be the recovery key of another keyring, from a command that was killed:"
            " look into it, or choose another name.",
        )
    if not has_recovery_key(saved, digits):
        pending.unlink()
        return
    _name(pending, out)
    raise OutputError(
        f"{out} now holds the recovery key of the keyring: a command before this one was killed"
        " after it had saved it, and nothing else was done",
        hint="Keep that file. To replace the recovery key once more, choose another name.",
    )


@contextmanager
def recovery_key_in_file(keyring: Keyring, out: Path, saved: Path) -> Iterator[None]:
    """Writes a new recovery key to a file, which counts as shown and confirmed.

    Until the block has saved the keyring, the file has another name. So one that has the
    name is never a recovery key that opens nothing, and whoever is killed between the two
    loses none that counts: :func:`settle` goes on from there.
    """
    settle(out, saved)
    pending = _pending(out)
    digits = keyring.new_recovery_key()
    text = f"{_TITLE}\n{_of(saved)}\n{digits}\n".encode()
    try:
        write_guarded(pending, text)
        keyring.confirm_recovery_key(digits)
        yield
    except BaseException:
        with suppress(OSError, PasskeepError):
            if has_recovery_key(saved, digits):
                _name(pending, out)
            elif pending.read_bytes() == text:
                pending.unlink()
        raise
    _name(pending, out)
    sync_folder(out)
    say(f"The recovery key was written to {os.fspath(out)}. Move it to a safe place.")


def has_recovery_key(path: Path, digits: str) -> bool:
    """Whether a keyring file has this recovery key."""
    recipient = str(HybridIdentity.from_seed(recovery.to_seed(digits)).recipient)
    try:
        return recipient in {slot.recipient for slot in Keyring.load(path).slots}
    except (OSError, PasskeepError):
        return False


def _name(pending: Path, out: Path) -> None:
    """Gives a recovery key that counts its name."""
    try:
        rename_new(pending, out)
    except (OSError, OutputError) as error:
        raise OutputError(
            f"the recovery key is in {pending}, and could not be moved to {out}: {describe(error)}",
            hint="It counts, and the file is complete: move it to a safe place.",
        ) from None


def _pending(out: Path) -> Path:
    return out.with_name(out.name + _PENDING)


def _of(saved: Path) -> str:
    """The line that says whose recovery key it is."""
    return f"# Keyring: {printable(os.path.realpath(saved))}"


def _left_for(pending: Path, saved: Path) -> str | None:
    """The digits in a file that a killed command left for this keyring; None in any other."""
    if pending.is_symlink() or not pending.is_file():
        return None
    with pending.open("rb") as file:
        lines = file.read(_MAX_TEXT).decode(errors="replace").splitlines()
    if lines[:2] != [_TITLE, _of(saved)]:
        return None
    try:
        return recovery.to_digits(recovery.to_seed("\n".join(lines)))
    except InvalidInputError:
        return None

"""What may take the place of a backup: nothing that locks its owner out."""

from __future__ import annotations

import os
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path

from passkeep.errors import OutputError, PasskeepError
from passkeep.incoming import read
from passkeep.keyring import PublicKeyring, travel


class _Found(Enum):
    """What stands under a name."""

    NOTHING = auto()
    OTHER = auto()
    """A file that was not sealed."""
    BARE = auto()
    """A sealed file that carries no keyring."""
    OWN = auto()
    """One that carries the same keyring."""
    FOREIGN = auto()
    """One that carries another keyring, or one that cannot be read."""


def refuse_lockout(target: object, keyring: PublicKeyring | None) -> None:
    """Refuses to replace a file by one that its keyring does not open.

    Args:
        target: A path; anything else replaces nothing.
        keyring: What the new file is sealed to, if it is a keyring.

    Raises:
        OutputError: `target` carries another keyring.
    """
    if _look(target, keyring) is _Found.FOREIGN:
        raise OutputError(
            f"{target} carries a keyring that the new file is not sealed to, and was left as it is",
            hint="Choose another name, and remove the old file yourself.",
        )


def refuse_foreign(target: object, keyring: PublicKeyring, *, travels: bool) -> None:
    """Refuses to replace what may be anything but an earlier backup of the same keyring.

    Args:
        target: A path; anything else replaces nothing.
        keyring: What the new backup is sealed to.
        travels: Whether backups carry it. Those that do not cannot be told from each
            other, so any sealed file without a keyring is taken for one of them.

    Raises:
        OutputError: `target` is something else.
    """
    found = _look(target, keyring)
    if found not in {_Found.NOTHING, _Found.OWN} and (travels or found is not _Found.BARE):
        raise OutputError(
            f"{target} is not a backup of this keyring and was left as it is",
            hint="Remove it yourself, or choose another name.",
        )


def _look(target: object, keyring: PublicKeyring | None) -> _Found:
    if not isinstance(target, (str, os.PathLike)) or not Path(target).is_file():
        return _Found.NOTHING
    try:
        with read(target) as incoming:
            stanzas = incoming.opening.header.stanzas
    except PasskeepError:
        return _Found.OTHER
    with suppress(PasskeepError):
        carried = travel.find(stanzas)
        if carried is None:
            return _Found.BARE
        if keyring is not None and carried.document.get("id") == keyring.id:
            return _Found.OWN
    return _Found.FOREIGN

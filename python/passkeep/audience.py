"""Who a file is sealed to, and what it carries for them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from passkeep.age.header import Stanza
from passkeep.age.keys import Recipient
from passkeep.errors import InvalidInputError
from passkeep.keyring import Keyring, PublicKeyring, State
from passkeep.keyring.public import read_json
from passkeep.stream import Recipients, to_recipients

To: TypeAlias = Keyring | PublicKeyring | Recipients
"""A keyring, its public export, bare recipients, or several of these."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who can open a file.

    Attributes:
        recipients: What its key is wrapped for.
        stanzas: What its header carries besides: the travelling copy of a keyring.
        keyring: The public part of the keyring that it is sealed to, if any.
    """

    recipients: Sequence[Recipient]
    stanzas: tuple[Stanza, ...]
    keyring: PublicKeyring | None


def load(path: str | os.PathLike[str]) -> Keyring | PublicKeyring:
    """Reads what backups are sealed to: a keyring, or the public export of one.

    Raises:
        DamagedError: It is neither, or malformed.
        OSError: It cannot be read.
    """
    public = str(read_json(path).get("passkeep", "")).startswith("public/")
    return PublicKeyring.load(path) if public else Keyring.load(path)


def resolve(to: To, state: State | None = None, *, travel: bool = True) -> Audience:
    """Finds out who is meant, and pins a keyring.

    Args:
        to: Who is meant.
        state: What this machine remembers.
        travel: Whether the file carries the keyring.

    Raises:
        InvalidInputError: A recipient is malformed, there are none, or there are
            several keyrings, of which one file can carry only one.
        KeyringError: The keyring is incomplete, or its public part is not what
            this machine used before.
        OSError: The state folder cannot be read or written.
    """
    several = [to] if isinstance(to, str) or not isinstance(to, Iterable) else list(to)
    publics = [one.pinned(state) for one in several if isinstance(one, (Keyring, PublicKeyring))]
    others = [one for one in several if not isinstance(one, (Keyring, PublicKeyring))]
    if travel and len(publics) > 1:
        raise InvalidInputError(
            "a file carries one keyring, not several", hint="Use travel=False, or one keyring."
        )
    recipients: list[Recipient] = [one for public in publics for one in public.recipients]
    if others or not publics:
        recipients += to_recipients(others)
    keyring = publics[0] if publics else None
    return Audience(recipients, keyring.stanzas if keyring and travel else (), keyring)

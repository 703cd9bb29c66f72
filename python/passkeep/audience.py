"""Who a file is sealed to, and what it carries for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from passkeep.age.header import Stanza
from passkeep.age.keys import Recipient
from passkeep.keyring import Keyring, PublicKeyring, State
from passkeep.stream import Recipients, to_recipients

To: TypeAlias = Keyring | PublicKeyring | Recipients
"""A keyring, its public export, or bare recipients."""


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


def resolve(to: To, state: State | None = None) -> Audience:
    """Finds out who is meant, and pins a keyring.

    Raises:
        InvalidInputError: A recipient is malformed, or there are none.
        KeyringError: The keyring is incomplete, or its public part is not what
            this machine used before.
        OSError: The state folder cannot be read or written.
    """
    if isinstance(to, (Keyring, PublicKeyring)):
        public = (to.public() if isinstance(to, Keyring) else to).pinned(state)
        return Audience(public.recipients, public.stanzas, public)
    return Audience(to_recipients(to), (), None)

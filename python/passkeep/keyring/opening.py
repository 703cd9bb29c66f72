"""Opening a vault in exactly one way, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, product

from passkeep.age import hybrid
from passkeep.age.header import Stanza
from passkeep.age.hybrid import HybridIdentity
from passkeep.age.secret import Secret
from passkeep.errors import InvalidInputError, LimitError
from passkeep.keyring import recovery, vault
from passkeep.prf import PasskeyClient

MAX_TRIES = 1 << 15
"""Unwrappings that a file may cost: some ten seconds."""


class RootIdentity(Secret):
    """What an unlocked keyring opens backups with. Holds secrets.

    Attributes:
        identities: The keyring's root identities, newest first.
    """

    def __init__(self, identities: Sequence[HybridIdentity]) -> None:
        self.identities = tuple(identities)

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Opens a file key with whichever root identity fits; None if none does.

        Raises:
            LimitError: None fits among as many tries as any file may cost.
            DamagedError: A stanza is malformed.
        """
        # A file that was sealed to a keyring has its stanza first, or nearly so.
        wrapped = (stanza for stanza in stanzas if stanza.type == hybrid.STANZA_TYPE)
        pairs = product(wrapped, self.identities)
        for stanza, identity in islice(pairs, MAX_TRIES):
            file_key = identity.unwrap([stanza])
            if file_key is not None:
                return file_key
        if next(pairs, None) is not None:
            raise LimitError(
                "the file has more recipients than can be tried with every root of the keyring",
                hint="Use the recovery key: a file that is sealed to it opens at once.",
            )
        return None


def open_vault(
    locked: vault.Vault,
    *,
    password: str | None = None,
    recovery_key: str | None = None,
    passkey: PasskeyClient | None = None,
) -> vault.Opened:
    """Opens a vault in exactly one of three ways. Errors as in `Keyring.unlock`."""
    check_one_way(password, recovery_key, passkey)
    if password is not None:
        return vault.open_with_password(locked, password)
    if recovery_key is not None:
        return vault.open_with_recovery_key(locked, recovery.to_seed(recovery_key))
    assert passkey is not None
    return vault.open_with_passkey(locked, passkey)


def check_one_way(*ways: object) -> None:
    """Raises InvalidInputError unless exactly one way is given."""
    if sum(way is not None for way in ways) != 1:
        raise InvalidInputError("give exactly one of password, recovery_key, passkey and identity")

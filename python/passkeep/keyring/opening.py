"""Opening a vault in exactly one way, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence

from passkeep.age.header import Stanza
from passkeep.age.hybrid import HybridIdentity
from passkeep.age.secret import Secret
from passkeep.errors import InvalidInputError
from passkeep.keyring import recovery, vault
from passkeep.prf import PasskeyClient


class RootIdentity(Secret):
    """What an unlocked keyring opens backups with. Holds secrets.

    Attributes:
        identities: The keyring's root identities, newest first.
    """

    def __init__(self, identities: Sequence[HybridIdentity]) -> None:
        self.identities = tuple(identities)

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Opens a file key with whichever root identity fits; None if none does."""
        for identity in self.identities:
            file_key = identity.unwrap(stanzas)
            if file_key is not None:
                return file_key
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

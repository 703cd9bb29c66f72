"""Opening a backup with nothing but the backup and one way in."""

from __future__ import annotations

from collections.abc import Sequence

from passkeep.age.header import Stanza
from passkeep.age.hybrid import HybridIdentity
from passkeep.age.secret import Secret
from passkeep.errors import WrongKeyError
from passkeep.keyring import recovery, travel, vault
from passkeep.keyring.opening import RootIdentity, check_one_way, open_vault
from passkeep.prf import PasskeyClient


class Unlock(Secret):
    """An age identity that opens a backup through its travelling copy.

    A recovery key needs no travelling copy: backups are sealed to it as well.

    Args:
        password: As the person types it.
        recovery_key: 64 digits, spaced or not, or `AGE-SECRET-KEY-PQ-1…`.
        passkey: A client that asks for a tap.
        identity: Of somebody to whose recipient the keyring is sealed. It opens
            nothing else: give it beside this object where a file may be sealed
            to it directly.

    Raises:
        InvalidInputError: Not exactly one way was given, or the recovery key is
            malformed.
    """

    def __init__(
        self,
        *,
        password: str | None = None,
        recovery_key: str | None = None,
        passkey: PasskeyClient | None = None,
        identity: HybridIdentity | None = None,
    ) -> None:
        check_one_way(password, recovery_key, passkey, identity)
        self._password = password
        self._passkey = passkey
        self._identity = identity
        self._direct = (
            None
            if recovery_key is None
            else HybridIdentity.from_seed(recovery.to_seed(recovery_key))
        )

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Opens the file key of a backup.

        Raises:
            WrongKeyError: The backup carries no keyring, or it does not open.
            KeyringError: The keyring in it was changed by somebody who holds no slot.
            CeremonyError: No passkey answered.
            DamagedError: The keyring in it is malformed.
        """
        if self._direct is not None:
            return self._unwrap_directly(self._direct, stanzas)
        found = travel.find(stanzas)
        if self._identity is not None:
            return None if found is None else _unwrap_as_recipient(self._identity, found, stanzas)
        if found is None:
            raise WrongKeyError(
                "this file carries no keyring that a passkey or a password could open",
                hint="Use the recovery key, the keyring file or an identity.",
            )
        opened = open_vault(found, password=self._password, passkey=self._passkey)
        return RootIdentity(opened.identities).unwrap(stanzas)

    @staticmethod
    def _unwrap_directly(recovery_key: HybridIdentity, stanzas: Sequence[Stanza]) -> bytes | None:
        """Opens with a recovery key; the travelling copy helps to find a wrong digit."""
        file_key = recovery_key.unwrap(stanzas)
        if file_key is not None:
            return file_key
        found = travel.find(stanzas)
        if found is not None and vault.has_recovery_key(found):
            raise vault.wrong_recovery_key(found, recovery_key.seed)
        return None


def _unwrap_as_recipient(
    identity: HybridIdentity, found: vault.Vault, stanzas: Sequence[Stanza]
) -> bytes | None:
    try:
        root = vault.open_as_recipient(found, identity)
    except WrongKeyError:
        return None
    return RootIdentity(root).unwrap(stanzas)

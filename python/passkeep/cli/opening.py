"""Opening a file once its header tells what would open it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from passkeep.age import scrypt
from passkeep.age.header import Stanza
from passkeep.age.hybrid import HybridIdentity
from passkeep.age.keys import Identity
from passkeep.age.secret import Secret
from passkeep.cli import ways
from passkeep.cli.ending import say, sentence
from passkeep.cli.options import KEYRING_VARIABLE, default_keyring
from passkeep.cli.ways import Ways
from passkeep.errors import (
    DamagedError,
    KeyringError,
    LimitError,
    PasskeepError,
    WrongKeyError,
)
from passkeep.keyring import Keyring, RootIdentity, Unlock, passwords, recovery, travel
from passkeep.keyring.opening import open_vault
from passkeep.keyring.vault import Vault

_Unlocking = Callable[..., Identity]

_USELESS = (DamagedError, KeyringError, LimitError, OSError)
"""What is raised where a keyring file cannot be used, whatever is tried on it."""


class Opener(Secret):
    """An age identity that uses what the options say, and asks for what they leave open.

    It sees the header before it asks, so it is the same for files and pipes. A
    keyring is preferred to the copy that travels in a backup, because it knows
    the present password. The copy serves where there is no keyring, where that is
    somebody else's, where the keyring in its usual place cannot be used, and where
    it opens but lacks the root that the backup is sealed to.
    """

    __slots__ = ("_given",)

    def __init__(self, given: Ways) -> None:
        self._given = given

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Opens a file key, or returns None. Errors are those of the way in."""
        given = self._given
        if not given.has_identity and all(stanza.type != scrypt.STANZA_TYPE for stanza in stanzas):
            return _open(given, stanzas)
        opened = (one.unwrap(stanzas) for one in _identities(given))
        return next((file_key for file_key in opened if file_key is not None), None)


def _identities(given: Ways) -> Iterator[Identity]:
    """What opens a file without a keyring of the person's own."""
    if given.has_identity:
        yield from given.identities
        yield from _as_recipients(given)
        if given.passkeys is not None:
            yield given.passkeys  # last: nobody is asked in vain
    else:
        yield from map(scrypt.Password, passwords.spellings(ways.ask_password(given)))


def _open(given: Ways, stanzas: Sequence[Stanza]) -> bytes | None:
    if given.recovery_key is not None and given.keyring is None:
        file_key = _directly(given.recovery_key, stanzas)
        if file_key is not None:
            # Nothing else of the file or of this machine matters.
            return file_key
    travelling = travel.find(stanzas)
    keyring = _keyring_for(given, travelling)
    if keyring is None and travelling is None:
        return ways.choose(given, {ways.RECOVERY_KEY}, Unlock).unwrap(stanzas)
    kinds: set[str] = set()
    unlocking: list[_Unlocking] = []
    if keyring is not None:
        kinds |= {slot.kind for slot in keyring.slots}
        unlocking.append(keyring.unlock)
    if travelling is not None and given.keyring is None:
        kinds |= {lock.kind for lock in travelling.locks}
        unlocking.append(_unlocking(travelling))
    return ways.choose(given, kinds, _one_after_the_other(unlocking, stanzas))


def _directly(recovery_key: str, stanzas: Sequence[Stanza]) -> bytes | None:
    """Opens what is sealed to this very recovery key, as every backup is."""
    return HybridIdentity.from_seed(recovery.to_seed(recovery_key)).unwrap(stanzas)


def _one_after_the_other(
    unlocking: Sequence[_Unlocking], stanzas: Sequence[Stanza]
) -> Callable[..., bytes | None]:
    """Tries a keyring, and then the copy of it in the backup.

    The copy may still open with a password that was changed since, and a keyring
    that is damaged or an old copy must not stand in the way; nor must one that
    opens and lacks the root of a backup that was made on another machine.
    """
    first, *others = unlocking

    def unlock(*, recovery_key: str | None = None, **way: Any) -> bytes | None:
        if recovery_key is not None:
            file_key = _directly(recovery_key, stanzas)
            if file_key is not None:
                return file_key
            way = {"recovery_key": recovery_key}
        try:
            file_key = first(**way).unwrap(stanzas)
        except (*_USELESS, WrongKeyError) as error:
            if isinstance(error, WrongKeyError) and "passkey" in way:
                # It answered; nobody is asked for a second tap.
                raise
            for other in others:
                with suppress(PasskeepError):
                    opened = other(**way).unwrap(stanzas)
                    if opened is not None and not isinstance(error, WrongKeyError):
                        say(f"Your keyring was not used: {sentence(error)} The backup's copy was.")
                    return opened
            raise
        return file_key if file_key is not None or not others else _from_copy(others[0], way)

    def _from_copy(other: _Unlocking, way: dict[str, Any]) -> bytes | None:
        again = " Use the passkey once more." if "passkey" in way else ""
        say(f"Your keyring lacks the key of this backup. The copy in the backup is opened.{again}")
        try:
            return other(**way).unwrap(stanzas)
        except WrongKeyError:
            raise WrongKeyError(
                "this opens your keyring, but not the backup, which carries another copy of it",
                hint="Use what opened the keyring when the backup was made, or the recovery key.",
            ) from None

    return unlock


def _keyring_for(given: Ways, travelling: Vault | None) -> Keyring | None:
    if given.keyring is not None:
        return ways.load_opening(given.keyring)
    default = default_keyring()
    try:
        keyring = Keyring.load(default)
    except FileNotFoundError:
        if travelling is not None and os.environ.get(KEYRING_VARIABLE):
            say(f"There is no keyring at {default}. The copy in the backup is used.")
        return None
    except _USELESS as error:
        if travelling is None:
            if given.way == ways.RECOVERY_KEY:
                return None
            raise
        say(
            f"The keyring at {default} cannot be used: {sentence(error)} The copy in the backup is."
        )
        return None
    if travelling is None:
        return keyring
    epoch = travelling.document.get("epoch")
    if travelling.document.get("id") != keyring.id:
        why = "it is another one"
    elif isinstance(epoch, int) and epoch > keyring.epoch:
        # It may lack the root that the backup is sealed to.
        why = "it is older than the one in the backup"
    else:
        return keyring
    say(f"The keyring at {default} is not used: {why}. The copy in the backup is.")
    return None


def _unlocking(travelling: Vault) -> _Unlocking:
    """Opens a travelling copy at once, so that another way can be tried after it."""

    def unlock(*, recovery_key: str | None = None, **way: Any) -> Identity:
        if recovery_key is not None:
            return Unlock(recovery_key=recovery_key)
        secret = {"password": None, "passkey": None, **way}
        return RootIdentity(open_vault(travelling, **secret).identities)

    return unlock


def _as_recipients(given: Ways) -> Iterator[Identity]:
    """Opens as somebody whom a keyring is sealed to: that in the backup, or the file."""
    for one in given.identities:
        if isinstance(one, HybridIdentity):
            yield Unlock(identity=one)
            # The identity may well be for the backup itself.
            with suppress(PasskeepError, OSError):
                yield Keyring.load(given.keyring or default_keyring()).unlock(identity=one)

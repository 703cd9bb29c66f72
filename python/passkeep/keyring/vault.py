"""What a slot opens, in a keyring file or in a backup: the one way of unlocking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from passkeep.age import fido2prf, keys, message
from passkeep.age.header import Stanza
from passkeep.age.hybrid import HybridIdentity
from passkeep.age.scrypt import WORK_FACTOR, Password
from passkeep.age.secret import Secret
from passkeep.errors import DamagedError, LimitError, WrongKeyError
from passkeep.keyring import passwords, seal, typos
from passkeep.keyring.document import Kind, check_passwords
from passkeep.keyring.seal import Form
from passkeep.keyring.strict_json import Object, untrusted
from passkeep.prf import Answer, PasskeyClient, Question

MAX_ROOTS = 256
"""Root identities: each rotation adds one, and whoever opens a backup may try them all."""


@dataclass(frozen=True, slots=True)
class Lock:
    """The part of a slot that opening it needs.

    Attributes:
        kind: What the person needs.
        auth: The keyring key under the slot's seed.
        identity: The wrapped slot identity; None for a recovery key.
        credential: `AGE-PLUGIN-FIDO2PRF-1…`, for a passkey.
    """

    kind: Kind
    auth: bytes
    identity: str | None
    credential: str | None


@dataclass(frozen=True, slots=True)
class Vault:
    """A root behind its locks.

    Attributes:
        locks: The ways in, in the order of the slots.
        root: Armored identity file, sealed to every slot.
        document: The JSON object that `mac` authenticates.
        mac: As claimed by whoever stored it.
        form: What `mac` has to be made for.
    """

    locks: tuple[Lock, ...]
    root: str
    document: Object
    mac: bytes
    form: Form


@dataclass(frozen=True, slots=True, repr=False)
class Opened(Secret):
    """What came out. Holds secrets.

    Attributes:
        lock: The index of the lock that opened.
        keyring_key: Authenticates changes to the keyring.
        identities: The root identities, newest first.
    """

    lock: int
    keyring_key: bytes
    identities: tuple[HybridIdentity, ...]


def open_with_password(vault: Vault, password: str) -> Opened:
    """Opens the vault with a password.

    Raises:
        WrongKeyError: No password slot opens with it.
        TamperedError: The vault's MAC does not fit.
        DamagedError: The vault is malformed.
        LimitError: There are more than 8 password slots, or one asks for more scrypt
            work than the 2^18 that slots are made with.
    """
    locks = _of_kind(vault, "password")
    check_passwords(lock.kind for _, lock in locks)
    for spelling in passwords.spellings(password):
        for index, lock in locks:
            try:
                way = Password(spelling, max_work_factor=WORK_FACTOR)
                text = message.decrypt_text(_wrapped(lock), [way])
            except WrongKeyError:
                continue
            return _open(vault, index, _seed(text))
    raise WrongKeyError(
        "this password opens none of the keyring's slots"
        if locks
        else "the keyring has no password slot"
    )


def open_with_recovery_key(vault: Vault, seed: bytes) -> Opened:
    """Opens the vault with a recovery key's seed.

    Raises:
        WrongKeyError: It is not the keyring's recovery key.
        TamperedError: The vault's MAC does not fit.
        DamagedError: The vault is malformed.
    """
    for index, lock in _of_kind(vault, "recovery-key"):
        if opens(lock, seed):
            return _open(vault, index, seed)
    raise wrong_recovery_key(vault, seed)


def wrong_recovery_key(vault: Vault, seed: bytes) -> WrongKeyError:
    """The error for a recovery key that is not the vault's; it names a mistyped group."""
    locks = [lock for _, lock in _of_kind(vault, "recovery-key")]
    return typos.wrong_recovery_key(seed, lambda other: any(opens(one, other) for one in locks))


def has_recovery_key(vault: Vault) -> bool:
    """Whether there is a lock that a recovery key could open."""
    return bool(_of_kind(vault, "recovery-key"))


def opens(lock: Lock, seed: bytes) -> bool:
    """Whether a seed is that of a lock.

    Raises:
        DamagedError: The lock is malformed.
    """
    try:
        seal.take_over(seed, lock.auth)
    except WrongKeyError:
        return False
    return True


def open_as_recipient(vault: Vault, identity: HybridIdentity) -> tuple[HybridIdentity, ...]:
    """Opens the root as somebody else whom it is sealed to.

    Such a holder has no keyring key and cannot verify the MAC. A root that a
    stranger put there opens nothing but the stranger's own backups.

    Returns:
        The root identities, newest first.

    Raises:
        WrongKeyError: The root is not sealed to this identity.
        DamagedError: The vault is malformed.
        LimitError: It holds more than 256 identities.
    """
    try:
        text = message.decrypt_text(vault.root, [identity])
    except WrongKeyError:
        raise WrongKeyError("the keyring is not sealed to this identity") from None
    return _roots(text)


def open_with_passkey(vault: Vault, client: PasskeyClient) -> Opened:
    """Opens the vault with whichever of its passkeys is at hand, in one prompt.

    Raises:
        CeremonyError: No passkey answered.
        WrongKeyError: There is no passkey slot, or the answer does not open it.
        TamperedError: The vault's MAC does not fit.
        DamagedError: The vault is malformed.
    """
    candidates = [(index, *_question(lock)) for index, lock in _of_kind(vault, "passkey")]
    if not candidates:
        raise WrongKeyError("the keyring has no passkey slot")
    answer = client.evaluate([question for _, question, _, _ in candidates])
    for index, question, stanza, wrapped in candidates:
        if question.credential.id != answer.credential_id:
            continue
        try:
            text = message.decrypt_text(wrapped, [_Answered(stanza, answer)])
        except WrongKeyError:
            # One passkey may serve two slots; it was asked for one of them.
            continue
        return _open(vault, index, _seed(text))
    raise WrongKeyError("a passkey answered, but its answer opens none of the keyring's slots")


def _of_kind(vault: Vault, kind: Kind) -> list[tuple[int, Lock]]:
    return [(i, lock) for i, lock in enumerate(vault.locks) if lock.kind == kind]


def _wrapped(lock: Lock) -> str:
    if lock.identity is None:
        raise DamagedError("the keyring is malformed: a slot lacks its identity")
    return lock.identity


def _seed(text: str) -> bytes:
    with untrusted("a slot's identity"):
        return HybridIdentity.from_string(text.strip()).seed


def _question(lock: Lock) -> tuple[Question, Stanza, str]:
    wrapped = _wrapped(lock)
    _, header, _ = message.split(wrapped)
    stanzas = [stanza for stanza in header.stanzas if stanza.type == fido2prf.STANZA_TYPE]
    if lock.credential is None or len(stanzas) != 1:
        raise DamagedError("the keyring is malformed: a passkey slot is incomplete")
    with untrusted("a slot's passkey"):
        credential = fido2prf.Credential.from_string(lock.credential)
    return Question(credential, fido2prf.nonce_of(stanzas[0])), stanzas[0], wrapped


@dataclass(frozen=True, slots=True, repr=False)
class _Answered(Secret):
    """A passkey that has answered, as an age identity for its one stanza."""

    stanza: Stanza
    answer: Answer

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        if self.stanza not in stanzas:
            return None
        return fido2prf.unwrap(self.stanza, self.answer.prf_output)


def _open(vault: Vault, index: int, seed: bytes) -> Opened:
    """Opens the root with a slot's seed, and trusts nothing before the MAC fits."""
    try:
        keyring_key = seal.take_over(seed, vault.locks[index].auth)
    except WrongKeyError:
        raise seal.changed_by_a_stranger() from None
    seal.verify(vault.document, vault.mac, keyring_key, vault.form)
    text = message.decrypt_text(vault.root, [HybridIdentity.from_seed(seed)])
    return Opened(index, keyring_key, _roots(text))


def _roots(text: str) -> tuple[HybridIdentity, ...]:
    if len(text.splitlines()) > MAX_ROOTS:
        raise LimitError(f"the keyring has more than {MAX_ROOTS} roots")
    with untrusted("the keyring's root"):
        identities = keys.parse_identity_file(text)
    return tuple(map(_hybrid_only, identities))


def _hybrid_only(identity: keys.Identity) -> HybridIdentity:
    if not isinstance(identity, HybridIdentity):
        raise DamagedError("the keyring is malformed: its root holds a classic identity")
    return identity

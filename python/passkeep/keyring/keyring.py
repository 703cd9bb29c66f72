"""The keyring: several ways in to one root that backups are sealed to."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NoReturn

from passkeep.age import fido2prf, message
from passkeep.age.header import Stanza
from passkeep.age.hybrid import HybridIdentity, HybridRecipient
from passkeep.age.scrypt import Password
from passkeep.age.secret import Secret
from passkeep.errors import InvalidInputError, KeyringError, LimitError
from passkeep.keyring import document as doc
from passkeep.keyring import passwords, recovery, seal, strict_json, travel, vault
from passkeep.keyring.document import CredentialInfo, Document, Slot
from passkeep.keyring.public import PublicKeyring, read_json
from passkeep.keyring.state import State
from passkeep.keyring.strict_json import Fields, Object, encode_data
from passkeep.output import write_private
from passkeep.prf import PasskeyClient

ID_SIZE = 16
SLOT_ID_SIZE = 4


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


@dataclass(frozen=True, slots=True, repr=False)
class _Secrets(Secret):
    """What is at hand while a keyring is unlocked."""

    keyring_key: bytes
    identities: tuple[HybridIdentity, ...]


class Keyring:
    """What opens backups: one small document, useless without one of its slots.

    Made by :meth:`create` or :meth:`load`. A loaded keyring can seal backups at
    once; to open them, or to change the keyring, :meth:`unlock` it first.
    """

    def __init__(
        self, document: Document, source: Object | None, unlocked: _Secrets | None
    ) -> None:
        """Not for callers: use :meth:`create` or :meth:`load`."""
        self._document = document
        self._source = source
        self._secrets = unlocked
        self._unconfirmed: bytes | None = None
        self._changed = source is None
        self._origin = ""

    # Making, loading and saving

    @classmethod
    def create(cls) -> Keyring:
        """Makes a new keyring with a fresh root and no way in yet."""
        root = HybridIdentity.generate()
        document = Document(
            id=secrets.token_hex(ID_SIZE),
            epoch=0,
            recipient=str(root.recipient),
            recovery="",
            root="",
            slots=(),
            travel=b"",
        )
        return cls(document, None, _Secrets(seal.new_key(), (root,)))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Keyring:
        """Reads a keyring file, locked.

        Raises:
            DamagedError: It is not a keyring, or malformed.
            LimitError: It is larger than a keyring can be.
            KeyringError: It needs a newer passkeep.
            OSError: It cannot be read.
        """
        source = read_json(path)
        document = doc.parse(source)
        Fields(source, "the keyring").data("mac")
        keyring = cls(document, source, None)
        keyring._origin = os.fspath(path)
        return keyring

    def save(self, path: str | os.PathLike[str], *, state: State | None = None) -> None:
        """Writes the keyring, atomically, after checking that it can be read back.

        A keyring file that stands at `path` is replaced only by a later epoch of
        the same keyring.

        Args:
            path: The keyring file.
            state: What this machine remembers; it learns the new epoch and pin.

        Raises:
            KeyringError: The keyring is incomplete or locked, or `path` holds
                another keyring or a later epoch of this one.
            OSError: The system refused; the file is unchanged.
        """
        unlocked = self._unlocked()
        if self._changed:
            self._rebuild(unlocked)
        if self._source is None:
            raise self._incomplete()
        replacing = self._check_replaces(path)
        text = strict_json.canonical(self._source) + b"\n"
        if len(text) > doc.MAX_DOCUMENT:
            raise LimitError("the keyring would be larger than 1 MiB; not saved")
        if doc.parse(strict_json.loads(text, "a keyring")) != self._document:
            raise KeyringError("the keyring does not read back as it was written; not saved")
        write_private(path, text, overwrite=replacing)
        self._origin = os.fspath(path)
        state, public = state or State(), self.public()
        with suppress(OSError):
            # The keyring is saved; a machine that cannot remember it asks again.
            state.trust(public.id, public.fingerprint, public.origin)
            state.remember_epoch(self.id, self.epoch)

    # What it is

    @property
    def id(self) -> str:
        """32 hexadecimal digits that never change."""
        return self._document.id

    @property
    def epoch(self) -> int:
        """Grows with every saved change."""
        return self._document.epoch

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The ways in. Untrusted until :meth:`unlock`."""
        return self._document.slots

    @property
    def is_complete(self) -> bool:
        """Whether it has a recovery key that was confirmed: only then it can be used."""
        return any(slot.kind == "recovery-key" for slot in self.slots)

    def public(self) -> PublicKeyring:
        """The public parts: what unattended backups need.

        Raises:
            KeyringError: The keyring is not complete, or locked with unsaved changes.
        """
        if not self.is_complete:
            raise self._incomplete()
        if self._changed:
            self._rebuild(self._unlocked())
        document = self._document
        return PublicKeyring(
            id=document.id,
            epoch=document.epoch,
            recipient=document.recipient,
            recovery=document.recovery,
            travel=document.travel,
            origin=self._origin,
        )

    @property
    def recipients(self) -> tuple[HybridRecipient, HybridRecipient]:
        """What backups are sealed to. Raises KeyringError if it is not complete."""
        return self.public().recipients

    def __repr__(self) -> str:
        return f"<Keyring {self.id[:8]} epoch {self.epoch}, {len(self.slots)} slots>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Keyring may hold secrets and cannot be pickled")

    # Opening

    def unlock(
        self,
        *,
        password: str | None = None,
        recovery_key: str | None = None,
        passkey: PasskeyClient | None = None,
        state: State | None = None,
    ) -> RootIdentity:
        """Opens the keyring in exactly one way.

        Args:
            password: As the person types it.
            recovery_key: 64 digits, spaced or not, or `AGE-SECRET-KEY-PQ-1…`.
            passkey: A client that asks for a tap.
            state: What this machine remembers.

        Returns:
            The identity that opens this keyring's backups.

        Raises:
            WrongKeyError: It does not open.
            KeyringError: The keyring was changed by somebody who holds no slot, is
                older than one that this machine has seen, or was never saved.
            CeremonyError: No passkey answered.
            InvalidInputError: Not exactly one way was given, or it is malformed.
        """
        if self._source is None:
            raise KeyringError("a keyring is unlocked while it is being made")
        state = state or State()
        state.check_epoch(self.id, self.epoch)
        opened = open_vault(
            self._vault(self._source),
            password=password,
            recovery_key=recovery_key,
            passkey=passkey,
        )
        with suppress(OSError):
            # On a machine that cannot remember, a person still gets in.
            state.remember_epoch(self.id, self.epoch)
        self._secrets = _Secrets(opened.keyring_key, opened.identities)
        return RootIdentity(opened.identities)

    # Changing

    def new_recovery_key(self) -> str:
        """Makes a recovery key and returns its digits, in groups of four.

        It counts only after :meth:`confirm_recovery_key`; until then another
        call replaces it.

        Raises:
            KeyringError: The keyring is locked, or has a recovery key already.
        """
        self._unlocked()
        if self.is_complete:
            raise KeyringError("the keyring has a recovery key already")
        self._unconfirmed = secrets.token_bytes(32)
        return recovery.to_digits(self._unconfirmed)

    def confirm_recovery_key(self, typed: str) -> None:
        """Adds the recovery key, once the person has typed it back.

        Raises:
            InvalidInputError: What was typed is not the key that was shown.
            KeyringError: None was made.
        """
        if self._unconfirmed is None:
            raise KeyringError("no recovery key is waiting to be confirmed")
        if not secrets.compare_digest(recovery.to_seed(typed), self._unconfirmed):
            raise InvalidInputError(
                "that is not the recovery key that was shown",
                hint="Compare each group of four with what you wrote down.",
            )
        seed, self._unconfirmed = self._unconfirmed, None
        self._add_slot("recovery-key", "Recovery key", seed, None, None)

    def add_password(
        self, password: str, *, label: str = "Password", allow_weak: bool = False
    ) -> Slot:
        """Adds a password slot.

        Raises:
            InvalidInputError: The password is too easy to guess.
            KeyringError: The keyring is locked.
            LimitError: It has 16 slots already.
        """
        self._unlocked()
        normal = passwords.prepare(password, allow_weak=allow_weak)
        identity = HybridIdentity.generate()
        wrapped = message.encrypt_text(f"{identity}\n", [Password(normal)])
        return self._add_slot("password", label, identity.seed, wrapped, None)

    def add_passkey(self, client: PasskeyClient, *, label: str = "Passkey") -> Slot:
        """Makes a passkey and adds a slot that it opens.

        Raises:
            CeremonyError: The ceremony ended without a passkey.
            KeyringError: The keyring is locked.
            LimitError: It has 16 slots already.
        """
        self._unlocked()
        self._check_room()
        nonce = os.urandom(fido2prf.NONCE_SIZE)
        enrolment = client.enroll(label=label, nonce=nonce)
        identity = HybridIdentity.generate()
        file_key = os.urandom(16)
        stanza = fido2prf.wrap(file_key, nonce, enrolment.prf_output)
        wrapped = message.encrypt_text_under(f"{identity}\n", stanza, file_key)
        credential = CredentialInfo(
            identity=enrolment.credential.to_string(),
            discoverable=enrolment.discoverable,
            backup_eligible=enrolment.backup_eligible,
        )
        return self._add_slot("passkey", label, identity.seed, wrapped, credential)

    # Helpers

    def _add_slot(
        self,
        kind: doc.Kind,
        label: str,
        seed: bytes,
        identity: str | None,
        credential: CredentialInfo | None,
    ) -> Slot:
        self._check_room()
        today = datetime.now(UTC).date().isoformat()
        slot = Slot(
            id=secrets.token_hex(SLOT_ID_SIZE),
            kind=kind,
            label=label,
            created=today,
            checked=today,
            recipient=str(HybridIdentity.from_seed(seed).recipient),
            auth=seal.hand_over(seed, self._unlocked().keyring_key),
            identity=identity,
            credential=credential,
        )
        self._document = replace(self._document, slots=(*self.slots, slot))
        if kind == "recovery-key":
            self._document = replace(self._document, recovery=slot.recipient)
        self._changed = True
        return slot

    def _rebuild(self, unlocked: _Secrets) -> None:
        """Seals the root to every slot again, and signs the next epoch."""
        if not self.is_complete:
            raise self._incomplete()
        text = "".join(f"{identity}\n" for identity in unlocked.identities)
        with strict_json.untrusted("a slot's recipient"):
            slots = [HybridRecipient.from_string(slot.recipient) for slot in self.slots]
        document = replace(
            self._document,
            epoch=self.epoch + 1,
            root=message.encrypt_text(text, slots),
        )
        document = replace(document, travel=travel.build(document, unlocked.keyring_key))
        source = document.to_json()
        source["mac"] = encode_data(seal.mac(source, unlocked.keyring_key))
        self._document, self._source, self._changed = document, source, False

    def _vault(self, source: Object) -> vault.Vault:
        return vault.Vault(
            locks=tuple(
                vault.Lock(
                    kind=slot.kind,
                    auth=slot.auth,
                    identity=slot.identity,
                    credential=None if slot.credential is None else slot.credential.identity,
                )
                for slot in self.slots
            ),
            root=self._document.root,
            document=source,
            mac=Fields(source, "the keyring").data("mac"),
        )

    def _unlocked(self) -> _Secrets:
        if self._secrets is None:
            raise KeyringError("the keyring is locked", hint="Unlock it first.")
        return self._secrets

    def _check_room(self) -> None:
        if len(self.slots) >= doc.MAX_SLOTS:
            raise LimitError(f"a keyring has at most {doc.MAX_SLOTS} slots")

    def _check_replaces(self, path: str | os.PathLike[str]) -> bool:
        """Whether there is a file to replace; refuses what must not be replaced."""
        try:
            other = Keyring.load(path)
        except FileNotFoundError:
            return False
        if other.id != self.id:
            raise KeyringError(
                f"{os.fspath(path)} holds another keyring and was left as it is",
                hint="Choose another name: without its keyring, backups may not open any more.",
            )
        if other.epoch >= self.epoch and other._source != self._source:  # noqa: SLF001
            raise KeyringError(
                f"{os.fspath(path)} was changed meanwhile and was left as it is",
                hint="Load it again and repeat the change.",
            )
        return True

    @staticmethod
    def _incomplete() -> KeyringError:
        return KeyringError(
            "the keyring is not complete: it has no recovery key that was typed back",
            hint="A passkey or a password is never the only way in: make a recovery key first.",
        )


def open_vault(
    locked: vault.Vault,
    *,
    password: str | None,
    recovery_key: str | None,
    passkey: PasskeyClient | None,
) -> vault.Opened:
    """Opens a vault in exactly one of three ways. Errors as in :meth:`Keyring.unlock`."""
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
        raise InvalidInputError("give exactly one of password, recovery_key and passkey")

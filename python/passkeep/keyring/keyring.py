"""The keyring: several ways in to one root that backups are sealed to."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import NoReturn

from passkeep.age.hybrid import HybridIdentity, HybridRecipient
from passkeep.errors import KeyringError, LimitError, NotSyncedError
from passkeep.incoming import Source
from passkeep.keyring import (
    adoption,
    changes,
    reminders,
    seal,
    storage,
    strict_json,
    travel,
    vault,
)
from passkeep.keyring import document as doc
from passkeep.keyring.changes import Contents
from passkeep.keyring.document import Document, Slot
from passkeep.keyring.editing import Editable
from passkeep.keyring.opening import RootIdentity, check_one_way, open_vault
from passkeep.keyring.public import PublicKeyring, read_json
from passkeep.keyring.record import PublicPart
from passkeep.keyring.state import State
from passkeep.keyring.strict_json import Fields, Object
from passkeep.prf import PasskeyClient

_log = logging.getLogger(__name__)

_ID_SIZE = 16


class Keyring(Editable):
    """What opens backups: one small document, useless without one of its slots.

    Made by :meth:`create`, :meth:`load` or :meth:`adopt`. A loaded keyring can
    seal backups at once; to open them, or to change the keyring, :meth:`unlock`
    it first. Changes count when they are saved.
    """

    def __init__(self, document: Document, source: Object | None = None) -> None:
        """Not for callers: use :meth:`create`, :meth:`load` or :meth:`adopt`."""
        super().__init__(document, source)
        self._opened: str | None = None
        self._origin = ""
        self._named = ""
        self._stored_mac: object = None
        self._verified: tuple[PublicPart, ...] = ()

    # Making, loading and saving

    @classmethod
    def create(cls) -> Keyring:
        """Makes a new keyring with a fresh root and no way in yet."""
        root = HybridIdentity.generate()
        document = Document(
            id=secrets.token_hex(_ID_SIZE),
            epoch=0,
            recipient=str(root.recipient),
            recovery="",
            root="",
            slots=(),
            travel=b"",
        )
        keyring = cls(document)
        keyring._change(Contents(document, seal.new_key(), (root,)))
        return keyring

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Keyring:
        """Reads a keyring file, locked.

        Raises:
            DamagedError: It is not a keyring, or malformed.
            LimitError: It is larger than a keyring can be.
            NewerVersionError: It needs a newer passkeep.
            OSError: It cannot be read.
        """
        source = read_json(path)
        keyring = cls(doc.parse(source), source)
        Fields(source, "the keyring").data("mac")
        keyring._note_file(path, source)
        return keyring

    @classmethod
    def adopt(
        cls,
        backup: Source,
        *,
        password: str | None = None,
        recovery_key: str | None = None,
        passkey: PasskeyClient | None = None,
        older: bool = False,
        state: State | None = None,
    ) -> Keyring:
        """Makes a keyring again from the copy in a backup, after its file was lost.

        All its ways in come back as they were when the backup was made; take the
        newest backup. The keyring is unlocked and not saved yet.

        Args:
            backup: A backup that carries the keyring.
            password: As in :meth:`unlock`.
            recovery_key: As in :meth:`unlock`.
            passkey: As in :meth:`unlock`.
            older: Whether the copy may be older than this machine has seen, since
                every later one is lost. What was removed since is a way in again.
            state: What this machine remembers.

        Raises:
            WrongKeyError: It does not open.
            KeyringError: The backup carries no keyring, or one that is older than
                this machine has seen, and `older` is False.
            TamperedError: It was changed by somebody who holds no slot.
            DamagedError: It is malformed, or belongs to another backup.
            CeremonyError: No passkey answered.
            InvalidInputError: Not exactly one way was given, or it is malformed.
        """
        check_one_way(password, recovery_key, passkey)
        header, copy = adoption.find(backup)
        opened = open_vault(copy, password=password, recovery_key=recovery_key, passkey=passkey)
        contents, slot = adoption.adopt(header, copy, opened)
        remembered = (state or State()).accept_epoch if older else (state or State()).check_epoch
        remembered(contents.document.id, contents.document.epoch)
        keyring = cls(contents.document)
        keyring._change(contents)
        keyring._opened = slot.id
        keyring._verified = (_public(contents.document).part,)
        return keyring

    def save(self, path: str | os.PathLike[str], *, state: State | None = None) -> None:
        """Writes the keyring, atomically, after checking that it can be read back.

        A keyring file that stands at `path` is replaced only if it is the one that
        was loaded, or an earlier epoch of the same keyring.

        Args:
            path: The keyring file.
            state: What this machine remembers; it learns the new epoch and pin.

        Raises:
            KeyringError: The keyring is incomplete or locked, or `path` holds
                another keyring, or was changed meanwhile.
            LimitError: It would be too large.
            OSError: The system refused; the file is the old or the new one.
        """
        contents, source = self._sealed()
        text = strict_json.canonical(source) + b"\n"
        if len(text) > doc.MAX_DOCUMENT:
            raise LimitError("the keyring would be larger than 1 MiB; not saved")
        state, public = state or State(), self.public()
        with storage.guarded(path):
            replacing = self._check_replaces(path, source)
            with suppress(OSError, NotSyncedError):
                # A machine that cannot remember asks again.
                state.expect(public.id, public.part, *self._verified)
            try:
                storage.publish_verified(
                    path,
                    text,
                    overwrite=replacing,
                    verify=lambda stored: changes.verify(stored, contents),
                )
            except NotSyncedError:
                self._published(path, source, public)
                raise
        self._published(path, source, public)
        with suppress(OSError, NotSyncedError):
            state.trust(public.id, public.fingerprint, self._named)
            state.remember_epoch(self.id, self.epoch)

    @contextmanager
    def changing(
        self, path: str | os.PathLike[str], *, state: State | None = None
    ) -> Iterator[None]:
        """Saves what the block changes, and takes it back in memory where it was not saved.

        Args:
            path: The keyring file.
            state: What this machine remembers.

        Raises:
            Exception: Whatever the block or :meth:`save` raised.
        """
        before = dict(vars(self))
        try:
            yield
            if self._source is None:
                self.save(path, state=state)
        except NotSyncedError:
            raise
        except BaseException:
            vars(self).update(before)
            raise

    def is_stored_at(self, path: str | os.PathLike[str]) -> bool:
        """Whether a file holds this keyring, as it was loaded or saved last.

        Raises:
            DamagedError: The file is not a keyring.
            LimitError: It is larger than a keyring can be.
            OSError: It cannot be read.
        """
        return self._source is not None and read_json(path) == self._source

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
    def opened_slot(self) -> Slot | None:
        """The slot that unlocked the keyring, as it is now; None if it is locked or removed."""
        return next((slot for slot in self.slots if slot.id == self._opened), None)

    @property
    def identity(self) -> RootIdentity:
        """What opens this keyring's backups. Raises KeyringError if it is locked."""
        return RootIdentity(self._unlocked().identities)

    @property
    def is_complete(self) -> bool:
        """Whether it has a recovery key that was confirmed: only then it can be used."""
        return changes.is_complete(self._document)

    def travels(self, slot_id: str) -> bool:
        """Whether backups open with a slot by themselves, without the keyring file.

        Raises:
            InvalidInputError: There is no such slot.
            DamagedError: The travelling copy is malformed.
        """
        changes.slot_of(self._document, slot_id)
        contents = self._contents
        return slot_id not in (contents.left_out if contents else travel.left_out(self._document))

    def slots_due(self, today: date | None = None) -> tuple[Slot, ...]:
        """The ways in that were last checked 90 days ago or earlier."""
        return reminders.due(self.slots, today)

    def public(self) -> PublicKeyring:
        """The public parts: what unattended backups need.

        Raises:
            KeyringError: The keyring is not complete, or locked with unsaved changes.
        """
        if not self.is_complete:
            raise changes.incomplete()
        if self._source is None:
            self._sealed()
        return _public(self._document, self._named)

    @property
    def recipients(self) -> tuple[HybridRecipient, HybridRecipient]:
        """What backups are sealed to. Raises KeyringError if it is not complete."""
        return self.public().recipients

    def pinned(self, state: State | None = None) -> PublicKeyring:
        """The public parts, if they are what this machine used before.

        Raises:
            KeyringError: They are not; or the keyring is incomplete, was never saved,
                or has changes that were not saved: what is sealed now would need them.
            OSError: The state folder cannot be read or written.
        """
        public = self.public()
        if self._sealed_mac() != self._stored_mac:
            raise KeyringError(
                "the keyring was never saved; nothing was sealed"
                if self._stored_mac is None
                else "the keyring has changes that were not saved; nothing was sealed",
                hint="Save the keyring first.",
            )
        return public.pinned(state)

    def pinned_recipients(self) -> tuple[HybridRecipient, HybridRecipient]:
        """What to seal to, if it is what this machine used before."""
        return self.pinned().recipients

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
        identity: HybridIdentity | None = None,
        state: State | None = None,
    ) -> RootIdentity:
        """Opens the keyring in exactly one way.

        Args:
            password: As the person types it.
            recovery_key: 64 digits, spaced or not, or `AGE-SECRET-KEY-PQ-1…`.
            passkey: A client that asks for a tap.
            identity: Of somebody whom the keyring is sealed to. It opens backups;
                the keyring stays locked against changes.
            state: What this machine remembers.

        Returns:
            The identity that opens this keyring's backups.

        Raises:
            WrongKeyError: It does not open.
            TamperedError: The keyring was changed by somebody who holds no slot.
            KeyringError: It is older than one that this machine has seen, or was
                never saved.
            CeremonyError: No passkey answered.
            InvalidInputError: Not exactly one way was given, or it is malformed.
        """
        check_one_way(password, recovery_key, passkey, identity)
        if self._source is None:
            raise KeyringError("a keyring is unlocked while it is being made or changed")
        state = state or State()
        state.check_epoch(self.id, self.epoch)
        locked = self._vault(self._source)
        if identity is not None:
            return RootIdentity(vault.open_as_recipient(locked, identity))
        opened = open_vault(locked, password=password, recovery_key=recovery_key, passkey=passkey)
        with suppress(OSError, NotSyncedError):
            # On a machine that cannot remember, a person still gets in.
            state.remember_epoch(self.id, self.epoch)
        left_out = travel.left_out(self._document)
        self._contents = Contents(self._document, opened.keyring_key, opened.identities, left_out)
        self._opened = self._ways_in()[opened.lock].id
        self._verified = (_public(self._document).part,)
        _log.debug("unlocked keyring %s, epoch %d, by slot %s", self.id, self.epoch, self._opened)
        return RootIdentity(opened.identities)

    # Helpers

    def _ways_in(self) -> list[Slot]:
        return [slot for slot in self.slots if slot.is_way_in]

    def _vault(self, source: Object) -> vault.Vault:
        return vault.Vault(
            locks=tuple(_locks(self.slots)),
            root=self._document.root,
            document=source,
            mac=Fields(source, "the keyring").data("mac"),
            form=seal.Form.KEYRING,
        )

    def _sealed_mac(self) -> object:
        return None if self._source is None else self._source["mac"]

    def _published(
        self, path: str | os.PathLike[str], source: Object, public: PublicKeyring
    ) -> None:
        self._note_file(path, source)
        self._verified = (public.part,)

    def _note_file(self, path: str | os.PathLike[str], source: Object) -> None:
        self._origin, self._stored_mac = os.path.realpath(path), source["mac"]
        self._named = os.fspath(Path(path).absolute())

    def _check_replaces(self, path: str | os.PathLike[str], source: Object) -> bool:
        """Whether there is a file to replace; refuses what must not be replaced."""
        try:
            present = read_json(path)
        except FileNotFoundError:
            return False
        other = doc.parse(present)
        if other.id != self.id:
            raise KeyringError(
                f"{os.fspath(path)} holds another keyring and was left as it is",
                hint="Choose another name: without its keyring, backups may not open any more.",
            )
        changed = other.epoch >= self.epoch
        if os.path.realpath(path) == self._origin:
            changed = changed or present.get("mac") != self._stored_mac
        if changed and present != source:
            raise storage.changed_meanwhile(path)
        return True


def _public(document: Document, origin: str = "") -> PublicKeyring:
    return PublicKeyring(
        id=document.id,
        epoch=document.epoch,
        recipient=document.recipient,
        recovery=document.recovery,
        travel=document.travel,
        origin=origin,
    )


def _locks(slots: Iterable[Slot]) -> Iterable[vault.Lock]:
    for slot in slots:
        if slot.auth is not None:
            credential = None if slot.credential is None else slot.credential.identity
            yield vault.Lock(slot.kind, slot.auth, slot.identity, credential)

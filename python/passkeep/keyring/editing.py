"""Changing an unlocked keyring, in memory: what `Keyring` offers for it."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Literal

from passkeep.age.hybrid import HybridRecipient
from passkeep.errors import InvalidInputError, KeyringError
from passkeep.keyring import changes, recovery, slots
from passkeep.keyring.changes import Contents
from passkeep.keyring.document import MAX_SLOTS, Document, Kind, Slot
from passkeep.keyring.strict_json import Object
from passkeep.prf import PasskeyClient, check_label


class Editable:
    """A keyring's document, and what is known of it while it is unlocked.

    Args:
        document: The keyring.
        source: The JSON object that it was read from; None once it was changed.
    """

    def __init__(self, document: Document, source: Object | None) -> None:
        self._document = document
        self._source = source
        self._contents: Contents | None = None
        self._unconfirmed: bytes | None = None

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The ways in. Untrusted until :meth:`unlock`."""
        return self._document.slots

    @property
    def has_room(self) -> bool:
        """Whether one more slot fits."""
        return len(self.slots) < MAX_SLOTS

    # Adding ways in

    def new_recovery_key(self) -> str:
        """Makes a recovery key and returns its digits, in groups of four.

        It counts only after :meth:`confirm_recovery_key`; until then another
        call replaces it, and a recovery key that the keyring has stays as it is.

        Raises:
            KeyringError: The keyring is locked.
        """
        self._unlocked()
        self._unconfirmed = secrets.token_bytes(32)
        return recovery.to_digits(self._unconfirmed)

    def confirm_recovery_key(self, typed: str) -> Slot:
        """Adds the recovery key, once the person has typed it back.

        It takes the place of an earlier one, with a new root. Backups made until
        now stay open to the earlier key.

        Raises:
            InvalidInputError: What was typed is not the key that was shown.
            KeyringError: None was made.
            LimitError: The keyring has 16 slots already.
        """
        if self._unconfirmed is None:
            raise KeyringError("no recovery key is waiting to be confirmed")
        seed = recovery.to_seed(typed)
        if not secrets.compare_digest(seed, self._unconfirmed):
            group = recovery.first_difference(seed, self._unconfirmed)
            raise InvalidInputError(
                f"that is not the recovery key that was shown: look at group {group}",
                hint="Compare each group of four with what you wrote down.",
            )
        contents = self._unlocked()
        slot = slots.recovery_slot(contents.keyring_key, seed, "Recovery key")
        old = {one.id for one in self.slots if one.kind == "recovery-key"}
        self._change(
            changes.replaced(contents, old, slot) if old else changes.added(contents, slot)
        )
        self._unconfirmed = None
        return slot

    def add_password(
        self, password: str, *, label: str = "Password", allow_weak: bool = False
    ) -> Slot:
        """Adds a password slot.

        Raises:
            InvalidInputError: The password is too easy to guess, or the label malformed.
            KeyringError: The keyring is locked.
            LimitError: It has 16 slots or 8 passwords already.
        """
        contents = self._with_room("password")
        slot = slots.password_slot(contents.keyring_key, password, label, allow_weak=allow_weak)
        return self._add(slot)

    def add_passkey(self, client: PasskeyClient, *, label: str = "Passkey") -> Slot:
        """Makes a passkey and adds a slot that it opens.

        Raises:
            CeremonyError: The ceremony ended without a passkey.
            InvalidInputError: The label is malformed.
            KeyringError: The keyring is locked.
            LimitError: It has 16 slots already.
        """
        contents = self._with_room("passkey")
        return self._add(slots.passkey_slot(contents.keyring_key, client, label))

    def add_recipient(self, recipient: str | HybridRecipient, *, label: str) -> Slot:
        """Adds somebody else, who can restore every backup and change nothing.

        Raises:
            InvalidInputError: The recipient is no `age1pq1…` string, or the label
                malformed.
            KeyringError: The keyring is locked, or has this recipient already.
            LimitError: It has 16 slots already.
        """
        self._with_room("recipient")
        slot = slots.recipient_slot(recipient, label)
        if slot.recipient in {one.recipient for one in self.slots}:
            raise KeyringError("the keyring has this recipient already")
        return self._add(slot)

    # Changing

    def remove(self, slot_id: str, *, allow_last: bool = False) -> None:
        """Removes a slot and rotates the root. Nobody else's way in is asked for.

        Backups made until now stay open to whoever holds the removed slot.

        Args:
            slot_id: The slot's id.
            allow_last: Whether fewer than two ways in may be left.

        Raises:
            InvalidInputError: There is no such slot.
            KeyringError: The keyring is locked, the slot is the recovery key, or too
                few ways in would be left.
        """
        self._change(changes.removed(self._unlocked(), slot_id, allow_last=allow_last))

    def removal_obstacle(self, slot_id: str) -> Literal["recovery-key", "two-ways-in"] | None:
        """Why :meth:`remove` would refuse a slot; None where it would not.

        Raises:
            InvalidInputError: There is no such slot.
        """
        return changes.removal_obstacle(self._document, slot_id)

    def rotate(self) -> None:
        """Makes a new root for the backups to come.

        Raises:
            KeyringError: The keyring is locked.
            LimitError: It has had 256 roots already.
        """
        self._change(changes.rotated(self._unlocked()))

    def change_password(self, slot_id: str, new: str, *, allow_weak: bool = False) -> Slot:
        """Puts a new password slot in the place of an old one, with a new root.

        Backups made until now stay open to the old password.

        Raises:
            InvalidInputError: There is no such password slot, or the new password
                is too easy to guess.
            KeyringError: The keyring is locked.
        """
        contents = self._unlocked()
        old = changes.slot_of(self._document, slot_id)
        if old.kind != "password":
            raise InvalidInputError(f"the slot is of the kind {old.kind}, not a password")
        slot = slots.password_slot(contents.keyring_key, new, old.label, allow_weak=allow_weak)
        changed = changes.replaced(contents, {slot_id}, slot)
        if slot_id in contents.left_out:
            changed = changes.travelling(changed, slot.id, travels=False)
        self._change(changed)
        return slot

    def rename(self, slot_id: str, label: str) -> Slot:
        """Gives a slot another label.

        Raises:
            InvalidInputError: The label is malformed, or there is no such slot.
            KeyringError: The keyring is locked.
        """
        return self._update(slot_id, label=check_label(label))

    def mark_checked(self, slot_id: str, today: date | None = None) -> Slot:
        """Notes that a slot was tried and opens.

        Raises:
            InvalidInputError: There is no such slot.
            KeyringError: The keyring is locked.
        """
        return self._update(slot_id, checked=(today or datetime.now(UTC).date()).isoformat())

    def set_travels(self, slot_id: str, *, travels: bool) -> None:
        """Chooses whether later backups open with a slot by themselves.

        A password that does not travel cannot be guessed by whoever holds a backup;
        using it takes the keyring file.

        Raises:
            InvalidInputError: There is no such slot, or it is a recovery key or a
                recipient, which cannot be left out.
            KeyringError: The keyring is locked.
        """
        self._change(changes.travelling(self._unlocked(), slot_id, travels=travels))

    # Helpers

    def _add(self, slot: Slot) -> Slot:
        self._change(changes.added(self._unlocked(), slot))
        return slot

    def _update(self, slot_id: str, **members: str) -> Slot:
        contents = self._unlocked()
        slot = replace(changes.slot_of(self._document, slot_id), **members)  # type: ignore[arg-type]  # all of them are text
        self._change(changes.with_slot(contents, slot))
        return slot

    def _change(self, contents: Contents) -> None:
        self._contents, self._document, self._source = contents, contents.document, None

    def _sealed(self) -> tuple[Contents, Object]:
        """The contents and their JSON form, sealed and signed if anything changed."""
        contents = self._unlocked()
        if self._source is None:
            self._contents, self._source = changes.sealed(contents)
            self._document = self._contents.document
            return self._contents, self._source
        return contents, self._source

    def _unlocked(self) -> Contents:
        if self._contents is None:
            raise KeyringError("the keyring is locked", hint="Unlock it first.")
        return self._contents

    def _with_room(self, kind: Kind) -> Contents:
        changes.check_room(self._document, kind)
        return self._unlocked()

"""Changes to an unlocked keyring, each from one value to the next.

Whatever takes a way in away also rotates the root: new backups must not open
with what its holder may have kept. Slots have key pairs of their own, so the
new root is sealed to the others without asking for any of them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from passkeep.age import hybrid, message
from passkeep.age.hybrid import HybridIdentity, HybridRecipient
from passkeep.age.secret import Secret
from passkeep.errors import InvalidInputError, KeyringError, LimitError
from passkeep.keyring import document as doc
from passkeep.keyring import seal, strict_json, travel
from passkeep.keyring.document import Document, Kind, Slot
from passkeep.keyring.seal import Form
from passkeep.keyring.strict_json import Fields, Object, encode_data
from passkeep.keyring.vault import MAX_ROOTS

MIN_WAYS_IN = 2


@dataclass(frozen=True, slots=True, repr=False)
class Contents(Secret):
    """A keyring and the secrets that changing it takes.

    Attributes:
        document: The keyring. Its root, travelling copy and epoch are those of the
            last :func:`sealed`.
        keyring_key: Authenticates it.
        identities: The root identities, newest first.
        left_out: The ids of slots that do not travel in backups.
    """

    document: Document
    keyring_key: bytes
    identities: tuple[HybridIdentity, ...]
    left_out: frozenset[str] = frozenset()


def slot_of(document: Document, slot_id: str) -> Slot:
    """The slot with an id.

    Raises:
        InvalidInputError: There is none.
    """
    for slot in document.slots:
        if slot.id == slot_id:
            return slot
    raise InvalidInputError(
        "the keyring has no such slot", hint="`passkeep key show` lists its slots."
    )


def is_complete(document: Document) -> bool:
    """Whether there is a recovery key that was confirmed."""
    return any(slot.kind == "recovery-key" for slot in document.slots)


def check_room(document: Document, kind: Kind) -> None:
    """Raises LimitError unless one more slot of this kind fits."""
    if len(document.slots) >= doc.MAX_SLOTS:
        raise LimitError(f"a keyring has at most {doc.MAX_SLOTS} slots")
    doc.check_passwords((*(slot.kind for slot in document.slots), kind))


def added(contents: Contents, slot: Slot) -> Contents:
    """With one more slot, which opens earlier backups of this root as well."""
    check_room(contents.document, slot.kind)
    return _with_slots(contents, (*contents.document.slots, slot))


def replaced(contents: Contents, old: Collection[str], slot: Slot) -> Contents:
    """With `slot` in the place of others, and a new root that these do not open."""
    kept = tuple(one for one in contents.document.slots if one.id not in old)
    return rotated(added(_with_slots(contents, kept), slot))


def removed(contents: Contents, slot_id: str, *, allow_last: bool = False) -> Contents:
    """Without a slot, and with a new root that it does not open.

    Raises:
        InvalidInputError: There is no such slot.
        KeyringError: It is the recovery key; or it would leave fewer than two ways
            in, and `allow_last` is not set.
    """
    obstacle = removal_obstacle(contents.document, slot_id)
    if obstacle == "recovery-key":
        raise KeyringError(
            "a keyring is never without a recovery key; nothing was removed",
            hint="Replace it with `passkeep key recovery`.",
        )
    if obstacle == "two-ways-in" and not allow_last:
        raise KeyringError(
            "only one way in would be left; nothing was removed",
            hint="Add another with `passkeep key add` first, or insist with --allow-last.",
        )
    kept = tuple(one for one in contents.document.slots if one.id != slot_id)
    return rotated(_with_slots(contents, kept))


def removal_obstacle(
    document: Document, slot_id: str
) -> Literal["recovery-key", "two-ways-in"] | None:
    """Why a slot cannot be removed: it is the recovery key, or too few would be left.

    Raises:
        InvalidInputError: There is no such slot.
    """
    slot = slot_of(document, slot_id)
    if slot.kind == "recovery-key":
        return "recovery-key"
    left = sum(one.is_way_in for one in document.slots if one.id != slot_id)
    return "two-ways-in" if slot.is_way_in and left < MIN_WAYS_IN else None


def rotated(contents: Contents) -> Contents:
    """With a new root. The old ones stay, so that earlier backups open.

    Raises:
        LimitError: It has had as many roots as a keyring can have.
    """
    if len(contents.identities) >= MAX_ROOTS:
        raise LimitError(
            f"the keyring has had {MAX_ROOTS} roots, as many as a keyring can have",
            hint="Make a new keyring with `passkeep init`. Keep this one for earlier backups.",
        )
    root = HybridIdentity.generate()
    return replace(
        contents,
        document=replace(contents.document, recipient=str(root.recipient)),
        identities=(root, *contents.identities),
    )


def with_slot(contents: Contents, slot: Slot) -> Contents:
    """With another state of the slot that has the same id."""
    slots = (slot if one.id == slot.id else one for one in contents.document.slots)
    return _with_slots(contents, tuple(slots))


def travelling(contents: Contents, slot_id: str, *, travels: bool) -> Contents:
    """With or without a slot in the travelling copy.

    Raises:
        InvalidInputError: There is no such slot, or it cannot be left out.
    """
    slot = slot_of(contents.document, slot_id)
    if slot.kind in ("recovery-key", "recipient"):
        raise InvalidInputError(
            "a recovery key or a recipient cannot be left out: backups hold nothing of it"
            " that could be guessed",
            hint="`passkeep backup --no-travel` leaves the whole keyring out.",
        )
    without = contents.left_out - {slot_id}
    return replace(contents, left_out=without if travels else without | {slot_id})


def sealed(contents: Contents) -> tuple[Contents, Object]:
    """Seals the root to every slot again, and signs the next epoch.

    Returns:
        The contents with the new document, and its JSON form.

    Raises:
        KeyringError: There is no confirmed recovery key.
        LimitError: The travelling copy would be too large.
    """
    if not is_complete(contents.document):
        raise incomplete()
    text = "".join(f"{identity}\n" for identity in contents.identities)
    with strict_json.untrusted("a slot's recipient"):
        recipients = [HybridRecipient.from_string(one.recipient) for one in contents.document.slots]
    document = replace(
        contents.document,
        epoch=contents.document.epoch + 1,
        root=message.encrypt_text(text, recipients),
    )
    copy = travel.build(document, contents.keyring_key, contents.left_out)
    document = replace(document, travel=copy)
    source = document.to_json()
    source["mac"] = encode_data(seal.mac(source, contents.keyring_key, Form.KEYRING))
    return replace(contents, document=document), source


def verify(stored: bytes, contents: Contents) -> None:
    """Checks that a stored keyring is what was meant, in every part that can be checked.

    Raises:
        KeyringError: It is not.
        DamagedError: It is malformed.
    """
    value = strict_json.loads(stored, "a keyring")
    claimed = Fields(value, "the keyring").data("mac")
    seal.verify(value, claimed, contents.keyring_key, Form.KEYRING)
    document = doc.parse(value)
    copy = travel.find([travel.to_stanza(document.travel)])
    assert copy is not None
    seal.verify(copy.document, copy.mac, contents.keyring_key, Form.COPY)
    _, root, _ = message.split(document.root)
    sealed_to = sum(stanza.type == hybrid.STANZA_TYPE for stanza in root.stanzas)
    if (
        document != contents.document
        or sealed_to != len(document.slots)
        or copy.root != document.root
        or travel.slots_of(copy, contents.identities) != document.slots
        or travel.left_out(document) != contents.left_out
        or document.recipient != str(contents.identities[0].recipient)
    ):
        raise KeyringError("the keyring does not read back as it was meant; it was not saved")


def incomplete() -> KeyringError:
    """The error for a keyring without a confirmed recovery key."""
    return KeyringError(
        "the keyring is not complete: it has no recovery key that was typed back",
        hint="A passkey or a password is never the only way in: make a recovery key first.",
    )


def _with_slots(contents: Contents, slots: tuple[Slot, ...]) -> Contents:
    recovery = next((slot.recipient for slot in slots if slot.kind == "recovery-key"), "")
    document = replace(contents.document, slots=slots, recovery=recovery)
    ids = {slot.id for slot in slots}
    return replace(contents, document=document, left_out=contents.left_out & ids)

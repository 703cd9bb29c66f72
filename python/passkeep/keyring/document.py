"""The keyring document: its parts, and their JSON form.

Parsing checks shape and limits only. Nothing in a document is to be trusted
until :func:`passkeep.keyring.seal.verify` has passed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from passkeep.errors import DamagedError, LimitError, NewerVersionError
from passkeep.keyring.strict_json import Fields, Object, encode_data

VERSION = "keyring/1"
MAX_SLOTS = 16
MAX_PASSWORDS = 8
"""Password slots: an unlock works through them, each for about a second."""
_SLOT_ID = re.compile("[0-9a-f]{8}")
MAX_DOCUMENT = 1 << 20
"""Bytes of a keyring file that are read at most."""

Kind: TypeAlias = Literal["passkey", "password", "recovery-key", "recipient"]


@dataclass(frozen=True, slots=True)
class CredentialInfo:
    """The passkey behind a slot. Not secret.

    Attributes:
        identity: Its `AGE-PLUGIN-FIDO2PRF-1…` string.
        discoverable: Whether it can be found without its id; None if unknown.
        backup_eligible: Whether its provider may synchronise it.
    """

    identity: str
    discoverable: bool | None
    backup_eligible: bool


@dataclass(frozen=True, slots=True)
class Slot:
    """One way in.

    Attributes:
        id: Eight hexadecimal digits, unique in the keyring.
        kind: What the person needs for it.
        label: The person's own name for it.
        created: ISO 8601 date.
        checked: ISO 8601 date of its last successful use as a check.
        recipient: The slot's own hybrid recipient.
        auth: The keyring key, sealed under the slot's seed; None for somebody
            else's recipient, who restores but cannot change the keyring.
        identity: The slot's identity as an armored age file, wrapped by the
            slot's secret; None for a recovery key, which is the seed itself, and
            for somebody else's recipient.
        credential: The passkey, for a passkey slot.
    """

    id: str
    kind: Kind
    label: str
    created: str
    checked: str
    recipient: str
    auth: bytes | None
    identity: str | None = None
    credential: CredentialInfo | None = None

    @property
    def is_way_in(self) -> bool:
        """Whether it opens the keyring itself, and counts against being locked out."""
        return self.auth is not None


@dataclass(frozen=True, slots=True)
class Document:
    """A keyring as it is stored.

    Attributes:
        id: 32 hexadecimal digits that never change.
        epoch: Grows with every change.
        recipient: What backups are sealed to.
        recovery: The recovery key's recipient; backups are sealed to it too.
        root: Armored age file that holds the identities of `recipient`, newest
            first, sealed to every slot.
        slots: The ways in.
        travel: The travelling copy, ready for a backup's header.
    """

    id: str
    epoch: int
    recipient: str
    recovery: str
    root: str
    slots: tuple[Slot, ...]
    travel: bytes

    def to_json(self) -> Object:
        """The JSON object, without its "mac"."""
        return {
            "passkeep": VERSION,
            "id": self.id,
            "epoch": self.epoch,
            "recipient": self.recipient,
            "recovery": self.recovery,
            "root": self.root,
            "slots": [slot_to_json(slot) for slot in self.slots],
            "travel": encode_data(self.travel),
        }


def parse(value: Object) -> Document:
    """Reads a document from its JSON object.

    Raises:
        DamagedError: It is not a keyring, or malformed.
        LimitError: It has more than 16 slots, or more than 8 passwords.
        NewerVersionError: It needs a newer passkeep.
    """
    fields = Fields(value, "the keyring")
    check_version(fields.text("passkeep"), VERSION)
    return Document(
        id=parse_id(fields),
        epoch=fields.number("epoch"),
        recipient=fields.text("recipient"),
        recovery=fields.text("recovery"),
        root=fields.text("root"),
        slots=parse_slots(fields.array("slots")),
        travel=fields.data("travel"),
    )


def parse_slots(values: list[Any]) -> tuple[Slot, ...]:
    """Reads the slots of a keyring.

    Raises:
        DamagedError: They are malformed.
        LimitError: There are more than 16, or more than 8 passwords.
        NewerVersionError: One needs a newer passkeep.
    """
    slots = tuple(_parse_slot(slot) for slot in limited(values))
    check_passwords(slot.kind for slot in slots)
    if len({slot.id for slot in slots}) != len(slots):
        raise DamagedError("the keyring is malformed: two slots have the same id")
    return slots


def check_version(found: str, known: str) -> None:
    """Tells a file of the wrong sort from one of a later version.

    Raises:
        NewerVersionError: The file needs a newer passkeep.
        DamagedError: The file is something else.
    """
    if found == known:
        return
    sort, _, _ = known.partition("/")
    if found.partition("/")[0] == sort:
        raise NewerVersionError(
            f"this file has version {found[:32]!r}; this passkeep knows {known!r}"
        )
    raise DamagedError(f"this is not a file of the sort {known!r}")


def parse_id(fields: Fields) -> str:
    """Reads a keyring id, which also names files in the state folder."""
    text = fields.text("id")
    if len(text) != 32 or not set(text) <= set("0123456789abcdef"):
        raise DamagedError("the keyring is malformed: its id is not 32 hexadecimal digits")
    return text


def parse_kind(fields: Fields) -> Kind:
    """Reads a slot's kind."""
    kind = fields.text("kind")
    if kind not in get_args(Kind):
        raise NewerVersionError("the keyring has a slot of a kind that this passkeep does not know")
    return kind  # type: ignore[return-value]  # narrowed by get_args, which mypy cannot see


def limited(slots: list[Any]) -> list[Any]:
    """Refuses more slots than the limit.

    Raises:
        LimitError: There are more than 16.
    """
    if len(slots) > MAX_SLOTS:
        raise LimitError(f"a keyring has at most {MAX_SLOTS} slots; this one has {len(slots)}")
    return slots


def check_passwords(kinds: Iterable[Kind]) -> None:
    """Refuses more password slots than an unlock tries.

    Raises:
        LimitError: There are more than 8.
    """
    if sum(kind == "password" for kind in kinds) > MAX_PASSWORDS:
        raise LimitError(f"a keyring has at most {MAX_PASSWORDS} passwords")


def _parse_slot(value: object) -> Slot:
    fields = Fields(value, "a slot of the keyring")
    if not _SLOT_ID.fullmatch(fields.text("id")):
        raise DamagedError("the keyring is malformed: the id of a slot")
    credential = fields.optional_object("credential")
    slot = Slot(
        id=fields.text("id"),
        kind=parse_kind(fields),
        label=fields.text("label"),
        created=fields.text("created"),
        checked=fields.text("checked"),
        recipient=fields.text("recipient"),
        auth=fields.optional_data("auth"),
        identity=fields.optional_text("identity"),
        credential=None if credential is None else _parse_credential(credential),
    )
    if slot.is_way_in == (slot.kind == "recipient"):
        raise DamagedError("the keyring is malformed: a slot does not fit its kind")
    return slot


def _parse_credential(fields: Fields) -> CredentialInfo:
    return CredentialInfo(
        identity=fields.text("identity"),
        discoverable=fields.optional_boolean("discoverable"),
        backup_eligible=fields.boolean("backup_eligible"),
    )


def slot_to_json(slot: Slot) -> Object:
    """A slot as the keyring stores it."""
    value: Object = {
        "id": slot.id,
        "kind": slot.kind,
        "label": slot.label,
        "created": slot.created,
        "checked": slot.checked,
        "recipient": slot.recipient,
    }
    if slot.auth is not None:
        value["auth"] = encode_data(slot.auth)
    if slot.identity is not None:
        value["identity"] = slot.identity
    if slot.credential is not None:
        value["credential"] = {
            "identity": slot.credential.identity,
            "discoverable": slot.credential.discoverable,
            "backup_eligible": slot.credential.backup_eligible,
        }
    return value

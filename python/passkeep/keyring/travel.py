"""The travelling copy: what opens a backup, inside the backup.

A stanza of the age header that other tools ignore (docs/formats.md,
"Travelling copy"). With it a backup and one way in are enough on a new machine.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence

from passkeep.age import message
from passkeep.age.header import Stanza
from passkeep.age.hybrid import HybridIdentity, HybridRecipient
from passkeep.errors import DamagedError, LimitError, NewerVersionError, WrongKeyError
from passkeep.keyring import seal, strict_json
from passkeep.keyring.document import (
    Document,
    Slot,
    limited,
    parse_kind,
    parse_slots,
    slot_to_json,
)
from passkeep.keyring.seal import Form
from passkeep.keyring.strict_json import Fields, Object, encode_data, untrusted
from passkeep.keyring.vault import Lock, Vault

STANZA_TYPE = "passkeep/keyring"
_VERSION = "1"
MAX_STORED = 96 * 1024
MAX_INFLATED = 1 << 20


def build(document: Document, keyring_key: bytes, left_out: Collection[str] = ()) -> bytes:
    """Makes the travelling copy of a keyring, with a MAC of its own.

    What opens it is in clear; labels, dates and recipients are sealed to the root.

    Args:
        document: The keyring.
        keyring_key: What its MAC is made with.
        left_out: The ids of slots that backups do not open with by themselves.

    Raises:
        LimitError: It would be larger than 96 KiB.
    """
    value: Object = {
        "id": document.id,
        "epoch": document.epoch,
        "recipient": document.recipient,
        "recovery": document.recovery,
        "root": document.root,
        "slots": [],
    }
    for slot in document.slots:
        if slot.auth is None or slot.id in left_out:
            continue
        lock: Object = {"kind": slot.kind, "auth": encode_data(slot.auth)}
        if slot.identity is not None:
            lock["identity"] = slot.identity
        if slot.credential is not None:
            lock["credential"] = slot.credential.identity
        value["slots"].append(lock)
    value["private"] = _seal_slots(document)
    value["mac"] = encode_data(seal.mac(value, keyring_key, Form.COPY))
    stored = _deflate(value)
    if len(stored) > MAX_STORED:
        raise LimitError("the keyring is too large to travel inside backups")
    return stored


def to_stanza(body: bytes) -> Stanza:
    """The header stanza that carries a travelling copy."""
    return Stanza(STANZA_TYPE, (_VERSION,), body)


def find(stanzas: Sequence[Stanza]) -> Vault | None:
    """Reads the travelling copy in a header; None where there is none.

    Nothing in it is to be trusted before a slot has opened it and the header's
    own MAC was verified.

    Raises:
        DamagedError: It is malformed, or there are several.
        LimitError: It is too large.
        NewerVersionError: It needs a newer passkeep.
    """
    found = [stanza for stanza in stanzas if stanza.type == STANZA_TYPE]
    if not found:
        return None
    if len(found) > 1:
        raise DamagedError("the backup carries more than one keyring")
    if found[0].args != (_VERSION,):
        raise NewerVersionError(
            "the keyring in this backup has a version that this passkeep does not know"
        )
    return _parse(found[0].body)


def left_out(document: Document) -> frozenset[str]:
    """The ids of the ways in that the document's travelling copy does not carry.

    Raises:
        DamagedError: The travelling copy is malformed.
        LimitError: It is too large.
    """
    carried = {lock.auth for lock in _parse(document.travel).locks}
    return frozenset(slot.id for slot in document.slots if slot.auth and slot.auth not in carried)


def slots_of(vault: Vault, identities: Sequence[HybridIdentity]) -> tuple[Slot, ...]:
    """All slots of the keyring that a travelling copy was made of.

    Args:
        vault: A travelling copy that was opened, its MAC verified.
        identities: The root identities.

    Raises:
        DamagedError: They are missing or malformed.
        LimitError: There are too many, or they are too large.
        NewerVersionError: One needs a newer passkeep.
    """
    private = Fields(vault.document, "the keyring in the backup").text("private")
    try:
        inflated = _inflate(message.decrypt(private, identities))
    except WrongKeyError:
        raise DamagedError("the keyring in the backup is malformed: its slots are lost") from None
    value = strict_json.loads(inflated, "a list of slots")
    return parse_slots(Fields(value, "the keyring in the backup").array("slots"))


def _seal_slots(document: Document) -> str:
    with untrusted("the keyring's recipient"):
        root = HybridRecipient.from_string(document.recipient)
    slots = {"slots": [slot_to_json(slot) for slot in document.slots]}
    return message.encrypt(_deflate(slots), [root])


def _parse(body: bytes) -> Vault:
    value = strict_json.loads(_inflate(body), "a travelling keyring")
    fields = Fields(value, "the keyring in the backup")
    return Vault(
        locks=tuple(_parse_lock(lock) for lock in limited(fields.array("slots"))),
        root=fields.text("root"),
        document=value,
        mac=fields.data("mac"),
        form=Form.COPY,
    )


def _parse_lock(value: object) -> Lock:
    fields = Fields(value, "a slot of the keyring in the backup")
    return Lock(
        kind=parse_kind(fields),
        auth=fields.data("auth"),
        identity=fields.optional_text("identity"),
        credential=fields.optional_text("credential"),
    )


def _deflate(value: Object) -> bytes:
    return zlib.compress(strict_json.canonical(value), level=9)


def _inflate(body: bytes) -> bytes:
    if len(body) > MAX_STORED:
        raise LimitError("the keyring in the backup is larger than 96 KiB")
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(body, MAX_INFLATED + 1)
    except zlib.error:
        raise DamagedError("the keyring in the backup is malformed") from None
    if len(text) > MAX_INFLATED:
        raise LimitError("the keyring in the backup inflates to more than 1 MiB")
    if not inflater.eof or inflater.unused_data:
        raise DamagedError("the keyring in the backup is malformed")
    return text

"""The travelling copy: what opens a backup, inside the backup.

A stanza of the age header that other tools ignore (docs/formats.md,
"Travelling copy"). With it a backup and one way in are enough on a new machine.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from passkeep.age.header import Stanza
from passkeep.errors import DamagedError, KeyringError, LimitError
from passkeep.keyring import seal, strict_json
from passkeep.keyring.document import Document, limited, parse_kind
from passkeep.keyring.strict_json import Fields, Object, encode_data
from passkeep.keyring.vault import Lock, Vault

STANZA_TYPE = "passkeep/keyring"
_VERSION = "1"
MAX_STORED = 48 * 1024
MAX_INFLATED = 1 << 20


def build(document: Document, keyring_key: bytes) -> bytes:
    """Makes the travelling copy of a keyring: no labels, no dates, a MAC of its own.

    Raises:
        LimitError: It would be larger than 48 KiB.
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
        lock: Object = {"kind": slot.kind, "auth": encode_data(slot.auth)}
        if slot.identity is not None:
            lock["identity"] = slot.identity
        if slot.credential is not None:
            lock["credential"] = slot.credential.identity
        value["slots"].append(lock)
    value["mac"] = encode_data(seal.mac(value, keyring_key))
    stored = zlib.compress(strict_json.canonical(value), level=9)
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
        KeyringError: It needs a newer passkeep.
    """
    found = [stanza for stanza in stanzas if stanza.type == STANZA_TYPE]
    if not found:
        return None
    if len(found) > 1:
        raise DamagedError("the backup carries more than one keyring")
    if found[0].args != (_VERSION,):
        raise KeyringError(
            "the keyring in this backup has a version that this passkeep does not know",
            hint="Install a newer passkeep.",
        )
    return _parse(found[0].body)


def _parse(body: bytes) -> Vault:
    value = strict_json.loads(_inflate(body), "a travelling keyring")
    fields = Fields(value, "the keyring in the backup")
    return Vault(
        locks=tuple(_parse_lock(lock) for lock in limited(fields.array("slots"))),
        root=fields.text("root"),
        document=value,
        mac=fields.data("mac"),
    )


def _parse_lock(value: object) -> Lock:
    fields = Fields(value, "a slot of the keyring in the backup")
    return Lock(
        kind=parse_kind(fields),
        auth=fields.data("auth"),
        identity=fields.optional_text("identity"),
        credential=fields.optional_text("credential"),
    )


def _inflate(body: bytes) -> bytes:
    if len(body) > MAX_STORED:
        raise LimitError("the keyring in the backup is larger than 48 KiB")
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

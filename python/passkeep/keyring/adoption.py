"""Making a keyring again from the copy that travels in a backup."""

from __future__ import annotations

from collections.abc import Sequence

from passkeep.age import envelope
from passkeep.age.header import Header
from passkeep.age.hybrid import HybridIdentity
from passkeep.errors import DamagedError, KeyringError, WrongKeyError
from passkeep.incoming import Source, read
from passkeep.keyring import travel
from passkeep.keyring.changes import Contents
from passkeep.keyring.document import Document, Slot, parse_id
from passkeep.keyring.opening import RootIdentity
from passkeep.keyring.strict_json import Fields
from passkeep.keyring.vault import Opened, Vault


def find(source: Source) -> tuple[Header, Vault]:
    """Reads a backup's header and the keyring in it. Nothing of it is verified yet.

    Raises:
        KeyringError: The backup carries no keyring.
        DamagedError: It is no backup, or malformed.
        LimitError: It is too large.
        OSError: It cannot be read.
    """
    with read(source) as incoming:
        header = incoming.opening.header
    vault = travel.find(header.stanzas)
    if vault is None:
        raise KeyringError(
            "this backup carries no keyring",
            hint="Choose another backup: `passkeep backup --no-travel` leaves the keyring out.",
        )
    return header, vault


def adopt(header: Header, vault: Vault, opened: Opened) -> tuple[Contents, Slot]:
    """The keyring of a backup that was opened with one of its ways in.

    Returns:
        The contents, and the slot that opened.

    Raises:
        DamagedError: The copy is malformed, or was put into somebody else's backup.
    """
    _check_belongs(header, opened.identities)
    fields = Fields(vault.document, "the keyring in the backup")
    slots = travel.slots_of(vault, opened.identities)
    document = Document(
        id=parse_id(fields),
        epoch=fields.number("epoch"),
        recipient=fields.text("recipient"),
        recovery=fields.text("recovery"),
        root=vault.root,
        slots=slots,
        travel=next(one.body for one in header.stanzas if one.type == travel.STANZA_TYPE),
    )
    auth = vault.locks[opened.lock].auth
    slot = next((slot for slot in slots if slot.auth == auth), None)
    if slot is None:
        raise DamagedError("the keyring in the backup is malformed: it lacks the slot that opened")
    left_out = travel.left_out(document)
    return Contents(document, opened.keyring_key, opened.identities, left_out), slot


def _check_belongs(header: Header, identities: Sequence[HybridIdentity]) -> None:
    """Verifies the header's own MAC: whoever made the backup put the copy there."""
    try:
        envelope.open_header(header, [RootIdentity(identities)])
    except WrongKeyError:
        raise DamagedError("the keyring in this backup was made for another one") from None

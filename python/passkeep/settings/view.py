"""The keyring as the page draws it. Nothing secret is in it."""

from __future__ import annotations

from typing import Any

from passkeep.age.fido2prf import Credential
from passkeep.errors import PasskeepError
from passkeep.keyring import Keyring, Slot, reminders, retiring
from passkeep.keyring.strict_json import untrusted
from passkeep.settings.backups import moment
from passkeep.settings.problems import problem
from passkeep.settings.session import Session


def keyring_view(session: Session, rp_id: str) -> dict[str, Any]:
    """What there is of a keyring, unlocked or not.

    Args:
        session: The keyring.
        rp_id: The RP ID of the page: passkeys of others cannot be asked there.
    """
    view: dict[str, Any] = {
        "status": session.status,
        "path": str(session.path),
        "problem": None if session.problem is None else problem(session.problem),
        "changed": session.changed,
        "verified": session.status == "unlocked",
        "id": None,
        "epoch": None,
        "slots": [],
        "ways": {"passkey": False, "password": False, "recovery_key": False},
        "room": True,
        "kept": _kept(session) if session.status == "none" else [],
    }
    keyring = session.keyring
    if keyring is None:
        return view
    slots = _slots(keyring, rp_id)
    return view | {
        "id": keyring.id,
        "epoch": keyring.epoch,
        "slots": slots,
        "ways": {
            "passkey": any(slot["passkey"] and slot["passkey"]["here"] for slot in slots),
            "password": any(slot["kind"] == "password" for slot in slots),
            "recovery_key": any(slot["kind"] == "recovery-key" for slot in slots),
        },
        "room": keyring.has_room,
    }


def _slots(keyring: Keyring, rp_id: str) -> list[dict[str, Any]]:
    due = {slot.id for slot in reminders.due(keyring.slots)}
    opened = keyring.opened_slot
    return [
        {
            "id": slot.id,
            "kind": slot.kind,
            "label": slot.label,
            "created": slot.created,
            "checked": slot.checked,
            "due": slot.id in due,
            "travels": _travels(keyring, slot),
            "way_in": slot.is_way_in,
            "opened": opened is not None and slot.id == opened.id,
            "removable": keyring.removal_obstacle(slot.id) is None,
            "why": keyring.removal_obstacle(slot.id),
            "passkey": _passkey(slot, rp_id),
        }
        for slot in keyring.slots
    ]


def _travels(keyring: Keyring, slot: Slot) -> bool:
    try:
        return keyring.travels(slot.id)
    except PasskeepError:  # a locked keyring may be anything; its backups are refused
        return False


def _passkey(slot: Slot, rp_id: str) -> dict[str, Any] | None:
    if slot.credential is None:
        return None
    try:
        with untrusted("a slot's passkey"):
            credential = Credential.from_string(slot.credential.identity)
    except PasskeepError:
        credential = Credential(b"", "", ())
    return {
        "rp_id": credential.rp_id,
        "here": credential.rp_id == rp_id,
        "synced": slot.credential.backup_eligible,
        "discoverable": slot.credential.discoverable,
        "transports": list(credential.transports),
    }


def _kept(session: Session) -> list[dict[str, Any]]:
    found = []
    for file in retiring.kept(session.path):
        try:
            modified = moment(file.stat().st_ctime)
        except OSError:
            continue
        found.append({"name": file.name, "modified": modified})
    return found

"""Software security keys in files, so that one command after another can use them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization

from support.softkey import SoftKey
from support.softkey_credential import Credential

_BYTES = ("id", "with_uv", "without_uv")


def save(key: SoftKey, path: Path) -> Path:
    """Writes what a key holds; options of its make are left out."""
    document = {
        "pin_hash": key.pin.pin_hash and key.pin.pin_hash.hex(),
        "pin_tries": key.pin.pin_tries,
        "touches": key.touches,
        "credentials": [_to_json(each) for each in key.credentials.values()],
    }
    path.write_text(json.dumps(document))
    return path


def load(path: Path) -> SoftKey:
    """Reads a key; like every key that was just plugged in, it has forgotten its tokens."""
    document = json.loads(path.read_text())
    key = SoftKey(pin=None)
    key.pin.pin_hash = document["pin_hash"] and bytes.fromhex(document["pin_hash"])
    key.pin.pin_tries = document["pin_tries"]
    key.touches = document["touches"]
    for each in map(_from_json, document["credentials"]):
        key.credentials[each.id] = each
    return key


def _to_json(credential: Credential) -> dict[str, Any]:
    private = credential.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    members = {**vars(credential), "key": private.decode()}
    user = {**credential.user, "id": credential.user["id"].hex()}
    return {**members, "user": user, **{name: members[name].hex() for name in _BYTES}}


def _from_json(members: dict[str, Any]) -> Credential:
    key: Any = serialization.load_pem_private_key(members["key"].encode(), None)
    user = {**members["user"], "id": bytes.fromhex(members["user"]["id"])}
    made = {name: bytes.fromhex(members[name]) for name in _BYTES}
    return Credential(**{**members, "key": key, "user": user, **made})

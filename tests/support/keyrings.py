"""A finished keyring with every way in, made once and copied by each test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import passkeep
from support.passkeys import SoftwarePasskeys

PASSWORD = "brisk-otter-velvet-canyon-ripple-ledger"
PASSWORD_2 = "marble-thicket-ocean-parcel-dune-violin"


@dataclass(frozen=True)
class Made:
    """A saved keyring and everything that opens it."""

    text: bytes
    digits: str
    passkeys: SoftwarePasskeys

    def write(self, folder: Path, name: str = "keyring.json") -> Path:
        path = folder / name
        path.write_bytes(self.text)
        return path

    def document(self) -> dict[str, Any]:
        return json.loads(self.text)


def make(folder: Path, *, password: str | None = PASSWORD) -> Made:
    """Creates a keyring with a recovery key, a passkey, and a password unless None."""
    keyring = passkeep.Keyring.create()
    digits = keyring.new_recovery_key()
    keyring.confirm_recovery_key(digits)
    passkeys = SoftwarePasskeys()
    keyring.add_passkey(passkeys, label="Laptop")
    if password is not None:
        keyring.add_password(password)
    keyring.save(folder / "made.json", state=passkeep.State(folder / "made-state"))
    return Made((folder / "made.json").read_bytes(), digits, passkeys)


def rewrite(path: Path, document: dict[str, Any]) -> passkeep.Keyring:
    """Stores a changed document, and loads it."""
    path.write_text(json.dumps(document), encoding="utf-8")
    return passkeep.Keyring.load(path)

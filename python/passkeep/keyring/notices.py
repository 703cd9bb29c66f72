"""What password managers have still to hear of: passkeys that were removed or renamed.

Only a page can tell them, and none is opened for that alone. So it is remembered here, beside
what this machine remembers of keyrings, until a page is opened anyway. Nothing depends on
it: what is lost of it, people can do in their password manager.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from passkeep.age.fido2prf import Credential
from passkeep.errors import DamagedError, InvalidInputError, PasskeepError
from passkeep.keyring import storage, strict_json
from passkeep.keyring.document import Slot
from passkeep.keyring.state import State
from passkeep.keyring.strict_json import Fields, Object
from passkeep.prf import Notice

_MAX_NOTICES = 32
_MAX_FILE = 1 << 16


def remember(keyring_id: str, slot: Slot, label: str | None) -> bool:
    """Remembers what the password manager should hear of a slot that was changed.

    Args:
        keyring_id: 32 hexadecimal digits.
        slot: The slot as it was.
        label: Its new label; None where it was removed.

    Returns:
        Whether a page will tell it. Nothing depends on it, so nothing fails for it.
    """
    try:
        return Notices(State().folder, keyring_id).add(slot, label)
    except (OSError, PasskeepError):
        return False


class Notices:
    """The notices of one keyring on this machine.

    Args:
        folder: The state folder.
        keyring_id: 32 hexadecimal digits.
    """

    def __init__(self, folder: Path, keyring_id: str) -> None:
        self._path = folder / "notices" / f"{keyring_id}.json"

    def add(self, slot: Slot, label: str | None) -> bool:
        """Remembers that a passkey slot was removed, or has another label.

        Args:
            slot: The slot; one without a passkey, or whose passkey no browser lists, is
                left out.
            label: Its new label; None where it was removed.

        Returns:
            Whether there is something to tell.

        Raises:
            OSError: It could not be remembered.
        """
        if slot.credential is None or slot.credential.discoverable is False:
            return False
        credential = Credential.from_string(slot.credential.identity)
        notice = Notice(credential, label, slot.created[:7])
        kept = [each for each in self._read() if each.credential.id != credential.id]
        self._write([*kept, notice][-_MAX_NOTICES:])
        return True

    def pending(self, slots: Collection[Slot]) -> list[Notice]:
        """What is still to be told of a keyring with these slots.

        A passkey that opens it after all, as after an older copy was taken back, is not
        called unknown, and none gets a label that it has no more.
        """
        labels = {slot.credential.identity: slot.label for slot in slots if slot.credential}
        return [
            notice
            for notice in self._read()
            if labels.get(notice.credential.to_string()) == notice.label
        ]

    def forget(self, told: Collection[bytes]) -> None:
        """Forgets the notices of credentials, by their ids.

        Raises:
            OSError: They could not be removed.
        """
        self._write([each for each in self._read() if each.credential.id not in told])

    def _read(self) -> list[Notice]:
        try:
            with self._path.open("rb") as file:
                value = strict_json.loads(file.read(_MAX_FILE), "a record of passkeep")
            notices = Fields(value, "the record").array("notices")
            return [_parse(Fields(each, "a notice")) for each in notices]
        except (OSError, DamagedError, InvalidInputError):
            return []  # nothing depends on it

    def _write(self, notices: list[Notice]) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = strict_json.canonical({"notices": [_to_json(each) for each in notices]})
        storage.write_guarded(self._path, data, overwrite=True)


def _to_json(notice: Notice) -> Object:
    value: Object = {"credential": notice.credential.to_string(), "made": notice.made}
    return value if notice.label is None else {**value, "label": notice.label}


def _parse(fields: Fields) -> Notice:
    credential = Credential.from_string(fields.text("credential"))
    return Notice(credential, fields.optional_text("label"), fields.text("made"))

"""Security keys on NFC readers, where `passkeep[nfc]` is installed."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from fido2.ctap import CtapDevice

_log = logging.getLogger(__name__)

_CARDS = "smartcard"  # pyscard

_NO_EXTRA = "A key on an NFC reader is found with `pip install 'passkeep[nfc]'`."
_NO_SERVICE = (
    "Keys on NFC readers were not looked for: the system's service for smart cards does not "
    "run (on Linux, the package pcscd)."
)


def on_readers() -> Iterator[tuple[str, CtapDevice]]:
    """List the security keys that lie on a smart card reader, with the reader's name.

    There are none without the extra, or without the service of the system behind it.
    """
    try:
        from fido2.pcsc import CtapPcscDevice  # noqa: PLC0415  (only with the extra)
        from smartcard.System import readers  # noqa: PLC0415

        present = list(readers())
    except Exception:  # noqa: BLE001 - no extra or no service; pyscard has an error for each cause
        return
    for reader in present:
        try:
            card = CtapPcscDevice(reader.createConnection(), str(reader.name))
        except Exception as error:  # noqa: BLE001 - nothing lies on it, or another kind of card
            _log.debug("no security key on %s: %s", reader.name, type(error).__name__)
        else:
            yield str(reader.name), card


def lacking() -> str:
    """Return what keeps keys on readers from being found; an empty string if nothing does."""
    try:
        from smartcard.System import readers  # noqa: PLC0415
    except ImportError:
        return _NO_EXTRA
    try:
        readers()
    except Exception:  # noqa: BLE001 - see above
        return _NO_SERVICE
    return ""


def is_on_reader(device: object) -> bool:
    """Whether a device that was listed here is a card and not a cable."""
    return type(device).__module__ == "fido2.pcsc"


def was_taken_away(error: Exception) -> bool:
    """Whether an error says that a card is not on its reader any more."""
    return type(error).__module__.partition(".")[0] == _CARDS

"""Security keys on NFC readers, where `passkeep[nfc]` is installed."""

from __future__ import annotations

from collections.abc import Iterator

from fido2.ctap import CtapDevice


def on_readers() -> Iterator[CtapDevice]:
    """List the security keys that lie on a smart card reader; none without the extra."""
    try:
        from fido2.pcsc import CtapPcscDevice  # noqa: PLC0415  (only with the extra)
    except ImportError:
        # pyscard, or the PC/SC of the system behind it.
        return
    yield from CtapPcscDevice.list_devices()


def is_on_reader(device: object) -> bool:
    """Whether a device that was listed here is a card and not a cable."""
    return type(device).__module__ == "fido2.pcsc"

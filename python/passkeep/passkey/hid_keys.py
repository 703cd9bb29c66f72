"""Finding security keys on USB and NFC, and those that cannot be opened."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fido2 import hid
from fido2.hid.base import parse_report_descriptor

from passkeep.passkey.complete_device import CompleteDevice
from passkeep.passkey.readers import on_readers


class Found(NamedTuple):
    """A security key that is there.

    Attributes:
        name: For people: what it calls itself, which is untrusted, and where it is.
        device: The key; None where it gave no sensible answer.
    """

    name: str
    device: CompleteDevice | None


def found() -> Iterator[Found]:
    """Open the keys that can be opened, one after the other."""
    for descriptor in hid.list_descriptors():  # type: ignore[no-untyped-call]
        name = _name(descriptor.product_name, str(descriptor.path))
        try:
            cable = hid.open_connection(descriptor)  # type: ignore[no-untyped-call]
            device = CompleteDevice(hid.CtapHidDevice(descriptor, cable))
        except Exception:  # noqa: BLE001 - whatever a strange key provokes
            yield Found(name, None)
        else:
            yield Found(name, device)
    for reader, card in on_readers():
        yield Found(_name(None, reader), CompleteDevice(card))


def any_plugged_in() -> bool:
    """Whether there is a key at all, able to serve or not."""
    for one in found():
        if one.device is not None:
            one.device.close()
        return True
    return bool(locked_nodes())


def locked_nodes(
    nodes: Path = Path("/dev"), known: Path = Path("/sys/class/hidraw")
) -> tuple[str, ...]:
    """Return the security keys of a Linux system that cannot be opened.

    python-fido2 leaves them out of its list without a word, as if there were none. The
    kernel says what a device is to everybody, even to those who may not open it.
    """
    if sys.platform != "linux":
        return ()
    return tuple(
        str(nodes / entry.name)
        for entry in sorted(known.glob("hidraw*"))
        if _is_security_key(entry) and not _opens(nodes / entry.name)
    )


def _name(product: str | None, place: str) -> str:
    return f"{product or 'security key'} ({place})"


def _is_security_key(entry: Path) -> bool:
    try:
        parse_report_descriptor((entry / "device" / "report_descriptor").read_bytes())
    except Exception:  # noqa: BLE001 - a descriptor that its parser chokes on is no key
        return False
    return True


def _opens(node: Path) -> bool:
    try:
        os.close(os.open(node, os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True

"""Security keys on USB and NFC: finding them, and letting a person choose one of several."""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fido2.client import DefaultClientDataCollector, Fido2Client
from fido2.ctap import CtapDevice
from fido2.ctap2.base import Ctap2, Info
from fido2.ctap2.pin import ClientPin
from fido2.hid import CAPABILITY, CtapHidDevice
from fido2.hid.base import parse_report_descriptor

from passkeep.errors import CeremonyError
from passkeep.passkey import key_failures
from passkeep.passkey.complete_device import CompleteDevice
from passkeep.passkey.dialogue import Dialogue
from passkeep.passkey.failures import Purpose
from passkeep.passkey.readers import on_readers

_TICK = 0.1  # seconds; Windows delivers Ctrl-C only between waits
_PARTING = 5.0  # seconds for the keys that were not chosen to notice it

Key = tuple[CompleteDevice, Ctap2]


def open_one(purpose: Purpose, dialogue: Dialogue) -> Key:
    """Open the security key to use: the only one that can serve, or the one touched.

    Raises:
        CeremonyError: There is none, or nobody chose.
    """
    devices = list(_plugged_in())
    chosen: Key | None = None
    try:
        able, obstacles = _able(purpose, devices)
        if not able:
            raise obstacles[0] if obstacles else key_failures.no_key(purpose, locked_nodes())
        chosen = able[0] if len(able) == 1 else _touched(purpose, dialogue, able)
    finally:
        for device in devices:
            if chosen is None or device is not chosen[0]:
                device.close()
    return chosen


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


def any_plugged_in() -> bool:
    """Whether there is a key at all, able to serve or not."""
    for device in _plugged_in():
        device.close()
        return True
    return bool(locked_nodes())


def _plugged_in() -> Iterator[CompleteDevice]:
    """List what can be opened."""
    for devices in (CtapHidDevice.list_devices, on_readers):
        yield from _opened(devices)


def _opened(list_devices: Callable[[], Iterator[CtapDevice]]) -> Iterator[CompleteDevice]:
    """Open what a list gives. A key that fails while it is opened ends the list."""
    found = list_devices()
    while True:
        try:
            yield CompleteDevice(next(found))
        except StopIteration:
            return
        except Exception:  # noqa: BLE001 - whatever a strange key provokes
            return


def _able(
    purpose: Purpose, devices: Sequence[CompleteDevice]
) -> tuple[list[Key], list[CeremonyError]]:
    """Part the keys into those that can serve and the reasons why others cannot."""
    able, obstacles = [], []
    for device in devices:
        if not device.capabilities & CAPABILITY.CBOR:
            obstacles.append(key_failures.too_old(purpose))
            continue
        try:
            ctap = Ctap2(device)
            obstacle = _obstacle(purpose, ctap.info)
        except Exception:  # noqa: BLE001 - see above
            obstacle = key_failures.nonsense(purpose)
        if obstacle is None:
            able.append((device, ctap))
        else:
            obstacles.append(obstacle)
    return able, obstacles


def _obstacle(purpose: Purpose, info: Info) -> CeremonyError | None:
    """Say why a key cannot serve, before it makes or asks for anything."""
    spoken = {protocol.VERSION for protocol in ClientPin.PROTOCOLS}
    if "hmac-secret" not in info.extensions or not spoken & set(info.pin_uv_protocols):
        return key_failures.no_secrets(purpose)
    if not any(info.options.get(name) for name in ("clientPin", "uv", "bioEnroll")):
        return key_failures.no_pin(purpose)
    if info.force_pin_change:
        return key_failures.change_pin(purpose)
    return None


def _touched(purpose: Purpose, dialogue: Dialogue, keys: Sequence[Key]) -> Key:
    """Let all keys blink and return the one that is touched."""
    outcomes: queue.Queue[Key | None] = queue.Queue()
    stop = threading.Event()

    def select(key: Key) -> None:
        try:
            Fido2Client(key[0], DefaultClientDataCollector("")).selection(stop)
        except Exception:  # noqa: BLE001 - a key that cannot be touched is out of the race
            outcomes.put(None)
        else:
            outcomes.put(key)

    threads = [threading.Thread(target=select, args=(key,), daemon=True) for key in keys]
    dialogue.choose(len(keys))
    dialogue.wait()
    for thread in threads:
        thread.start()
    try:
        chosen = _first(dialogue, outcomes, len(keys))
    finally:
        dialogue.rest()
        stop.set()
        for thread in threads:
            thread.join(_PARTING)
    if chosen is None:
        raise key_failures.pulled_out(purpose)
    return chosen


def _first(dialogue: Dialogue, outcomes: queue.Queue[Key | None], left: int) -> Key | None:
    """Return the first key that is touched; None if all of them went away."""
    while left and not dialogue.event.is_set():
        try:
            key = outcomes.get(timeout=_TICK)
        except queue.Empty:
            continue
        if key is not None:
            return key
        left -= 1
    if left:
        raise dialogue.given_up()
    return None

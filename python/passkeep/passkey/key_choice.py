"""Which security key is used: one is waited for, unfit ones are left out, a touch chooses."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence

from fido2.client import DefaultClientDataCollector, Fido2Client
from fido2.ctap2.base import Ctap2, Info
from fido2.ctap2.pin import ClientPin
from fido2.hid import CAPABILITY

from passkeep.errors import CeremonyError
from passkeep.passkey import hid_keys, key_failures
from passkeep.passkey.complete_device import CompleteDevice
from passkeep.passkey.dialogue import Dialogue
from passkeep.passkey.failures import Purpose
from passkeep.passkey.hid_keys import Found
from passkeep.passkey.key_failures import Unfit

_TICK = 0.1  # seconds; Windows delivers Ctrl-C only between waits
_LOOK = 0.25  # seconds between two looks for a key that is waited for
_SETTLING = 2.0  # seconds that udev may take to open a key to the person
_PARTING = 5.0  # seconds for the keys that were not chosen to notice it
_HASTE = 0.15  # seconds for them where the person wants to leave

Key = tuple[CompleteDevice, Ctap2]


def open_one(purpose: Purpose, dialogue: Dialogue, patience: float) -> Key:
    """Open the security key to use: the only one that can serve, or the one touched.

    Args:
        purpose: What the ceremony is for.
        dialogue: The prompts.
        patience: Seconds to wait for a key where there is none.

    Raises:
        CeremonyError: There is none, none can serve, or nobody chose.
    """
    present = _present(purpose, dialogue, patience)
    chosen: Key | None = None
    try:
        able, unfit = _parted(purpose, present)
        if not able:
            raise key_failures.none_fit(purpose, unfit)
        for name, why in unfit:
            dialogue.leave_out(name, why)
        chosen = able[0] if len(able) == 1 else _touched(purpose, dialogue, able)
    finally:
        for _, device in present:
            if device is not None and (chosen is None or device is not chosen[0]):
                device.close()
    return chosen


def _present(purpose: Purpose, dialogue: Dialogue, patience: float) -> Sequence[Found]:
    """Return the keys that are there, and ask for one where there is none."""
    began = settling = time.monotonic()
    asked = False
    while True:
        present = list(hid_keys.found())
        if present:
            return present
        locked = hid_keys.locked_nodes()
        now = time.monotonic()
        if not locked:
            settling = now + _SETTLING
        if now >= (settling if locked else began + patience):
            raise key_failures.no_key(purpose, locked)
        if not asked:
            dialogue.plug_in()
            asked = True
        if dialogue.event.wait(_LOOK):
            raise dialogue.given_up()


def _parted(purpose: Purpose, present: Sequence[Found]) -> tuple[list[Key], list[Unfit]]:
    """Part the keys into those that can serve and the reasons why others cannot."""
    able: list[Key] = []
    unfit = [Unfit(node, key_failures.locked()) for node in hid_keys.locked_nodes()]
    for name, device in present:
        try:
            able.append(_fit(purpose, device))
        except CeremonyError as error:
            unfit.append(Unfit(name, error))
        except Exception:  # noqa: BLE001 - whatever a strange key provokes
            unfit.append(Unfit(name, key_failures.nonsense(purpose)))
    return able, unfit


def _fit(purpose: Purpose, device: CompleteDevice | None) -> Key:
    """Return a key that can serve.

    Raises:
        CeremonyError: Why it cannot, before it makes or asks for anything.
    """
    if device is None:
        raise key_failures.nonsense(purpose)
    if not device.capabilities & CAPABILITY.CBOR:
        raise key_failures.too_old(purpose)
    ctap = Ctap2(device)
    obstacle = _obstacle(purpose, ctap.info)
    if obstacle is not None:
        raise obstacle
    return device, ctap


def _obstacle(purpose: Purpose, info: Info) -> CeremonyError | None:
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
    parting = _HASTE
    try:
        chosen = _first(dialogue, outcomes, len(keys))
        parting = _PARTING
    finally:
        dialogue.rest()
        stop.set()
        until = time.monotonic() + parting
        for thread in threads:
            thread.join(max(0, until - time.monotonic()))
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

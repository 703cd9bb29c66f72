"""Keys that leave out of an answer what the question said already.

CTAP allows an assertion to name no credential where only one was asked for, and older
keys make use of it; python-fido2 takes such an answer for a broken one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event
from typing import Any, Self

from fido2 import cbor
from fido2.ctap import STATUS, CtapDevice
from fido2.ctap2.base import Ctap2
from fido2.hid import CTAPHID

from passkeep.passkey.readers import is_on_reader

_ALLOW_LIST, _CREDENTIAL = 3, 1  # keys of the request and of the answer


class CompleteDevice(CtapDevice):
    """A key whose assertions always name their credential.

    Args:
        device: The key.
    """

    def __init__(self, device: CtapDevice) -> None:
        self._device = device

    @property
    def transport(self) -> str:
        """How the key is reached, as WebAuthn names it."""
        return "nfc" if is_on_reader(self._device) else "usb"

    @property
    def capabilities(self) -> int:
        """What the key can do."""
        return self._device.capabilities

    @classmethod
    def list_devices(cls) -> Iterator[Self]:
        """Nothing: keys are found elsewhere."""
        return iter(())

    def close(self) -> None:
        """Close the key."""
        self._device.close()

    def call(
        self,
        cmd: int,
        data: bytes = b"",
        event: Event | None = None,
        on_keepalive: Callable[[STATUS], None] | None = None,
    ) -> bytes:
        """Send a command, and complete the answer."""
        answer = self._device.call(cmd, data, event, on_keepalive)
        if cmd != CTAPHID.CBOR or data[:1] != bytes([Ctap2.CMD.GET_ASSERTION]):
            return answer
        return _completed(data[1:], answer)


def _completed(request: bytes, answer: bytes) -> bytes:
    if len(answer) < 2 or answer[0] != 0:
        return answer
    fields: Any = cbor.decode(answer[1:])
    asked: Any = cbor.decode(request)
    allowed = asked.get(_ALLOW_LIST) or []
    if not isinstance(fields, dict) or _CREDENTIAL in fields or len(allowed) != 1:
        return answer
    fields[_CREDENTIAL] = allowed[0]
    return answer[:1] + cbor.encode(fields)

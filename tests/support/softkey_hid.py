"""A software key behind a USB cable: CTAPHID packets of 64 bytes, keepalives and all.

python-fido2's own HID device talks to it, so that its framing, its cancelling and its
errors are those that a real key provokes.
"""

from __future__ import annotations

import queue
import struct
from collections.abc import Callable, Sequence
from threading import Event, Thread

from fido2.ctap import STATUS, CtapError
from fido2.hid import CTAPHID
from fido2.hid.base import CtapHidConnection, HidDescriptor

from support.softkey import SoftKey

PACKET, KEEPALIVE_EVERY = 64, 0.02
CHANNEL = 0x50A55555


class Cable(CtapHidConnection):
    """One connection to a key."""

    def __init__(self, key: SoftKey) -> None:
        self._key = key
        self._packets: queue.Queue[bytes | Exception] = queue.Queue()
        self._cancel = Event()
        self._status = STATUS.PROCESSING
        self._message = (0, 0, b"")  # command, length, what came until now

    def write_packet(self, data: bytes) -> None:
        if not self._key.plugged_in:
            raise OSError("no such device")
        assert len(data) == PACKET
        if data[4] & 0x80:
            command, length = struct.unpack_from(">BH", data, 4)
            if command & 0x7F == CTAPHID.CANCEL:
                self._cancel.set()
                return
            self._message = (command & 0x7F, length, data[7:])
        else:
            command, length, before = self._message
            self._message = (command, length, before + data[5:])
        command, length, received = self._message
        if len(received) >= length:
            Thread(target=self._serve, args=(command, received[:length]), daemon=True).start()

    def read_packet(self) -> bytes:
        packet = self._packets.get()
        if isinstance(packet, Exception):
            raise packet
        return packet

    def close(self) -> None:
        """A cable has nothing to close; a key that was cancelled is at rest already."""
        self._cancel.set()

    def _serve(self, command: int, request: bytes) -> None:
        if command == CTAPHID.INIT:
            capabilities = int(self._key.capabilities)
            rest = struct.pack(">IBBBBB", CHANNEL, 2, 1, 0, 0, capabilities)
            self._send(command, request + rest, channel=0xFFFFFFFF)
            return
        self._cancel.clear()
        self._status = STATUS.PROCESSING
        outcome: list[Callable[[], None]] = []
        worker = Thread(target=self._work, args=(command, request, outcome), daemon=True)
        worker.start()
        worker.join(KEEPALIVE_EVERY)
        while worker.is_alive():
            self._send(CTAPHID.KEEPALIVE, bytes([self._status]))
            worker.join(KEEPALIVE_EVERY)
        outcome[0]()

    def _work(self, command: int, request: bytes, outcome: list[Callable[[], None]]) -> None:
        try:
            answer = self._key.call(command, request, self._cancel, self._note)
        except CtapError as error:
            code = bytes([error.code])
            outcome.append(lambda: self._send(CTAPHID.ERROR, code))
        except Exception as error:  # noqa: BLE001 - the cable breaks, whatever the reason
            broken = error
            outcome.append(lambda: self._packets.put(broken))
        else:
            outcome.append(lambda: self._send(command, answer))

    def _note(self, status: STATUS) -> None:
        self._status = status
        self._send(CTAPHID.KEEPALIVE, bytes([status]))

    def _send(self, command: int, data: bytes, channel: int = CHANNEL) -> None:
        header = struct.pack(">IBH", channel, 0x80 | command, len(data))
        room, number = PACKET - len(header), 0
        self._packets.put((header + data[:room]).ljust(PACKET, b"\0"))
        data = data[room:]
        while data:
            header = struct.pack(">IB", channel, number)
            room, number = PACKET - len(header), number + 1
            self._packets.put((header + data[:room]).ljust(PACKET, b"\0"))
            data = data[room:]


def describe(keys: Sequence[SoftKey]) -> list[HidDescriptor]:
    """Returns what the system lists, for `fido2.hid.list_descriptors`."""
    return [
        HidDescriptor(str(number), 0x1050, 0x0407, PACKET, PACKET, "Soft Key", None)
        for number in range(len(keys))
    ]


def connect(keys: Sequence[SoftKey]) -> Callable[[HidDescriptor], Cable]:
    """Returns what opens one of these keys, for `fido2.hid.open_connection`."""
    return lambda descriptor: Cable(keys[int(descriptor.path)])

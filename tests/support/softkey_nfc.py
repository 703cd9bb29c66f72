"""A software key on an NFC reader: ISO 7816 APDUs, chained and answered in pieces.

python-fido2's own smart card device talks to it. Only what lies below that is a
stand-in: `smartcard`, which drives a reader that no test machine has.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from threading import Event, Thread
from types import ModuleType

import pytest
from fido2.ctap import STATUS, CtapError
from fido2.hid import CTAPHID

from support.softkey import SoftKey

AID = bytes.fromhex("a0000006472f0001")
DONE, UPDATE, UNKNOWN = (0x90, 0x00), (0x91, 0x00), (0x6D, 0x00)
PIECE = 200  # bytes in an answer, so that longer ones take several


class Card:
    """A connection to a key, as `smartcard` gives it."""

    def __init__(self, key: SoftKey) -> None:
        self._key = key
        self._request = b""
        self._rest = b""
        self._cancel = Event()
        self._answer: list[bytes] = []
        self._worker: Thread | None = None
        self._status = STATUS.PROCESSING

    def connect(self) -> None:
        """Nothing: the card lies on the reader."""

    def disconnect(self) -> None:
        self._cancel.set()

    def transmit(self, apdu: list[int], protocol: object = None) -> tuple[list[int], int, int]:
        del protocol
        if not self._key.plugged_in:
            raise OSError("the card was taken away")
        answer, (first, second) = self._serve(bytes(apdu))
        return list(answer), first, second

    def _serve(self, apdu: bytes) -> tuple[bytes, tuple[int, int]]:
        kind, instruction, parameter = apdu[:3]
        data = apdu[5 : 5 + apdu[4]] if len(apdu) > 5 else b""
        if instruction == 0xA4:
            return (b"FIDO_2_0", DONE) if data == AID else (b"", UNKNOWN)
        if instruction == 0xC0:  # the next piece of an answer
            return self._piece()
        if instruction == 0x10:
            self._request += data
            if kind & 0x10:  # there is more to come
                return b"", DONE
            request, self._request = self._request, b""
            self._begin(request)
        elif instruction != 0x11:
            return b"", UNKNOWN
        elif parameter == 0x11:
            self._cancel.set()
        assert self._worker is not None
        self._worker.join(0.02)
        if self._worker.is_alive():
            return bytes([self._status]), UPDATE
        self._rest = self._answer.pop()
        return self._piece()

    def _piece(self) -> tuple[bytes, tuple[int, int]]:
        piece, self._rest = self._rest[:PIECE], self._rest[PIECE:]
        return piece, (0x61, min(len(self._rest), 255)) if self._rest else DONE

    def _begin(self, request: bytes) -> None:
        self._cancel.clear()
        self._worker = Thread(target=self._work, args=(request,), daemon=True)
        self._worker.start()

    def _work(self, request: bytes) -> None:
        try:
            answer = self._key.call(CTAPHID.CBOR, request, self._cancel, self._note)
        except CtapError as error:
            answer = bytes([error.code])
        self._answer.append(answer)

    def _note(self, status: STATUS) -> None:
        self._status = status


class Reader:
    """A reader with a key on it."""

    def __init__(self, key: SoftKey) -> None:
        self.name = "Test reader"
        self._key = key

    def createConnection(self) -> Card:  # noqa: N802 - as `smartcard` names it
        return Card(self._key)


def lay_on_readers(monkeypatch: pytest.MonkeyPatch, keys: Sequence[SoftKey]) -> None:
    """Lets python-fido2 find these keys on NFC readers."""
    modules = {
        "smartcard": {},
        "smartcard.System": {"readers": lambda: [Reader(key) for key in keys]},
        "smartcard.CardConnection": {"CardConnection": Card},
        "smartcard.CardConnectionDecorator": {"CardConnectionDecorator": Card},
        "smartcard.pcsc": {},
        "smartcard.pcsc.PCSCExceptions": {"ListReadersException": type("E", (Exception,), {})},
    }
    made = {name: ModuleType(name) for name in modules}
    for name, members in modules.items():
        for member, value in members.items():
            setattr(made[name], member, value)
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(made[parent], last, made[name])
        monkeypatch.setitem(sys.modules, name, made[name])
    # With these beneath, and forgotten at the end with them.
    sys.modules.pop("fido2.pcsc", None)
    above = import_module("fido2.pcsc")
    del sys.modules["fido2.pcsc"]
    monkeypatch.setitem(sys.modules, "fido2.pcsc", above)

"""A person with security keys: what they are told, and what they type."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from support import softkey_hid
from support.softkey import SoftKey


class Person:
    """Answers the prompts of a security key; implements `passkey.UserInteraction`.

    Attributes:
        pins: What they type, one after another; the last one again and again.
        said: What they were told and asked, in order.
    """

    def __init__(self, *pins: str | None) -> None:
        self.pins = list(pins or ["1234"])
        self.said: list[tuple[object, ...]] = []

    def plug_in(self) -> None:
        self.said.append(("plug in",))

    def leave_out(self, key: str, why: str) -> None:
        self.said.append(("leave out", key, why))

    def choose(self, count: int) -> None:
        self.said.append(("choose", count))

    def touch(self, *, again: bool) -> None:
        self.said.append(("touch", again))

    def verify(self, *, failed: bool) -> None:
        self.said.append(("verify", failed))

    def pin(self, *, tries_left: int, wrong: bool) -> str | None:
        self.said.append(("pin", tries_left, wrong))
        return self.pins.pop(0) if len(self.pins) > 1 else self.pins[0]

    def heard(self, kind: str) -> list[tuple[object, ...]]:
        """What was said of one kind, without its name."""
        return [rest for name, *rest in self.said if name == kind]


def plug_in(monkeypatch: pytest.MonkeyPatch, keys: Iterable[SoftKey]) -> None:
    """Lets python-fido2 find these keys, and no others."""
    present = list(keys)
    monkeypatch.setattr("fido2.hid.list_descriptors", lambda: softkey_hid.describe(present))
    monkeypatch.setattr("fido2.hid.open_connection", softkey_hid.connect(present))

"""What is remembered of one keyring, as a value.

The public part that a machine seals to is pinned by its fingerprint. Saving a keyring
makes another, and the jobs of the machine may still have the earlier export: it serves
them as long as nothing was taken away since. Which ways in each had is known only of those
that the machine has verified, by unlocking the keyring or by saving it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from passkeep.errors import DamagedError
from passkeep.keyring.strict_json import Fields, Object

_MAX_VERIFIED = 64
"""Verified public parts that are remembered: the latest."""


@dataclass(frozen=True, slots=True)
class PublicPart:
    """A public part whose keyring was verified.

    Attributes:
        fingerprint: SHA-256 of it, hexadecimal.
        ways: A digest of each key that opens what is sealed to it: the root, the
            recovery key, and the ways in that travel.
    """

    fingerprint: str
    ways: frozenset[str]


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of one keyring.

    Attributes:
        epoch: The highest that was unlocked here.
        pin: The fingerprint of its public part.
        next: The fingerprint of a change that this machine was saving.
        verified: Public parts that this machine has verified, latest last.
    """

    epoch: int = 0
    pin: str = ""
    next: str = ""
    verified: tuple[PublicPart, ...] = ()

    def accepts(self, fingerprint: str) -> bool:
        """Whether something may be sealed to a public part.

        It is the one that was pinned, or an earlier one that opens with no key but
        those of the pinned one.
        """
        if not self.pin or fingerprint in (self.pin, self.next):
            return True
        ways, pinned = self._ways(fingerprint), self._ways(self.pin)
        return ways is not None and pinned is not None and ways <= pinned

    def lacks_ways(self, fingerprint: str) -> bool:
        """Whether ways in were added since a public part that is accepted."""
        ways, pinned = self._ways(fingerprint), self._ways(self.pin)
        return ways is not None and pinned is not None and ways < pinned

    def knowing(self, parts: Iterable[PublicPart]) -> Record:
        """With more public parts that were verified."""
        new = {part.fingerprint: part for part in parts}
        old = (part for part in self.verified if part.fingerprint not in new)
        return replace(self, verified=(*old, *new.values())[-_MAX_VERIFIED:])

    def to_json(self) -> Object:
        """The JSON object."""
        return {
            "epoch": self.epoch,
            "pin": self.pin,
            "next": self.next,
            "verified": [[one.fingerprint, *sorted(one.ways)] for one in self.verified],
        }

    @classmethod
    def from_json(cls, fields: Fields) -> Record:
        """Reads a record.

        Raises:
            DamagedError: It is malformed.
        """
        return cls(
            epoch=fields.number("epoch"),
            pin=fields.text("pin"),
            next=fields.text("next"),
            verified=tuple(map(_parse_part, fields.array("verified"))),
        )

    def _ways(self, fingerprint: str) -> frozenset[str] | None:
        return next((one.ways for one in self.verified if one.fingerprint == fingerprint), None)


def _parse_part(value: object) -> PublicPart:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise DamagedError("the record is malformed: what was verified")
    return PublicPart(value[0], frozenset(value[1:]))

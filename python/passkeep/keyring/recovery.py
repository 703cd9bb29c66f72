"""Recovery keys: a 32-byte seed as 64 hexadecimal digits in groups of four."""

from __future__ import annotations

import re
import string

from passkeep.age.hybrid import HybridIdentity
from passkeep.errors import InvalidInputError

DIGITS = 64
_GROUP = 4
_GROUPS_A_LINE = 4
_SEPARATORS = re.compile(r"[\s\-\u2013\u2014_.:]+")
_IDENTITY_PREFIX = "AGE-SECRET-KEY-PQ-1"


def to_digits(seed: bytes) -> str:
    """Shows a seed as sixteen groups of four digits, separated by spaces."""
    digits = seed.hex()
    return " ".join(digits[i : i + _GROUP] for i in range(0, DIGITS, _GROUP))


def to_lines(digits: str) -> list[str]:
    """Lays the sixteen groups out in four lines, for a screen or a sheet of paper."""
    groups = digits.split()
    return [
        "  ".join(groups[i : i + _GROUPS_A_LINE]) for i in range(0, len(groups), _GROUPS_A_LINE)
    ]


def to_seed(text: str) -> bytes:
    """Reads a recovery key as people type it.

    Case, spaces, line breaks and dashes do not matter. The
    `AGE-SECRET-KEY-PQ-1…` form is the same key and is read as well; lines that
    begin with `#` are comments.

    Raises:
        InvalidInputError: It does not have 64 hexadecimal digits. The message
            never quotes what was typed.
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    compact = _SEPARATORS.sub("", " ".join(lines))
    identity = "".join(lines).strip().upper()
    if identity.startswith(_IDENTITY_PREFIX):
        return HybridIdentity.from_string(identity).seed
    if len(compact) != DIGITS:
        raise InvalidInputError(
            f"a recovery key has {DIGITS} digits; {len(compact)} were given",
            hint="Type all sixteen groups of four. Spaces and dashes do not matter.",
        )
    for position, digit in enumerate(compact):
        if digit not in "0123456789abcdefABCDEF":
            raise InvalidInputError(
                f"group {group_of(position)} of the recovery key holds a character"
                " that is not a digit from 0 to 9 or a letter from a to f"
            )
    return bytes.fromhex(compact)


def group_of(position: int) -> int:
    """The group of four, counted from 1, that the digit at `position` stands in."""
    return position // _GROUP + 1


def first_difference(typed: bytes, shown: bytes) -> int:
    """The first group of four, counted from 1, in which two different seeds differ."""
    pairs = zip(typed.hex(), shown.hex(), strict=True)
    return group_of(next(i for i, (one, other) in enumerate(pairs) if one != other))


def looks_like_one(typed: str) -> bool:
    """Whether somebody meant a recovery key, perhaps with a few mistakes in it.

    No password of words has so many characters with hardly any but hexadecimal
    digits among them.
    """
    text = typed.strip()
    if text.upper().startswith(_IDENTITY_PREFIX):
        return True
    compact = _SEPARATORS.sub("", text)
    digits = sum(character in string.hexdigits for character in compact)
    return abs(len(compact) - DIGITS) <= _MISTAKES and digits >= len(compact) - _MISTAKES


_MISTAKES = 8

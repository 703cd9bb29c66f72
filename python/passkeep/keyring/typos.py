"""Finding where a recovery key was mistyped.

The keys that differ from what was typed in one digit, or in two that changed
places, are tried; the right one proves itself. It is never accepted in the
person's stead: the error only says where to look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from passkeep.errors import WrongKeyError
from passkeep.keyring.recovery import group_of

_ALPHABET = "0123456789abcdef"


def wrong_recovery_key(typed: bytes, is_right: Callable[[bytes], bool]) -> WrongKeyError:
    """The error for a recovery key that opens nothing.

    Args:
        typed: The seed that was typed.
        is_right: Whether a seed is the keyring's; called some 3000 times.
    """
    groups = mistyped_groups(typed, is_right)
    if not groups:
        return WrongKeyError(
            "this is not the recovery key of this keyring",
            hint="Compare every group with what you wrote down, or use another way in.",
        )
    where = (
        f"group {groups[0]} looks mistyped"
        if len(groups) == 1
        else f"groups {groups[0]} and {groups[1]} look mistyped: two digits changed places"
    )
    return WrongKeyError(
        f"this is not the recovery key of this keyring; {where}",
        hint="Compare that part with what you wrote down.",
    )


def mistyped_groups(typed: bytes, is_right: Callable[[bytes], bool]) -> tuple[int, ...]:
    """The groups of four, counted from 1, that differ from the right key; none if far off."""
    for digits, positions in _neighbours(typed.hex()):
        if is_right(bytes.fromhex(digits)):
            return tuple(sorted({group_of(position) for position in positions}))
    return ()


def _neighbours(digits: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    for position, typed in enumerate(digits):
        for other in _ALPHABET.replace(typed, ""):
            yield digits[:position] + other + digits[position + 1 :], (position,)
    for one, two in combinations(range(len(digits)), 2):
        if digits[one] != digits[two]:
            swapped = list(digits)
            swapped[one], swapped[two] = swapped[two], swapped[one]
            yield "".join(swapped), (one, two)

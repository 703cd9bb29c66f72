"""Passkeys of several RP IDs: one prompt for each, until one answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from passkeep.errors import CeremonyError
from passkeep.passkey.failures import UnattendedError

Result = TypeVar("Result")


def first_answer(rp_ids: Iterable[str], ask: Callable[[str, bool], Result]) -> Result:
    """Ask for one RP ID after another.

    Args:
        rp_ids: At least one.
        ask: Is called with an RP ID, and whether more of them follow.

    Raises:
        CeremonyError: None answered, or there is no use in asking for the next one.
    """
    left = list(rp_ids)
    while True:
        rp_id = left.pop(0)
        try:
            return ask(rp_id, bool(left))
        except UnattendedError:
            raise
        except CeremonyError:
            if not left:
                raise

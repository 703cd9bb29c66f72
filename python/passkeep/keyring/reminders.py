"""Which ways in nobody has tried for a long time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from passkeep.keyring.document import Slot

CHECK_EVERY = timedelta(days=90)
"""A way in that is not tried for a quarter of a year may be lost without anybody knowing."""


def due(slots: Sequence[Slot], today: date | None = None) -> tuple[Slot, ...]:
    """The ways in that were last checked 90 days ago or earlier.

    Args:
        slots: The slots of a keyring.
        today: By default the date in UTC.
    """
    now = today or datetime.now(UTC).date()
    return tuple(slot for slot in slots if slot.is_way_in and _is_due(slot.checked, now))


def reminder(slots: Sequence[Slot], today: date | None = None) -> str | None:
    """One line that names the ways in to check; None where there is nothing to say."""
    names = ", ".join(slot.label for slot in due(slots, today))
    if not names:
        return None
    return (
        f"Not checked for {CHECK_EVERY.days} days: {names}."
        " Try each with `passkeep key check` while you have another."
    )


def _is_due(checked: str, today: date) -> bool:
    try:
        return today - date.fromisoformat(checked) >= CHECK_EVERY
    except ValueError:
        return True

"""How long nobody did anything, the hours in which the machine slept included."""

from __future__ import annotations

import time


def now() -> float:
    """Seconds since some moment, and on while the machine sleeps where it can tell."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)

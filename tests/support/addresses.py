"""A browser for programs that shows nothing: it keeps the address that it gets."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from support.waiting import wait_until


class Addresses:
    """Where a program's page is, for a test that opens it when it wants to.

    Args:
        folder: Where the address is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._kept = folder / "address"
        # Not "file://": a colon parts two browsers.
        script = f'cp "${{1#*//}}" {self._kept}.part && mv {self._kept}.part {self._kept}'
        self.environment = {"BROWSER": f"{shlex.join(['sh', '-c', script, 'sh'])} %s"}

    def next(self) -> str:
        """Waits for an address, and takes it."""
        wait_until(self._kept.exists, seconds=30)
        (found,) = set(re.findall(r"http://[\w.]+:\d+/#[\w.-]+", self._kept.read_text()))
        self._kept.unlink()
        return found

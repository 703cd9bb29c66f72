"""Bringing a page to the person: in a browser that opens, or by an address to open."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from passkeep.passkey import opening

_CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that looks like something else
_PATIENCE = 8.0  # seconds until the address is shown for opening by hand

_BY_HAND = "If no page has opened, open this address yourself"

OpenUrl = Callable[[str], object]


def new_code() -> str:
    """Return a code that a person can compare at a glance."""
    letters = [secrets.choice(_CODE_ALPHABET) for _ in range(6)]
    return "".join(letters[:3]) + "-" + "".join(letters[3:])


class Showing:
    """An address on its way to the person.

    Args:
        url: The address, with its secret.
        announce: Is called with a sentence to show to the person, from the thread that
            calls :meth:`tick`.
        arrived: Set once the page has spoken.
    """

    def __init__(
        self, url: str, announce: Callable[[str], object], arrived: threading.Event
    ) -> None:
        self._url = url
        self._announce = announce
        self._arrived = arrived
        self._redirect = ExitStack()
        self._started = time.monotonic()
        self._patient = True

    @contextmanager
    def by(self, open_url: OpenUrl | None, failed: Callable[[], object]) -> Iterator[None]:
        """Open the page in a browser; leaving removes what that took.

        Args:
            open_url: Opens an address; it may block, and returns False if it cannot.
                Default: the browser that :mod:`webbrowser` finds.
            failed: Is called, from another thread, when no browser could be opened.
        """
        with self._redirect:
            address = self._redirect.enter_context(opening.discreet(self._url))
            arguments = (open_url or opening.open_in_browser, address, failed)
            threading.Thread(target=self._open, args=arguments, daemon=True).start()
            yield

    def tick(self) -> None:
        """Do what time has brought: forget the redirect, or show the address."""
        if self._arrived.is_set():
            self._redirect.close()
        elif self._patient and time.monotonic() - self._started > _PATIENCE:
            # Browsers in a sandbox of their own (snap, flatpak) cannot read the file.
            self.show()

    def show(self, words: str = _BY_HAND) -> None:
        """Show the address itself, for opening by hand, behind some words."""
        self._patient = False
        self._announce(f"{words}: {self._url}")

    def _open(self, open_url: OpenUrl, address: str, failed: Callable[[], object]) -> None:
        """Open the page. In a thread, because some browsers do not return until closed."""
        try:
            opened = open_url(address) is not False
        except Exception:  # noqa: BLE001 - whatever an opener raises, nothing was opened
            opened = False
        if not opened and not self._arrived.is_set():
            failed()

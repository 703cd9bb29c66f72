"""Who is signed in, and which ceremony is under way: in the memory of one process.

A ceremony's state must never be with the page, so a signed cookie would not do. While a
keyring is being set up it holds secrets, too: it belongs in no database either.
"""

from __future__ import annotations

import secrets
import threading
import time
from http import HTTPStatus
from typing import TypeVar

from common.problems import Refused

Ceremony = TypeVar("Ceremony")

_SESSION_LIFE = 12 * 3600.0  # seconds without a request
_CEREMONY_LIFE = 15 * 60.0  # seconds: time enough to write down a recovery key
_MOST_SESSIONS = 1000


class Session:
    """One signed-in browser.

    Args:
        user: The name.
    """

    def __init__(self, user: str) -> None:
        self.user = user
        self.seen = time.monotonic()
        self._ceremony: tuple[object, float] | None = None
        self._lock = threading.Lock()

    def put(self, ceremony: object) -> None:
        """Remember a ceremony in the place of any other."""
        with self._lock:
            self._ceremony = (ceremony, time.monotonic() + _CEREMONY_LIFE)

    def take(self, kind: type[Ceremony]) -> Ceremony:
        """Return the ceremony and forget it: each of its states serves once.

        Raises:
            Refused: There is none of this kind, or it waited too long.
        """
        with self._lock:
            kept, self._ceremony = self._ceremony, None
        if kept is None or kept[1] < time.monotonic() or not isinstance(kept[0], kind):
            raise Refused(
                HTTPStatus.CONFLICT, "This was not begun here, or took too long.", "Begin again."
            )
        return kept[0]

    def forget_late(self, now: float) -> None:
        """Drop a ceremony that nobody finished, and the secrets in it."""
        with self._lock:
            if self._ceremony is not None and self._ceremony[1] < now:
                self._ceremony = None


class Sessions:
    """All sessions of this process. Call it from any thread."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def begin(self, user: str) -> str:
        """Sign somebody in and return the secret for the cookie.

        Raises:
            Refused: Too many are signed in.
        """
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._forget_late()
            if len(self._sessions) >= _MOST_SESSIONS:
                raise Refused(
                    HTTPStatus.SERVICE_UNAVAILABLE, "Too many are signed in.", "Try again later."
                )
            self._sessions[token] = Session(user)
        return token

    def find(self, token: str | None) -> Session:
        """Return the session of a cookie.

        Raises:
            Refused: There is none.
        """
        with self._lock:
            self._forget_late()
            session = self._sessions.get(token or "")
            if session is None:
                raise Refused(HTTPStatus.UNAUTHORIZED, "You are not signed in.", "Sign in first.")
            session.seen = time.monotonic()
            return session

    def end(self, token: str | None) -> None:
        """Sign out."""
        with self._lock:
            self._sessions.pop(token or "", None)

    def _forget_late(self) -> None:
        now = time.monotonic()
        for token, session in list(self._sessions.items()):
            session.forget_late(now)
            if session.seen + _SESSION_LIFE < now:
                del self._sessions[token]

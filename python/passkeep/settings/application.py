"""Answers the page, one message after another, each with all that there is to draw."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from passkeep._native import VERSION
from passkeep.passkey.sealing import BoxKey
from passkeep.passkey.site import ClosedError
from passkeep.settings import clock
from passkeep.settings.boxes import Boxes
from passkeep.settings.ceremonies import Ceremonies
from passkeep.settings.fields import Fields
from passkeep.settings.folder import Folder
from passkeep.settings.offers import Offers
from passkeep.settings.opening import Opening
from passkeep.settings.problems import problem
from passkeep.settings.session import Session
from passkeep.settings.view import keyring_view
from passkeep.settings.ways import Ways
from passkeep.settings.work import Works

_PASSIVE = {"state", "backups", "ceremony/step"}
"""What pages ask by themselves: nobody has to be there for it."""

_log = logging.getLogger(__name__)


class Settings:
    """The settings page's other half: an application of :class:`passkeep.passkey.site.Site`.

    Args:
        path: The keyring file, which need not exist.
        folder: The folder with backups; None where the person has to say it.
        rp_id: The RP ID of the page.
        origin: The exact origin of the page.
        code: What the page and the terminal both show.
        lock_after: Seconds without use after which secrets are forgotten.

    Attributes:
        arrived: Set once a page has spoken.
        ended: Set once the person has ended it in the page, who knows of it.
    """

    def __init__(
        self,
        path: Path,
        *,
        folder: Path | None,
        rp_id: str,
        origin: str,
        code: str,
        lock_after: float,
    ) -> None:
        self.arrived = threading.Event()
        self.ended = threading.Event()
        self._fixed = {"code": code, "version": VERSION, "rp_id": rp_id}
        self._boxes = Boxes()
        self._lock = threading.RLock()
        self._revision = 0
        self._drawn = ""
        self._heard = clock.now()
        self._quitting = False
        self._session = Session(path, lock_after=lock_after)
        self._ceremonies = Ceremonies(self._boxes.key, rp_id=rp_id, origin=origin)
        self._offers = Offers(self._session)
        self._works = Works()
        self._folder = Folder(self._session, self._works, folder)
        opening = Opening(self._session, self._ceremonies)
        ways = Ways(self._session, self._ceremonies)
        self._session.when_locked(self._ceremonies.forget)
        self._session.when_locked(self._offers.forget)
        self._handlers: dict[str, Callable[[Fields], dict[str, Any]]] = {
            "state": lambda _: {},
            "use": lambda _: {},
            "lock": self._lock_now,
            "quit": self._quit,
            **opening.actions,
            **self._ceremonies.actions,
            **ways.actions,
            **self._offers.actions,
            **self._folder.actions,
            **self._works.actions,
        }

    @property
    def key(self) -> BoxKey:
        """What the page seals secrets to."""
        return self._boxes.key

    @property
    def actions(self) -> Collection[str]:
        """The names that messages can have."""
        return self._handlers.keys()

    @property
    def silent_for(self) -> float:
        """Seconds since a page has spoken; none while something runs."""
        return 0.0 if self._works.running else clock.now() - self._heard

    def answer(self, action: str, message: dict[str, Any]) -> tuple[HTTPStatus, object]:
        """Answers one message; see :class:`passkeep.passkey.site.Application`."""
        with self._lock:
            if self._quitting:
                raise ClosedError
            self._heard = clock.now()
            self.arrived.set()
            self._refresh()
            if action not in _PASSIVE:
                self._session.use()
                _log.debug("the page asks for %s", action)
            try:
                result = self._handlers[action](Fields(message, self._boxes))
            except Exception as error:  # noqa: BLE001 - each is told, and nothing else of it
                told = {"error": problem(error)}
                if told["error"]["code"] == "internal":
                    _log.debug("%s ended with a %s", action, type(error).__name__)
                status = HTTPStatus.UNPROCESSABLE_ENTITY
            else:
                told, status = {"result": result}, HTTPStatus.OK
            self._refresh()
            return status, {**told, "state": self._state()}

    def answered(self) -> None:
        """Ends everything once the page knows that it does."""
        if self._quitting:
            self.ended.set()

    def tick(self) -> None:
        """Forgets what nobody uses any more."""
        with self._lock:
            self._refresh()

    def close(self) -> None:
        """Stops what runs and forgets everything secret."""
        with self._lock:
            self._quitting = True
        self._works.stop()
        with self._lock:
            self._session.lock()
            self._forget()

    def _refresh(self) -> None:
        self._session.refresh()
        if self._session.idle:
            self._forget()

    def _forget(self) -> None:
        self._ceremonies.forget()
        self._offers.forget()

    def _lock_now(self, _: Fields) -> dict[str, Any]:
        self._session.lock()
        self._forget()
        return {}

    def _quit(self, _: Fields) -> dict[str, Any]:
        self._quitting = True
        return {}

    def _state(self) -> dict[str, Any]:
        """All that the page draws, with a number that grows when it has changed."""
        work = self._works.state()
        steady = {
            **self._fixed,
            "challenge": self._boxes.challenge,
            "today": datetime.now(UTC).date().isoformat(),
            "keyring": keyring_view(self._session, self._fixed["rp_id"]),
            "offer": self._offers.state(),
            "ceremony": self._ceremonies.state(),
            "work": work and {**work, "done": None, "total": None, "seconds": None},
            "folder": None if self._folder.path is None else str(self._folder.path),
        }
        drawn = json.dumps(steady)
        if drawn != self._drawn:
            self._revision, self._drawn = self._revision + 1, drawn
        locks_in = self._session.locks_in
        return {
            **steady,
            "revision": self._revision,
            "work": work,
            "locks_in": None if locks_in is None else round(locks_in),
        }

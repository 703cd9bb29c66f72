"""A recovery key is shown once, and counts when it was typed back.

Turning backups on begins with one, so a keyring that opens with a single device never
gets to the disk.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from passkeep.errors import NotSyncedError, OutputError
from passkeep.keyring import Keyring, Slot, retiring
from passkeep.output import check_target
from passkeep.settings.fields import Fields, about
from passkeep.settings.problems import FieldError, RefusedError, stale
from passkeep.settings.session import Session

_PATIENCE = 1800.0  # seconds to write sixteen groups down and to put the paper away

_Purpose = Literal["setup", "replace"]


@dataclass(frozen=True, slots=True, repr=False)
class _Offer:
    """A recovery key that was shown.

    Attributes:
        name: What the page calls it.
        purpose: Whether it is the first one, or takes the place of another.
        keyring: The keyring that waits for it, unlocked.
    """

    name: str
    purpose: _Purpose
    keyring: Keyring


class Offers:
    """The recovery key that was shown and is not typed back yet.

    Args:
        session: The keyring.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._offer: _Offer | None = None

    @property
    def actions(self) -> dict[str, Callable[[Fields], dict[str, Any]]]:
        """What the page can ask for."""
        return {
            "recovery/begin": self._begin_replacing,
            "recovery/confirm": self._confirm_replacing,
            "recovery/cancel": lambda fields: self._cancel(fields, "replace"),
            "setup/begin": self._begin_setup,
            "setup/confirm": self._confirm_setup,
            "setup/cancel": lambda fields: self._cancel(fields, "setup"),
            "setup/return": self._put_back,
        }

    def forget(self) -> None:
        """Forgets what was shown: it opens nothing."""
        self._offer = None

    def state(self) -> dict[str, Any] | None:
        """What every tab may know of it."""
        offer = self._offer
        return None if offer is None else {"offer": offer.name, "purpose": offer.purpose}

    def _begin_replacing(self, _: Fields) -> dict[str, Any]:
        return self._show("replace", self._session.unlocked())

    def _confirm_replacing(self, fields: Fields) -> dict[str, Any]:
        with self._ending(), self._session.changing() as keyring:
            offer = self._find(fields, "replace")
            if offer.keyring is not keyring:
                raise stale("this recovery key")
            slot = _confirm(keyring, fields)
        return {"slot": slot.id}

    def _begin_setup(self, _: Fields) -> dict[str, Any]:
        self._refuse_second()
        if self._session.path.parent.is_dir():
            check_target(self._session.path, overwrite=False)
        return self._show("setup", Keyring.create())

    def _confirm_setup(self, fields: Fields) -> dict[str, Any]:
        self._refuse_second()
        offer, path = self._find(fields, "setup"), self._session.path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._ending(), offer.keyring.changing(path):
            slot = _confirm(offer.keyring, fields)
            password = fields.optional_secret("password")
            if password is not None:
                with about("password"):
                    offer.keyring.add_password(password)
        self._session.unlock(offer.keyring)
        return {"slot": slot.id}

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """Ends the offer where the block has saved the keyring."""
        try:
            yield
        except NotSyncedError:
            self._offer = None
            raise
        self._offer = None

    def _put_back(self, fields: Fields) -> dict[str, Any]:
        self._refuse_second()
        try:
            retiring.put_back(self._session.path, fields.file_name("name"))
        except FileNotFoundError:
            raise FieldError("name", "no keyring of this name was set aside") from None
        except OutputError:
            self._refuse_second()
            raise
        self._offer = None
        self._session.refresh()
        return {}

    def _show(self, purpose: _Purpose, keyring: Keyring) -> dict[str, Any]:
        """Makes a recovery key; one that was shown before opens nothing from now on."""
        self._offer = _Offer(secrets.token_hex(8), purpose, keyring)
        self._session.use(patience=_PATIENCE)
        return {"offer": self._offer.name, "digits": keyring.new_recovery_key()}

    def _cancel(self, fields: Fields, purpose: _Purpose) -> dict[str, Any]:
        self._find(fields, purpose)
        self._offer = None
        return {}

    def _find(self, fields: Fields, purpose: _Purpose) -> _Offer:
        offer = self._offer
        if offer is None or offer.purpose != purpose or fields.raw("offer") != offer.name:
            raise stale("this recovery key")
        return offer

    def _refuse_second(self) -> None:
        if self._session.path.exists():
            raise RefusedError(
                "exists", "there is a keyring already", hint="Turn it off first, or use it."
            )


def _confirm(keyring: Keyring, fields: Fields) -> Slot:
    with about("typed"):
        return keyring.confirm_recovery_key(fields.secret("typed"))

"""Using a way in: to unlock the keyring, to check that it opens, or to turn it off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from passkeep import web
from passkeep.keyring import Keyring, retiring
from passkeep.settings.ceremonies import Ceremonies, Done, Intent
from passkeep.settings.fields import Fields, about
from passkeep.settings.session import Session

_INTENTS: tuple[Intent, ...] = ("unlock", "check", "off")


class Opening:
    """What opens the keyring in the page.

    Args:
        session: The keyring.
        ceremonies: Where passkeys are asked.
    """

    def __init__(self, session: Session, ceremonies: Ceremonies) -> None:
        self._session = session
        self._ceremonies = ceremonies

    @property
    def actions(self) -> dict[str, Callable[[Fields], dict[str, Any]]]:
        """What the page can ask for."""
        return {
            "open/password": self._password,
            "open/recovery-key": self._recovery_key,
            "open/passkey": self._passkey,
        }

    def _password(self, fields: Fields) -> dict[str, Any]:
        intent = fields.choice("intent", _INTENTS)
        keyring, password = self._session.load(), fields.secret("password")
        keyring.unlock(password=password)
        return self._opened(intent, keyring).to_json()

    def _recovery_key(self, fields: Fields) -> dict[str, Any]:
        intent = fields.choice("intent", _INTENTS)
        keyring, typed = self._session.load(), fields.secret("recovery_key")
        with about("recovery_key"):
            keyring.unlock(recovery_key=typed)
        return self._opened(intent, keyring).to_json()

    def _passkey(self, fields: Fields) -> dict[str, Any]:
        intent = fields.choice("intent", _INTENTS)
        step = web.begin_opening(self._session.load(), **self._ceremonies.page)

        def complete(state: Mapping[str, Any], response: object) -> Done:
            keyring = self._session.load()
            web.complete_opening(keyring, state, response)
            return self._opened(intent, keyring)

        return self._ceremonies.begin(intent, "unlock", step, complete)

    def _opened(self, intent: Intent, keyring: Keyring) -> Done:
        """Does what the keyring was opened for."""
        path, slot = self._session.path, keyring.opened_slot
        assert slot is not None
        if intent == "off":
            kept = retiring.set_aside(keyring, path)
            self._session.lock()
            return Done(None, kept.name)
        if intent == "check":
            with keyring.changing(path):
                keyring.mark_checked(slot.id)
        self._session.unlock(keyring)
        return Done(slot.id)

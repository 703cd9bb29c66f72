"""Looking after the ways in of the unlocked keyring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from passkeep import web
from passkeep.keyring import notices, passwords
from passkeep.passkey.ceremony import passkey_name
from passkeep.passkey.step import Step
from passkeep.prf import check_label
from passkeep.settings.ceremonies import Ceremonies, Done
from passkeep.settings.fields import Fields, about
from passkeep.settings.problems import RefusedError
from passkeep.settings.session import Session


class Ways:
    """Adding, naming, changing and removing ways in.

    Args:
        session: The keyring.
        ceremonies: Where passkeys are made.
    """

    def __init__(self, session: Session, ceremonies: Ceremonies) -> None:
        self._session = session
        self._ceremonies = ceremonies

    @property
    def actions(self) -> dict[str, Callable[[Fields], dict[str, Any]]]:
        """What the page can ask for."""
        return {
            "add/passkey": self._add_passkey,
            "add/password": self._add_password,
            "rename": self._rename,
            "remove": self._remove,
            "travels": self._travels,
            "password/change": self._change_password,
            "password/suggest": self._suggest_password,
        }

    def _add_passkey(self, fields: Fields) -> dict[str, Any]:
        keyring, label = self._session.unlocked(), _label(fields)
        if not keyring.has_room:
            # Before there is a passkey that would serve nothing.
            raise RefusedError("refused", "the keyring is full", hint="Remove a way in first.")
        step = web.begin_adding(**self._ceremonies.page, label=label)

        def complete(state: Mapping[str, Any], response: object) -> Step | Done:
            with self._session.changing() as keyring:
                following = web.complete_adding(keyring, state, response)
            return following if isinstance(following, Step) else Done(following.id)

        return self._ceremonies.begin("add", "enrol", step, complete, label=passkey_name(label))

    def _add_password(self, fields: Fields) -> dict[str, Any]:
        self._session.unlocked()
        label, password = _label(fields), fields.secret("password")
        with self._session.changing() as keyring, about("password"):
            slot = keyring.add_password(password, label=label)
        return {"slot": slot.id}

    def _rename(self, fields: Fields) -> dict[str, Any]:
        self._session.unlocked()
        slot, label = fields.text("slot"), _label(fields)
        with self._session.changing() as keyring, about("slot"):
            renamed = keyring.rename(slot, label)
        notices.remember(keyring.id, renamed, label)
        return {}

    def _remove(self, fields: Fields) -> dict[str, Any]:
        slot = fields.text("slot")
        with self._session.changing() as keyring, about("slot"):
            if keyring.removal_obstacle(slot) == "recovery-key":
                raise RefusedError(
                    "refused",
                    "a keyring is never without a recovery key; nothing was removed",
                    hint="Make a new one instead: it takes the place of this one.",
                )
            if keyring.removal_obstacle(slot) == "two-ways-in":
                raise RefusedError(
                    "refused",
                    "only one way in would be left; nothing was removed",
                    hint="Add another one first.",
                )
            (removed,) = (one for one in keyring.slots if one.id == slot)
            keyring.remove(slot)
        notices.remember(keyring.id, removed, None)
        return {}

    def _travels(self, fields: Fields) -> dict[str, Any]:
        slot, travels = fields.text("slot"), fields.flag("travels")
        with self._session.changing() as keyring, about("slot"):
            keyring.set_travels(slot, travels=travels)
        return {}

    def _change_password(self, fields: Fields) -> dict[str, Any]:
        slot, password = fields.text("slot"), fields.secret("password")
        with self._session.changing() as keyring:
            found = next((one for one in keyring.slots if one.id == slot), None)
            with about("slot" if found is None or found.kind != "password" else "password"):
                return {"slot": keyring.change_password(slot, password).id}

    @staticmethod
    def _suggest_password(_: Fields) -> dict[str, Any]:
        return {"password": passwords.generate()}


def _label(fields: Fields) -> str:
    with about("label"):
        return check_label(fields.text("label"))

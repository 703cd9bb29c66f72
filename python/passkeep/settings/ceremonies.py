"""Passkey ceremonies inside the page: one at a time."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from passkeep.passkey.exchange import Exchange, OverError
from passkeep.passkey.failures import Purpose
from passkeep.passkey.sealing import BoxKey
from passkeep.passkey.step import Step
from passkeep.settings.fields import Fields
from passkeep.settings.problems import stale

Intent = Literal["add", "unlock", "check", "off"]

Complete = Callable[[Mapping[str, Any], object], "Step | Done"]
"""Takes a step's state and the page's response; the next step, or what came of it."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a way in that was used or made.

    Attributes:
        slot: The id of its slot, where it still counts.
        kept: The name that the keyring's file has now, where it was turned off.
    """

    slot: str | None
    kept: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The result for the page."""
        return {"slot": self.slot, "kept": self.kept}


@dataclass(frozen=True, slots=True)
class _Running:
    name: str
    intent: Intent
    exchange: Exchange[Done]


class Ceremonies:
    """The ceremony that is going on, if any.

    Args:
        key: What the page seals PRF results to.
        rp_id: The RP ID of the page.
        origin: The exact origin of the page.

    Attributes:
        page: The last two, as `passkeep.web` takes them to begin.
    """

    def __init__(self, key: BoxKey, *, rp_id: str, origin: str) -> None:
        self.page = {"rp_id": rp_id, "origin": origin}
        self._key = key
        self._running: _Running | None = None

    @property
    def actions(self) -> dict[str, Callable[[Fields], dict[str, Any]]]:
        """What the page can ask for."""
        return {
            "ceremony/step": lambda fields: self._handle(fields, "step"),
            "ceremony/answer": lambda fields: self._handle(fields, "answer"),
            "ceremony/failure": lambda fields: self._handle(fields, "failure"),
            "ceremony/cancel": self._cancel,
        }

    def begin(
        self,
        intent: Intent,
        purpose: Purpose,
        first: Step,
        complete: Complete,
        *,
        label: str | None = None,
    ) -> dict[str, Any]:
        """Begins a ceremony, which ends another one that is going on.

        Args:
            intent: What it is for.
            purpose: The same, for the words of an error.
            first: Its first step.
            complete: What is done with each answer.
            label: The name of the new passkey in password managers.

        Returns:
            The first step for the page.
        """
        exchange = Exchange(purpose, first, complete, {"label": label}, self._key)
        self._running = _Running(secrets.token_hex(8), intent, exchange)
        return self._view(self._running, exchange.handle("step", {}))

    def forget(self) -> None:
        """Ends the ceremony that is going on."""
        self._running = None

    def state(self) -> dict[str, Any] | None:
        """What every tab may know of it."""
        running = self._running
        if running is None:
            return None
        return {"ceremony": running.name, "intent": running.intent}

    def _handle(self, fields: Fields, action: str) -> dict[str, Any]:
        running = self._find(fields)
        message = {name: fields.raw(name) for name in ("step", "response", "sealed", "name")}
        try:
            view = running.exchange.handle(action, message)
        except OverError:
            raise stale("this ceremony") from None
        if not running.exchange.over:
            return self._view(running, view)
        if self._running is running:
            self._running = None
        done = running.exchange.result()
        return {
            "ceremony": running.name,
            "intent": running.intent,
            "outcome": "done",
            **done.to_json(),
        }

    def _cancel(self, fields: Fields) -> dict[str, Any]:
        self._find(fields)
        self._running = None
        return {}

    def _find(self, fields: Fields) -> _Running:
        if self._running is None or fields.raw("ceremony") != self._running.name:
            raise stale("this ceremony")
        return self._running

    @staticmethod
    def _view(running: _Running, view: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "ceremony": running.name,
            "intent": running.intent,
            "outcome": None,
            **{name: view[name] for name in ("step", "kind", "options", "label")},
        }

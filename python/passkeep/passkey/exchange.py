"""One ceremony as the page sees it: which step is next, and how it ended.

No HTTP here: messages are parsed JSON both ways. The methods may be called from several
threads; the outcome is set once, and after it every message is refused.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from fido2.utils import websafe_encode

from passkeep.age.fido2prf import PRF_OUTPUT_SIZE
from passkeep.errors import CeremonyError
from passkeep.passkey import failures
from passkeep.passkey.responses import decode, mapping
from passkeep.passkey.sealing import BoxError, BoxKey
from passkeep.passkey.step import Step

Result = TypeVar("Result")

_HALF = PRF_OUTPUT_SIZE // 2

_HOLD = 2.0  # seconds after which a page that watches hears that nothing has changed
_ABSENCE = 4.0  # seconds without a word after which no page is there; reloading takes less


class OverError(Exception):
    """The ceremony has ended; nothing more is taken."""


class Exchange(Generic[Result]):
    """The state of one ceremony.

    Attributes:
        told: The ids of credentials that the page has told the password manager about.

    Args:
        purpose: What the ceremony is for.
        first: The first step.
        complete: Takes a step's state and the page's response, and returns the next step
            or the result.
        display: What the page shows, ``code``, ``label`` and ``more``, and the ``notices``
            that it gives to the password manager.
        key: What the page seals to; by default a key of the ceremony's own.
    """

    def __init__(
        self,
        purpose: failures.Purpose,
        first: Step,
        complete: Callable[[Mapping[str, Any], object], Step | Result],
        display: Mapping[str, Any],
        key: BoxKey | None = None,
    ) -> None:
        self.key = key or BoxKey()
        self.arrived = threading.Event()
        self.purpose = purpose
        self.reported: str | None = None
        self.told: set[bytes] = set()
        self._complete = complete
        self._display = dict(display)
        self._step = first
        self._number = 1
        self._outcome: tuple[Result | None, Exception | None] | None = None
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._watching = 0
        self._heard = 0.0

    @property
    def over(self) -> bool:
        """True once there is an outcome."""
        return self._outcome is not None

    @property
    def watched(self) -> bool:
        """True while a page waits for news."""
        return self._watching > 0

    @property
    def deserted(self) -> bool:
        """True once a page was there and none is any more: closed, or its browser ended."""
        with self._lock:
            silent = time.monotonic() - self._heard > _ABSENCE
            return self.arrived.is_set() and not self._watching and silent

    def result(self) -> Result:
        """Return the result.

        Raises:
            CeremonyError: The ceremony ended without one.
        """
        assert self._outcome is not None
        result, error = self._outcome
        if error is not None:
            raise error
        assert result is not None
        return result

    def handle(self, action: str, message: Mapping[str, Any]) -> dict[str, Any]:
        """Take one message of the page and return what the page shows next.

        Args:
            action: ``step`` (where are we?), ``answer``, ``failure``, ``cancel``,
                ``told`` (of which passkeys the password manager has heard), or
                ``watch``, which waits a little for something that the page has not seen.
            message: The message.

        Raises:
            OverError: There is an outcome already.
            KeyError: There is no such action.
        """
        with self._lock:
            self._heard = time.monotonic()
            if action == "watch":
                # Also after the end: that is what it waits for.
                return self._watch(message)
            if self.over:
                raise OverError
            self.arrived.set()
            {
                "step": lambda _: None,
                "answer": self._answer,
                "failure": self._failure,
                "cancel": self._cancel,
                "told": self._told,
            }[action](message)
            self._changed.notify_all()
            return self._view()

    def fail(self, error: CeremonyError) -> None:
        """End the ceremony from this side, unless it has ended already."""
        with self._lock:
            if not self.over:
                self._outcome = (None, error)
                self._changed.notify_all()

    def _watch(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Wait for a step that the page does not know yet, or for the end; hold the lock."""
        known = message.get("step")
        self._watching += 1
        try:
            self._changed.wait_for(lambda: self.over or self._number != known, _HOLD)
        finally:
            self._watching -= 1
            self._heard = time.monotonic()
        return self._view()

    def _answer(self, message: Mapping[str, Any]) -> None:
        # A second tab, or a reply that got lost, may answer a step that is done: the
        # view that goes back tells the page where things stand.
        if message.get("step") != self._number:
            return
        try:
            following = self._complete(self._step.state, self._unseal(message))
        except CeremonyError as error:
            # Its frames hold what the page sent, so they are not handed on.
            error.__context__ = None
            self._outcome = (None, error.with_traceback(None))
        except Exception as error:  # noqa: BLE001 - a defect must reach the waiting caller
            # The lines stay for whoever mends it; what the frames held is the secret.
            traceback.clear_frames(error.__traceback__)
            self._outcome = (None, error)
        else:
            if isinstance(following, Step):
                self._step = following
                self._number += 1
            else:
                self._outcome = (following, None)

    def _failure(self, message: Mapping[str, Any]) -> None:
        self.reported = failures.error_name(message.get("name"))

    def _told(self, message: Mapping[str, Any]) -> None:
        named = message.get("credentials")
        self.told |= {decode(each) for each in named} if isinstance(named, list) else set()

    def _cancel(self, _: Mapping[str, Any]) -> None:
        self._outcome = (None, failures.given_up(self.purpose, self.reported))

    def _view(self) -> dict[str, Any]:
        if self._outcome is None:
            return {
                **self._display,
                "purpose": self.purpose,
                "step": self._number,
                "kind": self._step.kind,
                "phase": self._step.phase,
                "options": self._step.options,
            }
        _, error = self._outcome
        if error is None:
            return {"outcome": "done"}
        if not isinstance(error, CeremonyError):
            return {"outcome": "refused", "reason": "defect", "message": "", "hint": ""}
        reason = error.reason if isinstance(error, failures.EndedError) else None
        return {"outcome": "refused", "reason": reason, "message": str(error), "hint": error.hint}

    def _unseal(self, message: Mapping[str, Any]) -> object:
        """Return the response with what was sealed as its PRF results, and nothing else."""
        response = message.get("response")
        if not isinstance(response, Mapping):
            return response
        extensions = mapping(response.get("clientExtensionResults"))
        extensions["prf"] = mapping(extensions.get("prf")) | {"results": self._results(message)}
        return {**response, "clientExtensionResults": extensions}

    def _results(self, message: Mapping[str, Any]) -> dict[str, str]:
        if message.get("sealed") is None:
            return {}
        challenge = decode(self._step.options["publicKey"]["challenge"])
        try:
            output = self.key.open(message["sealed"], challenge)
        except BoxError:
            raise failures.refused(
                self.purpose, "The browser's answer was not sealed for this process."
            ) from None
        return {
            "first": websafe_encode(output[:_HALF]),
            "second": websafe_encode(output[_HALF:]),
        }

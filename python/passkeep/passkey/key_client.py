"""One security key answers the steps of a ceremony."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from threading import Event
from types import TracebackType
from typing import Any, Protocol, Self

from fido2.client import (
    ClientError,
    DefaultClientDataCollector,
    Fido2Client,
    PinRequiredError,
    WebAuthnClient,
)
from fido2.ctap import CtapError

from passkeep.errors import CeremonyError, PasskeepError
from passkeep.passkey import key_choice, key_failures, readers
from passkeep.passkey.dialogue import Dialogue
from passkeep.passkey.failures import Purpose
from passkeep.passkey.responses import TRANSPORTS
from passkeep.passkey.step import Step

_ERR = CtapError.ERR
_MAX_TRIES = 16  # of one command; keys count by themselves, and a strange one may not

_FAILURES: Mapping[int, Callable[[Purpose], CeremonyError]] = {
    _ERR.NO_CREDENTIALS: key_failures.not_on_this_key,
    _ERR.PIN_AUTH_BLOCKED: key_failures.pin_paused,
    _ERR.PIN_BLOCKED: key_failures.pin_blocked,
    _ERR.PIN_POLICY_VIOLATION: key_failures.change_pin,
    _ERR.PIN_NOT_SET: key_failures.no_pin,
    _ERR.UV_BLOCKED: key_failures.sensor_blocked,
    _ERR.UV_INVALID: key_failures.sensor_blocked,
    _ERR.OPERATION_DENIED: key_failures.denied,
    _ERR.KEY_STORE_FULL: key_failures.full,
    _ERR.UNSUPPORTED_OPTION: key_failures.not_discoverable,
}
_GIVEN_UP = frozenset({_ERR.KEEPALIVE_CANCEL, _ERR.ACTION_TIMEOUT, _ERR.USER_ACTION_TIMEOUT})


class KeyClient(Protocol):
    """What answers steps: a key on USB, or the dialogue of Windows. A context manager."""

    def respond(self, step: Step, origin: str) -> dict[str, Any]:
        """Answer a step as a page of `origin` would.

        Raises:
            CeremonyError: There is no answer.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class HidClient:
    """A security key on USB.

    Args:
        purpose: What the ceremony is for.
        dialogue: The prompts.
        patience: Seconds to wait for a key where there is none.

    Raises:
        CeremonyError: There is no key that can be used.
    """

    def __init__(self, purpose: Purpose, dialogue: Dialogue, patience: float) -> None:
        self._purpose = purpose
        self._dialogue = dialogue
        self._device, self._ctap = key_choice.open_one(purpose, dialogue, patience)
        dialogue.attach(self._ctap)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._dialogue.forget()
        self._device.close()

    def respond(self, step: Step, origin: str) -> dict[str, Any]:
        """Answer a step; wrong PINs and fingers that are not recognised are asked again."""
        collector = DefaultClientDataCollector(origin)
        selection = step.options["publicKey"].get("authenticatorSelection", {})
        if selection.get("residentKey") == "required" and not self._ctap.info.options.get("rk"):
            raise key_failures.not_discoverable(self._purpose)
        for _ in range(_MAX_TRIES):
            try:
                with self._dialogue.command():
                    client = Fido2Client(self._device, collector, self._dialogue)
                    return self._named(send(client, step, self._dialogue.event))
            except PasskeepError:
                raise
            except ClientError as error:
                failure = self._failure(error)
            except Exception as error:
                if self._dialogue.failure is error:
                    raise
                failure = self._strange(error)
            if failure is not None:
                raise failure from None
        raise key_failures.nonsense(self._purpose)

    def _failure(self, error: ClientError) -> CeremonyError | None:
        """Return what to tell the person, or None to ask again."""
        code = error.cause.code if isinstance(error.cause, CtapError) else None
        if code == _ERR.PIN_INVALID:
            self._dialogue.wrong_pin()
            return None
        if code == _ERR.UV_INVALID:
            self._dialogue.unknown_finger()
            return None
        if isinstance(error, PinRequiredError):
            return key_failures.no_pin_given(self._purpose)
        if code in _GIVEN_UP or error.code == ClientError.ERR.TIMEOUT:
            return self._dialogue.given_up()
        if code is None and error.code == ClientError.ERR.CONFIGURATION_UNSUPPORTED:
            # The sensor is blocked and there is no PIN; what has neither was refused before.
            return key_failures.sensor_blocked(self._purpose)
        if code is None:
            return key_failures.other(self._purpose, error.code.name)
        if code in _FAILURES:
            return _FAILURES[code](self._purpose)
        return key_failures.other(self._purpose, code.name)

    def _strange(self, error: Exception) -> CeremonyError:
        gone = isinstance(error, OSError) or readers.was_taken_away(error)
        return (key_failures.pulled_out if gone else key_failures.nonsense)(self._purpose)

    def _named(self, response: dict[str, Any]) -> dict[str, Any]:
        """Add how the key was reached, which python-fido2 leaves out."""
        if "attestationObject" in response["response"]:
            known = set(self._ctap.info.transports) & TRANSPORTS
            response["response"]["transports"] = sorted(known | {self._device.transport})
        return response


def send(client: WebAuthnClient, step: Step, event: Event) -> dict[str, Any]:
    """Put a step to a client of python-fido2.

    Args:
        client: The client.
        step: The step.
        event: Is set to have it stop waiting.

    Returns:
        RegistrationResponseJSON or AuthenticationResponseJSON. It holds PRF outputs.
    """
    options: Any = step.options["publicKey"]
    if step.kind == "create":
        made = client.make_credential(options, event)
        return _plain(made)
    found = client.get_assertion(options, event)
    return _plain(found.get_response(0))


def _plain(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return python-fido2's objects as what JSON gives back."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(response)))
    return plain

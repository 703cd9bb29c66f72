"""clientPIN of a software security key: its PIN, its counters and its tokens."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from typing import Any

from fido2.ctap import CtapError

from support.ctap_protocols import Protocol

ERR = CtapError.ERR
MAX_PIN_TRIES, MAX_PIN_TRIES_IN_A_ROW, MAX_UV_TRIES = 8, 3, 3
MAKE_CREDENTIAL, GET_ASSERTION = 0x01, 0x02

# Subcommands.
GET_PIN_RETRIES, GET_KEY_AGREEMENT, SET_PIN, CHANGE_PIN, GET_PIN_TOKEN = 1, 2, 3, 4, 5
GET_UV_TOKEN, GET_UV_RETRIES, GET_PIN_TOKEN_WITH_PERMISSIONS = 6, 7, 9


class ClientPin:
    """The state behind authenticatorClientPIN (CTAP 2.1, section 6.5).

    Args:
        versions: The protocols that it speaks.
        built_in: Verifies the person (a fingerprint), or None without a sensor.
        tokens: Whether tokens have permissions, as CTAP 2.1 keys do.
    """

    def __init__(
        self, versions: tuple[int, ...], built_in: Callable[[], bool] | None, *, tokens: bool
    ) -> None:
        self.protocols = {version: Protocol(version) for version in versions}
        self.built_in = built_in
        self.tokens = tokens
        self.pin_hash: bytes | None = None
        self.pin_tries = MAX_PIN_TRIES
        self.uv_tries = MAX_UV_TRIES
        self._wrong_in_a_row = 0
        self._revoke()

    def plug_in(self) -> None:
        """Loses what a power cycle loses."""
        self._wrong_in_a_row = 0
        self.protocols = {version: Protocol(version) for version in self.protocols}
        self._revoke()

    def set(self, pin: str | None) -> None:
        """Sets or removes the PIN from behind, as a test's preparation."""
        self.pin_hash = None if pin is None else _hash(pin.encode())

    def call(self, request: dict[int, Any]) -> dict[int, Any]:
        """Answers one authenticatorClientPIN command."""
        command = request[2]
        if command == GET_PIN_RETRIES:
            blocked = self._wrong_in_a_row >= MAX_PIN_TRIES_IN_A_ROW
            return {3: self.pin_tries, **({4: True} if blocked else {})}
        if command == GET_UV_RETRIES:
            return {5: self.uv_tries}
        protocol = self.protocols.get(request.get(1, 0))
        if protocol is None:
            raise CtapError(ERR.INVALID_PARAMETER)
        if command == GET_KEY_AGREEMENT:
            return {1: protocol.public}
        secret = self._shared(protocol, request[3])
        if command == SET_PIN:
            return self._set_pin(protocol, secret, request)
        if command == CHANGE_PIN:
            return self._change_pin(protocol, secret, request)
        if command == GET_UV_TOKEN:
            self.verify_built_in()
        elif command in {GET_PIN_TOKEN, GET_PIN_TOKEN_WITH_PERMISSIONS}:
            self._check_pin(protocol, secret, request[6])
        else:
            raise CtapError(ERR.INVALID_SUBCOMMAND)
        return {2: protocol.encrypt(secret, self._issue(request))}

    def verify_built_in(self) -> None:
        """Has the sensor verify the person."""
        if self.built_in is None:
            raise CtapError(ERR.INVALID_SUBCOMMAND)
        if self.uv_tries == 0:
            raise CtapError(ERR.UV_BLOCKED)
        self.uv_tries -= 1
        if not self.built_in():
            raise CtapError(ERR.UV_BLOCKED if self.uv_tries == 0 else ERR.UV_INVALID)
        self.uv_tries = MAX_UV_TRIES

    def authorize(
        self, permission: int, rp_id: str, version: int, signature: bytes, message: bytes
    ) -> None:
        """Checks a pinUvAuthParam for a command of an RP ID."""
        protocol = self.protocols.get(version)
        if protocol is None:
            raise CtapError(ERR.INVALID_PARAMETER)
        if not self._permissions & permission:
            raise CtapError(ERR.PIN_AUTH_INVALID)
        if self._rp_id not in {None, rp_id}:
            raise CtapError(ERR.PIN_AUTH_INVALID)
        if not protocol.verify(self._token, message, signature):
            raise CtapError(ERR.PIN_AUTH_INVALID)
        self._rp_id = rp_id

    def used(self) -> None:
        """Ends a token's permissions: after a touch it serves no second command."""
        self._permissions = 0

    def _check_pin(self, protocol: Protocol, secret: bytes, encrypted: bytes) -> None:
        if self.pin_hash is None:
            raise CtapError(ERR.PIN_NOT_SET)
        if self.pin_tries == 0:
            raise CtapError(ERR.PIN_BLOCKED)
        if self._wrong_in_a_row >= MAX_PIN_TRIES_IN_A_ROW:
            raise CtapError(ERR.PIN_AUTH_BLOCKED)
        self.pin_tries -= 1
        if not hmac.compare_digest(protocol.decrypt(secret, encrypted), self.pin_hash):
            self.protocols[protocol.version] = Protocol(protocol.version)
            self._wrong_in_a_row += 1
            if self.pin_tries == 0:
                raise CtapError(ERR.PIN_BLOCKED)
            if self._wrong_in_a_row >= MAX_PIN_TRIES_IN_A_ROW:
                raise CtapError(ERR.PIN_AUTH_BLOCKED)
            raise CtapError(ERR.PIN_INVALID)
        self.pin_tries, self._wrong_in_a_row = MAX_PIN_TRIES, 0

    def _set_pin(
        self, protocol: Protocol, secret: bytes, request: dict[int, Any]
    ) -> dict[int, Any]:
        if self.pin_hash is not None or not protocol.verify(secret, request[5], request[4]):
            raise CtapError(ERR.PIN_AUTH_INVALID)
        self._take_pin(protocol.decrypt(secret, request[5]))
        return {}

    def _change_pin(
        self, protocol: Protocol, secret: bytes, request: dict[int, Any]
    ) -> dict[int, Any]:
        if not protocol.verify(secret, request[5] + request[6], request[4]):
            raise CtapError(ERR.PIN_AUTH_INVALID)
        self._check_pin(protocol, secret, request[6])
        self._take_pin(protocol.decrypt(secret, request[5]))
        self._revoke()
        return {}

    def _take_pin(self, padded: bytes) -> None:
        pin = padded.rstrip(b"\0")
        if len(padded) != 64 or len(pin.decode()) < 4:
            raise CtapError(ERR.PIN_POLICY_VIOLATION)
        self.pin_hash, self.pin_tries = _hash(pin), MAX_PIN_TRIES

    def _issue(self, request: dict[int, Any]) -> bytes:
        self._revoke()
        if request[2] == GET_PIN_TOKEN:
            self._permissions = MAKE_CREDENTIAL | GET_ASSERTION
        elif not self.tokens:
            raise CtapError(ERR.INVALID_SUBCOMMAND)
        else:
            self._permissions, self._rp_id = request[9], request[10]
        return self._token

    def _revoke(self) -> None:
        self._token, self._permissions, self._rp_id = os.urandom(32), 0, None

    @staticmethod
    def _shared(protocol: Protocol, platform: dict[int, Any]) -> bytes:
        try:
            return protocol.shared(platform)
        except (KeyError, TypeError, ValueError):
            raise CtapError(ERR.INVALID_PARAMETER) from None


def _hash(pin: bytes) -> bytes:
    return hashlib.sha256(pin).digest()[:16]

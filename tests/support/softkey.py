"""A security key in software: CTAP 2.1, as a device that python-fido2 talks to.

Everything that a client depends on behaves as the specification says: PINs and
their counters, tokens, touches that can be waited for and cancelled, resident and
other credentials, and hmac-secret with one secret for verified use and another for
unverified use. What a test wants to go wrong is an attribute or an option.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any, Self

from fido2 import cbor
from fido2.cose import ES256
from fido2.ctap import STATUS, CtapDevice, CtapError
from fido2.hid import CAPABILITY, CTAPHID
from fido2.webauthn import AttestedCredentialData, AuthenticatorData

from support.softkey_credential import Credential
from support.softkey_pin import GET_ASSERTION, MAKE_CREDENTIAL, ClientPin

ERR = CtapError.ERR
Flag = AuthenticatorData.FLAG
Request = dict[int, Any]

Touch = Callable[[], bool | None]
"""What the finger does: True touches, False refuses, None has not come yet."""


class SoftKey(CtapDevice):
    """A security key.

    Args:
        pin: Its PIN; None if none was set.
        fingerprint: Verifies the person; None without a sensor.
        protocols: The PIN/UV auth protocols, preferred ones first.
        tokens: Whether it is a key of CTAP 2.1, with permissions and selection; one of
            CTAP 2.0 also leaves out of an answer what the question said already.
        hmac_secret: Whether it has the extension at all.
        at_creation: Whether it has hmac-secret-mc.
        resident_keys: Whether it can store discoverable credentials.
        synced: Whether its credentials say that they are backed up.

    Attributes:
        touch: What the finger does.
        touches: How often it was touched.
        plugged_in: False makes every call fail, as for a key that was pulled out.
        drift: Bytes that enter the secrets; change them and the outputs change.
        force_pin_change: Whether it demands a new PIN before anything else.
        wrong_at_creation: Whether the output at creation is not that of later.
        credentials: What it holds, by id.
    """

    product_name = "Soft Key"
    capabilities = CAPABILITY.CBOR | CAPABILITY.WINK  # a test may take CBOR away

    def __init__(
        self,
        *,
        pin: str | None = "1234",
        fingerprint: Callable[[], bool] | None = None,
        protocols: tuple[int, ...] = (2, 1),
        tokens: bool = True,
        hmac_secret: bool = True,
        at_creation: bool = False,
        resident_keys: bool = True,
        synced: bool = False,
    ) -> None:
        self.touch: Touch = lambda: True
        self.touches = 0
        self.plugged_in = True
        self.drift = b""
        self.wrong_at_creation = False
        self.force_pin_change = False
        self.credentials: dict[bytes, Credential] = {}
        self.pin = ClientPin(protocols, fingerprint, tokens=tokens)
        self.pin.set(pin)
        self._hmac_secret, self._at_creation = hmac_secret, at_creation
        self._resident_keys, self._synced = resident_keys, synced
        self._counter = 0
        self._next: list[bytes] = []
        self._call: tuple[Event, Callable[[STATUS], None] | None] = (Event(), None)

    @classmethod
    def list_devices(cls) -> Iterator[Self]:
        """Nothing: tests hand their keys over."""
        return iter(())

    def clone(self) -> SoftKey:
        """Another key with the same credentials, as synchronised passkeys are."""
        twin = copy.copy(self)
        twin.credentials = dict(self.credentials)
        twin.pin = ClientPin(tuple(self.pin.protocols), self.pin.built_in, tokens=self.pin.tokens)
        twin.pin.pin_hash = self.pin.pin_hash
        return twin

    def call(
        self,
        cmd: int,
        data: bytes = b"",
        event: Event | None = None,
        on_keepalive: Callable[[STATUS], None] | None = None,
    ) -> bytes:
        """Answers one message, as a key on a cable would."""
        if not self.plugged_in:
            raise OSError("no such device")
        if cmd != CTAPHID.CBOR:
            raise CtapError(ERR.INVALID_COMMAND)
        self._call = (event or Event(), on_keepalive)
        request = cbor.decode(data[1:]) if data[1:] else {}
        try:
            answer = self._command(data[0])(request)
        except CtapError as error:
            return bytes([error.code])
        return b"\0" + (cbor.encode(answer) if answer else b"")

    def _command(self, number: int) -> Callable[[Request], Request]:
        commands: dict[int, Callable[[Request], Request]] = {
            0x01: self._make_credential,
            0x02: self._get_assertion,
            0x04: lambda _: self._info(),
            0x06: self._client_pin,
            0x07: self._reset,
            0x08: self._get_next_assertion,
            0x0B: self._selection,
        }
        if number not in commands:
            raise CtapError(ERR.INVALID_COMMAND)
        return commands[number]

    def _info(self) -> Request:
        extensions = ["credProtect"]
        if self._hmac_secret:
            extensions.append("hmac-secret")
        if self._at_creation:
            extensions.append("hmac-secret-mc")
        options = {
            "rk": self._resident_keys,
            "clientPin": self.pin.pin_hash is not None,
            **({"uv": True} if self.pin.built_in else {}),
            **({"pinUvAuthToken": True} if self.pin.tokens else {}),
        }
        return {
            1: ["FIDO_2_0", *(["FIDO_2_1"] if self.pin.tokens else [])],
            2: extensions,
            3: bytes(16),
            4: options,
            5: 1200,
            6: list(self.pin.protocols),
            7: 8,
            8: 128,
            9: ["usb"],
            10: [{"alg": -7, "type": "public-key"}],
            **({12: True} if self.force_pin_change else {}),
        }

    def _client_pin(self, request: Request) -> Request:
        event, on_keepalive = self._call
        if request[2] == 0x06 and on_keepalive and not event.is_set():
            on_keepalive(STATUS.UPNEEDED)
        return self.pin.call(request)

    def _selection(self, _: Request) -> Request:
        if not self.pin.tokens:
            raise CtapError(ERR.INVALID_COMMAND)
        self._wait_for_touch()
        return {}

    def _reset(self, _: Request) -> Request:
        self._wait_for_touch()
        self.credentials.clear()
        self.pin.set(None)
        return {}

    def _make_credential(self, request: Request) -> Request:
        rp_id, options = request[2]["id"], request.get(7, {})
        verified = self._verified(MAKE_CREDENTIAL, rp_id, request, (8, 9, 7))
        if not verified and self._protected:
            raise CtapError(ERR.PUAT_REQUIRED)
        if all(each["alg"] != ES256.ALGORITHM for each in request[4]):
            raise CtapError(ERR.UNSUPPORTED_ALGORITHM)
        if options.get("rk") and not self._resident_keys:
            raise CtapError(ERR.UNSUPPORTED_OPTION)
        self._wait_for_touch()
        self.pin.used()
        if any(self._find(rp_id, each["id"]) for each in request.get(5) or ()):
            raise CtapError(ERR.CREDENTIAL_EXCLUDED)
        made = Credential(rp_id, request[3], options.get("rk", False))
        self.credentials[made.id] = made
        attested = AttestedCredentialData.create(
            bytes(16), made.id, ES256.from_cryptography_key(made.key.public_key())
        )
        data = self._data(
            made, verified, Flag.AT | Flag.UP, self._created(made, verified, request), attested
        )
        signature = made.sign(data + request[1])
        return {1: "packed", 2: data, 3: {"alg": ES256.ALGORITHM, "sig": signature}}

    def _created(self, made: Credential, verified: bool, request: Request) -> dict[str, Any]:
        asked, outputs = request.get(6) or {}, {}
        if self._hmac_secret and asked.get("hmac-secret"):
            outputs["hmac-secret"] = True
        if self._at_creation and "hmac-secret-mc" in asked:
            stray = b"creation" if self.wrong_at_creation else b""
            outputs["hmac-secret-mc"] = self._outputs(
                made, verified, asked["hmac-secret-mc"], stray
            )
        return outputs

    def _get_assertion(self, request: Request) -> Request:
        rp_id, extensions = request[1], request.get(4) or {}
        touched = (request.get(5) or {}).get("up", True)
        verified = self._verified(GET_ASSERTION, rp_id, request, (6, 7, 5))
        if request.get(3):
            found = [self._find(rp_id, each["id"]) for each in request[3]]
            chosen = [each for each in found if each][:1]
        else:
            resident = [each for each in self.credentials.values() if each.resident]
            chosen = [each for each in reversed(resident) if each.rp_id == rp_id]
        if "hmac-secret" in extensions and not touched:
            raise CtapError(ERR.UNSUPPORTED_OPTION)
        if touched:
            self._wait_for_touch()
            self.pin.used()
        if not chosen:
            raise CtapError(ERR.NO_CREDENTIALS)
        answers = []
        for each in chosen:
            outputs = {}
            if self._hmac_secret and "hmac-secret" in extensions:
                outputs["hmac-secret"] = self._outputs(each, verified, extensions["hmac-secret"])
            data = self._data(each, verified, Flag.UP if touched else Flag(0), outputs)
            signature = each.sign(data + request[2])
            answers.append({2: data, 3: signature})
            if self.pin.tokens or len(request.get(3) or ()) != 1:
                answers[-1][1] = {"id": each.id, "type": "public-key"}
            if each.resident:
                answers[-1][4] = each.user if verified else {"id": each.user["id"]}
        first, *self._next = answers
        if self._next:
            first[5] = len(answers)
        return first

    def _get_next_assertion(self, _: Request) -> Request:
        if not self._next:
            raise CtapError(ERR.NOT_ALLOWED)
        return self._next.pop(0)

    @property
    def _protected(self) -> bool:
        return self.pin.pin_hash is not None or self.pin.built_in is not None

    def _verified(
        self, permission: int, rp_id: str, request: Request, at: tuple[int, int, int]
    ) -> bool:
        """Whether the person is verified, by a token or by the sensor right now."""
        signature, version, options = (request.get(position) for position in at)
        if signature == b"":
            # How a platform of CTAP 2.0 lets a person choose one of several keys.
            self._wait_for_touch()
            raise CtapError(ERR.PIN_INVALID if self.pin.pin_hash else ERR.PIN_NOT_SET)
        if signature is not None:
            message = request[1] if permission == MAKE_CREDENTIAL else request[2]
            self.pin.authorize(permission, rp_id, version or 0, signature, message)
            return True
        if (options or {}).get("uv"):
            self.pin.verify_built_in()
            return True
        return False

    def _find(self, rp_id: str, credential_id: bytes) -> Credential | None:
        found = self.credentials.get(credential_id)
        return found if found and found.rp_id == rp_id else None

    def _outputs(
        self, credential: Credential, verified: bool, inputs: Request, stray: bytes = b""
    ) -> bytes:
        return credential.hmac_secret(
            self.pin.protocols, inputs, verified=verified, drift=self.drift + stray
        )

    def _data(
        self,
        credential: Credential,
        verified: bool,
        flags: Flag,
        extensions: dict[str, Any],
        attested: bytes = b"",
    ) -> AuthenticatorData:
        self._counter += 1
        flags |= Flag.UV if verified else Flag(0)
        flags |= Flag.ED if extensions else Flag(0)
        flags |= Flag.BE | Flag.BS if self._synced else Flag(0)
        rp_hash = hashlib.sha256(credential.rp_id.encode()).digest()
        return AuthenticatorData.create(rp_hash, flags, self._counter, attested, extensions or None)

    def _wait_for_touch(self) -> None:
        event, on_keepalive = self._call
        if on_keepalive:
            on_keepalive(STATUS.UPNEEDED)
        while (touched := self.touch()) is None:
            if event.wait(0.002):
                raise CtapError(ERR.KEEPALIVE_CANCEL)
        if not touched:
            raise CtapError(ERR.USER_ACTION_TIMEOUT)
        self.touches += 1

"""Reading what the page sent: hostile JSON in, checked values out.

The PRF outputs are taken out of a response before anything else looks at it, so that
neither the ``repr`` of a python-fido2 object nor one of its error messages can hold them.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from fido2.utils import sha256, websafe_decode
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from passkeep.age.fido2prf import PRF_OUTPUT_SIZE
from passkeep.passkey.failures import Purpose, error_name, given_up, refused

Response = TypeVar("Response", RegistrationResponse, AuthenticationResponse)

TRANSPORTS = frozenset({"ble", "hybrid", "internal", "nfc", "usb"})
"""The transports python-fido2 knows; others are left out of what we store and ask for."""

_FOREIGN = "The answer does not belong to this ceremony."


@dataclass(frozen=True, slots=True, repr=False)
class PrfResults:
    """The ``prf`` member of ``clientExtensionResults``.

    Attributes:
        enabled: True where the browser said that the new passkey has PRF.
        output: 64 secret bytes, or None unless both results were there, 32 bytes each.
    """

    enabled: bool
    output: bytes | None


def check_answered(purpose: Purpose, response: object) -> None:
    """Check that the page sends an answer and no failure of the browser.

    Raises:
        CeremonyError: It sends a failure: ``{"failure": name}``.
    """
    failure = mapping(response).get("failure")
    if failure is not None:
        raise given_up(purpose, error_name(failure))


def split_prf(response: object) -> tuple[PrfResults, dict[str, Any]]:
    """Part a response into its PRF results and everything else.

    Args:
        response: RegistrationResponseJSON or AuthenticationResponseJSON, still unchecked.
            It is left as it was.

    Returns:
        The PRF results, and a copy of the response without them.
    """
    rest = dict(response) if isinstance(response, Mapping) else {}
    extensions = mapping(rest.get("clientExtensionResults"))
    prf = mapping(extensions.pop("prf", None))
    rest["clientExtensionResults"] = extensions
    results = mapping(prf.get("results"))
    halves = [decode(results.get(name)) for name in ("first", "second")]
    # Each half is checked on its own: 16 and 48 bytes also make 64.
    complete = all(len(half) == PRF_OUTPUT_SIZE // 2 for half in halves)
    return PrfResults(prf.get("enabled") is True, b"".join(halves) if complete else None), rest


def parse(purpose: Purpose, kind: type[Response], rest: Mapping[str, Any]) -> Response:
    """Return the response as a python-fido2 object.

    Raises:
        CeremonyError: It is not a response at all.
    """
    try:
        return kind.from_dict(rest)
    except Exception:  # noqa: BLE001 - any failure of this parser means malformed input
        raise refused(purpose, _FOREIGN) from None


def check_client_data(
    purpose: Purpose,
    response: RegistrationResponse | AuthenticationResponse,
    state: Mapping[str, Any],
) -> None:
    """Check who asked for the response: this page, for this step, in no frame of others.

    Raises:
        CeremonyError: Type, challenge or origin are not those of the step in ``state``.
    """
    data = response.response.client_data
    expected = {"create": "webauthn.create", "get": "webauthn.get"}[state["kind"]]
    challenge = decode(state["server"]["challenge"])
    if (
        data.type != expected
        or not hmac.compare_digest(data.challenge, challenge)
        or data.origin != state["origin"]
        or data.cross_origin is not False
    ):
        raise refused(purpose, _FOREIGN)


def check_assertion(
    purpose: Purpose, response: AuthenticationResponse, state: Mapping[str, Any]
) -> None:
    """Check an assertion except for its signature.

    No public key is at hand when a slot is opened: that the slot opens is the proof.

    Raises:
        CeremonyError: The assertion is not one for ``state``, or the user was not verified.
            With and without verification an authenticator has two different secrets, so
            an unverified one could never open the slot.
    """
    check_client_data(purpose, response, state)
    data = response.response.authenticator_data
    if not hmac.compare_digest(data.rp_id_hash, sha256(state["rp_id"].encode())):
        raise refused(purpose, _FOREIGN)
    if not data.is_user_present() or not data.is_user_verified():
        message = "The passkey answered without checking who is using it."
        raise refused(purpose, message, "unverified")


def transports_of(response: object) -> tuple[str, ...]:
    """Return the known transports that a registration names, sorted."""
    attestation = mapping(mapping(response).get("response"))
    named = attestation.get("transports")
    if not isinstance(named, list):
        return ()
    return tuple(sorted({name for name in named if isinstance(name, str)} & TRANSPORTS))


def discoverable(rest: Mapping[str, Any]) -> bool | None:
    """Return ``credProps.rk`` of a registration; None where the browser does not say."""
    known = mapping(mapping(rest.get("clientExtensionResults")).get("credProps")).get("rk")
    return known if isinstance(known, bool) else None


def decode(value: object) -> bytes:
    """Return the bytes of a base64url string; nothing for anything else."""
    if not isinstance(value, str):
        return b""
    try:
        return websafe_decode(value)
    except ValueError:
        return b""


def mapping(value: object) -> dict[str, Any]:
    """Return a copy of a JSON object; an empty one for anything else."""
    return dict(value) if isinstance(value, Mapping) else {}

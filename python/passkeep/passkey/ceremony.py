"""The relying party's half of a passkey ceremony, as plain data.

Every ``begin_…`` returns a :class:`Step`: JSON options for the page and a JSON state to
keep until the page has answered. ``complete_enrolment`` may return a further step,
because an enrolment is accepted only when two separate evaluations gave the same bytes:
some authenticators return nothing at creation, some firmware returns something else.

An application calls them from its own backend::

    step = begin_enrolment(rp_id="example.org", origin="https://example.org", label=…, nonce=…)
    while isinstance(step, Step):
        response = …   # the page calls navigator.credentials[step.kind](step.options)
        step = complete_enrolment(step.state, response)

The responses are the JSON forms of WebAuthn Level 3. Safari's own ``toJSON`` loses PRF
results; serialise by hand, as the page in this package does. Where the browser gave no
answer, the response is ``{"failure": name}`` with the name of its DOMException, or
``NoWebAuthn``, ``InsecureContext`` or ``NoPrf``: it becomes an error with a message for people.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from passkeep.age.fido2prf import NONCE_SIZE, Credential, prf_inputs
from passkeep.errors import InvalidInputError
from passkeep.passkey import responses
from passkeep.passkey.failures import Purpose, other_site, refused, unsupported
from passkeep.passkey.step import Phase, Step
from passkeep.prf import Answer, Enrolment, Question, check_label

MAX_QUESTIONS = 64
"""Passkeys asked in one prompt. Browsers refuse very long lists; a keyring has 16 slots."""

ResidentKey = Literal["discouraged", "preferred", "required"]


def begin_enrolment(
    *,
    rp_id: str,
    origin: str,
    label: str,
    nonce: bytes,
    resident_key: ResidentKey = "preferred",
) -> Step:
    """Begin to make a passkey.

    Args:
        rp_id: The domain that the passkey will belong to.
        origin: The exact origin of the page, scheme and port included.
        label: Whose or which passkey this is, for people: ``laptop``. It becomes part of
            the name that password managers show.
        nonce: The 16 bytes whose two PRF inputs the new passkey is asked for.
        resident_key: Whether it should be one that can be found without its id. Password
            managers list and synchronise only these; on a security key they take room.

    Raises:
        InvalidInputError: The label is empty, longer than 64 characters, or not
            printable, or the nonce has not 16 bytes.
    """
    name = passkey_name(label)
    _check_nonce(nonce)
    # A user id that was used before would replace the passkey made with it, and its
    # secret with it. "preferred": a passkey that password managers can list and sync is
    # worth having, but a full security key still serves, because slots store the id.
    options, server = _server(rp_id, origin).register_begin(
        PublicKeyCredentialUserEntity(id=os.urandom(32), name=name, display_name=name),
        resident_key_requirement=ResidentKeyRequirement(resident_key),
        user_verification=UserVerificationRequirement.REQUIRED,
        extensions={"prf": {"eval": _eval(nonce)}, "credProps": True},
    )
    state = {
        "kind": "create",
        "rp_id": rp_id,
        "origin": origin,
        "nonce": nonce.hex(),
        "phase": "create",
        "server": server,
    }
    return _step(options, state)


def complete_enrolment(state: Mapping[str, Any], response: object) -> Step | Enrolment:
    """Take the page's response to a step of an enrolment.

    Args:
        state: The state of that step.
        response: RegistrationResponseJSON or AuthenticationResponseJSON, as parsed JSON;
            or the page's failure (see below).

    Returns:
        The next step, or the finished enrolment.

    Raises:
        NoAnswerError: The page reports that no passkey answered.
        UnsupportedError: The browser, the device or the passkey has no PRF, or cannot
            check who is using it.
        CeremonyError: The response does not belong to the step, the user was not
            verified, or the passkey gives a different secret each time.
    """
    responses.check_answered("enrol", response)
    if state["kind"] == "create":
        return _registered(state, response)
    return _confirmed(state, response)


def begin_evaluation(*, rp_id: str, origin: str, questions: Sequence[Question]) -> Step:
    """Begin to ask for the secret of whichever of several passkeys is at hand.

    Args:
        rp_id: The RP ID of the page. Questions of other RP IDs are left out.
        origin: The exact origin of the page, scheme and port included.
        questions: The slots that would do. A prompt can put one question to a passkey,
            so of two questions for the same credential the first one counts.

    Raises:
        OtherSiteError: None of the questions has this RP ID.
        InvalidInputError: There is no question, more than 64 have this RP ID, or a nonce
            has not 16 bytes.
    """
    asked: dict[bytes, Question] = {}
    for question in questions:
        _check_nonce(question.nonce)
        if question.credential.rp_id == rp_id:
            asked.setdefault(question.credential.id, question)
    if questions and not asked:
        raise other_site(question.credential.rp_id for question in questions)
    if not 0 < len(asked) <= MAX_QUESTIONS:
        raise InvalidInputError(
            f"one prompt asks 1 to {MAX_QUESTIONS} passkeys of an RP ID, not {len(asked)}"
        )
    return _ask(rp_id, origin, list(asked.values()), {})


def complete_evaluation(state: Mapping[str, Any], response: object) -> Answer:
    """Take the page's response to an evaluation.

    Args:
        state: The state of the step.
        response: AuthenticationResponseJSON, as parsed JSON; or the page's failure.

    Raises:
        NoAnswerError: The page reports that no passkey answered.
        UnsupportedError: The browser, the device or the passkey has no PRF.
        CeremonyError: The response does not belong to the step, or the user was not
            verified.
    """
    responses.check_answered("unlock", response)
    prf, credential_id, _ = _assertion("unlock", state, response)
    return Answer(credential_id, prf)


def passkey_name(label: str, made: str | None = None) -> str:
    """Return the name under which password managers list the passkey.

    It says what the passkey is and when it was made: people delete what they do not know.

    Args:
        label: The person's name for it.
        made: Year and month; None for now.

    Raises:
        InvalidInputError: The label is empty, longer than 64 characters, or not printable.
    """
    month = made or time.strftime("%Y-%m")
    return f"passkeep backup key · {check_label(label)} · {month} · do not delete"


def _registered(state: Mapping[str, Any], response: object) -> Step:
    """Check a registration and return the step that asks the new passkey."""
    prf, rest = responses.split_prf(response)
    registration = responses.parse("enrol", RegistrationResponse, rest)
    responses.check_client_data("enrol", registration, state)
    try:
        data = _server(state["rp_id"], state["origin"]).register_complete(
            state["server"], registration
        )
    except (ValueError, AssertionError):
        raise refused(
            "enrol",
            "The new passkey was made without checking who is using it, or elsewhere.",
            "unverified",
        ) from None
    if data.credential_data is None:
        raise refused("enrol", "The answer holds no passkey.")
    if not prf.enabled and prf.output is None:
        raise unsupported(
            "enrol",
            "This passkey cannot hold a backup key: its provider has no support for PRF. "
            "You can delete it again.",
            "no-prf",
        )
    found = {
        "credential": data.credential_data.hex(),
        "transports": list(responses.transports_of(rest)),
        "discoverable": responses.discoverable(rest),
        "backup_eligible": data.is_backup_eligible(),
        "digest": None if prf.output is None else _digest(prf.output),
    }
    return _confirm(state, found, "first" if found["digest"] is None else "confirm")


def _confirmed(state: Mapping[str, Any], response: object) -> Step | Enrolment:
    """Accept the passkey when this output equals the one before, else ask once more."""
    output, credential_id, signed = _assertion("enrol", state, response)
    found = state["found"]
    public_key = AttestedCredentialData(bytes.fromhex(found["credential"])).public_key
    try:
        public_key.verify(*signed)
    except Exception:  # noqa: BLE001 - each key type has its own ways to refuse a signature
        raise refused("enrol", "The signature of the new passkey is wrong.") from None
    digest = _digest(output)
    if found["digest"] is not None and hmac.compare_digest(found["digest"], digest):
        return Enrolment(
            Credential(credential_id, state["rp_id"], tuple(found["transports"])),
            discoverable=found["discoverable"],
            backup_eligible=found["backup_eligible"],
            nonce=bytes.fromhex(state["nonce"]),
            prf_output=output,
        )
    if state["assertions"] > 1:
        raise refused(
            "enrol",
            "This passkey gave a different secret each time it was asked, so it cannot hold "
            "a backup key. You can delete it again. An update of the device may help.",
            "unstable",
        )
    phase: Phase = "again" if found["digest"] is None else "decide"
    return _confirm(state, {**found, "digest": digest}, phase)


def _confirm(state: Mapping[str, Any], found: dict[str, Any], phase: Phase) -> Step:
    """Return the step that asks a new passkey exactly as it will be asked at unlock."""
    credential = Credential(
        AttestedCredentialData(bytes.fromhex(found["credential"])).credential_id,
        state["rp_id"],
        tuple(found["transports"]),
    )
    question = Question(credential, bytes.fromhex(state["nonce"]))
    more = {
        "nonce": state["nonce"],
        "found": found,
        "phase": phase,
        "assertions": state.get("assertions", 0) + 1,
    }
    return _ask(state["rp_id"], state["origin"], [question], more)


def _ask(rp_id: str, origin: str, questions: list[Question], more: dict[str, Any]) -> Step:
    """Return one assertion for all ``questions``, each with the inputs of its own slot."""
    by_credential = {
        websafe_encode(question.credential.id): _eval(question.nonce) for question in questions
    }
    options, server = _server(rp_id, origin).authenticate_begin(
        [_descriptor(question.credential) for question in questions],
        user_verification=UserVerificationRequirement.REQUIRED,
        extensions={"prf": {"evalByCredential": by_credential}},
    )
    state = {
        "kind": "get",
        "rp_id": rp_id,
        "origin": origin,
        "credentials": [question.credential.id.hex() for question in questions],
        "server": server,
        **more,
    }
    return _step(options, state)


def _assertion(
    purpose: Purpose, state: Mapping[str, Any], response: object
) -> tuple[bytes, bytes, tuple[bytes, bytes]]:
    """Check an assertion.

    Returns:
        The 64 secret bytes, the credential that answered, and what its signature covers
        together with the signature.
    """
    prf, rest = responses.split_prf(response)
    assertion = responses.parse(purpose, AuthenticationResponse, rest)
    responses.check_assertion(purpose, assertion, state)
    if assertion.raw_id.hex() not in state["credentials"]:
        raise refused(purpose, "A passkey answered that was not asked.")
    if prf.output is None:
        message = "The passkey answered, but without the secret (no PRF output)."
        raise unsupported(purpose, message, "no-secret")
    signed = assertion.response.authenticator_data + assertion.response.client_data.hash
    return prf.output, assertion.raw_id, (signed, assertion.response.signature)


def _server(rp_id: str, origin: str) -> Fido2Server:
    # The origin check that is built in accepts any port, so an exact one is passed.
    return Fido2Server(
        PublicKeyCredentialRpEntity(id=rp_id, name="passkeep"),
        attestation=AttestationConveyancePreference.NONE,
        verify_origin=lambda claimed: claimed == origin,
    )


def _descriptor(credential: Credential) -> PublicKeyCredentialDescriptor:
    known = [name for name in credential.transports if name in responses.TRANSPORTS]
    return PublicKeyCredentialDescriptor(
        type=PublicKeyCredentialType.PUBLIC_KEY,
        id=credential.id,
        transports=[AuthenticatorTransport(name) for name in known] or None,
    )


def _eval(nonce: bytes) -> dict[str, str]:
    first, second = prf_inputs(nonce)
    return {"first": websafe_encode(first), "second": websafe_encode(second)}


def _step(options: Mapping[str, Any], state: dict[str, Any]) -> Step:
    """Return both halves as what JSON gives back, so that callers see no library types."""
    return Step(json.loads(json.dumps(dict(options))), json.loads(json.dumps(state)))


def _check_nonce(nonce: bytes) -> None:
    if len(nonce) != NONCE_SIZE:
        raise InvalidInputError(f"the nonce of a passkey slot has {NONCE_SIZE} bytes")


def _digest(output: bytes) -> str:
    """Return what a state may keep of an output: enough to compare, nothing to open with."""
    return hashlib.sha256(b"passkeep enrolment" + output).hexdigest()

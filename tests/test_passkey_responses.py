"""Every answer that the relying party must refuse."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from fido2.webauthn import AuthenticatorData

from passkeep.age.fido2prf import Credential
from passkeep.errors import CeremonyError
from passkeep.passkey import (
    Question,
    Step,
    begin_enrolment,
    begin_evaluation,
    complete_enrolment,
    complete_evaluation,
)
from support.authenticator import SoftPasskey

RP_ID = "passkeep.localhost"
ORIGIN = "http://passkeep.localhost:1"
NONCE = bytes(range(16))
Flag = AuthenticatorData.FLAG


def begin() -> Step:
    return begin_enrolment(rp_id=RP_ID, origin=ORIGIN, label="Phone", nonce=NONCE)


def ask(*passkeys: SoftPasskey) -> Step:
    questions = [Question(Credential(each.id, RP_ID, ()), NONCE) for each in passkeys]
    return begin_evaluation(rp_id=RP_ID, origin=ORIGIN, questions=questions)


LIES = {
    "another port": {"origin": "http://passkeep.localhost:2"},
    "another scheme": {"origin": "https://passkeep.localhost:1"},
    "another host": {"origin": "http://localhost:1"},
    "a frame": {"cross_origin": True},
    "another RP": {"rp_id": "localhost"},
    "another purpose": {"type": "payment.get"},
    "nobody verified": {"flags": Flag.UP},
    "nobody present": {"flags": Flag.UV},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
@pytest.mark.parametrize("phase", ["create", "confirm", "unlock"])
def test_a_response_from_elsewhere_is_refused(phase: str, lie: dict[str, Any]) -> None:
    passkey = SoftPasskey()
    step: Any = ask(passkey) if phase == "unlock" else begin()
    if phase == "confirm":
        step = complete_enrolment(step.state, passkey.respond(step.options))
    complete = complete_evaluation if phase == "unlock" else complete_enrolment
    complete(step.state, passkey.respond(step.options))  # the truth is accepted
    vars(passkey).update(lie)
    with pytest.raises(CeremonyError):
        complete(step.state, passkey.respond(step.options))


@pytest.mark.parametrize("phase", ["create", "unlock"])
def test_a_response_to_another_challenge_is_refused(phase: str) -> None:
    passkey = SoftPasskey()
    make, complete = (
        (begin, complete_enrolment)
        if phase == "create"
        else (lambda: ask(passkey), complete_evaluation)
    )
    with pytest.raises(CeremonyError):
        complete(make().state, passkey.respond(make().options))


def test_a_registration_is_no_assertion() -> None:
    """Nor the other way round, even with the right challenge."""
    passkey = SoftPasskey()
    creation, unlock = begin(), ask(passkey)
    creation.options["publicKey"]["challenge"] = unlock.options["publicKey"]["challenge"]
    with pytest.raises(CeremonyError):
        complete_evaluation(unlock.state, passkey.respond(creation.options))


def test_a_passkey_that_was_not_asked_is_refused() -> None:
    asked, other = SoftPasskey(), SoftPasskey()
    step = ask(asked)
    response = other.respond(step.options)
    response["clientExtensionResults"] = asked.respond(step.options)["clientExtensionResults"]
    with pytest.raises(CeremonyError, match="not asked"):
        complete_evaluation(step.state, response)


@pytest.mark.parametrize(
    "results",
    [
        None,
        {},
        [],
        {"first": "A" * 43},
        {"first": "A" * 43, "second": ""},
        {"first": "A" * 22, "second": "A" * 64},  # 16 + 48 bytes
        {"first": "A" * 43, "second": 7},
        {"first": "A" * 43, "second": "é" * 43},
        {"first": "A" * 86, "second": "A" * 86},
    ],
)
def test_anything_but_two_outputs_of_32_bytes_is_refused(results: Any) -> None:
    passkey = SoftPasskey()
    step = ask(passkey)
    response = passkey.respond(step.options)
    response["clientExtensionResults"]["prf"]["results"] = results
    with pytest.raises(CeremonyError, match="PRF"):
        complete_evaluation(step.state, response)


def test_every_malformed_response_is_a_ceremony_error() -> None:
    """Each member of a good response in turn is replaced by nonsense.

    Not the signature: no public key is at hand at unlock.
    """
    passkey = SoftPasskey()
    for step, complete in ((begin(), complete_enrolment), (ask(passkey), complete_evaluation)):
        good = passkey.respond(step.options)
        checked = {"clientDataJSON", "attestationObject", "authenticatorData"}
        paths = [["rawId"], ["id"], ["response"]]
        paths += [["response", name] for name in good["response"].keys() & checked]
        cases: list[Any] = [None, [], 7, "text", {}]
        for path in paths:
            for nonsense in (None, "", "*", "AAAA", 7, [], {"a": 1}, "A" * 4000):
                bad = copy.deepcopy(good)
                inner = bad[path[0]] if len(path) > 1 else bad
                inner[path[-1]] = nonsense
                cases.append(bad)
        for case in cases:
            with pytest.raises(CeremonyError):
                complete(step.state, case)

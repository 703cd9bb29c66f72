"""The relying party's half: what it asks for, and what it makes of good answers."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
import traceback
from typing import Any

import pytest
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AuthenticatorData

from passkeep.age.fido2prf import Credential, prf_inputs
from passkeep.errors import CeremonyError, InvalidInputError
from passkeep.passkey import (
    Answer,
    Enrolment,
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


def begin(**changes: Any) -> Step:
    arguments = {"rp_id": RP_ID, "origin": ORIGIN, "label": "Phone", "nonce": NONCE}
    return begin_enrolment(**(arguments | changes))


def enrol(passkey: SoftPasskey) -> tuple[Enrolment, list[str]]:
    """Enrol and return the result with the kinds of the prompts it took."""
    step: Step | Enrolment = begin()
    prompts = []
    while isinstance(step, Step):
        prompts.append(step.kind)
        assert json.loads(json.dumps(step)) == [step.options, step.state]
        step = complete_enrolment(step.state, passkey.respond(step.options))
    return step, prompts


def ask(*passkeys: SoftPasskey) -> Step:
    questions = [Question(Credential(each.id, RP_ID, ()), NONCE) for each in passkeys]
    return begin_evaluation(rp_id=RP_ID, origin=ORIGIN, questions=questions)


def test_creation_asks_for_a_verified_discoverable_passkey_with_prf() -> None:
    public = begin().options["publicKey"]
    first, second = prf_inputs(NONCE)
    assert public["rp"] == {"id": RP_ID, "name": "passkeep"}
    assert public["attestation"] == "none"
    assert public["authenticatorSelection"]["userVerification"] == "required"
    assert public["authenticatorSelection"]["residentKey"] == "preferred"
    assert public["extensions"] == {
        "prf": {"eval": {"first": websafe_encode(first), "second": websafe_encode(second)}},
        "credProps": True,
    }


def test_nothing_random_is_used_twice() -> None:
    one, other = begin().options["publicKey"], begin().options["publicKey"]
    assert one["user"]["id"] != other["user"]["id"]
    assert len(websafe_decode(one["user"]["id"])) == 32
    assert one["challenge"] != other["challenge"]
    assert len(websafe_decode(one["challenge"])) == 32


def test_the_name_says_what_the_passkey_is() -> None:
    user = begin(label=" laptop ").options["publicKey"]["user"]
    assert user["name"] == user["displayName"]
    assert user["name"].startswith("passkeep backup key · laptop · 20")
    assert user["name"].endswith(" · do not delete")


@pytest.mark.parametrize("label", ["", "  ", "x" * 65, "line\nbreak", "bell\a"])
def test_a_label_that_cannot_be_shown_is_refused(label: str) -> None:
    with pytest.raises(InvalidInputError):
        begin(label=label)


@pytest.mark.parametrize("size", [0, 15, 17])
def test_a_nonce_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(InvalidInputError):
        begin(nonce=bytes(size))
    question = Question(Credential(b"id", RP_ID, ()), bytes(size))
    with pytest.raises(InvalidInputError):
        begin_evaluation(rp_id=RP_ID, origin=ORIGIN, questions=[question])


def test_output_at_creation_saves_a_prompt() -> None:
    passkey = SoftPasskey()
    passkey.flags |= Flag.BE
    enrolment, prompts = enrol(passkey)
    assert prompts == ["create", "get"]
    assert enrolment.credential == Credential(passkey.id, RP_ID, ("hybrid", "internal"))
    assert enrolment.prf_output == passkey.output(prf_inputs(NONCE))
    assert enrolment.discoverable is True
    assert enrolment.backup_eligible is True


def test_without_output_at_creation_two_assertions_decide() -> None:
    passkey = SoftPasskey()
    passkey.prf_at_creation = False
    enrolment, prompts = enrol(passkey)
    assert prompts == ["create", "get", "get"]
    assert enrolment.prf_output == passkey.output(prf_inputs(NONCE))
    assert enrolment.backup_eligible is False


def test_a_wrong_output_at_creation_is_outvoted() -> None:
    passkey = SoftPasskey()
    passkey.drift = b"wrong at creation"
    step = begin()
    step = complete_enrolment(step.state, passkey.respond(step.options))
    passkey.drift = b""
    for _ in range(2):
        assert isinstance(step, Step)
        step = complete_enrolment(step.state, passkey.respond(step.options))
    assert isinstance(step, Enrolment)
    assert step.prf_output == passkey.output(prf_inputs(NONCE))


def test_a_passkey_that_never_repeats_itself_is_refused() -> None:
    passkey = SoftPasskey()
    step: Any = begin()
    for number in range(2):
        passkey.drift = bytes([number])
        step = complete_enrolment(step.state, passkey.respond(step.options))
    passkey.drift = b"something else again"
    with pytest.raises(CeremonyError, match="different secret") as caught:
        complete_enrolment(step.state, passkey.respond(step.options))
    assert caught.value.hint


def test_a_state_holds_no_output() -> None:
    passkey = SoftPasskey()
    step = begin()
    following = complete_enrolment(step.state, passkey.respond(step.options))
    assert isinstance(following, Step)
    output = passkey.output(prf_inputs(NONCE))
    kept = json.dumps(following)
    for half in (output[:32], output[32:]):
        assert half.hex() not in kept
        assert websafe_encode(half) not in kept


def test_without_prf_nothing_is_enrolled() -> None:
    passkey = SoftPasskey()
    passkey.enabled = passkey.prf_at_creation = False
    step = begin()
    with pytest.raises(CeremonyError, match="PRF"):
        complete_enrolment(step.state, passkey.respond(step.options))


def test_enrolment_asks_exactly_as_an_unlock_does() -> None:
    passkey = SoftPasskey()
    step = begin()
    check = complete_enrolment(step.state, passkey.respond(step.options))
    assert isinstance(check, Step)
    unlock = begin_evaluation(
        rp_id=RP_ID,
        origin=ORIGIN,
        questions=[Question(Credential(passkey.id, RP_ID, ("hybrid", "internal")), NONCE)],
    )
    one, other = dict(check.options["publicKey"]), dict(unlock.options["publicKey"])
    assert one.pop("challenge") != other.pop("challenge")
    assert one == other


def test_a_forged_confirmation_is_refused() -> None:
    """The key that signs is the one that was registered, not just one with the same id."""
    passkey, forger = SoftPasskey(), SoftPasskey()
    forger.id = passkey.id
    step = begin()
    following = complete_enrolment(step.state, passkey.respond(step.options))
    assert isinstance(following, Step)
    with pytest.raises(CeremonyError, match="signature"):
        complete_enrolment(following.state, forger.respond(following.options))


def test_one_prompt_asks_all_passkeys_each_its_own_question() -> None:
    passkeys = [SoftPasskey() for _ in range(3)]
    questions = [
        Question(Credential(each.id, RP_ID, ("usb", "smoke-signal")), bytes([number]) * 16)
        for number, each in enumerate(passkeys)
    ]
    foreign = Question(Credential(b"elsewhere", "localhost", ()), NONCE)
    step = begin_evaluation(rp_id=RP_ID, origin=ORIGIN, questions=[foreign, *questions])
    public = step.options["publicKey"]
    assert public["userVerification"] == "required"
    assert [each["id"] for each in public["allowCredentials"]] == [
        websafe_encode(each.id) for each in passkeys
    ]
    assert {tuple(each["transports"]) for each in public["allowCredentials"]} == {("usb",)}
    for number, passkey in enumerate(passkeys):
        answer = complete_evaluation(step.state, passkey.respond(step.options))
        assert answer.credential_id == passkey.id
        assert answer.prf_output == passkey.output(prf_inputs(bytes([number]) * 16))


def test_a_passkey_is_asked_its_first_question() -> None:
    passkey = SoftPasskey()
    credential = Credential(passkey.id, RP_ID, ())
    questions = [Question(credential, NONCE), Question(credential, bytes(16))]
    step = begin_evaluation(rp_id=RP_ID, origin=ORIGIN, questions=questions)
    assert len(step.options["publicKey"]["allowCredentials"]) == 1
    answer = complete_evaluation(step.state, passkey.respond(step.options))
    assert answer.prf_output == passkey.output(prf_inputs(NONCE))


def test_a_prompt_needs_some_questions_but_not_too_many() -> None:
    with pytest.raises(InvalidInputError):
        ask()
    with pytest.raises(InvalidInputError):
        ask(*(SoftPasskey() for _ in range(65)))


def test_secrets_stay_out_of_reprs_and_pickles() -> None:
    passkey = SoftPasskey()
    enrolment, _ = enrol(passkey)
    step = ask(passkey)
    answer = complete_evaluation(step.state, passkey.respond(step.options))
    for holder in (enrolment, answer):
        for shown in (repr(holder), str(holder), f"{[holder]}"):
            assert repr(holder.prf_output) not in shown
            assert holder.prf_output.hex()[:16] not in shown
        with pytest.raises(TypeError):
            pickle.dumps(holder)
        with pytest.raises(TypeError):
            copy.copy(holder)
    assert isinstance(answer, Answer)


def test_secrets_stay_out_of_tracebacks_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    passkey = SoftPasskey()
    enrol(passkey)
    step = ask(passkey)
    response = passkey.respond(step.options)
    secret = response["clientExtensionResults"]["prf"]["results"]["first"]
    response["response"]["authenticatorData"] = "AAAA"
    with pytest.raises(CeremonyError) as caught:
        complete_evaluation(step.state, response)
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert secret not in shown
    assert repr(websafe_decode(secret)) not in shown


def test_importing_the_package_loads_no_fido2() -> None:
    code = (
        "import sys, passkeep.passkey as p; assert 'Browser' in p.__all__;"
        "sys.exit(bool({'fido2', 'http.server'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""Ceremonies in a real headless Chromium with a DevTools virtual authenticator."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from passkeep.errors import CeremonyError
from passkeep.passkey import Question, begin_enrolment, ceremony
from support.browser import OLD_SECURITY_KEY, PHONE, SECURITY_KEY, Chromium
from support.ceremonies import REFUSE_ONCE, enrol, evaluate, play, record, recorded
from support.waiting import wait_until


@pytest.fixture(scope="module")
def one_chromium() -> Iterator[Chromium]:
    with Chromium() as chromium:
        yield record(chromium)


@pytest.fixture
def chromium(one_chromium: Chromium) -> Chromium:
    one_chromium.use_authenticator(PHONE)
    return one_chromium


@pytest.mark.parametrize(
    ("authenticator", "prompts", "synced"),
    [
        (PHONE, ["create", "get"], True),
        (SECURITY_KEY, ["create", "get"], False),
        (OLD_SECURITY_KEY, ["create", "get", "get"], False),
        ({**OLD_SECURITY_KEY, "hasHmacSecretMc": True}, ["create", "get"], False),
        ({"transport": "hybrid", "hasPrf": True}, ["create", "get"], False),
        ({**SECURITY_KEY, "hasResidentKey": False}, ["create", "get"], False),
    ],
    ids=["phone", "security key", "old security key", "hmac-secret-mc", "hybrid", "not resident"],
)
def test_every_kind_of_authenticator(
    chromium: Chromium, authenticator: dict[str, Any], prompts: list[str], synced: bool
) -> None:
    chromium.use_authenticator(authenticator)
    enrolment, question = enrol(chromium)
    chromium.wait_for("ready", "title")
    assert recorded(chromium, "prompts") == prompts
    assert enrolment.credential.rp_id == "passkeep.localhost"
    assert authenticator["transport"] in enrolment.credential.transports
    assert enrolment.backup_eligible is synced
    assert enrolment.discoverable is authenticator.get("hasResidentKey", True)
    answer = evaluate(chromium, question)
    chromium.wait_for("answered", "title")
    assert recorded(chromium, "prompts") == ["get"]
    assert answer.credential_id == enrolment.credential.id
    assert answer.prf_output == enrolment.prf_output
    other = evaluate(chromium, Question(enrolment.credential, os.urandom(16)))
    assert other.prf_output != enrolment.prf_output


def test_several_passkeys_are_asked_in_one_prompt(chromium: Chromium) -> None:
    enrolled = [enrol(chromium) for _ in range(3)]
    outputs = {one.credential.id: one.prf_output for one, _ in enrolled}
    questions = [question for _, question in enrolled]
    while questions:
        answer = evaluate(chromium, *(question for _, question in enrolled))
        assert recorded(chromium, "prompts") == ["get"]
        assert answer.prf_output == outputs[answer.credential_id]
        # The next round has to be answered by another one.
        chromium.forget(answer.credential_id)
        questions = [each for each in questions if each.credential.id != answer.credential_id]
    assert chromium.credentials() == []


def fails(chromium: Chromium) -> Callable[[str], None]:
    """Return a scene: it does not work, and the user gives up."""

    def scene(url: str) -> None:
        chromium.open_and_click(url)
        chromium.wait_for("No passkey answered")
        chromium.click("cancel")

    return scene


FOUR_CAUSES = r"removed.* check failed.* touched.* time"


TRANSPORTS = pytest.mark.parametrize("transport", ["internal", "usb", "hybrid"])


@TRANSPORTS
def test_a_removed_passkey(chromium: Chromium, transport: str) -> None:
    chromium.use_authenticator(PHONE | {"transport": transport})
    _, question = enrol(chromium)
    chromium.forget(question.credential.id)
    with pytest.raises(CeremonyError, match=FOUR_CAUSES) as caught:
        play(lambda browser: browser.evaluate([question]), fails(chromium))
    assert "recovery key" in caught.value.hint
    chromium.wait_for("Cancelled", "title")


@TRANSPORTS
def test_a_failed_verification(chromium: Chromium, transport: str) -> None:
    chromium.use_authenticator(PHONE | {"transport": transport})
    _, question = enrol(chromium)
    chromium.set_user_verified(False)
    with pytest.raises(CeremonyError, match=FOUR_CAUSES):
        play(lambda browser: browser.evaluate([question]), fails(chromium))


def test_trying_again(chromium: Chromium) -> None:
    enrolment, question = enrol(chromium)

    def scene(url: str) -> None:
        chromium.open(url)
        chromium.wait_for("Use passkey", "go")
        chromium.driver.execute_script(REFUSE_ONCE)
        chromium.click("go")
        chromium.wait_for("No passkey answered")
        chromium.wait_for("Try again", "go")
        chromium.click("go")

    answer = play(lambda browser: browser.evaluate([question]), scene)
    assert answer.prf_output == enrolment.prf_output


@TRANSPORTS
def test_a_passkey_without_prf_is_refused(chromium: Chromium, transport: str) -> None:
    chromium.use_authenticator({"transport": transport})
    with pytest.raises(CeremonyError, match="PRF"):
        enrol(chromium)
    chromium.wait_for("PRF", "lead")
    # The page tells the password manager, which does not keep a passkey nobody will ask.
    wait_until(lambda: chromium.credentials() == [])


def test_an_rp_id_that_is_not_the_page_s(
    chromium: Chromium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        ceremony, "begin_enrolment", lambda **a: begin_enrolment(**{**a, "rp_id": "example.org"})
    )

    def scene(url: str) -> None:
        chromium.open_and_click(url)
        chromium.wait_for("does not allow")
        chromium.click("cancel")

    with pytest.raises(CeremonyError, match="does not allow passkeys"):
        play(lambda browser: browser.enroll(label="Phone", nonce=bytes(16)), scene)


def test_each_rp_id_in_turn(chromium: Chromium) -> None:
    _, gone = enrol(chromium)
    enrolment, question = enrol(chromium, rp_id="localhost")
    assert enrolment.credential.rp_id == "localhost"
    chromium.forget(gone.credential.id)

    def first(url: str) -> None:
        chromium.open(url)
        chromium.wait_for("Other passkeys", "cancel")
        assert chromium.driver.current_url.startswith("http://passkeep.localhost:")
        chromium.click("cancel")

    answer = play(
        lambda browser: browser.evaluate([question, gone]), first, chromium.open_and_click
    )
    assert chromium.driver.current_url.startswith("http://localhost:")
    assert answer.prf_output == enrolment.prf_output


@pytest.mark.parametrize("prompting", [False, True])
def test_the_cancel_button(chromium: Chromium, prompting: bool) -> None:
    chromium.use_authenticator({**PHONE, "automaticPresenceSimulation": False})

    def scene(url: str) -> None:
        chromium.open(url)
        if prompting:
            chromium.click("go")
            chromium.wait_for("Waiting for your device")
        chromium.click("cancel")

    with pytest.raises(CeremonyError, match="cancelled") as caught:
        play(lambda browser: browser.enroll(label="Phone", nonce=bytes(16)), scene)
    assert "Nothing was added" in caught.value.hint


def test_the_time_is_up(chromium: Chromium) -> None:
    chromium.use_authenticator({**PHONE, "automaticPresenceSimulation": False})
    with pytest.raises(CeremonyError, match="no answer within 5 seconds"):
        play(
            lambda browser: browser.enroll(label="Phone", nonce=bytes(16)),
            chromium.open_and_click,
            timeout=5,
        )
    chromium.wait_for("time ran out", "title")


def test_another_process_uses_the_same_browser(chromium: Chromium) -> None:
    program = (
        "from passkeep.passkey import Browser, Question\n"
        "browser = Browser(announce=print, timeout=20)\n"
        "enrolment = browser.enroll(label='Phone', nonce=bytes(16))\n"
        "answer = browser.evaluate([Question(enrolment.credential, bytes(16))])\n"
        "assert answer.prf_output == enrolment.prf_output\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **chromium.environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.count("shows the code") == 2

"""Passkeys on an application's own page: steps as JSON, answered by a key in software."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fido2.client import DefaultClientDataCollector, Fido2Client

import passkeep
from passkeep import _native, sealed, web
from passkeep.age.fido2prf import Credential
from passkeep.errors import (
    CeremonyError,
    InvalidInputError,
    KeyringError,
    NoAnswerError,
    OtherSiteError,
    UnsupportedError,
    WrongKeyError,
)
from passkeep.passkey import Question, SecurityKey, Step, begin_evaluation
from support.person import Person, plug_in
from support.softkey import SoftKey

RP_ID = "example.org"
ORIGIN = "https://example.org"


class Page:
    """The application's page in a browser, with a key plugged in, beyond two HTTP requests."""

    def __init__(self, key: SoftKey, origin: str = ORIGIN) -> None:
        self._client = Fido2Client(key, DefaultClientDataCollector(origin), _Typing())

    def answer(self, step: Step) -> tuple[dict[str, Any], Any]:
        """The state as a session gives it back, and the page's answer as JSON."""
        options, state = json.loads(json.dumps([step.options, step.state]))
        if step.kind == "create":
            made: Any = self._client.make_credential(options["publicKey"])
        else:
            made = self._client.get_assertion(options["publicKey"]).get_response(0)
        return state, json.loads(json.dumps(dict(made)))


class _Typing:
    def prompt_up(self) -> None:
        pass

    def request_pin(self, *_: Any) -> str:
        return "1234"


@pytest.fixture
def unlocked(made, tmp_path) -> passkeep.Keyring:
    keyring = passkeep.Keyring.load(made.write(tmp_path))
    keyring.unlock(recovery_key=made.digits)
    return keyring


def add(keyring: passkeep.Keyring, page: Page, **options: str) -> passkeep.Slot:
    step: Any = web.begin_adding(**{"rp_id": RP_ID, "origin": ORIGIN, "label": "Site"} | options)
    while isinstance(step, Step):
        step = web.complete_adding(keyring, *page.answer(step))
    return step


@pytest.mark.parametrize("at_creation", [False, True])
def test_a_passkey_is_added_and_opens(unlocked, tmp_path, at_creation):
    page = Page(SoftKey(at_creation=at_creation))
    slot = add(unlocked, page)
    assert (slot.kind, slot.label) == ("passkey", "Site")
    path = tmp_path / "keyring.json"
    unlocked.save(path)
    step = web.begin_opening(passkeep.Keyring.load(path), rp_id=RP_ID, origin=ORIGIN)
    # Another request, another object: nothing is kept but the state.
    keyring = passkeep.Keyring.load(path)
    identity = web.complete_opening(keyring, *page.answer(step))
    assert keyring.add_password("brisk otter velvet canyon ripple ledger 2")
    sealed = passkeep.encrypt(b"x", to=unlocked)
    assert passkeep.decrypt(sealed, identity) == b"x"


def backed_up(keyring: passkeep.Keyring, tmp_path: Path) -> Path:
    keyring.save(tmp_path / "keyring.json")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "one").write_text("one")
    passkeep.backup(tmp_path / "files", tmp_path / "b.age", to=keyring)
    return tmp_path / "b.age"


def test_a_backup_is_opened_by_itself(unlocked, tmp_path):
    page = Page(SoftKey())
    add(unlocked, page)
    backup = backed_up(unlocked, tmp_path)
    step = web.begin_opening(backup, rp_id=RP_ID, origin=ORIGIN)
    identity = web.complete_opening(backup, *page.answer(step))
    passkeep.restore(backup, tmp_path / "out", identity)
    assert (tmp_path / "out" / "files" / "one").read_text() == "one"


def test_a_key_of_the_page_opens_in_the_terminal_and_the_other_way_round(
    unlocked, tmp_path, monkeypatch
):
    key, rp_id, origin = SoftKey(), "passkeep.localhost", "http://passkeep.localhost:8000"
    plug_in(monkeypatch, [key])
    page = Page(key, origin)
    slot = add(unlocked, page, rp_id=rp_id, origin=origin)
    backup = backed_up(unlocked, tmp_path)
    passkeep.verify(backup, passkeep.Unlock(passkey=SecurityKey(Person())))
    terminal = unlocked.add_passkey(SecurityKey(Person()), label="Terminal")
    unlocked.save(tmp_path / "keyring.json")
    key.credentials.pop(passkeep_id(slot))
    step = web.begin_opening(unlocked, rp_id=rp_id, origin=origin)
    state, answer = page.answer(step)
    assert state["credentials"] == [
        *(state["credentials"][:-2]),
        passkeep_id(slot).hex(),
        passkeep_id(terminal).hex(),
    ]
    web.complete_opening(unlocked, state, answer)


def passkeep_id(slot: passkeep.Slot) -> bytes:
    assert slot.credential is not None
    return Credential.from_string(slot.credential.identity).id


def test_an_answer_cannot_be_used_for_two_slots(unlocked):
    page = Page(SoftKey())
    step: Any = web.begin_adding(rp_id=RP_ID, origin=ORIGIN)
    while isinstance(step, Step):
        state, answer = page.answer(step)
        step = web.complete_adding(unlocked, state, answer)
    before = unlocked.slots
    with pytest.raises(KeyringError, match="added already"):
        web.complete_adding(unlocked, state, answer)
    assert unlocked.slots == before


def test_an_answer_to_another_step_is_refused(unlocked, tmp_path):
    page = Page(SoftKey())
    add(unlocked, page)
    unlocked.save(tmp_path / "keyring.json")
    first = web.begin_opening(unlocked, rp_id=RP_ID, origin=ORIGIN)
    second = web.begin_opening(unlocked, rp_id=RP_ID, origin=ORIGIN)
    _, answer = page.answer(first)
    with pytest.raises(CeremonyError, match="does not belong"):
        web.complete_opening(unlocked, second.state, answer)


def test_a_wrong_secret_opens_nothing(unlocked, tmp_path):
    key = SoftKey()
    page = Page(key)
    add(unlocked, page)
    backup = backed_up(unlocked, tmp_path)
    key.drift = b"x"
    for locked in (passkeep.Keyring.load(tmp_path / "keyring.json"), backup):
        step = web.begin_opening(locked, rp_id=RP_ID, origin=ORIGIN)
        with pytest.raises(WrongKeyError):
            web.complete_opening(locked, *page.answer(step))


def test_a_file_that_is_not_sealed_to_the_keyring_in_it(unlocked, tmp_path):
    page = Page(SoftKey())
    add(unlocked, page)
    unlocked.save(tmp_path / "keyring.json")
    others = [passkeep.Identity.generate().recipient]
    head, key = sealed.begin(others, unlocked.public().stanzas)
    (tmp_path / "f.age").write_bytes(_native.seal_bytes(b"x", head, key, threads=1))
    step = web.begin_opening(tmp_path / "f.age", rp_id=RP_ID, origin=ORIGIN)
    with pytest.raises(WrongKeyError, match="but not the file"):
        web.complete_opening(tmp_path / "f.age", *page.answer(step))


def test_a_locked_keyring_takes_no_passkey(unlocked, made, tmp_path):
    keyring = passkeep.Keyring.load(made.write(tmp_path))
    with pytest.raises(KeyringError, match="locked"):
        add(keyring, Page(SoftKey()))


def test_no_passkey_of_this_page(unlocked, tmp_path):
    add(unlocked, Page(SoftKey()))
    unlocked.save(tmp_path / "keyring.json")
    with pytest.raises(OtherSiteError, match=r"localhost and example\.org") as caught:
        web.begin_opening(unlocked, rp_id="other.example", origin="https://other.example")
    assert caught.value.rp_ids == ("passkeep.localhost", RP_ID)
    assert "recovery key" in caught.value.hint


def test_a_file_may_name_no_site_at_all():
    """Who wrote the RP ID is not known, so only what is a domain is repeated."""
    questions = [
        Question(Credential(b"id", rp_id, ()), bytes(16))
        for rp_id in ("a.example", "b.example", "c.example", "d.example", "\x1b[2J click here")
    ]
    with pytest.raises(OtherSiteError) as caught:
        begin_evaluation(rp_id=RP_ID, origin=ORIGIN, questions=questions)
    assert "a.example, b.example, c.example and other addresses" in str(caught.value)
    with pytest.raises(OtherSiteError) as caught:
        begin_evaluation(rp_id=RP_ID, origin=ORIGIN, questions=questions[-1:])
    assert "belong to other addresses" in str(caught.value)
    assert "where the passkey was made" in caught.value.hint


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ("NotAllowedError", NoAnswerError),
        ("AbortError", NoAnswerError),
        ("NotSupportedError", UnsupportedError),
        ("ConstraintError", UnsupportedError),
        ("SecurityError", UnsupportedError),
        ("NoPrf", UnsupportedError),
        ("\x1b[2J", CeremonyError),
        (["list"], CeremonyError),
        ({}, CeremonyError),
    ],
)
def test_a_failure_that_the_page_reports(unlocked, tmp_path, failure, kind):
    add(unlocked, Page(SoftKey()))
    unlocked.save(tmp_path / "keyring.json")
    adding = web.begin_adding(rp_id=RP_ID, origin=ORIGIN)
    opening = web.begin_opening(unlocked, rp_id=RP_ID, origin=ORIGIN)
    for step, complete in ((adding, web.complete_adding), (opening, web.complete_opening)):
        with pytest.raises(CeremonyError) as caught:
            complete(unlocked, step.state, {"failure": failure})
        found = {one for one in (NoAnswerError, UnsupportedError) if isinstance(caught.value, one)}
        assert found == {kind} - {CeremonyError}
        assert "\x1b" not in str(caught.value)
        assert caught.value.hint


def test_no_passkey_at_all(tmp_path):
    keyring = passkeep.Keyring.create()
    keyring.confirm_recovery_key(keyring.new_recovery_key())
    keyring.save(tmp_path / "keyring.json")
    with pytest.raises(WrongKeyError, match="no passkey slot"):
        web.begin_opening(keyring, rp_id=RP_ID, origin=ORIGIN)
    identity = passkeep.Identity.generate()
    (tmp_path / "plain.age").write_bytes(passkeep.encrypt(b"x", to=identity.recipient))
    with pytest.raises(WrongKeyError, match="no keyring"):
        web.begin_opening(tmp_path / "plain.age", rp_id=RP_ID, origin=ORIGIN)


def test_a_bad_label_is_refused_before_anything_is_made():
    with pytest.raises(InvalidInputError):
        web.begin_adding(rp_id=RP_ID, origin=ORIGIN, label="")


def test_nothing_shows_a_secret(unlocked, tmp_path):
    page = Page(SoftKey())
    add(unlocked, page)
    backup = backed_up(unlocked, tmp_path)
    step = web.begin_opening(backup, rp_id=RP_ID, origin=ORIGIN)
    state, answer = page.answer(step)
    secret = answer["clientExtensionResults"]["prf"]["results"]["first"]
    identity = web.complete_opening(backup, state, answer)
    assert secret not in repr(identity) + repr(vars(identity)) + json.dumps(state)

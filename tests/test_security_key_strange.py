"""Security keys that are missing, unfit, broken or hostile, and the dialogue of Windows."""

from __future__ import annotations

import os
import random
import sys
import types
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fido2 import cbor
from fido2.client import ClientError, Fido2Client, WebAuthnClient
from fido2.ctap import STATUS
from fido2.hid import CAPABILITY

from passkeep.age.fido2prf import Credential
from passkeep.errors import CeremonyError
from passkeep.passkey import Question, SecurityKey, hid_keys
from support.person import Person, plug_in
from support.softkey import SoftKey

NONCE = bytes(range(16))
MAKE_CREDENTIAL, GET_ASSERTION, GET_INFO, CLIENT_PIN = 1, 2, 4, 6

REPEATED = (GET_ASSERTION, GET_INFO, CLIENT_PIN)  # more than once in an enrolment

# What the kernel shows of a security key (usage page F1D0), and of a mouse.
KEY = bytes.fromhex("06d0f10901a1010920150026ff007508954081020921150026ff00750895409102c0")
MOUSE = bytes.fromhex("05010902a1010901a100050919012905150025019505750181029501750381")


def enrol(person: Person | None = None, **options: Any):
    options = {"plug_in_timeout": 0, **options}
    return SecurityKey(person or Person(), **options).enroll(label="Key", nonce=NONCE)


def refused(match: str, **options: Any) -> CeremonyError:
    with pytest.raises(CeremonyError, match=match) as caught:
        enrol(**options)
    assert caught.value.hint
    return caught.value


# Missing


def test_no_key(monkeypatch):
    plug_in(monkeypatch, [])
    assert "Plug it in" in refused("No security key was found").hint


def node(folder: Path, name: str, descriptor: bytes) -> None:
    (folder / "sys" / name / "device").mkdir(parents=True)
    (folder / "sys" / name / "device" / "report_descriptor").write_bytes(descriptor)
    (folder / "dev").mkdir(exist_ok=True)


def test_keys_that_cannot_be_opened_are_named(tmp_path):
    """A folder stands for what cannot be opened, even by root."""
    node(tmp_path, "hidraw0", MOUSE)
    node(tmp_path, "hidraw1", KEY)
    node(tmp_path, "hidraw2", KEY)
    node(tmp_path, "hidraw3", b"\x06\xd0")
    node(tmp_path, "hidraw4", KEY)
    for name in ("hidraw0", "hidraw1"):
        (tmp_path / "dev" / name).mkdir()
    (tmp_path / "dev" / "hidraw2").touch()
    found = hid_keys.locked_nodes(tmp_path / "dev", tmp_path / "sys")
    expected = ["hidraw1", "hidraw4"] if sys.platform == "linux" else []
    assert [Path(each).name for each in found] == expected
    assert hid_keys.locked_nodes(tmp_path / "dev", tmp_path / "nothing") == ()


def test_the_hint_for_keys_that_cannot_be_opened(monkeypatch):
    plug_in(monkeypatch, [])
    monkeypatch.setattr(hid_keys, "locked_nodes", lambda: ("/dev/hidraw7",))
    assert "udev" in refused(r"plugged in \(/dev/hidraw7\), but it cannot be opened").hint


def test_a_key_that_does_not_even_greet(monkeypatch):
    key = SoftKey()
    key.plugged_in = False
    plug_in(monkeypatch, [key])
    refused("makes no sense")


# Unfit


def test_a_key_without_hmac_secret(monkeypatch):
    key = SoftKey(hmac_secret=False)
    plug_in(monkeypatch, [key])
    refused("does not support hmac-secret")
    assert key.touches == 0, "nothing was made on it"


def test_a_key_without_a_pin(monkeypatch):
    plug_in(monkeypatch, [SoftKey(pin=None)])
    hint = refused("no PIN and no fingerprint").hint
    assert "ykman fido access change-pin" in hint
    assert "fido2-token -S" in hint


def test_a_key_that_wants_another_pin_first(monkeypatch):
    key = SoftKey()
    key.force_pin_change = True
    plug_in(monkeypatch, [key])
    assert "ykman" in refused("asks for a new PIN").hint


def test_a_key_of_u2f_times(monkeypatch):
    key = SoftKey()
    key.capabilities = CAPABILITY.WINK
    plug_in(monkeypatch, [key])
    refused("only U2F")


def test_a_key_that_cannot_store_what_it_should_list(monkeypatch):
    key = SoftKey(resident_keys=False)
    plug_in(monkeypatch, [key])
    refused("cannot make a passkey that it lists", discoverable=True)
    assert key.touches == 0
    enrol()


# Broken and hostile


class Bent(SoftKey):
    """A key whose answers to one command are bent, from one occurrence on."""

    def __init__(self, command: int, bend: Any, *, skip: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self._bent, self._bend, self._skip = command, bend, skip

    def call(self, cmd: int, data: bytes = b"", *rest: Any) -> bytes:
        answer = super().call(cmd, data, *rest)
        if data[0] != self._bent:
            return answer
        self._skip -= 1
        return answer if self._skip >= 0 else self._bend(answer)


def gone(_: bytes) -> bytes:
    raise OSError("no such device")


@pytest.mark.parametrize("command", [MAKE_CREDENTIAL, GET_ASSERTION, CLIENT_PIN])
def test_a_key_that_is_pulled_out(monkeypatch, command):
    plug_in(monkeypatch, [Bent(command, gone)])
    refused("was it pulled out")


@pytest.mark.parametrize("answer", [b"", b"\0", b"\0\xff", b"\0\x80", b"\0\xa1\x01\x05", b"\xf7"])
@pytest.mark.parametrize(
    ("command", "skip"),
    [(MAKE_CREDENTIAL, 0), *((each, n) for each in REPEATED for n in (0, 1))],
)
def test_answers_that_are_none(monkeypatch, command, answer, skip):
    plug_in(monkeypatch, [Bent(command, lambda _: answer, skip=skip)])
    with pytest.raises(CeremonyError):
        enrol()


def test_no_bent_bit_gets_past(monkeypatch):
    """Every answer is either refused in our words, or the right one after all."""
    made, dice = {}, random.Random(7)

    def bend(answer: bytes) -> bytes:
        bent = bytearray(answer)
        for _ in range(dice.choice((1, 1, 4))):
            bent[dice.randrange(len(bent))] ^= 1 << dice.randrange(8)
        return bytes(bent)

    refusals = 0
    for turn in range(240):
        command = (MAKE_CREDENTIAL, GET_ASSERTION, CLIENT_PIN, GET_INFO)[turn % 4]
        key = Bent(command, bend, skip=turn // 4 % 3, at_creation=turn % 8 < 4)
        plug_in(monkeypatch, [key])
        try:
            enrolment = enrol(timeout=5)
        except CeremonyError:
            refusals += 1
        else:
            made[enrolment.credential.id] = key
            assert enrolment.credential.id in key.credentials
    assert refusals > 100
    assert made


def unverified(answer: bytes) -> bytes:
    """Takes the UV flag away from an assertion that counts, and from no probe."""
    fields = cbor.decode(answer[1:])
    data = bytearray(fields[2])
    if not data[32] & 0x01:
        return answer
    data[32] &= ~0x04
    return b"\0" + cbor.encode({**fields, 2: bytes(data)})


def test_an_answer_without_verification_is_refused(monkeypatch):
    plug_in(monkeypatch, [Bent(GET_ASSERTION, unverified)])
    refused("without checking who is using it")


def test_an_answer_without_a_secret_is_refused(monkeypatch):
    def bare(answer: bytes) -> bytes:
        fields = cbor.decode(answer[1:])
        data = bytearray(fields[2])
        if not data[32] & 0x80:
            return answer
        return b"\0" + cbor.encode({**fields, 2: bytes(data[:32] + b"\x05" + data[33:37])})

    plug_in(monkeypatch, [Bent(GET_ASSERTION, bare)])
    refused("without the secret")


def test_an_endless_stream_of_wrong_fingers_ends(monkeypatch):
    key = SoftKey(pin=None, fingerprint=lambda: False)
    plug_in(monkeypatch, [key])

    def never() -> bool:
        key.pin.uv_tries = 9
        return False

    key.pin.built_in = never
    refused("makes no sense")


# Windows


class FakeWindowsClient(WebAuthnClient):
    """The API of Windows, with a software key behind its dialogue."""

    key = SoftKey()
    options: ClassVar[list[Any]] = []
    error: ClientError | None = None

    def __init__(self, collector: Any) -> None:
        self._client = Fido2Client(self.key, collector, _Unasked())

    @staticmethod
    def is_available() -> bool:
        return True

    def make_credential(self, options: Any, event: Any = None) -> Any:
        return self._answer(self._client.make_credential, options, event)

    def get_assertion(self, options: Any, event: Any = None) -> Any:
        return self._answer(self._client.get_assertion, options, event)

    def _answer(self, call: Any, options: Any, event: Any) -> Any:
        self.options.append(options)
        if self.error is not None:
            raise self.error
        if event.is_set():
            # The real one cancels its dialogue then ...
            raise ClientError.ERR.OTHER_ERROR(OSError(-2147023673, "cancelled"))
        answer = call(options, event)
        event.set()  # ... and at the end it ends its own waiting for that
        return answer


class _Unasked:
    """What Windows asks by itself."""

    def prompt_up(self) -> None:
        pass

    def request_pin(self, *_: Any) -> str:
        return "1234"

    def request_uv(self, *_: Any) -> bool:
        return True


@pytest.fixture
def windows(monkeypatch) -> type[FakeWindowsClient]:
    module = types.ModuleType("fido2.client.windows")
    module.WindowsClient = FakeWindowsClient  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fido2.client.windows", module)
    monkeypatch.setattr("platform.system", lambda: "Windows")
    monkeypatch.setattr(FakeWindowsClient, "key", SoftKey())
    monkeypatch.setattr(FakeWindowsClient, "options", [])
    plug_in(monkeypatch, [])
    return FakeWindowsClient


def test_windows_asks_by_itself(windows):
    person = Person()
    made = enrol(person)
    nonce = os.urandom(16)
    answer = SecurityKey(person).evaluate([Question(made.credential, nonce)])
    assert answer.credential_id == made.credential.id
    assert person.said == []
    assert all(each["hints"] == ["security-key"] for each in windows.options)
    assert made.credential.transports == ()


@pytest.mark.parametrize(
    "error", [ClientError.ERR.OTHER_ERROR(OSError(-2147023673, "cancelled")), OSError("x")]
)
def test_windows_does_not_say_why(windows, monkeypatch, error):
    monkeypatch.setattr(windows, "error", error)
    with pytest.raises(CeremonyError, match="No passkey answered"):
        SecurityKey(Person()).evaluate([Question(Credential(b"x", "localhost", ()), NONCE)])


def test_a_wish_to_cancel_survives_a_step_of_windows(windows):
    client = SecurityKey(Person())
    windows.key.touch = lambda: client.cancel() or True
    with pytest.raises(CeremonyError, match="No passkey answered"):
        client.enroll(label="Key", nonce=NONCE)
    assert windows.key.touches == 1


def test_an_old_windows_has_no_dialogue(windows, monkeypatch):
    monkeypatch.setattr(windows, "is_available", lambda: False)
    key = SoftKey()
    plug_in(monkeypatch, [key])
    enrol()
    assert key.touches == 3


def test_a_key_prompts_once_for_a_touch_however_often_it_reports(monkeypatch):
    class Impatient(SoftKey):
        def call(self, cmd: int, data: bytes = b"", event: Any = None, keepalive: Any = None):
            if data[0] == GET_ASSERTION and keepalive:
                for status in (STATUS.UPNEEDED, STATUS.PROCESSING, STATUS.UPNEEDED):
                    keepalive(status)
            return super().call(cmd, data, event, keepalive)

    plug_in(monkeypatch, [Impatient()])
    person = Person()
    enrol(person)
    assert len(person.heard("touch")) == 3

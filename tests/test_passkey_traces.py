"""What a ceremony leaves behind, wherever somebody could look: nothing secret.

The secret is the passkey's PRF output; the test's browser remembers it beside the page, so
that it can be looked for. The token lets one page talk to one process.
"""

from __future__ import annotations

import gc
import json
import re
import threading
import time
import traceback
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from passkeep.errors import CeremonyError
from passkeep.passkey import Browser
from support.browser import PHONE, Chromium
from support.ceremonies import enrol, evaluate, play, record, recorded
from support.cli import ok
from support.scenes import CHANGING

REMEMBER = """
const seen = [];
window.patch = (prf) => {
  for (const each of Object.values(prf)) seen.push(Array.from(new Uint8Array(each)));
  window.seen = seen;
  return prf;
};
"""


def forms(secret: bytes) -> list[bytes]:
    """The ways in which a secret could be written down."""
    words = b64encode(secret).rstrip(b"="), urlsafe_b64encode(secret).rstrip(b"=")
    text = secret.hex().encode()
    listed = [separator.join(map(str, secret)).encode() for separator in (",", ", ")]
    return [secret, text, text.upper(), *words, *listed, repr(secret)[2:-1].encode()]


def found(secrets: list[bytes], haystack: object) -> list[bytes]:
    data = haystack if isinstance(haystack, bytes) else str(haystack).encode(errors="replace")
    return [form for secret in secrets for form in forms(secret) if form in data]


def test_what_looks_finds() -> None:
    secret = bytes(range(200, 232))
    for form in forms(secret):
        assert form in found([secret], b"left" + form + b"right")
    assert found([secret], f"left {secret!r} right")
    assert not found([secret], bytes(range(100, 231)))


@pytest.fixture(scope="module")
def one_chromium() -> Iterator[Chromium]:
    with Chromium(logging=True) as chromium:
        record(chromium)
        chromium.cdp("Page.addScriptToEvaluateOnNewDocument", source=REMEMBER)
        yield chromium


@pytest.fixture
def chromium(one_chromium: Chromium) -> Chromium:
    one_chromium.use_authenticator(PHONE)
    return one_chromium


def seen(chromium: Chromium) -> list[bytes]:
    """The PRF outputs of the page that is open."""
    secrets = [bytes(each) for each in recorded(chromium, "seen")]
    assert len(secrets) >= 2
    assert {len(secret) for secret in secrets} == {32}
    return secrets


@contextmanager
def watching_processes() -> Iterator[set[bytes]]:
    """Collects the arguments and the environment of every process, all the time."""
    collected: set[bytes] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            for name in ("cmdline", "environ"):
                for path in Path("/proc").glob(f"[0-9]*/{name}"):
                    with suppress(OSError):
                        collected.add(path.read_bytes())
            time.sleep(0.01)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield collected
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("purpose", ["enrolment", "check"])
def test_nothing_of_a_command_is_left_anywhere(
    chromium: Chromium, purpose: str, tmp_path: Path
) -> None:
    keyring = ("--keyring", tmp_path / "k.json")
    init = ("-v", "init", *keyring, "--recovery-key-out", tmp_path / "key.txt")
    if purpose == "check":
        ok(*init, env=chromium.environment)
        chromium.wait_for("ready", "title")
    chromium.driver.get_log("performance")
    command = (
        init if purpose == "enrolment" else ("-v", "key", "check", "--with", "passkey", *keyring)
    )
    with watching_processes() as processes:
        done = ok(*command, env=chromium.environment)
    chromium.wait_for("ready" if purpose == "enrolment" else "answered", "title")
    secrets = seen(chromium)
    requests = json.dumps(chromium.driver.get_log("performance"))
    (token,) = set(re.findall(r"Bearer ([\w-]{43})", requests))
    everything = [*secrets, token.encode()]

    # What a command says, and what others see of it
    assert not found(everything, done.err + done.out.decode())
    assert "passkeep.output: published" in done.err, "it was told to say more"
    for each in processes:
        assert not found(everything, each), each
    assert any(b"passkeep-" in each and b".html" in each for each in processes)

    # What the page and the browser show
    driver = chromium.driver
    assert not found(everything, driver.page_source)
    assert not found(everything, driver.current_url)
    entries = chromium.cdp("Page.getNavigationHistory")["entries"]
    assert not found(everything, [(entry["url"], entry["title"]) for entry in entries])
    assert driver.execute_script("return history.state") is None
    assert driver.execute_script("return localStorage.length + sessionStorage.length") == 0
    assert driver.execute_script("return document.cookie") == ""
    assert driver.get_log("browser") == []

    # What crossed the loopback, and what is on the disk
    assert "sealed" in requests
    assert not found(secrets, requests)
    kept = [path.read_bytes() for path in chromium.profile.rglob("*") if path.is_file()]
    assert any(b"passkeep.localhost" in each for each in kept)
    assert not [form for each in kept for form in found(secrets, each)]
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or not found(everything, path.read_bytes()), path


# Inside of the process


def objects() -> Iterator[object]:
    """Everything of passkeep's own that is alive."""
    for each in gc.get_objects():
        # Some classes have a descriptor of that name instead.
        if str(type(each).__module__).startswith(("passkeep", __name__)):
            yield each


class Careless:
    def __init__(self, secret: bytes) -> None:
        self.secret = secret

    def __repr__(self) -> str:
        return f"Careless({self.secret!r})"


def test_no_object_shows_what_it_holds(chromium: Chromium, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither while a ceremony runs nor after it."""
    from passkeep.passkey import ceremony

    shown: list[str] = []
    types: set[str] = set()
    complete = ceremony.complete_evaluation

    def look(*arguments: Any) -> object:
        answer = complete(*arguments)
        for each in objects():
            types.add(type(each).__name__)
            shown.append(repr(each))
        return answer

    enrolment, question = enrol(chromium)
    monkeypatch.setattr(ceremony, "complete_evaluation", look)
    answer = evaluate(chromium, question)
    secrets = [answer.prf_output[:32], answer.prf_output[32:]]
    assert not found(secrets, "".join(shown))
    assert not found(secrets, repr((enrolment, answer)))
    assert types >= {"Answer", "Enrolment", "Exchange", "BoxKey", "LoopbackServer", "Browser"}
    careless = Careless(secrets[0])
    assert found(secrets, "".join(map(repr, objects()))), careless


def everything_in(error: BaseException) -> str:
    """A traceback as the most talkative tools print it, with all variables."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def changing(chromium: Chromium) -> Callable[[str], None]:
    def scene(url: str) -> None:
        chromium.open(url)
        chromium.wait_for("Create passkey", "go")
        chromium.driver.execute_script(CHANGING)
        chromium.click("go")
        chromium.wait_for("different secrets", "title")

    return scene


def test_a_ceremony_that_fails_leaves_nothing_in_its_traceback(chromium: Chromium) -> None:
    def call(browser: Browser) -> object:
        return browser.enroll(label="Phone", nonce=bytes(16))

    with pytest.raises(CeremonyError, match="different secret") as caught:
        play(call, changing(chromium))
    shown = everything_in(caught.value)
    secrets = [bytes(each) for each in recorded(chromium, "seen")]
    # The script changes the first byte.
    assert "browser = " in shown
    assert not found([secret[1:] for secret in secrets], shown)


def test_a_defect_leaves_nothing_in_its_traceback(
    chromium: Chromium, monkeypatch: pytest.MonkeyPatch
) -> None:
    from passkeep.passkey import ceremony

    _, question = enrol(chromium)

    def defect(state: Any, response: Any) -> None:
        held = response["clientExtensionResults"]["prf"]["results"]
        raise ZeroDivisionError(len(held))

    monkeypatch.setattr(ceremony, "complete_evaluation", defect)
    with pytest.raises(ZeroDivisionError) as caught:
        evaluate(chromium, question)
    chromium.wait_for("went wrong in passkeep", "title")
    shown = everything_in(caught.value)
    assert "in defect" in shown, "the line is there"
    assert not found(seen(chromium), shown)

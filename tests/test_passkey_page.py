"""What the page itself promises: reloads, sealing, odd results, strangers."""

from __future__ import annotations

import re
import threading
from base64 import b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from fido2.utils import websafe_encode
from selenium.webdriver.common.by import By

from passkeep.errors import CeremonyError
from support.browser import PHONE, Chromium
from support.ceremonies import REFUSE_ONCE, enrol, play, record, recorded
from support.waiting import wait_until


@pytest.fixture(scope="module")
def one_chromium() -> Iterator[Chromium]:
    with Chromium() as chromium:
        yield record(chromium)


@pytest.fixture
def chromium(one_chromium: Chromium) -> Chromium:
    one_chromium.use_authenticator(PHONE)
    return one_chromium


def test_a_reload_before_the_prompt(chromium: Chromium) -> None:
    def scene(url: str) -> None:
        chromium.open(url)
        chromium.wait_for("Create passkey", "go")
        assert "#" not in chromium.driver.current_url
        wait_until(lambda: not Path(unquote(urlsplit(url).path)).exists())
        code = chromium.driver.find_element(By.ID, "code").text
        chromium.driver.refresh()
        chromium.wait_for(code, "code")
        chromium.click("go")

    play(lambda browser: browser.enroll(label="Phone", nonce=bytes(16)), scene)


def test_a_reload_between_two_prompts(chromium: Chromium) -> None:
    """The passkey that was made before the reload is the one that is enrolled."""

    def scene(url: str) -> None:
        chromium.open(url)
        chromium.wait_for("Create passkey", "go")
        chromium.driver.execute_script(REFUSE_ONCE)
        chromium.click("go")
        # A refusal without a prompt means that the browser wants another click.
        chromium.wait_for("wants a click")
        chromium.driver.refresh()
        chromium.wait_for("Continue", "go")
        chromium.click("go")

    enrolment = play(lambda browser: browser.enroll(label="Phone", nonce=bytes(16)), scene)
    (credential,) = chromium.credentials()
    assert b64decode(credential["credentialId"]) == enrolment.credential.id
    chromium.wait_for("ready", "title")
    assert recorded(chromium, "prompts") == ["get"]


def test_secrets_leave_the_page_sealed_and_are_wiped(chromium: Chromium) -> None:
    enrolment, _ = enrol(chromium)
    chromium.wait_for("ready", "title")
    sent = "".join(recorded(chromium, "sent"))
    assert '"sealed":{"key"' in sent
    for half in (enrolment.prf_output[:32], enrolment.prf_output[32:]):
        assert websafe_encode(half) not in sent
    buffers = chromium.driver.execute_script(
        "return window.results.map((each) => Array.from(new Uint8Array(each)))"
    )
    assert buffers == [[0] * 32] * 4


@pytest.mark.parametrize(
    "shape",
    [
        "Array.from(new Uint8Array(each))",  # as one password manager does
        "new DataView(each)",
        "new Uint8Array([7, ...new Uint8Array(each), 7]).subarray(1, 33)",
    ],
)
def test_results_in_other_shapes_than_the_standard_s(chromium: Chromium, shape: str) -> None:
    enrolment, question = enrol(chromium)

    def scene(url: str) -> None:
        chromium.open(url)
        chromium.wait_for("Use passkey", "go")
        chromium.driver.execute_script(
            "window.patch = (results) => Object.fromEntries("
            f"Object.entries(results).map(([name, each]) => [name, {shape}]))"
        )
        chromium.click("go")

    answer = play(lambda browser: browser.evaluate([question]), scene)
    assert answer.prf_output == enrolment.prf_output


def test_a_page_without_its_key_says_so(chromium: Chromium) -> None:
    def scene(url: str) -> None:
        chromium.open(url)
        chromium.wait_for("Create passkey", "go")
        address = chromium.driver.current_url
        tab = chromium.driver.current_window_handle
        chromium.driver.switch_to.new_window("tab")
        try:
            chromium.open(address)  # a new visit, not a reload
            chromium.wait_for("without its key", "title")
        finally:
            chromium.driver.close()
            chromium.driver.switch_to.window(tab)
        chromium.click("cancel")

    with pytest.raises(CeremonyError, match="cancelled"):
        play(lambda browser: browser.enroll(label="Phone", nonce=bytes(16)), scene)


STRANGER = """
const [target, token, name, done] = arguments;
const attempts = [
  () => fetch(`${target}/api/cancel`, {
    method: "POST",
    body: "{}",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
  }),
  () => fetch(`${target}/page.js`, { mode: "no-cors" }),
  () => navigator.credentials.get({
    publicKey: {
      challenge: new Uint8Array(32),
      rpId: "passkeep.localhost",
      allowCredentials: [{ type: "public-key", id: Uint8Array.from(name) }],
    },
  }),
];
const outcomes = attempts.map((attempt) => attempt().then(() => "let in", (error) => error.name));
Promise.all(outcomes).then(done);
"""


def test_a_page_on_another_port_gets_nowhere(chromium: Chromium) -> None:
    """Even one that has learnt the token: neither to the process nor to the passkey."""
    enrolment, question = enrol(chromium)
    outcomes: list[str] = []

    def scene(url: str) -> None:
        page = Path(unquote(urlsplit(url).path)).read_text()
        target, token = re.findall(r"url=(http://[^/]+)/#([^.]+)\.", page)[0]
        with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as stranger:
            threading.Thread(target=stranger.serve_forever, daemon=True).start()
            chromium.open(f"http://localhost:{stranger.server_port}/")
            name = list(enrolment.credential.id)
            outcomes.extend(chromium.driver.execute_async_script(STRANGER, target, token, name))
            stranger.shutdown()
        chromium.open_and_click(url)

    answer = play(lambda browser: browser.evaluate([question]), scene)
    assert outcomes == ["TypeError", "TypeError", "SecurityError"]
    assert answer.prf_output == enrolment.prf_output

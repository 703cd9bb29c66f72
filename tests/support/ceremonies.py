"""Whole ceremonies in a recorded Chromium: the user, and what a page did."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from passkeep.passkey import Answer, Browser, Enrolment, Question
from support.browser import Chromium

Result = TypeVar("Result")

# Records every prompt, what the page sends, and the buffers with PRF results.
RECORDER = """
window.prompts = []; window.sent = []; window.results = []; window.patch = (prf) => prf;
for (const method of ["create", "get"]) {
  const original = navigator.credentials[method].bind(navigator.credentials);
  navigator.credentials[method] = async (options) => {
    window.prompts.push(method);
    const credential = await original(options);
    const outputs = credential.getClientExtensionResults();
    if (outputs.prf?.results) {
      window.results.push(...Object.values(outputs.prf.results));
      outputs.prf.results = window.patch(outputs.prf.results);
    }
    credential.getClientExtensionResults = () => outputs;
    return credential;
  };
}
const send = window.fetch;
window.fetch = (url, options) => { window.sent.push(options.body); return send(url, options); };
"""

REFUSE_ONCE = """
const next = navigator.credentials.get;
navigator.credentials.get = async () => {
  navigator.credentials.get = next;
  throw new DOMException("", "NotAllowedError");
};
"""


def record(chromium: Chromium) -> Chromium:
    """Let every page that is opened from now on keep a record."""
    chromium.cdp("Page.addScriptToEvaluateOnNewDocument", source=RECORDER)
    return chromium


def play(
    call: Callable[[Browser], Result], *scenes: Callable[[str], None], **options: Any
) -> Result:
    """Run a ceremony while the user does what the scenes say, one scene per page."""
    left, trouble = list(scenes), []
    played = threading.Semaphore(0)

    def open_url(url: str) -> None:
        try:
            left.pop(0)(url)
        except BaseException as error:  # noqa: BLE001 - it belongs into the test's thread
            trouble.append(error)
        finally:
            played.release()

    try:
        return call(Browser(open_url=open_url, **({"timeout": 20} | options)))
    finally:
        # A ceremony may end before its scene: what the user still sees counts, too.
        for _ in range(len(scenes) - len(left)):
            assert played.acquire(timeout=30)
        if trouble:
            raise trouble[0]
        assert not left, "a page was not opened"


def enrol(
    chromium: Chromium, nonce: bytes | None = None, **options: Any
) -> tuple[Enrolment, Question]:
    nonce = nonce or os.urandom(16)
    enrolment = play(
        lambda browser: browser.enroll(label="Phone", nonce=nonce),
        chromium.open_and_click,
        **options,
    )
    return enrolment, Question(enrolment.credential, nonce)


def evaluate(chromium: Chromium, *questions: Question) -> Answer:
    return play(lambda browser: browser.evaluate(questions), chromium.open_and_click)


def recorded(chromium: Chromium, name: str) -> Any:
    return chromium.driver.execute_script(f"return window.{name}")

"""An application's own page in a real Chromium, with nothing of passkeep but its scripts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import passkeep
from passkeep import web
from passkeep.errors import CeremonyError
from passkeep.passkey import Step
from support.browser import OLD_SECURITY_KEY, PHONE, Chromium

ANSWER = """
const [options, done] = arguments;
import("/answer.js").then(({ answer }) => answer(options)).then(
  (response) => done(JSON.stringify(response)),
  (error) => done(JSON.stringify({ failure: error.name })),
);
"""


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = web.scripts().get(self.path[1:], b"<!doctype html>")
        self.send_response(200)
        kind = "text/javascript" if self.path.endswith(".js") else "text/html"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with Chromium() as browser:
        yield browser


def ask(chromium: Chromium, origin: str, step: Step) -> tuple[dict[str, Any], Any]:
    chromium.open(origin)
    answer = chromium.driver.execute_async_script(ANSWER, step.options)
    return json.loads(json.dumps(step.state)), json.loads(answer)


@pytest.mark.parametrize("authenticator", [PHONE, OLD_SECURITY_KEY], ids=["phone", "old key"])
def test_a_page_adds_a_passkey_and_opens_a_backup_with_it(
    chromium, origin, authenticator, made, tmp_path
):
    chromium.use_authenticator(authenticator)
    keyring = passkeep.Keyring.load(made.write(tmp_path))
    keyring.unlock(recovery_key=made.digits)
    step: Any = web.begin_adding(rp_id="localhost", origin=origin, label="Site")
    while isinstance(step, Step):
        step = web.complete_adding(keyring, *ask(chromium, origin, step))
    assert step.label == "Site"
    keyring.save(tmp_path / "keyring.json")
    (tmp_path / "folder").mkdir()
    backup = tmp_path / "b.age"
    passkeep.backup(tmp_path / "folder", backup, to=keyring)
    step = web.begin_opening(backup, rp_id="localhost", origin=origin)
    identity = web.complete_opening(backup, *ask(chromium, origin, step))
    passkeep.verify(backup, identity)


def test_a_failure_of_the_browser_is_no_answer(chromium, origin):
    chromium.use_authenticator(PHONE)
    chromium.set_user_verified(False)
    step = web.begin_adding(rp_id="localhost", origin=origin)
    state, answer = ask(chromium, origin, step)
    assert answer == {"failure": "NotAllowedError"}
    with pytest.raises(CeremonyError, match="does not belong"):
        web.complete_adding(passkeep.Keyring.create(), state, answer)

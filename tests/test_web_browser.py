"""An application's own page in a real Chromium, with nothing of passkeep but its scripts."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import passkeep
from passkeep import web
from passkeep.errors import CeremonyError, NoAnswerError, UnsupportedError
from passkeep.passkey import Step
from support.browser import OLD_SECURITY_KEY, PHONE, Chromium

# Options, then statements that run first; `answer.js` is loaded after them.
ANSWER = """
const [options, prepare, done] = arguments;
new Function(prepare)();
import("/answer.js").then(({ answer }) => answer(options)).then(
  (response) => done(JSON.stringify(response)),
  (error) => done(JSON.stringify({ thrown: String(error) })),
);
"""

# Lets Chromium give its PRF results in another shape than the standard's.
RESHAPE = """
const original = navigator.credentials.get.bind(navigator.credentials);
navigator.credentials.get = async (options) => {
  const credential = await original(options);
  const outputs = credential.getClientExtensionResults();
  outputs.prf.results = Object.fromEntries(
    Object.entries(outputs.prf.results).map(([name, each]) => [name, SHAPE]));
  credential.getClientExtensionResults = () => outputs;
  return credential;
};
"""

# What the module must do without.
NO_JSON = """
const refuse = () => { throw new Error("not to be used"); };
PublicKeyCredential.prototype.toJSON = refuse;
PublicKeyCredential.parseCreationOptionsFromJSON = refuse;
PublicKeyCredential.parseRequestOptionsFromJSON = refuse;
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


def ask(
    chromium: Chromium, origin: str, step: Step, prepare: str = ""
) -> tuple[dict[str, Any], Any]:
    chromium.open(origin)
    answer = chromium.driver.execute_async_script(ANSWER, step.options, prepare)
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


def test_a_cancelled_prompt_is_a_typed_error(chromium, origin):
    chromium.use_authenticator(PHONE)
    chromium.set_user_verified(False)
    step = web.begin_adding(rp_id="localhost", origin=origin)
    state, answer = ask(chromium, origin, step)
    assert answer == {"failure": "NotAllowedError"}
    with pytest.raises(NoAnswerError, match="No passkey answered") as caught:
        web.complete_adding(passkeep.Keyring.create(), state, answer)
    assert "Try again" in caught.value.hint


@pytest.mark.parametrize(
    ("prepare", "failure", "message"),
    [
        ("delete window.PublicKeyCredential", "NoWebAuthn", "has no passkeys"),
        (
            "Object.defineProperty(navigator, 'credentials', { value: undefined })",
            "NoWebAuthn",
            "has no passkeys",
        ),
        (
            "Object.defineProperty(navigator, 'credentials', { value: {} })",
            "NoWebAuthn",
            "has no passkeys",
        ),
        (
            "Object.defineProperty(window, 'isSecureContext', { value: false })",
            "InsecureContext",
            "over TLS",
        ),
        (
            "navigator.credentials.create = async () => { throw new DOMException('', 'Nonsense') }",
            "Nonsense",
            r"\(Nonsense\)",
        ),
        ("navigator.credentials.create = async () => null", "NotAllowedError", "No passkey"),
        ("navigator.credentials.create = async () => ({})", "TypeError", r"\(TypeError\)"),
    ],
)
def test_what_a_browser_lacks_is_a_typed_error(chromium, origin, prepare, failure, message):
    chromium.use_authenticator(PHONE)
    step = web.begin_adding(rp_id="localhost", origin=origin)
    state, answer = ask(chromium, origin, step, prepare)
    assert answer == {"failure": failure}
    assert chromium.credentials() == []
    kind = UnsupportedError if failure in {"NoWebAuthn", "InsecureContext"} else CeremonyError
    with pytest.raises(kind, match=message):
        web.complete_adding(passkeep.Keyring.create(), state, answer)


def test_a_passkey_without_prf_is_a_typed_error(chromium, origin):
    chromium.use_authenticator({"transport": "internal"})
    step = web.begin_adding(rp_id="localhost", origin=origin)
    state, answer = ask(chromium, origin, step)
    with pytest.raises(UnsupportedError, match="no support for PRF"):
        web.complete_adding(passkeep.Keyring.create(), state, answer)


@pytest.mark.parametrize(
    ("prepare", "found"),
    [
        ("", None),
        ("PublicKeyCredential.getClientCapabilities = undefined", None),
        ("PublicKeyCredential.getClientCapabilities = async () => { throw 1 }", None),
        (
            "PublicKeyCredential.getClientCapabilities = async () => ({'extension:prf': false})",
            "NoPrf",
        ),
        ("delete window.PublicKeyCredential", "NoWebAuthn"),
    ],
)
def test_a_page_learns_beforehand_what_is_in_the_way(chromium, origin, prepare, found):
    chromium.open(origin)
    assert found == chromium.driver.execute_async_script(
        "const [prepare, done] = arguments; new Function(prepare)();"
        "import('/answer.js').then(({ obstacle }) => obstacle()).then(done)",
        prepare,
    )


@pytest.mark.parametrize(
    "shape",
    [
        "each",
        "Array.from(new Uint8Array(each))",
        "new DataView(each)",
        "new Uint8Array([7, ...new Uint8Array(each), 7]).subarray(1, 33)",
    ],
)
def test_secrets_in_any_shape_without_the_browser_s_own_json(
    chromium, origin, shape, made, tmp_path
):
    chromium.use_authenticator(PHONE)
    keyring = passkeep.Keyring.load(made.write(tmp_path))
    keyring.unlock(recovery_key=made.digits)
    step: Any = web.begin_adding(rp_id="localhost", origin=origin)
    prepare = NO_JSON + RESHAPE.replace("SHAPE", shape)
    while isinstance(step, Step):
        step = web.complete_adding(keyring, *ask(chromium, origin, step, prepare))
    assert step.kind == "passkey"


STEPS = """
const [first, done] = arguments;
const log = [];
let gets = 0;
const original = navigator.credentials.get.bind(navigator.credentials);
navigator.credentials.get = async (options) => {
  log.push("get");
  if (gets++ === 0) {
    throw new DOMException("", "NotAllowedError"); // at once: it wants a click
  }
  return original(options);
};
import("/answer.js")
  .then(({ answerSteps }) =>
    answerSteps(
      first,
      async (answer) => {
        log.push(answer.failure ?? "answer");
        const reply = await fetch("/answer", { method: "POST", body: JSON.stringify(answer) });
        return reply.json();
      },
      { click: async () => log.push("click") },
    ),
  )
  .then((reply) => done([...log, reply.slot]), (error) => done([String(error)]));
"""


def test_a_page_answers_step_after_step(chromium, origin, made, tmp_path, monkeypatch):
    """Where the browser wants a click for the second prompt, the page asks for one."""
    chromium.use_authenticator(PHONE)
    keyring = passkeep.Keyring.load(made.write(tmp_path))
    keyring.unlock(recovery_key=made.digits)
    step = web.begin_adding(rp_id="localhost", origin=origin, label="Site")
    state = step.state

    def post(site: _Site) -> None:
        nonlocal state
        answer = json.loads(site.rfile.read(int(site.headers["Content-Length"])))
        following = web.complete_adding(keyring, state, answer)
        if isinstance(following, Step):
            state = following.state
            reply: dict[str, Any] = {"options": following.options}
        else:
            reply = {"slot": following.label}
        body = json.dumps(reply).encode()
        site.send_response(200)
        site.send_header("Content-Length", str(len(body)))
        site.end_headers()
        site.wfile.write(body)

    monkeypatch.setattr(_Site, "do_POST", post, raising=False)
    chromium.open(origin)
    done = chromium.driver.execute_async_script(STEPS, step.options)
    assert done == ["answer", "get", "click", "get", "answer", "Site"]


def test_the_modules_are_documented_and_need_nothing_else():
    scripts = {name: script.decode() for name, script in web.scripts().items()}
    assert set(scripts) == {"answer.js", "webauthn.js"}
    for script in scripts.values():
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", script, flags=re.DOTALL)
        assert set(re.findall(r'from "(.+)"', code)) <= {"./webauthn.js"}
        assert "import(" not in code
        assert not re.search(r"toJSON|FromJSON", code)
        exported = re.findall(r"^export (?:async )?function (\w+)", script, re.MULTILINE)
        documented = re.findall(r"\*/\nexport (?:async )?function (\w+)", script)
        assert exported == documented
        assert len(exported) >= 3

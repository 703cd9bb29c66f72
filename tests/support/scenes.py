"""Every state of the ceremony page, each reached as a person reaches it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from passkeep.age.fido2prf import Credential
from passkeep.passkey import Question, failures
from passkeep.passkey.failures import Purpose
from support.browser import OLD_SECURITY_KEY, PHONE, Chromium
from support.ceremonies import enrol
from support.stage import Stage


def hanging(method: str, *, after: int = 0) -> str:
    """A script: a prompt stays open until the page closes it."""
    return _in_place_of(
        method,
        after,
        """(options) => new Promise((_, reject) => {
          options.signal.addEventListener("abort", () => reject(options.signal.reason));
        })""",
    )


def failing(method: str, name: str, *, after: int = 0) -> str:
    """A script: a prompt ends with an exception, as if a person had seen it."""
    return _in_place_of(
        method,
        after,
        f"""async () => {{
          await new Promise((resolve) => setTimeout(resolve, 450));
          throw new DOMException("", "{name}");
        }}""",
    )


AT_ONCE = (
    "navigator.credentials.get = async () => { throw new DOMException('', 'NotAllowedError') }"
)

CHANGING = """
let calls = 0;
for (const method of ["create", "get"]) {
  const original = navigator.credentials[method].bind(navigator.credentials);
  navigator.credentials[method] = async (options) => {
    const credential = await original(options);
    const outputs = credential.getClientExtensionResults();
    if (outputs.prf.results) new Uint8Array(outputs.prf.results.first)[0] ^= ++calls;
    credential.getClientExtensionResults = () => outputs;
    return credential;
  };
}
"""
"""A passkey that gives another secret each time."""

MUTE = """
const original = navigator.credentials.get.bind(navigator.credentials);
navigator.credentials.get = async (options) => {
  const credential = await original(options);
  credential.getClientExtensionResults = () => ({});
  return credential;
};
"""


def _in_place_of(method: str, after: int, body: str) -> str:
    return f"""{{
      const original = navigator.credentials.{method}.bind(navigator.credentials);
      let left = {after};
      navigator.credentials.{method} = (options) =>
        left-- > 0 ? original(options) : ({body})(options);
    }}"""


@dataclass(frozen=True)
class Scene:
    """One state.

    Attributes:
        purpose: Of the ceremony.
        shows: What the page shows then, and in which element.
        early: A script that runs before the page's own.
        script: One that runs once the page is there.
        press: The buttons that are pressed.
        then: What happens to the process's side after that.
        authenticator: What answers.
        more: Whether other passkeys are left.
        answers: Whether a passkey has to be there that answers.
    """

    purpose: Purpose
    shows: tuple[str, str]
    early: str = ""
    script: str = ""
    press: tuple[str, ...] = ("go",)
    then: Callable[[Stage], object] | None = None
    authenticator: dict[str, Any] = field(default_factory=lambda: PHONE)
    more: bool = False
    answers: bool = False


def fails_with(name: str) -> Callable[[Stage], object]:
    """What ends a ceremony from the process's side."""

    def fail(stage: Stage) -> None:
        purpose = stage.exchange.purpose
        errors = {
            "timed-out": failures.timed_out(purpose, 300, None),
            "closed": failures.closed(purpose),
            "foreign": failures.refused(purpose, "The answer does not belong here."),
            "other": failures.no_page(purpose),
        }
        stage.exchange.fail(errors[name])

    return fail


def leave(stage: Stage) -> None:
    """The process is gone."""
    stage.server.__exit__(None, None, None)


_BEFORE, _GET, _CREATE = {"press": ()}, hanging("get"), hanging("create")

SCENES = {
    # Making a passkey
    "enrol-before": Scene("enrol", ("Create passkey", "go"), **_BEFORE),
    "enrol-prompt": Scene("enrol", ("Waiting", "status"), script=_CREATE),
    "enrol-confirm": Scene("enrol", ("same one again", "lead"), script=_GET),
    "enrol-first": Scene(
        "enrol", ("asked twice now", "lead"), script=_GET, authenticator=OLD_SECURITY_KEY
    ),
    "enrol-again": Scene(
        "enrol",
        ("second one", "lead"),
        script=hanging("get", after=1),
        authenticator=OLD_SECURITY_KEY,
    ),
    "enrol-decide": Scene(
        "enrol", ("third one decides", "lead"), script=CHANGING + hanging("get", after=1)
    ),
    "enrol-click": Scene("enrol", ("wants a click", "status"), script=AT_ONCE),
    "enrol-done": Scene("enrol", ("ready", "title")),
    "enrol-none": Scene(
        "enrol", ("No passkey", "status"), script=failing("create", "NotAllowedError")
    ),
    "enrol-none-later": Scene(
        "enrol", ("No passkey", "status"), script=failing("get", "NotAllowedError")
    ),
    "enrol-refuses": Scene(
        "enrol", ("refuses", "status"), script=failing("create", "InvalidStateError")
    ),
    "enrol-unchecked": Scene(
        "enrol", ("who is using", "status"), script=failing("create", "ConstraintError")
    ),
    "enrol-no-prf": Scene(
        "enrol", ("cannot open backups", "title"), authenticator={"transport": "internal"}
    ),
    "enrol-unstable": Scene("enrol", ("different secrets", "title"), script=CHANGING),
    "enrol-cancelled": Scene("enrol", ("Cancelled", "title"), press=("cancel",)),
    # Opening
    "unlock-before": Scene("unlock", ("Use passkey", "go"), **_BEFORE),
    "unlock-more": Scene("unlock", ("Other passkeys", "cancel"), **_BEFORE, more=True),
    "unlock-prompt": Scene("unlock", ("Waiting", "status"), script=_GET),
    "unlock-done": Scene("unlock", ("answered", "title"), answers=True),
    "unlock-none": Scene(
        "unlock", ("No passkey", "status"), script=failing("get", "NotAllowedError")
    ),
    "unlock-address": Scene(
        "unlock", ("on this address", "status"), script=failing("get", "SecurityError")
    ),
    "unlock-unsupported": Scene(
        "unlock", ("not supported", "status"), script=failing("get", "NotSupportedError")
    ),
    "unlock-failure": Scene(
        "unlock", ("reported a failure", "status"), script=failing("get", "UnknownError")
    ),
    "unlock-cancelled": Scene("unlock", ("Cancelled", "title"), press=("cancel",)),
    "unlock-another": Scene("unlock", ("One moment", "title"), press=("cancel",), more=True),
    "unlock-no-secret": Scene("unlock", ("without its secret", "title"), script=MUTE, answers=True),
    "unlock-foreign": Scene(
        "unlock", ("not the answer", "title"), press=(), then=fails_with("foreign")
    ),
    "unlock-other": Scene("unlock", ("did not work", "title"), press=(), then=fails_with("other")),
    # Trying one
    "check-before": Scene("check", ("Check passkey", "go"), **_BEFORE),
    "check-prompt": Scene("check", ("Waiting", "status"), script=_GET),
    "check-done": Scene("check", ("answered", "title"), answers=True),
    "check-none": Scene(
        "check", ("No passkey", "status"), script=failing("get", "NotAllowedError")
    ),
    "check-cancelled": Scene("check", ("Cancelled", "title"), press=("cancel",)),
    # The browser, and the terminal
    "no-webauthn": Scene(
        "unlock",
        ("cannot use passkeys", "status"),
        early="delete window.PublicKeyCredential",
        press=(),
    ),
    "no-prf-here": Scene(
        "enrol",
        ("gets no secrets", "status"),
        early="PublicKeyCredential.getClientCapabilities = async () => ({'extension:prf': false})",
        press=(),
    ),
    "timed-out": Scene(
        "enrol", ("time ran out", "title"), script=_CREATE, then=fails_with("timed-out")
    ),
    "closed": Scene("check", ("stopped waiting", "title"), script=_GET, then=fails_with("closed")),
    "lost": Scene("unlock", ("Nobody is waiting", "title"), script=_GET, then=leave),
}


@contextmanager
def shown(chromium: Chromium, name: str, label: str = "Laptop") -> Iterator[Stage]:
    """The page in one of its states."""
    scene = SCENES[name]
    chromium.use_authenticator(scene.authenticator)
    absent = Question(Credential(bytes(16), "passkeep.localhost", ("internal",)), bytes(16))
    question = enrol(chromium)[1] if scene.answers else absent
    questions = None if scene.purpose == "enrol" else [question]
    early = chromium.cdp("Page.addScriptToEvaluateOnNewDocument", source=scene.early)
    try:
        with Stage(scene.purpose, questions, more=scene.more, label=label) as stage:
            chromium.open(stage.url)
            chromium.wait_for("ABC-DEF", "code")
            chromium.driver.execute_script(scene.script)
            for button in scene.press:
                chromium.click(button)
            if scene.then is not None:
                scene.then(stage)
            text, element = scene.shows
            chromium.wait_for(text, element)
            yield stage
    finally:
        chromium.cdp("Page.removeScriptToEvaluateOnNewDocument", identifier=early["identifier"])

"""Browser, terminal or process killed at any step of an enrolment or a removal.

Real processes, a real browser and its passkeys. Whatever is killed when, the keyring
opens with every slot that it claims, and the next command works.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import passkeep
from passkeep.passkey import Browser
from passkeep.prf import Answer, Question
from support.addresses import Addresses
from support.browser import PHONE, Chromium
from support.cli import Terminal, ok
from support.faults import Fault, Faults
from support.scenes import hanging

EXHAUSTIVE = bool(os.environ.get("PASSKEEP_SOAK"))
CALLS = ("write", "ftruncate64", "fsync", "rename", "link", "unlink")


@dataclass
class World:
    """A machine with a keyring of a recovery key and two passkeys, made anew for each run."""

    folder: Path
    pristine: Path
    chromium: Chromium
    runs: int = 0

    @property
    def keyring(self) -> Path:
        return self.folder / "keyring.json"

    @property
    def environment(self) -> dict[str, str]:
        return {"PASSKEEP_STATE_DIR": str(self.folder / "state"), "TMPDIR": str(self.folder)}

    def reset(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.pristine, self.folder)
        self.runs += 1

    def check(self) -> passkeep.Keyring:
        """Opens the keyring with every slot that it claims, one after another."""
        keyring = passkeep.Keyring.load(self.keyring)
        state = passkeep.State(self.folder.parent / f"judge-{self.runs}")
        digits = (self.folder / "key.txt").read_text()
        sealed = passkeep.Recipient.from_string(keyring.public().recipient).wrap(bytes(16))
        for slot in keyring.slots:
            if slot.kind == "passkey":
                assert slot.credential
                client = Only(self.chromium, slot.credential.identity)
                root = keyring.unlock(passkey=client, state=state)
            else:
                root = keyring.unlock(recovery_key=digits, state=state)
            assert keyring.opened_slot == slot
            assert root.unwrap(sealed) == bytes(16)
        return keyring

    def works(self) -> None:
        """The next command changes the keyring, and cleans up."""
        opening = ("--keyring", self.keyring, "--recovery-key-file", self.folder / "key.txt")
        ok("key", "rotate", *opening, env=self.environment)
        left = [path.name for path in self.folder.rglob(".*.passkeep-*")]
        # The lock of a killed run is nobody's; what is written there next takes it over.
        assert [name for name in left if not name.endswith("-lock")] == []


class Only:
    """A browser in which one of the passkeys is asked, and no other."""

    def __init__(self, chromium: Chromium, identity: str) -> None:
        self._browser = Browser(open_url=chromium.open_and_click, timeout=30)
        self._identity = identity

    def evaluate(self, questions: Sequence[Question]) -> Answer:
        asked = [each for each in questions if each.credential.to_string() == self._identity]
        return self._browser.evaluate(asked)

    def enroll(self, *, label: str, nonce: bytes) -> passkeep.passkey.Enrolment:
        raise NotImplementedError


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with Chromium() as chromium:
        chromium.use_authenticator(PHONE)
        yield chromium


@pytest.fixture(scope="module")
def pristine(chromium: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pristine")
    env = chromium.environment | {"PASSKEEP_STATE_DIR": str(folder / "state")}
    keyring, key = ("--keyring", folder / "keyring.json"), folder / "key.txt"
    ok("init", *keyring, "--recovery-key-out", key, "--label", "Laptop", env=env)
    lost = ("key", "add", "passkey", "--label", "Lost")
    ok(*lost, *keyring, "--recovery-key-file", key, env=env)
    return folder


@pytest.fixture
def world(pristine: Path, chromium: Chromium, tmp_path: Path) -> World:
    made = World(tmp_path / "world", pristine, chromium)
    made.reset()
    return made


def test_every_slot_opens_to_begin_with(world: World) -> None:
    assert [slot.label for slot in world.check().slots] == ["Recovery key", "Laptop", "Lost"]


# At each write

CHANGES = {
    "enrolment": ("key", "add", "passkey", "--label", "New", "--recovery-key-file", "key.txt"),
    "removal": ("key", "remove", "Lost", "--with", "passkey"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_process_killed_at_each_write(
    world: World, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in (world.environment | world.chromium.environment).items():
        monkeypatch.setenv(variable, value)
    key = world.folder / "key.txt"
    words = [key if word == "key.txt" else word for word in CHANGES[name]]
    command = (*words, "--keyring", world.keyring)
    old = world.keyring.read_bytes()
    (tmp_path / "faults").mkdir()
    with Faults(tmp_path / "faults") as faults:
        # What the browser is told with does not count.
        under = world.folder
        count = faults.count(*command, calls=CALLS, under=under)
        points = range(1, count + 1) if EXHAUSTIVE else (1, count)
        seen = []
        for number in points:
            world.reset()
            fault = Fault(CALLS, str(under), first=number, signal=signal.SIGKILL)
            assert faults.run(*command, fault=fault).code == -signal.SIGKILL
            changed = world.keyring.read_bytes() != old
            keyring = world.check()
            labels = [slot.label for slot in keyring.slots]
            after = {"enrolment": [*LABELS, "New"], "removal": LABELS[:-1]}[name]
            assert labels == (after if changed else LABELS)
            seen.append(changed)
    world.works()
    assert {*seen} == {False, True}, "both sides of the rename were tried"


LABELS = ["Recovery key", "Laptop", "Lost"]

# At each step before that

STEPS: dict[str, Callable[[Chromium], None]] = {}


def step(name: str) -> Callable[[Callable[[Chromium], None]], Callable[[Chromium], None]]:
    def add(scene: Callable[[Chromium], None]) -> Callable[[Chromium], None]:
        STEPS[name] = scene
        return scene

    return add


@step("before the prompt")
def _before(chromium: Chromium) -> None:
    chromium.wait_for("passkey", "go")


@step("at the prompt")
def _at(chromium: Chromium) -> None:
    _before(chromium)
    chromium.driver.execute_script(hanging("create") + hanging("get"))
    chromium.click("go")
    chromium.wait_for("Waiting for your device")


@step("between the prompts")
def _between(chromium: Chromium) -> None:
    _before(chromium)
    chromium.driver.execute_script(hanging("get"))
    chromium.click("go")
    chromium.wait_for("same one again", "lead")


ENDS: dict[str, Callable[[Terminal], int]] = {
    "SIGKILL": lambda terminal: terminal.kill(signal.SIGKILL),
    "SIGHUP": lambda terminal: terminal.kill(signal.SIGHUP),
    "the terminal is closed": lambda terminal: terminal.close(),
}
QUICK = {
    ("before the prompt", "SIGHUP"),
    ("at the prompt", "the terminal is closed"),
    ("between the prompts", "SIGKILL"),
}
PAIRS = [(at, end) for at in STEPS for end in ENDS if EXHAUSTIVE or (at, end) in QUICK]


def enrolling(world: World, addresses: Addresses) -> Terminal:
    opening = ("--keyring", world.keyring, "--recovery-key-file", world.folder / "key.txt")
    env = world.environment | addresses.environment
    return Terminal("key", "add", "passkey", "--label", "New", *opening, env=env)


@pytest.mark.parametrize(("at", "end"), PAIRS)
def test_a_process_ended_at_each_step(world: World, tmp_path: Path, at: str, end: str) -> None:
    old = world.keyring.read_bytes()
    held = len(world.chromium.credentials())
    addresses = Addresses(tmp_path)
    with enrolling(world, addresses) as terminal:
        world.chromium.open(addresses.next())
        STEPS[at](world.chromium)
        ENDS[end](terminal)
    world.chromium.wait_for("Nobody is waiting" if end == "SIGKILL" else "waiting", "title")
    assert world.keyring.read_bytes() == old
    # The page told the password manager of the passkey that opens nothing.
    deadline = time.monotonic() + 10
    while len(world.chromium.credentials()) != held:
        assert time.monotonic() < deadline
    if end != "SIGKILL":
        assert list(world.folder.glob("passkeep-*.html")) == []
    world.works()


@pytest.mark.parametrize("at", STEPS if EXHAUSTIVE else ["between the prompts"])
def test_a_browser_killed_at_each_step(world: World, tmp_path: Path, at: str) -> None:
    """The process waits for another one, until somebody ends that."""
    old = world.keyring.read_bytes()
    addresses = Addresses(tmp_path)
    with enrolling(world, addresses) as terminal:
        with Chromium() as doomed:
            doomed.open(addresses.next())
            STEPS[at](doomed)
            doomed.kill()
        terminal.wait_for("The page was closed")
        terminal.interrupt()
        assert terminal.finish() == 130
    assert world.keyring.read_bytes() == old
    world.works()


@pytest.mark.parametrize("end", ENDS if EXHAUSTIVE else ["the terminal is closed"])
def test_a_removal_ended_at_its_prompt(world: World, tmp_path: Path, end: str) -> None:
    old = world.keyring.read_bytes()
    addresses = Addresses(tmp_path)
    remove = ("key", "remove", "Lost", "--with", "passkey", "--keyring", world.keyring)
    with Terminal(*remove, env=world.environment | addresses.environment) as terminal:
        world.chromium.open(addresses.next())
        _at(world.chromium)
        ENDS[end](terminal)
    world.chromium.wait_for("waiting", "title")
    assert world.keyring.read_bytes() == old
    world.works()

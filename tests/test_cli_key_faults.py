"""Every `passkeep key` command, killed or refused by the system at every write.

Afterwards the keyring is the old or the new one and opens with every slot that
it claims, and nothing that was left behind stops the next command.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import passkeep
from support.faults import Fault, Faults
from support.keyrings import PASSWORD, PASSWORD_2
from support.passkeys import SoftwarePasskeys

CALLS = ("write", "ftruncate64", "fsync", "rename", "link", "unlink")
EXHAUSTIVE = bool(os.environ.get("PASSKEEP_SOAK"))
ERRORS = {"no space": errno.ENOSPC, "broken disk": errno.EIO}


@dataclass
class World:
    """A machine with a keyring, made anew for each run.

    Attributes:
        folder: Where everything is that a command may write.
        digits: The recovery key.
        passkeys: Those of the passkey slots, by label.
        friend: The identity of the recipient slot.
    """

    folder: Path
    pristine: Path
    digits: str
    friend: passkeep.Identity
    passkeys: dict[str, SoftwarePasskeys] = field(default_factory=dict)
    runs: int = 0

    @property
    def keyring(self) -> Path:
        return self.folder / "keyring.json"

    @property
    def opening(self) -> tuple[object, ...]:
        return ("--keyring", self.keyring, "--recovery-key-file", self.folder / "recovery.txt")

    def reset(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.pristine, self.folder)
        self.runs += 1

    def check_keyring(self) -> passkeep.Keyring:
        """Opens the keyring with every slot that it claims."""
        state = passkeep.State(self.folder.parent / f"judge-{self.runs}")
        keyring = passkeep.Keyring.load(self.keyring)
        keys = [self.digits]
        keys += [path.read_text() for path in self.folder.glob("new.txt*")]
        for slot in keyring.slots:
            ways = {
                "recovery-key": [{"recovery_key": key} for key in keys],
                "passkey": [{"passkey": client} for client in self.passkeys.values()],
                "password": [{"password": PASSWORD}, {"password": PASSWORD_2}],
                "recipient": [{"identity": self.friend}],
            }[slot.kind]
            assert any(opens(keyring, slot, way, state) for way in ways), slot
        return keyring


def opens(keyring, slot, way, state) -> bool:
    sealed = passkeep.Recipient.from_string(keyring.public().recipient).wrap(bytes(16))
    try:
        root = keyring.unlock(**way, state=state)
    except (passkeep.WrongKeyError, passkeep.CeremonyError):
        return False
    assert root.unwrap(sealed) == bytes(16)
    return "identity" in way or keyring.opened_slot.id == slot.id


@pytest.fixture
def world(quick, tmp_path, monkeypatch):
    """A keyring with each kind of slot but a password, saved by the machine itself."""
    pristine, folder = tmp_path / "pristine", tmp_path / "world"
    pristine.mkdir()
    monkeypatch.setenv("PASSKEEP_STATE_DIR", str(folder / "state"))
    monkeypatch.setenv("OLD", PASSWORD)
    monkeypatch.setenv("NEW", PASSWORD_2)
    made = World(folder, pristine, quick.digits, passkeep.Identity.generate())
    state = passkeep.State(pristine / "state")
    keyring = passkeep.Keyring.load(quick.write(pristine))
    keyring.unlock(recovery_key=quick.digits)
    made.passkeys = {"Laptop": quick.passkeys, "Lost": SoftwarePasskeys()}
    keyring.add_passkey(made.passkeys["Lost"], label="Lost")
    keyring.add_recipient(made.friend.recipient, label="Ada")
    keyring.save(pristine / "keyring.json", state=state)
    (pristine / "recovery.txt").write_text(quick.digits)
    (pristine / "tree").mkdir()
    (pristine / "tree" / "letter.txt").write_text("Dear Ada")
    passkeep.backup(pristine / "tree", pristine / "b.age", to=keyring, state=state)
    keyring.public().save(pristine / "server.json")
    made.reset()
    return made


@pytest.fixture
def faults(world, tmp_path):
    (tmp_path / "faults").mkdir()
    with Faults(tmp_path / "faults") as running:
        yield running


CHANGES = {
    "check": ("key", "check"),
    "remove": ("key", "remove", "Lost"),
    "rename": ("key", "rename", "Lost", "Found"),
    "rotate": ("key", "rotate"),
    "recovery": ("key", "recovery", "--recovery-key-out", "new.txt"),
    "travel": ("key", "travel", "Lost", "no"),
    "add recipient": ("key", "add", "recipient", "friend.txt", "--label", "Eve"),
    "add password": ("key", "add", "password", "--new-password-env", "NEW"),
    "password": ("key", "password", "--new-password-env", "NEW"),
}
THOROUGH = {"rotate", "recovery"}
"""Tried at each call in every run of the tests. All changes save in the same way, so the
others are tried at some calls, and at each with `make soak`."""


def prepare(world, name) -> tuple[object, ...]:
    """The command line of a change, in a world where it succeeds."""
    if name == "password" and not (world.pristine / "has-password").exists():
        keyring = passkeep.Keyring.load(world.pristine / "keyring.json")
        state = passkeep.State(world.pristine / "state")
        keyring.unlock(recovery_key=world.digits, state=state)
        keyring.add_password(PASSWORD)
        keyring.save(world.pristine / "keyring.json", state=state)
        (world.pristine / "has-password").touch()
    if name == "add recipient":
        remove_recipient(world)
        (world.pristine / "friend.txt").write_text(str(world.friend.recipient))
    world.reset()
    files = {"new.txt", "friend.txt"}
    words = [world.folder / word if word in files else word for word in CHANGES[name]]
    return (*words, *world.opening)


def remove_recipient(world) -> None:
    state = passkeep.State(world.pristine / "state")
    keyring = passkeep.Keyring.load(world.pristine / "keyring.json")
    keyring.unlock(recovery_key=world.digits, state=state)
    keyring.remove(keyring.slots[-1].id)
    keyring.save(world.pristine / "keyring.json", state=state)


def points(name, count) -> list[int]:
    """The numbers of the calls that suffer, one in each run."""
    if EXHAUSTIVE or name in THOROUGH:
        return list(range(1, count + 1))
    return [1, count // 2, count]


def assert_works_on(world, faults) -> None:
    """The machine backs up, opens and changes its keyring, and has no leftovers then."""
    backup = ("backup", world.folder / "tree", "-o", world.folder / "after.age")
    done = faults.run(*backup, "--keyring", world.keyring)
    assert done.code == 0, done.err
    keys = [world.folder / "recovery.txt", *world.folder.glob("new.txt*")]
    codes = [
        faults.run("key", "rotate", "--keyring", world.keyring, "--recovery-key-file", key).code
        for key in keys
        if key.exists()
    ]
    assert 0 in codes, codes
    assert leftovers(world.keyring.parent, "keyring.json") == []


def leftovers(folder, name="") -> list[str]:
    return [path.name for path in folder.rglob(f".{name}*.passkeep-*")]


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_is_killed(world, faults, name):
    command = prepare(world, name)
    old = world.keyring.read_bytes()
    count = faults.count(*command, calls=CALLS, under=world.folder)
    assert count >= 8
    new = 0
    for number in points(name, count):
        world.reset()
        fault = Fault(CALLS, str(world.folder), first=number, signal=signal.SIGKILL)
        assert faults.run(*command, fault=fault).code == -signal.SIGKILL
        world.check_keyring()
        new += (changed := world.keyring.read_bytes() != old)
        assert changed or not (world.folder / "new.txt").exists()
        if name == "recovery":
            # It goes on, or says that it was done; and there is one file that counts.
            again = faults.run(*command)
            assert again.code == (1 if changed else 0), again.err
            assert [path.name for path in world.folder.glob("new.txt*")] == ["new.txt"]
            world.check_keyring()
        assert_works_on(world, faults)
    assert 0 < new < len(points(name, count)), "both sides of the rename were tried"


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS.keys())
@pytest.mark.parametrize("name", [name for name in CHANGES if EXHAUSTIVE or name in THOROUGH])
def test_a_change_that_the_system_refuses(world, faults, name, error):
    command = prepare(world, name)
    old = world.keyring.read_bytes()
    count = faults.count(*command, calls=CALLS, under=world.folder)
    for number in range(1, count + 1):
        world.reset()
        fault = Fault(CALLS, str(world.folder), first=number, error=error)
        done = faults.run(*command, fault=fault)
        changed = world.keyring.read_bytes() != old
        # What a machine cannot remember it asks for again; the keyring counts.
        assert done.code == (0 if changed else 1) or "is complete" in done.err, (number, done.err)
        if not changed:
            assert not (world.folder / "new.txt").exists()
        world.check_keyring()
        assert_works_on(world, faults)


@pytest.mark.parametrize("what", ["short", "interrupted"])
def test_writes_that_stop_short_or_are_interrupted(world, faults, what):
    command = prepare(world, "rotate")
    old = world.keyring.read_bytes()
    error = errno.EINTR if what == "interrupted" else 0
    fault = Fault(
        ("write",), str(world.folder), first=1, step=2, error=error, short=what == "short"
    )
    done = faults.run(*command, fault=fault)
    assert done.code == 0, done.err
    assert done.seen > faults.count(*prepare(world, "rotate"), calls=["write"], under=world.folder)
    assert faults.run(*prepare(world, "rotate"), fault=fault).code == 0
    assert world.keyring.read_bytes() != old
    world.check_keyring()
    assert_works_on(world, faults)


# What writes something else than the keyring

OUTPUTS = {
    "export": (("key", "export", "--public", "-o", "out.txt"), "out.txt"),
    "identity": (("key", "export", "--identity-out", "out.txt"), "out.txt"),
    "adopt": (("key", "adopt", "b.age"), "keyring.json"),
}
STATE = {"pin": ("key", "pin", "server.json"), "trust": ("key", "trust", "server.json")}


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_that_is_killed(world, faults, name):
    words, output = OUTPUTS[name]
    if name == "adopt":
        (world.pristine / "keyring.json").unlink()
        shutil.rmtree(world.pristine / "state")
    files = {"out.txt", "b.age"}
    command = [world.folder / word if word in files else word for word in words]
    command += [*world.opening]
    world.reset()
    count = faults.count(*command, calls=CALLS, under=world.folder)
    whole = 0
    for number in range(1, count + 1):
        world.reset()
        fault = Fault(CALLS, str(world.folder), first=number, signal=signal.SIGKILL)
        assert faults.run(*command, fault=fault).code == -signal.SIGKILL
        there = (world.folder / output).exists()
        whole += there
        if there and name == "export":
            assert passkeep.PublicKeyring.load(world.folder / output)
        elif there and name == "identity":
            text = (world.folder / output).read_text()
            assert passkeep.parse_identity_file(text)
        if not there:
            done = faults.run(*command)
            assert done.code == 0, done.err
        assert leftovers(world.folder, output) == [] or there
        assert_works_on(world, faults)
    assert 0 < whole < count


@pytest.mark.parametrize("name", STATE)
def test_a_pin_that_is_killed(world, faults, name):
    shutil.rmtree(world.pristine / "state")
    command = [world.folder / word if word.endswith(".json") else word for word in STATE[name]]
    world.reset()
    count = faults.count(*command, calls=CALLS, under=world.folder)
    for number in range(1, count + 1):
        world.reset()
        fault = Fault(CALLS, str(world.folder), first=number, signal=signal.SIGKILL)
        assert faults.run(*command, fault=fault).code == -signal.SIGKILL
        backup = ("backup", world.folder / "tree", "-o", world.folder / "x.age", "--keyring")
        # A lock without a holder stays until something is written again.
        writing = ("key", "trust", world.folder / "server.json")
        for again in (command, (*backup, world.folder / "server.json"), writing):
            done = faults.run(*again)
            assert done.code == 0, done.err
        assert leftovers(world.folder) == []

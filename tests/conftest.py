"""What every test gets: a machine that remembers nothing, and keyrings made once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import passkeep
from support import keyrings, table
from support.keyrings import Made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints how many public vectors passed through each interface."""
    for line in table.lines():
        terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hands what one of several workers recorded to the process that prints it."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["tables"] = table.state()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes what a worker recorded, unless it died."""
    table.merge(getattr(node, "workeroutput", {}).get("tables", table.NOTHING))


@pytest.fixture(autouse=True)
def fresh_machine(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """State and default keyring live in a folder of the test's own; returns it."""
    folder = tmp_path_factory.mktemp("machine")
    monkeypatch.setenv("PASSKEEP_STATE_DIR", str(folder / "state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    monkeypatch.delenv("PASSKEEP_KEYRING", raising=False)
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A keyring with a recovery key, a passkey and a password."""
    return keyrings.make(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A keyring with a recovery key and a passkey: nothing in it takes a second."""
    return keyrings.make(tmp_path_factory.mktemp("quick"), password=None)


@pytest.fixture
def keyring_path(made: Made, tmp_path: Path) -> Path:
    """A fresh copy of the keyring `made`."""
    return made.write(tmp_path)


@pytest.fixture
def keyring(keyring_path: Path) -> passkeep.Keyring:
    """The keyring `made`, locked."""
    return passkeep.Keyring.load(keyring_path)


@pytest.fixture
def quick_keyring(quick: Made, tmp_path: Path) -> passkeep.Keyring:
    """The keyring `quick`, locked."""
    return passkeep.Keyring.load(quick.write(tmp_path, "quick.json"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree to back up."""
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    (folder / "letter.txt").write_text("Dear Ada")
    (folder / "sub" / "large.bin").write_bytes(os.urandom(3_000_001))
    (folder / "link").symlink_to("letter.txt")
    return folder

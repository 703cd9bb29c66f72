"""Tabs, browsers and terminals that are closed, opened again, or opened twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import passkeep
from support.addresses import Addresses
from support.browser import PHONE, Chromium
from support.cli import Terminal, ok, run
from support.stage import Stage
from support.waiting import wait_until


@pytest.fixture(scope="module")
def one_chromium() -> Iterator[Chromium]:
    with Chromium() as chromium:
        yield chromium


@pytest.fixture
def chromium(one_chromium: Chromium) -> Chromium:
    one_chromium.use_authenticator(PHONE)
    return one_chromium


@contextmanager
def second_tab(chromium: Chromium) -> Iterator[str]:
    """A second tab, in front; yields the handle of the first."""
    first = chromium.driver.current_window_handle
    chromium.driver.switch_to.new_window("tab")
    second = chromium.driver.current_window_handle
    try:
        yield first
    finally:
        if first in chromium.driver.window_handles:
            chromium.driver.switch_to.window(second)
            chromium.driver.close()
            chromium.driver.switch_to.window(first)


# Two tabs


def test_a_second_tab_does_not_break_the_first(chromium: Chromium) -> None:
    with Stage("enrol") as stage:
        chromium.open(stage.url)
        chromium.wait_for("Create passkey", "go")
        with second_tab(chromium) as first:
            chromium.open(stage.url)
            chromium.wait_for("open in another tab", "title")
            assert "Create passkey" not in chromium.driver.page_source
            second = chromium.driver.current_window_handle
            chromium.driver.switch_to.window(first)
            chromium.click("go")
            chromium.wait_for("ready", "title")
            chromium.driver.switch_to.window(second)
            chromium.wait_for("Nobody is waiting", "title")
        assert stage.exchange.result().credential.rp_id == "passkeep.localhost"


def test_a_second_tab_takes_the_place_of_the_first() -> None:
    with Chromium() as chromium, Stage("enrol") as stage:
        chromium.open(stage.url)
        chromium.wait_for("Create passkey", "go")
        with second_tab(chromium) as first:
            chromium.attach(PHONE)
            second = chromium.driver.current_window_handle
            chromium.open(stage.url)
            chromium.wait_for("open in another tab", "title")
            chromium.driver.switch_to.window(first)
            chromium.driver.close()
            chromium.driver.switch_to.window(second)
            chromium.click("go")
            chromium.wait_for("ready", "title")
        assert stage.exchange.result().credential.rp_id == "passkeep.localhost"


# The page hears of the process, and the process of the page


def test_a_page_without_a_process_says_so_by_itself(chromium: Chromium) -> None:
    with Stage("enrol") as stage:
        chromium.open(stage.url)
        chromium.wait_for("Create passkey", "go")
    chromium.wait_for("Nobody is waiting", "title")


def test_a_closed_tab_is_noticed_and_an_open_one_is_not_called_closed(chromium: Chromium) -> None:
    with Stage("enrol") as stage:
        assert not stage.exchange.deserted
        with second_tab(chromium):
            chromium.open(stage.url)
            chromium.wait_for("Create passkey", "go")
            assert not stage.exchange.deserted
            chromium.driver.refresh()
            chromium.wait_for("Create passkey", "go")
            assert not stage.exchange.deserted
        wait_until(lambda: stage.exchange.deserted, seconds=20)
        chromium.open(stage.url)
        wait_until(lambda: not stage.exchange.deserted)


# With a terminal


@pytest.fixture(scope="module")
def keyring(one_chromium: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keyring with a passkey, in the browser's authenticator."""
    folder = tmp_path_factory.mktemp("leaving")
    path = folder / "keyring.json"
    one_chromium.use_authenticator(PHONE)
    ok(
        *("init", "--keyring", path, "--recovery-key-out", folder / "key.txt"),
        env=one_chromium.environment | {"PASSKEEP_STATE_DIR": str(folder / "state")},
    )
    return path


@pytest.fixture
def addresses(tmp_path: Path) -> Addresses:
    return Addresses(tmp_path)


CHECK = ("key", "check", "--with", "passkey", "--keyring")


def test_a_browser_that_is_closed_is_asked_for_again(
    one_chromium: Chromium, keyring: Path, addresses: Addresses
) -> None:
    """The ceremony goes on in another one, at the address that the terminal shows."""
    before = passkeep.Keyring.load(keyring).epoch
    with Terminal(*CHECK, keyring, env=addresses.environment) as terminal:
        url = addresses.next()
        shown = terminal.wait_for("shows the code")
        with Chromium() as doomed:
            doomed.open(url)
            doomed.wait_for("Check passkey", "go")
            code = re.search(r"code ([A-Z2-9]{3}-[A-Z2-9]{3})", shown)
            assert code
            doomed.wait_for(code[1], "code")
            doomed.kill()
        shown = terminal.wait_for("The page was closed. To go on, open this address again")
        assert f"again: {url}" in shown.replace("\n", "")
        one_chromium.open_and_click(url)
        terminal.wait_for("opens the keyring")
        assert terminal.finish() == 0
    assert passkeep.Keyring.load(keyring).epoch == before + 1


def test_ctrl_c_ends_it_and_the_page_is_told(
    one_chromium: Chromium, keyring: Path, addresses: Addresses
) -> None:
    before = keyring.read_bytes()
    with Terminal(*CHECK, keyring, env=addresses.environment) as terminal:
        url = addresses.next()
        one_chromium.open(url)
        one_chromium.wait_for("Check passkey", "go")
        terminal.interrupt()
        one_chromium.wait_for("waiting", "title")  # nobody is, any more
        assert terminal.finish() == 130
    assert keyring.read_bytes() == before


def test_a_browser_without_passkeys_is_not_the_last_one(
    one_chromium: Chromium, keyring: Path, addresses: Addresses
) -> None:
    with Terminal(*CHECK, keyring, env=addresses.environment) as terminal:
        url = addresses.next()
        early = one_chromium.cdp(
            "Page.addScriptToEvaluateOnNewDocument", source="delete window.PublicKeyCredential"
        )
        one_chromium.open(url)
        one_chromium.wait_for("cannot use passkeys", "status")
        terminal.wait_for("Open this address in another one")
        one_chromium.cdp("Page.removeScriptToEvaluateOnNewDocument", identifier=early["identifier"])
        one_chromium.open("about:blank")
        one_chromium.open_and_click(url)
        assert terminal.finish() == 0


NO_BROWSER = {"BROWSER": "", "DISPLAY": "", "WAYLAND_DISPLAY": ""}


def test_no_browser_at_all(keyring: Path, tmp_path: Path) -> None:
    """The alternatives are named, and nothing is lost."""
    opening = run(*CHECK, keyring, env=NO_BROWSER)
    assert opening.code == 1
    for way in ("BROWSER", "--with security-key", "another way"):
        assert way in opening.err
    making = run(
        *("key", "add", "passkey", "--keyring", keyring),
        *("--recovery-key-file", keyring.parent / "key.txt"),
        env=NO_BROWSER,
    )
    assert making.code == 1
    for way in ("BROWSER", "--security-key", "password"):
        assert way in making.err
    assert "Nothing was added" in making.err

"""axe finds nothing wrong with any state of the settings page, light or dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from passkeep.keyring import Keyring, State
from support.axe import assert_accessible
from support.browser import PHONE, Chromium
from support.settings import serving
from support.settings_page import SettingsPage
from support.trees import slow_tree

PASSWORD = "seven small stones in a river bed"


@pytest.fixture(scope="module")
def one_chromium() -> Iterator[Chromium]:
    with Chromium() as chromium:
        # Tall enough for all of a dialog: axe does not judge what is scrolled away.
        chromium.driver.set_window_size(1000, 1600)
        yield chromium


@pytest.fixture
def page(tmp_path: Path, one_chromium: Chromium) -> Iterator[SettingsPage]:
    folder = tmp_path / "backups"
    folder.mkdir()
    one_chromium.use_authenticator(PHONE)
    with serving(tmp_path / "keyring.json", folder) as site:
        yield SettingsPage(one_chromium, site.url)
        one_chromium.open("about:blank")


@pytest.fixture
def digits(tmp_path: Path) -> str:
    """The recovery key of a keyring with a password."""
    path = tmp_path / "keyring.json"
    keyring = Keyring.create()
    digits = keyring.new_recovery_key()
    keyring.confirm_recovery_key(digits)
    keyring.add_password(PASSWORD)
    keyring.save(path, state=State(tmp_path / "state"))
    return digits


def look(page: SettingsPage) -> None:
    # What still fades in has the colours of neither.
    page.until(
        lambda: page.script(
            "return document.getAnimations()"
            ".every((each) => each.effect.getTiming().iterations === Infinity)"
        )
    )
    assert_accessible(page.chromium)


def test_turning_on(page: SettingsPage) -> None:
    look(page)  # off
    page.press("Turn on")
    look(page)
    page.press("Continue")
    digits = page.read_digits()
    look(page)
    page.press("I have written it down")
    page.type("typed", "wrong")
    page.press("Turn on")
    page.field_error("64")
    look(page)
    page.type("typed", digits)
    page.press("Turn on")
    page.title("Encrypted backup is on")
    look(page)
    page.press("A passkey")
    look(page)
    page.press("Cancel")
    page.press("Later")
    page.closed()
    look(page)  # one way in


def test_ways_in(digits: str, page: SettingsPage) -> None:
    look(page)  # locked
    page.press("Unlock")
    look(page)
    page.press("Password")
    page.type("password", "no")
    page.press("Unlock")
    page.shows("opens none")
    look(page)
    page.press("Another way")
    page.press("Recovery key")
    look(page)
    page.type("recovery_key", digits)
    page.press("Unlock")
    page.closed()
    look(page)
    page.press("Password")
    look(page)
    page.press("Change password")
    page.press("Suggest six words")
    page.until(lambda: page.text("dialog output"))
    page.type("password", "a")
    page.type("again", "b")
    page.press("Change password")
    page.field_error("not the same")
    look(page)
    page.press("Cancel")
    page.closed()
    page.press("Password")
    page.press("Rename")
    look(page)
    page.press("Cancel")
    page.closed()
    page.add_passkey("Phone")
    page.press("Phone")
    page.press("Remove")
    look(page)
    page.press("Cancel")
    page.closed()
    page.press("Turn off…")
    look(page)
    page.press("Continue")
    page.press("Password")
    page.type("password", PASSWORD)
    page.press("Turn off")
    page.status("none")
    look(page)  # with one that can be brought back


def test_passkeys(digits: str, page: SettingsPage) -> None:
    page.unlock("Recovery key", recovery_key=digits)
    page.chromium.use_authenticator({**PHONE, "automaticPresenceSimulation": False})
    page.press("Add a passkey")
    page.press("Continue")
    page.shows("Waiting for your device")
    look(page)
    page.press("Cancel")
    page.closed()
    page.chromium.use_authenticator({**PHONE, "isUserVerified": False})
    page.press("Add a passkey")
    page.press("Continue")
    page.shows("wants a click")
    look(page)
    page.press("Continue")
    page.shows("No passkey answered")
    look(page)


def test_backups(digits: str, page: SettingsPage, tmp_path: Path) -> None:
    (tmp_path / "backups" / "noise.age").write_bytes(b"noise")
    page.unlock("Recovery key", recovery_key=digits)
    page.press("Back up now")
    page.script("document.querySelector('dialog details').open = true")
    look(page)
    with slow_tree(tmp_path / "slow") as source:
        page.type("source", str(source))
        page.press("Back up now")
        page.work("Backing up")
        look(page)
        page.press("Cancel")
        page.work("The backup was cancelled")
    (tmp_path / "chats").mkdir()
    page.press("Back up now")
    page.type("source", str(tmp_path / "chats"))
    page.press("Back up now")
    page.work("The backup is complete")
    page.look_again()
    look(page)
    page.press("noise.age")
    look(page)
    page.press("Close")
    page.press("Another folder")
    look(page)
    page.press("Cancel")
    page.closed()
    name = next(each.name for each in (tmp_path / "backups").glob("chats*"))
    page.press(name)
    look(page)
    page.press("Restore")
    page.title(f"Restore {name}")
    look(page)


def test_the_end(page: SettingsPage) -> None:
    page.press("End settings")
    look(page)
    page.press("End settings")
    page.status("ended")
    look(page)


def test_a_keyring_that_cannot_be_read(page: SettingsPage, tmp_path: Path) -> None:
    (tmp_path / "keyring.json").write_text("{}")
    page.look_again()
    page.status("unusable")
    look(page)

"""The settings page as people use it: in Chromium, with passkeys, keyboard and all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

import passkeep
from support.axe import assert_accessible
from support.browser import PATIENCE, PHONE, Chromium
from support.settings import serving

PASSWORD = "seven small stones in a river bed"


class Page:
    """The page in a browser, and a person in front of it."""

    def __init__(self, chromium: Chromium, url: str) -> None:
        self.chromium = chromium
        self.driver = chromium.driver
        chromium.open(url)
        self.until(lambda: self.text("#title") and self.text("#summary"))

    def until(self, condition: Any) -> Any:
        wait = WebDriverWait(self.driver, PATIENCE, 0.03, ignored_exceptions=[Exception])
        return wait.until(lambda _: condition())

    def find(self, selector: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return str(self.find(selector).text)

    def press(self, label: str, within: str = "body") -> None:
        """Presses the button with this label, in the dialog if there is one."""

        def pressed() -> bool:
            inside = (
                "dialog[open]"
                if self.driver.find_elements(By.CSS_SELECTOR, "dialog[open]")
                else within
            )
            for button in self.find(inside).find_elements(By.TAG_NAME, "button"):
                if button.text == label and button.is_enabled():
                    button.click()
                    return True
            return False

        self.until(pressed)

    def type(self, name: str, value: str) -> None:
        field = self.until(lambda: self.find(f"dialog[open] [name={name}]"))
        field.clear()
        field.send_keys(value)

    def dialog(self, title: str) -> None:
        self.until(lambda: self.text("#dialog-title") == title)

    def closed(self) -> None:
        self.until(lambda: not self.driver.find_elements(By.CSS_SELECTOR, "dialog[open]"))

    def says(self, text: str) -> None:
        self.until(lambda: text in self.text("#status"))

    def alerts(self, text: str) -> None:
        self.until(
            lambda: any(
                text in found.text
                for found in self.driver.find_elements(By.CSS_SELECTOR, "dialog[open] .alert")
            )
        )

    def slot(self, label: str) -> str:
        """The selector of a way in."""

        def found() -> str | None:
            for row in self.driver.find_elements(By.CSS_SELECTOR, "[data-slot]"):
                if row.find_element(By.TAG_NAME, "h3").text.startswith(label):
                    return f"[data-slot='{row.get_attribute('data-slot')}']"
            return None

        return str(self.until(found))

    def status(self, status: str) -> None:
        self.until(lambda: self.find(f"[data-status={status}]"))

    def read_digits(self) -> str:
        groups = self.until(
            lambda: [g.text for g in self.driver.find_elements(By.CSS_SELECTOR, ".digits li")]
        )
        assert len(groups) == 16, groups
        assert all(re.fullmatch(r"[0-9a-f]{4}", group) for group in groups), groups
        return " ".join(groups)

    def turn_on(self, password: str = "") -> str:
        """Turns encrypted backup on, without a passkey yet; returns the recovery key."""
        self.press("Turn on")
        digits = self.read_digits()
        self.press("I have written it down")
        self.type("typed", digits)
        if password:
            self.type("password", password)
        self.press("Turn on")
        self.dialog("Add a passkey")
        return digits

    def unlock(self, password: str) -> None:
        self.press("Unlock")
        self.press("Password")
        self.type("password", password)
        self.press("Unlock")
        self.status("unlocked")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with Chromium() as chromium:
        yield chromium


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder


@pytest.fixture
def page(chromium: Chromium, tmp_path: Path, folder: Path) -> Iterator[Page]:
    chromium.use_authenticator(PHONE)
    with serving(tmp_path / "keyring.json", folder) as site:
        yield Page(chromium, site.url)
        chromium.open("about:blank")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """A keyring with a recovery key and a password, and the digits."""
    path = tmp_path_factory.mktemp("made") / "keyring.json"
    keyring = passkeep.Keyring.create()
    digits = keyring.new_recovery_key()
    keyring.confirm_recovery_key(digits)
    keyring.add_password(PASSWORD)
    keyring.save(path)
    return path.read_bytes(), digits


@pytest.fixture
def on(chromium: Chromium, tmp_path: Path, folder: Path, made: tuple[bytes, str]) -> Iterator[Page]:
    """The page of a finished keyring, unlocked with its recovery key."""
    chromium.use_authenticator(PHONE)
    (tmp_path / "keyring.json").write_bytes(made[0])
    with serving(tmp_path / "keyring.json", folder) as site:
        page = Page(chromium, site.url)
        page.press("Unlock")
        page.press("Recovery key")
        page.type("recovery_key", made[1])
        page.press("Unlock")
        page.status("unlocked")
        page.closed()
        yield page
        chromium.open("about:blank")


def test_turning_on_from_nothing(page: Page, chromium: Chromium, tmp_path: Path) -> None:
    assert page.text("#summary h2") == "Off"
    digits = page.turn_on()
    page.type("label", "My phone")
    page.press("Continue")
    page.closed()
    page.says("Encrypted backup is on.")
    assert "synchronised" in page.text(page.slot("My phone"))
    assert len(chromium.credentials()) == 1
    keyring = passkeep.Keyring.load(tmp_path / "keyring.json")
    keyring.unlock(recovery_key=digits)
    assert [slot.kind for slot in keyring.slots] == ["recovery-key", "passkey"]


def test_unlocking_with_each_way_in(on: Page) -> None:
    on.press("Add a passkey")
    on.type("label", "Phone")
    on.press("Continue")
    on.closed()
    on.says("Added.")
    for choice in ("Passkey", "Password", "Recovery key"):
        on.press("Lock now")
        on.status("locked")
        on.press("Unlock")
        on.press(choice)
        if choice == "Password":
            on.type("password", "not the password at all")
            on.press("Unlock")
            on.alerts("password")
            on.type("password", PASSWORD)
            on.press("Unlock")
        if choice == "Recovery key":
            on.type("recovery_key", "0000")
            on.press("Unlock")
            on.alerts("64")
            on.press("Cancel")
            on.closed()
            return
        on.status("unlocked")
        on.says("Unlocked.")


def test_looking_after_the_ways_in(on: Page, chromium: Chromium, tmp_path: Path) -> None:
    assert "two ways in are the least" in on.text(on.slot("Password"))
    on.press("Add a passkey")
    on.type("label", "Old phone")
    on.press("Continue")
    on.closed()
    phone = on.slot("Old phone")
    on.press("Rename", phone)
    on.type("label", "New phone")
    on.press("Rename")
    on.closed()
    phone = on.slot("New phone")
    on.press("Check", phone)
    on.press("Passkey")
    on.says("It opens your backups.")
    on.press("Change", on.slot("Password"))
    on.type("password", "short")
    on.type("again", "other")
    on.press("Change password")
    on.alerts("not the same")
    on.press("Suggest one")
    suggested = on.until(lambda: on.text("dialog .suggested"))
    on.type("password", suggested)
    on.type("again", suggested)
    on.press("Change password")
    on.closed()
    on.says("The password was changed.")
    on.press("Remove", on.slot("New phone"))
    on.dialog("Remove New phone?")
    on.press("Remove")
    on.closed()
    on.says("Removed.")
    keyring = passkeep.Keyring.load(tmp_path / "keyring.json")
    keyring.unlock(password=suggested)
    assert sorted(slot.kind for slot in keyring.slots) == ["password", "recovery-key"]


def test_a_new_recovery_key_counts_once_it_was_typed_back(on: Page, tmp_path: Path) -> None:
    on.press("New recovery key")
    digits = on.read_digits()
    on.press("I have written it down")
    wrong = digits[:-1] + ("0" if digits[-1] != "0" else "1")
    on.type("typed", wrong)
    on.press("Use the new recovery key")
    on.until(lambda: on.text("dialog .field-error"))
    on.type("typed", digits.replace(" ", ""))
    on.press("Use the new recovery key")
    on.closed()
    on.says("The new recovery key counts")
    passkeep.Keyring.load(tmp_path / "keyring.json").unlock(recovery_key=digits)


def test_turning_off_and_bringing_back(on: Page, tmp_path: Path) -> None:
    on.press("Turn off encrypted backup")
    on.press("Continue")
    on.press("Password")
    on.type("password", PASSWORD)
    on.press("Turn off")
    on.status("none")
    on.says("Encrypted backup is off.")
    assert not (tmp_path / "keyring.json").exists()
    back = on.until(lambda: on.find("[data-key^=return-]"))
    back.click()
    on.status("locked")
    on.unlock(PASSWORD)


def make_tree(folder: Path, megabytes: int = 1) -> None:
    (folder / "media").mkdir(parents=True)
    (folder / "msgstore.db").write_bytes(b"chats" * 1000)
    (folder / "media" / "film.mp4").write_bytes(bytes(megabytes << 20))


def test_a_backup_made_verified_and_restored(on: Page, tmp_path: Path) -> None:
    make_tree(tmp_path / "chats")
    on.press("Back up now")
    on.type("source", str(tmp_path / "nowhere"))
    on.press("Back up now")
    on.until(lambda: on.text("dialog .field-error"))
    on.type("source", str(tmp_path / "chats"))
    on.type("name", "chats.tar.age")
    on.press("Back up now")
    on.until(lambda: on.text(".work h3") == "The backup is complete")
    on.press("All right")
    row = "[data-backup='chats.tar.age']"
    assert "opens with: " in on.until(lambda: on.text(row))
    on.press("Verify", row)
    on.until(lambda: on.text(".work h3") == "The backup is intact")
    on.press("Restore", row)
    on.type("target", str(tmp_path / "restored"))
    on.press("Restore")
    on.until(lambda: on.text(".work h3") == "Everything is restored")
    restored = tmp_path / "restored" / "chats" / "msgstore.db"
    assert restored.read_bytes() == b"chats" * 1000


def test_a_backup_can_be_cancelled(on: Page, tmp_path: Path) -> None:
    (tmp_path / "chats").mkdir()
    with (tmp_path / "chats" / "large").open("wb") as file:
        for _ in range(192):
            file.write(bytes(1 << 20))
    on.press("Back up now")
    on.type("source", str(tmp_path / "chats"))
    on.find("dialog [name=compress]").click()
    on.press("Back up now")
    on.press("Cancel", ".work")
    title = on.until(lambda: on.text(".work:not(.running):not(.cancelling) h3"))
    # On a fast machine it may be complete before it is told.
    assert title in {"The backup was cancelled", "The backup is complete"}
    if title == "The backup was cancelled":
        assert list((tmp_path / "backups").iterdir()) == []


def test_a_prompt_that_nobody_answers(on: Page, chromium: Chromium) -> None:
    chromium.use_authenticator(PHONE | {"isUserVerified": False})
    on.press("Add a passkey")
    on.press("Continue")
    # The virtual one refuses at once, as a browser does that wants a click.
    on.press("Continue")
    on.until(lambda: "No passkey answered." in on.text("dialog .status"))
    chromium.use_authenticator(PHONE)
    on.press("Try again")
    on.closed()
    on.says("Added.")


def test_a_passkey_without_prf_is_refused_and_nothing_changes(
    on: Page, chromium: Chromium, tmp_path: Path
) -> None:
    before = (tmp_path / "keyring.json").read_bytes()
    chromium.use_authenticator({"transport": "internal"})
    on.press("Add a passkey")
    on.press("Continue")
    on.until(lambda: "PRF" in on.text("dialog .status.alert"))
    on.press("Cancel")
    on.closed()
    assert (tmp_path / "keyring.json").read_bytes() == before


def test_a_reload_goes_on_where_it_was(on: Page) -> None:
    on.driver.refresh()
    on.status("unlocked")
    assert on.driver.execute_script("return location.hash") == ""
    on.press("Lock now")
    on.status("locked")


def test_a_change_by_another_program_is_told(on: Page, tmp_path: Path) -> None:
    keyring = passkeep.Keyring.load(tmp_path / "keyring.json")
    keyring.unlock(password=PASSWORD)
    keyring.rename(keyring.slots[1].id, "Renamed elsewhere")
    keyring.save(tmp_path / "keyring.json")
    on.until(lambda: "Another program changed the keyring" in on.text("#summary"))
    on.unlock(PASSWORD)
    on.slot("Renamed elsewhere")


def test_nobody_there_any_more(on: Page) -> None:
    on.press("Close this page")
    on.until(lambda: on.text("#title") == "Nobody is there any more")
    assert "passkeep settings" in on.text("main")


def test_escape_leaves_a_dialog_and_forgets_what_was_typed(on: Page) -> None:
    on.press("Change", on.slot("Password"))
    on.type("password", "typed but not sent")
    on.find("dialog [name=password]").send_keys(Keys.ESCAPE)
    on.closed()
    assert "typed but not sent" not in on.driver.execute_script(
        "return document.documentElement.outerHTML"
        " + [...document.querySelectorAll('input')].map((input) => input.value)"
    )
    assert on.driver.switch_to.active_element.text == "Change"


def test_no_secret_is_left_in_the_page(on: Page, chromium: Chromium) -> None:
    on.press("New recovery key")
    digits = on.read_digits()
    on.press("I have written it down")
    on.press("Cancel")
    on.closed()
    found = on.driver.execute_script(
        "return document.documentElement.outerHTML + location.href"
        " + JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})"
    )
    assert digits[:9] not in found
    assert PASSWORD not in found
    history = chromium.cdp("Page.getNavigationHistory")
    assert all("#" not in entry["url"] for entry in history["entries"][-1:])
    assert digits[:9] not in str(history)


def test_axe_finds_nothing_wrong_with_any_state(
    page: Page, chromium: Chromium, tmp_path: Path
) -> None:
    def look() -> None:
        assert_accessible(chromium)

    # Tall enough for all of a dialog: axe does not judge what is scrolled away.
    page.driver.set_window_size(1000, 1600)
    look()  # off
    page.press("Turn on")
    digits = page.read_digits()
    look()
    page.press("I have written it down")
    page.type("typed", "wrong")
    page.press("Turn on")
    page.until(lambda: page.text("dialog .field-error"))
    look()
    page.type("typed", digits)
    page.type("password", PASSWORD)
    page.press("Turn on")
    page.dialog("Add a passkey")
    look()
    chromium.use_authenticator({"transport": "internal"})
    page.press("Continue")
    page.until(lambda: "PRF" in page.text("dialog .status.alert"))
    look()  # a ceremony, and its failure
    page.press("Cancel")
    page.closed()
    look()  # on, and unlocked
    for key in ("change", "rename", "remove"):
        label = {"change": "Change", "rename": "Rename", "remove": "Remove"}[key]
        if label in page.text(page.slot("Password")):
            page.press(label, page.slot("Password"))
            page.until(lambda: page.text("dialog h2"))
            look()
            page.press("Cancel")
            page.closed()
    page.press("Back up now")
    look()
    make_tree(tmp_path / "chats")
    page.type("source", str(tmp_path / "chats"))
    page.press("Back up now")
    page.until(lambda: page.text(".work h3") == "The backup is complete")
    look()  # a list of backups, and what became of the work
    page.press("Restore", "[data-backup]")
    look()
    page.press("Cancel")
    page.closed()
    page.press("Lock now")
    page.status("locked")
    look()
    page.press("Unlock")
    look()
    page.press("Recovery key")
    look()
    page.press("Cancel")
    page.closed()
    page.press("Turn off encrypted backup")
    look()
    page.press("Cancel")
    page.closed()
    page.press("Close this page")
    page.until(lambda: page.text("#title") == "Nobody is there any more")
    look()
    page.driver.set_window_size(1000, 900)


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_nothing_is_wider_than_the_window(on: Page, width: int) -> None:
    on.driver.set_window_size(width, 900)
    on.press("New recovery key")
    on.read_digits()
    wide = on.driver.execute_script(
        "return [document.documentElement, document.getElementById('dialog')]"
        ".some((element) => element.scrollWidth > element.clientWidth)"
    )
    on.press("Cancel")
    on.driver.set_window_size(1000, 900)
    assert not wide

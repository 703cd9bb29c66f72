"""The settings page as people use it: in Chromium, with passkeys, keyboard and all."""

from __future__ import annotations

import threading
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

import passkeep
from passkeep.errors import WrongKeyError
from passkeep.keyring import Keyring
from passkeep.passkey.site import Site
from passkeep.settings import clock
from support.browser import PHONE, SECURITY_KEY, Chromium
from support.ceremonies import record
from support.settings import serving
from support.settings_page import SettingsPage
from support.trees import slow_tree
from support.waiting import wait_until

PASSWORD = "seven small stones in a river bed"


@pytest.fixture(scope="module")
def one_chromium() -> Iterator[Chromium]:
    with Chromium() as chromium:
        yield record(chromium)


@pytest.fixture
def chromium(one_chromium: Chromium) -> Chromium:
    one_chromium.use_authenticator(PHONE)
    return one_chromium


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keyring.json"


@pytest.fixture
def site(path: Path, folder: Path, chromium: Chromium) -> Iterator[Site]:
    with serving(path, folder) as site:
        yield site
        chromium.open("about:blank")


@pytest.fixture
def page(site: Site, chromium: Chromium) -> SettingsPage:
    """The page where there is no keyring."""
    return SettingsPage(chromium, site.url)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """A keyring with a recovery key and a password, and the digits."""
    path = tmp_path_factory.mktemp("made") / "keyring.json"
    keyring = Keyring.create()
    digits = keyring.new_recovery_key()
    keyring.confirm_recovery_key(digits)
    keyring.add_password(PASSWORD)
    keyring.save(path)
    return path.read_bytes(), digits


@pytest.fixture
def digits(made: tuple[bytes, str], path: Path) -> str:
    """The recovery key of a keyring that is there."""
    path.write_bytes(made[0])
    return made[1]


@pytest.fixture
def on(digits: str, site: Site, chromium: Chromium) -> SettingsPage:
    """The page of a keyring with two ways in, unlocked."""
    page = SettingsPage(chromium, site.url)
    page.unlock("Recovery key", recovery_key=digits)
    return page


def elsewhere(path: Path, digits: str) -> Keyring:
    """The keyring as another program has it, unlocked."""
    keyring = Keyring.load(path)
    keyring.unlock(recovery_key=digits)
    return keyring


def kinds(path: Path) -> list[str]:
    return [slot.kind for slot in Keyring.load(path).slots]


# Turning on


def test_turning_on_from_nothing(page: SettingsPage, chromium: Chromium, path: Path) -> None:
    assert page.text(".verdict") == "Off"
    page.press("Turn on")
    page.press("Continue")
    digits = page.read_digits()
    assert not path.exists()
    page.press("I have written it down")
    wrong = digits[:-1] + ("0" if digits[-1] != "0" else "1")
    page.type("typed", wrong)
    page.press("Turn on")
    page.field_error("group 16")
    assert not path.exists()
    page.type("typed", digits.replace(" ", "").upper())
    page.shows("16 of 16 groups")
    page.press("Turn on")
    page.press("A passkey")
    page.type("label", "My phone")
    page.press("Continue")
    page.closed()
    page.says("Encrypted backup is on.")
    assert page.text(".verdict") == "On"
    assert "synchronised" in page.row("My phone")
    assert len(chromium.credentials()) == 1
    assert kinds(path) == ["recovery-key", "passkey"]
    elsewhere(path, digits)


def test_later_is_on_with_a_single_way_in(page: SettingsPage, path: Path) -> None:
    page.press("Turn on")
    page.press("Continue")
    page.press("I have written it down")
    page.press("Show new digits")
    digits = page.read_digits()
    page.press("I have written it down")
    page.type("typed", digits)
    page.press("Turn on")
    page.press("Later")
    page.closed()
    assert "only one way in" in page.text("#summary")
    elsewhere(path, digits)


def test_leaving_in_the_middle_makes_nothing(page: SettingsPage, path: Path) -> None:
    page.press("Turn on")
    page.press("Continue")
    page.read_digits()
    page.press("I have written it down")
    page.type("typed", "00")
    page.find("dialog [name=typed]").send_keys(Keys.ESCAPE)
    page.closed()
    assert page.focused == "Turn on"
    assert "typed back" not in page.text("#summary")
    assert not path.exists()


def test_a_reload_loses_the_digits_and_says_so(page: SettingsPage) -> None:
    page.press("Turn on")
    page.press("Continue")
    first = page.read_digits()
    page.driver.refresh()
    page.until(lambda: "not typed back yet" in page.text("#summary"))
    page.press("Turn on")
    page.press("Continue")
    assert page.read_digits() != first


# Unlocking


def test_unlocking_with_each_way_in(on: SettingsPage, digits: str) -> None:
    on.add_passkey("Phone")
    on.lock()
    on.unlock("Passkey")
    assert "used now" in on.row("Phone")
    on.says("Unlocked.")
    on.lock()
    on.press("Unlock")
    on.press("Recovery key")
    on.type("recovery_key", "0000")
    on.press("Unlock")
    on.field_error("64 digits")
    on.press("Another way")
    on.press("Password")
    on.type("password", "not the password at all")
    on.press("Unlock")
    on.shows("opens none")
    assert on.driver.switch_to.active_element.get_attribute("name") == "password"
    on.type("password", PASSWORD)
    on.press("Show")
    assert on.value("password") == PASSWORD
    on.press("Unlock")
    on.closed()
    assert "used now" in on.row("Password")
    assert on.focused != ""


def test_what_was_begun_goes_on_after_unlocking_again(
    on: SettingsPage, site: Site, path: Path, digits: str
) -> None:
    on.press("Password")
    on.press("Rename")
    on.type("label", "Words")
    site.application.answer("lock", {})
    on.press("Rename")
    on.title("Unlock")
    on.press("Recovery key")
    on.type("recovery_key", digits)
    on.press("Unlock")
    on.closed()
    on.says("Renamed.")
    assert [slot.label for slot in Keyring.load(path).slots] == ["Recovery key", "Words"]


def test_a_change_by_another_program_is_told(on: SettingsPage, path: Path, digits: str) -> None:
    on.press("Password")
    on.press("Rename")
    on.type("label", "From here")
    keyring = elsewhere(path, digits)
    keyring.rename(keyring.slots[0].id, "From elsewhere")
    keyring.save(path)
    on.press("Rename")
    on.title("Unlock again")
    on.shows("Another program changed the keyring")
    on.press("Recovery key")
    on.type("recovery_key", digits)
    on.press("Unlock")
    on.closed()
    on.row("From here")
    on.row("From elsewhere")


def test_it_warns_before_it_locks_itself(on: SettingsPage, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + 280)
    on.look_again()
    on.until(lambda: "Locks in 20" in on.text("#lock"))
    assert "about to lock" in on.find("#aloud").get_property("textContent")
    on.press("Stay unlocked")
    on.until(lambda: "Unlocked for 5 minutes" in on.text("#lock"))
    monkeypatch.setattr(clock, "now", lambda: now + 600)
    on.look_again()
    on.status("locked")


# Ways in


def test_looking_after_the_ways_in(on: SettingsPage, path: Path, digits: str) -> None:
    on.press("Password")
    on.shows("two ways in are the least")
    assert not on.offers("Remove")
    on.press("Close")
    before = Keyring.load(path).recipients
    on.add_passkey("Old phone")
    on.press("Old phone")
    on.press("Rename")
    on.type("label", "")
    on.press("Rename")
    on.shows("fill this in")
    on.type("label", "New phone")
    on.press("Rename")
    on.closed()
    on.row("New phone")
    on.press("New phone")
    on.press("Check it now")
    on.closed()
    on.says("It opens your backups.")
    on.press("New phone")
    on.press("Keep out of new backups")
    on.says("only where this keyring file is")
    on.press("New phone")
    on.press("Remove")
    on.title("Remove New phone?")
    on.press("Remove")
    on.closed()
    on.says("Removed.")
    assert kinds(path) == ["recovery-key", "password"]
    assert Keyring.load(path).recipients != before
    elsewhere(path, digits)


def test_the_way_in_that_answered_is_the_one_that_was_checked(
    on: SettingsPage, chromium: Chromium
) -> None:
    on.add_passkey("Phone")
    chromium.use_authenticator(SECURITY_KEY)
    on.add_passkey("Key")
    assert "security key · only there" in on.row("Key")
    on.press("Phone")
    on.press("Check it now")
    on.says("Key answered")
    on.says("Phone was not checked")


def test_the_password_is_changed(on: SettingsPage, path: Path) -> None:
    on.press("Password")
    on.press("Change password")
    on.type("password", "short")
    on.type("again", "other")
    on.press("Change password")
    on.field_error("not the same")
    on.type("again", "short")
    on.press("Change password")
    on.field_error("guess")
    on.press("Suggest six words")
    suggested = on.until(lambda: on.text("dialog output"))
    on.type("password", suggested)
    on.type("again", suggested)
    on.press("Change password")
    on.closed()
    on.says("The password was changed.")
    Keyring.load(path).unlock(password=suggested)
    with pytest.raises(WrongKeyError):
        Keyring.load(path).unlock(password=PASSWORD)


def test_a_new_recovery_key_counts_once_it_was_typed_back(
    on: SettingsPage, path: Path, digits: str
) -> None:
    on.press("Recovery key")
    on.press("New recovery key")
    fresh = on.read_digits()
    on.press("I have written it down")
    on.type("typed", digits)
    on.press("Use the new recovery key")
    on.field_error("group 1")
    elsewhere(path, digits)
    on.type("typed", fresh)
    on.press("Use the new recovery key")
    on.closed()
    on.says("The new recovery key counts")
    elsewhere(path, fresh)
    with pytest.raises(WrongKeyError):
        elsewhere(path, digits)


def test_digits_that_another_tab_replaced_are_said_to_be_nothing(
    on: SettingsPage, site: Site
) -> None:
    on.press("Recovery key")
    on.press("New recovery key")
    first = on.read_digits()
    on.press("I have written it down")
    site.application.answer("recovery/begin", {})
    on.type("typed", first)
    on.press("Use the new recovery key")
    on.shows("do not count any more")
    on.press("Show new digits")
    assert on.read_digits() != first


def test_turning_off_and_bringing_back(on: SettingsPage, path: Path) -> None:
    on.press("Turn off…")
    on.shows("Nothing is deleted.")
    on.press("Continue")
    on.press("Password")
    on.type("password", PASSWORD)
    on.press("Turn off")
    on.status("none")
    on.says("Encrypted backup is off.")
    assert not path.exists()
    on.press("Bring back")
    on.status("locked")
    assert path.exists()


# Passkeys that do not work


def test_a_prompt_that_nobody_answers(on: SettingsPage, chromium: Chromium) -> None:
    chromium.use_authenticator({**PHONE, "automaticPresenceSimulation": False})
    on.press("Add a passkey")
    on.press("Continue")
    on.shows("Waiting for your device")
    assert "do not delete" in on.shown
    on.press("Cancel")
    on.closed()
    assert on.focused == "Add a passkey"
    chromium.use_authenticator({**PHONE, "isUserVerified": False})
    on.press("Add a passkey")
    on.press("Continue")
    # The virtual one refuses at once, as a browser does that wants a click.
    on.shows("wants a click")
    on.press("Continue")
    on.shows("No passkey answered.")
    assert on.focused == "Try again"
    chromium.use_authenticator(PHONE)
    on.press("Try again")
    on.closed()
    on.says("Added.")


def test_a_passkey_without_prf_is_refused(on: SettingsPage, chromium: Chromium, path: Path) -> None:
    before = path.read_bytes()
    chromium.use_authenticator({"transport": "internal"})
    on.press("Add a passkey")
    on.press("Continue")
    on.shows("PRF")
    # The page tells the password manager, which does not keep a passkey nobody will ask.
    wait_until(lambda: chromium.credentials() == [])
    assert path.read_bytes() == before
    chromium.use_authenticator(PHONE)
    on.press("Try again")
    on.closed()
    on.says("Added.")


def test_a_passkey_of_nobody(on: SettingsPage, chromium: Chromium, digits: str) -> None:
    on.add_passkey("Phone")
    (credential,) = chromium.credentials()
    on.lock()
    chromium.forget(b64decode(credential["credentialId"]))
    on.press("Unlock")
    on.press("Passkey")
    on.shows("wants a click")
    on.press("Continue")
    on.shows("The passkey was removed")
    on.press("Another way")
    on.press("Recovery key")
    on.type("recovery_key", digits)
    on.press("Unlock")
    on.closed()
    on.status("unlocked")


def test_a_reload_between_two_prompts(on: SettingsPage, chromium: Chromium) -> None:
    """The passkey that was made before the reload is the one that is added."""
    on.script("navigator.credentials.get = async () => { throw new DOMException('', 'X') }")
    on.press("Add a passkey")
    on.type("label", "Phone")
    on.press("Continue")
    on.shows("wants a click")
    on.driver.refresh()
    on.title("Go on with the passkey")
    on.press("Continue")
    on.closed()
    on.row("Phone")
    assert len(chromium.credentials()) == 1
    assert on.script("return window.prompts") == ["get"]


NOT_SYNCED = """
const send = window.fetch;
window.fetch = async (url, options) => {
  const reply = await send(url, options);
  const { result, state } = await reply.clone().json();
  if (!url.endsWith("ceremony/answer") || !result.outcome) return reply;
  const error = { code: "not-synced", message: "A power cut may undo it.", hint: "", fields: {} };
  return new Response(JSON.stringify({ error, state }), { status: 422 });
};
"""


def test_a_passkey_that_may_not_survive_a_power_cut_is_kept(
    on: SettingsPage, chromium: Chromium
) -> None:
    """It was saved, so it is neither called useless nor forgotten; and it is said."""
    on.script(NOT_SYNCED)
    on.press("Add a passkey")
    on.type("label", "Phone")
    on.press("Continue")
    on.closed()
    on.says("A power cut may undo it.")
    on.row("Phone")
    assert len(chromium.credentials()) == 1


# Backups


def make_tree(folder: Path) -> Path:
    (folder / "media").mkdir(parents=True)
    (folder / "msgstore.db").write_bytes(b"chats" * 1000)
    (folder / "media" / "film.mp4").write_bytes(bytes(1 << 20))
    return folder


def test_a_backup_made_verified_and_restored(on: SettingsPage, tmp_path: Path, digits: str) -> None:
    chats = make_tree(tmp_path / "chats")
    on.lock()  # nothing secret is needed to make one
    on.press("Back up now")
    on.type("source", str(tmp_path / "nowhere"))
    on.press("Back up now")
    on.field_error("nowhere")
    on.type("source", str(chats))
    on.script("document.querySelector('dialog details').open = true")
    on.type("name", "chats.zip")
    on.press("Back up now")
    on.field_error(".age")
    on.type("name", "chats.tar.age")
    on.type("exclude", "*.mp4")
    on.press("Back up now")
    on.work("The backup is complete")
    assert on.focused == "The backup is complete"
    assert "1 file · 2 folders" in on.text(".work")
    on.press("Dismiss")
    on.until(lambda: not on.driver.find_elements("css selector", ".work"))
    on.press("chats.tar.age")
    on.shows("Recovery key\nPassword")
    on.press("Verify")
    on.press("Recovery key")
    on.type("recovery_key", digits)
    on.press("Unlock")
    on.work("The backup is intact")
    on.press("chats.tar.age")
    on.press("Restore")
    assert on.value("target").endswith("/backups/chats-restored")
    on.type("target", str(tmp_path / "chats"))
    on.press("Restore")
    on.field_error("exists already")
    on.type("target", str(tmp_path / "restored"))
    on.press("Restore")
    on.work("Everything is restored")
    restored = tmp_path / "restored" / "chats"
    assert (restored / "msgstore.db").read_bytes() == b"chats" * 1000
    assert not (restored / "media" / "film.mp4").exists()


def test_progress_is_shown_and_a_backup_can_be_cancelled(
    on: SettingsPage, tmp_path: Path, folder: Path
) -> None:
    with slow_tree(tmp_path / "slow") as source:
        on.press("Back up now")
        on.type("source", str(source))
        on.press("Back up now")
        on.work("Backing up")
        assert on.focused == "Backing up"
        on.until(lambda: on.text("#work-numbers"))
        assert not on.offers("Back up now")
        on.press("Cancel")
        on.work("The backup was cancelled")
    assert "Nothing of it was kept." in on.text(".work")
    assert list(folder.iterdir()) == []


def test_what_is_not_a_backup_and_whose_it_is(
    on: SettingsPage, folder: Path, tmp_path: Path
) -> None:
    (folder / "noise.age").write_bytes(b"noise")
    other = passkeep.Identity.generate().recipient
    passkeep.backup(make_tree(tmp_path / "chats"), folder / "plain.tar.age", to=other)
    on.look_again()
    assert "not a backup" in on.row("noise.age")
    assert "no keyring" in on.row("plain.tar.age")
    on.press("noise.age")
    on.shows("not an age file")
    assert not on.offers("Restore")
    on.press("Close")
    on.press("plain.tar.age")
    on.press("Verify")
    on.work("The backup did not pass")
    on.press("Another folder")
    on.type("path", str(tmp_path / "nowhere"))
    on.press("Use this folder")
    on.field_error("no such folder")
    on.type("path", str(tmp_path / "chats"))
    on.press("Use this folder")
    on.closed()
    on.until(lambda: "There is no backup in this folder yet." in on.text("#backups"))


# Coming and going


def test_a_reload_goes_on_where_it_was(on: SettingsPage) -> None:
    on.driver.refresh()
    on.status("unlocked")
    assert on.script("return location.hash") == ""
    on.lock()


def test_a_page_without_its_key_says_so(on: SettingsPage) -> None:
    address = on.driver.current_url
    tab = on.driver.current_window_handle
    on.driver.switch_to.new_window("tab")
    try:
        on.chromium.open(address)  # a new visit, not a reload
        on.until(lambda: on.text("h1") == "This page has no key")
    finally:
        on.driver.close()
        on.driver.switch_to.window(tab)


def test_an_answer_that_gets_lost(on: SettingsPage, path: Path) -> None:
    """It is not asked for twice, and nobody is told that it was not done."""
    on.press("Password")
    on.press("Rename")
    on.type("label", "Words")
    on.script(
        "const send = window.fetch;"
        "window.fetch = async (...request) => {"
        "  window.fetch = send; await send(...request); throw new TypeError(); }"
    )
    on.press("Rename")
    on.shows("The answer got lost")
    on.press("Cancel")
    on.row("Words")
    assert Keyring.load(path).slots[1].label == "Words"


def test_ending_it(on: SettingsPage, site: Site) -> None:
    on.press("End settings")
    on.press("Cancel")
    on.press("End settings")
    on.title("End the settings?")
    on.press("End settings")
    on.until(lambda: on.text("h1") == "The settings have ended")
    assert on.focused == "The settings have ended"
    assert site.application.ended.is_set()


def test_nobody_there_any_more(on: SettingsPage, site: Site) -> None:
    threading.Thread(target=site.__exit__, args=(None, None, None)).start()
    on.press("Lock now")
    on.until(lambda: on.text("h1") == "Nobody is there any more")
    assert "passkeep settings" in on.text("main")


# Secrets


def test_no_secret_is_left_in_the_page(on: SettingsPage, chromium: Chromium) -> None:
    on.press("Recovery key")
    on.press("New recovery key")
    digits = on.read_digits()
    on.press("I have written it down")
    on.type("typed", digits)
    on.press("Use the new recovery key")
    on.closed()
    on.press("Password")
    on.press("Change password")
    on.type("password", "typed but not sent")
    field = on.find("dialog [name=password]")
    field.send_keys(Keys.ESCAPE)
    on.closed()
    left = on.script(
        "return document.documentElement.outerHTML + location.href + JSON.stringify(history.state)"
        " + JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})"
        " + [...document.querySelectorAll('input, textarea')].map((input) => input.value)"
    )
    sent = "".join(on.script("return window.sent"))
    history = str(chromium.cdp("Page.getNavigationHistory"))
    assert '"typed":{"key"' in sent
    for secret in (digits[:19], digits.replace(" ", "")[:16], PASSWORD, "typed but not sent"):
        assert secret not in left
        assert secret not in sent
        assert secret not in history
    assert "#" not in chromium.cdp("Page.getNavigationHistory")["entries"][-1]["url"]


def test_passkeys_secrets_leave_the_page_sealed_and_are_wiped(on: SettingsPage) -> None:
    on.add_passkey("Phone")
    assert '"sealed":{"key"' in "".join(on.script("return window.sent"))
    buffers = on.script("return window.results.map((each) => Array.from(new Uint8Array(each)))")
    assert buffers == [[0] * 32] * 4


def test_a_recovery_key_is_printed_alone(on: SettingsPage, chromium: Chromium) -> None:
    on.press("Recovery key")
    on.press("New recovery key")
    digits = on.read_digits()
    chromium.cdp("Emulation.setEmulatedMedia", media="print")
    try:
        printed = on.script("return document.body.innerText")
    finally:
        chromium.cdp("Emulation.setEmulatedMedia", media="")
    on.press("Cancel")
    assert digits.split() == [word for word in printed.split() if word in digits.split()]
    assert "passkeep: recovery key" in printed
    assert "Backups" not in printed


@pytest.mark.parametrize("width", [320, 800, 1280])
def test_nothing_is_wider_than_the_window(
    on: SettingsPage, chromium: Chromium, folder: Path, width: int
) -> None:
    (folder / f"{'a-long-name' * 9}.age").write_bytes(b"")
    on.look_again()
    on.row(f"{'a-long-name' * 9}.age")
    chromium.cdp(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=900,
        deviceScaleFactor=1,
        mobile=False,
    )
    try:
        on.press("Recovery key")
        on.press("New recovery key")
        on.read_digits()
        wide = on.script(
            "return [document.documentElement, document.querySelector('dialog')]"
            ".filter((element) => element.scrollWidth > element.clientWidth).length"
        )
    finally:
        chromium.cdp("Emulation.clearDeviceMetricsOverride")
    assert wide == 0

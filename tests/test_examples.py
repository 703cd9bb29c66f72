"""The example apps, as a person uses them: real servers, a real Chromium, stock age."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By

import passkeep
from support.axe import assert_accessible
from support.browser import PHONE, Chromium
from support.cli import ok
from support.waiting import wait_until

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
AGE = Path(sys.executable).parent / "age"
SERVERS = {
    "fastapi": ("uvicorn", "--factory", "fastapi_notes.app:create_app", "--port"),
    "flask": ("flask", "--app", "flask_notes.app", "run", "--port"),
}
LARGEST = 300_000  # bytes of a backup from a file


@dataclass(frozen=True)
class Site:
    """An app that runs."""

    port: int
    data: Path

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        paths = [str(Path(passkeep.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        return os.environ | {
            "NOTES_DATA": str(self.data),
            "NOTES_ORIGIN": self.origin,
            "NOTES_LARGEST_BACKUP": str(LARGEST),
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }

    def home(self, user: str) -> Path:
        return self.data / "users" / user

    def notes(self, user: str) -> list[str]:
        return [path.read_text() for path in sorted((self.home(user) / "notes").iterdir())]

    def backups(self, user: str) -> list[Path]:
        return sorted((self.home(user) / "backups").iterdir())

    def nightly(self) -> str:
        """Runs the unattended job."""
        return subprocess.run(
            [sys.executable, "-m", "common.nightly"],
            cwd=EXAMPLES,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout


@pytest.fixture(scope="module", params=SERVERS)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Each app, as its README starts it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    site = Site(port, tmp_path_factory.mktemp(request.param) / "data")
    module, *arguments = SERVERS[request.param]
    log = site.data.with_name("log")
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", module, *arguments, str(port)],
            cwd=EXAMPLES,
            env=site.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            deadline = time.monotonic() + 60
            while not listens(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield site
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
    assert "Traceback" not in log.read_text()


def listens(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def browsing() -> Iterator[Chromium]:
    with Chromium() as chromium:
        yield chromium


class Person:
    """Somebody at the page of an app, signed in."""

    def __init__(self, chromium: Chromium, site: Site, name: str) -> None:
        self.chromium, self.site, self.name = chromium, site, name
        chromium.use_authenticator(PHONE)
        chromium.driver.delete_all_cookies()
        chromium.open(site.origin)
        self.type("name", name)
        self.click("sign-in-go")
        self.sees("Your notes", "notes-title")

    def click(self, element: str) -> None:
        self.chromium.click(element)

    def sees(self, text: str, element: str = "status") -> None:
        self.chromium.wait_for(text, element)

    def finds(self, element: str) -> Any:
        return self.chromium.driver.find_element(By.ID, element)

    def type(self, element: str, text: str) -> None:
        wait_until(lambda: self.finds(element).is_displayed())
        self.finds(element).clear()
        self.finds(element).send_keys(text)

    def adds(self, text: str) -> None:
        self.type("text", text)
        self.click("add-go")
        self.sees(text, "note-list")
        self.sees("kept")

    def presses(self, label: str) -> None:
        """Presses the first button of this label in a list."""
        path = f"//li//button[text()='{label}']"
        self.chromium.driver.find_element(By.XPATH, path).click()

    def turns_backup_on(self, *, mistyping: bool = False) -> str:
        """Returns the recovery key."""
        self.click("turn-on")
        self.sees("Write down", "show-key-title")
        wait_until(lambda: len(self.finds("digits").text.split()) == 16)
        digits = " ".join(self.finds("digits").text.split())
        self.click("wrote-down")
        if mistyping:
            self.type("typed", "00" * 32)
            self.click("confirm")
            self.is_told("not the recovery key that was shown", "Compare")
            assert not (self.site.home(self.name) / "keyring.json").exists()
            self.click("show-again")
            assert self.finds("digits").text.split() == digits.split()
            self.click("wrote-down")
        self.type("typed", digits)
        self.click("confirm")
        self.sees("Backup is on")
        return digits

    def loses_notes(self) -> None:
        while self.site.notes(self.name):
            left = len(self.site.notes(self.name))
            self.presses("Delete")
            wait_until(lambda left=left: len(self.site.notes(self.name)) < left)
            self.sees("deleted")

    def is_told(self, message: str, hint: str) -> None:
        self.sees(message, "problem-message")
        self.sees(hint, "problem-hint")


def test_the_whole_story(site: Site, browsing: Chromium, tmp_path: Path) -> None:
    ada = Person(browsing, site, "ada")
    ada.adds("Buy ink")
    digits = ada.turns_backup_on()
    home = site.home("ada")

    ada.click("back-up")
    ada.sees("A backup was made")
    (backup,) = site.backups("ada")
    assert b"Buy ink" not in backup.read_bytes()

    # Restored with a tap.
    ada.loses_notes()
    ada.adds("Something else")
    ada.presses("Restore")
    ada.click("use-passkey")
    ada.sees("1 note was restored")
    assert site.notes("ada") == ["Buy ink"]
    assert (home / "notes.before-restore").is_dir()

    # A wrong recovery key changes nothing, and a mistyped one is told where.
    ada.loses_notes()
    ada.presses("Restore")
    ada.type("recovery-key", "00" * 32)
    ada.click("use-key")
    ada.is_told("recovery key", "another way in")
    assert site.notes("ada") == []
    ada.type("recovery-key", ("1" if digits[0] == "0" else "0") + digits[1:])
    ada.click("use-key")
    ada.is_told("group 1", "")

    # Restored with the recovery key.
    ada.type("recovery-key", digits)
    ada.click("use-key")
    ada.sees("1 note was restored")
    assert site.notes("ada") == ["Buy ink"]

    # The command line and stock age open what the app made.
    digits_file = tmp_path / "digits"
    digits_file.write_text(digits)
    ok("restore", backup, "-C", tmp_path / "out", "--recovery-key-file", digits_file)
    (note,) = (tmp_path / "out" / "notes").iterdir()
    assert note.read_text() == "Buy ink"
    identity = tmp_path / "identity"
    identity.write_text(str(passkeep.Identity(bytes.fromhex(digits))))
    with subprocess.Popen([AGE, "-d", "-i", identity, backup], stdout=subprocess.PIPE) as age:
        listed = subprocess.check_output(["tar", "-t"], stdin=age.stdout, text=True)
    assert f"notes/{note.name}" in listed.splitlines()

    # The passkey belongs to `localhost`, so the person's own machine opens it with a tap, too.
    ok("verify", backup, "--with", "passkey", env=browsing.environment)

    for secret in (digits.replace(" ", ""), digits):
        for path in site.data.rglob("*"):
            assert path.is_dir() or secret.encode() not in path.read_bytes()


def test_the_nightly_job_needs_nothing_that_opens(site: Site, browsing: Chromium) -> None:
    ben = Person(browsing, site, "ben")
    ben.adds("Water the plants")
    assert "ben" not in site.nightly()
    digits = ben.turns_backup_on()
    keyring = site.home("ben") / "keyring.json"
    elsewhere = keyring.rename(site.data / "elsewhere.json")
    told = site.nightly()
    elsewhere.rename(keyring)
    (backup,) = site.backups("ben")
    assert f"ben: {backup.name}" in told.splitlines()
    report = passkeep.verify(backup, passkeep.Unlock(recovery_key=digits))
    assert report.files == 1
    # Whoever can write the folder cannot have backups sealed to a key of their own.
    stranger = passkeep.Keyring.create()
    stranger.confirm_recovery_key(stranger.new_recovery_key())
    export = site.home("ben") / "public.json"
    genuine = export.read_bytes()
    stranger.public().save(export, overwrite=True)
    ben.click("back-up")
    ben.is_told("this machine", "trust")
    export.write_bytes(genuine)
    assert site.backups("ben") == [backup]


def test_a_backup_goes_to_a_new_account_as_a_file(site: Site, browsing: Chromium) -> None:
    """As it would to a new server: all that opens it is in the file, or with the person."""
    old = Person(browsing, site, "carl")
    old.adds("Call Dora")
    old.turns_backup_on()
    old.click("back-up")
    old.sees("A backup was made")
    (backup,) = site.backups("carl")
    authenticator = browsing.authenticator
    new = sign_in_again(browsing, site, "carl-2", authenticator)
    link = f"/api/backups/{backup.name}"
    assert get_from_page(browsing, link) == 404  # not this person's

    new.finds("file").send_keys(str(backup))
    new.sees("The backup is here")
    assert [path.read_bytes() for path in site.backups("carl-2")] == [backup.read_bytes()]
    link = f"/api/backups/{site.backups('carl-2')[0].name}"
    assert get_from_page(browsing, link) == list(backup.read_bytes()[:64])
    new.presses("Restore")
    new.click("use-passkey")
    new.sees("1 note was restored")
    assert site.notes("carl-2") == ["Call Dora"]


def sign_in_again(chromium: Chromium, site: Site, name: str, authenticator: str) -> Person:
    """Another account, in the hands of whoever holds the same phone."""
    person = Person.__new__(Person)
    person.chromium, person.site, person.name = chromium, site, name
    person.click("sign-out")
    person.sees("Sign in", "sign-in")
    person.type("name", name)
    person.click("sign-in-go")
    person.sees(name, "user")
    assert chromium.authenticator == authenticator
    return person


def get_from_page(chromium: Chromium, path: str) -> Any:
    """What the page gets: the first bytes, or the status of a refusal."""
    return chromium.driver.execute_async_script(
        "const [path, done] = arguments;"
        "fetch(path).then(async (reply) => done(reply.ok"
        " ? Array.from(new Uint8Array(await reply.arrayBuffer()).slice(0, 64)) : reply.status))",
        path,
    )


def test_what_goes_wrong_is_told_with_what_to_do(
    site: Site, browsing: Chromium, tmp_path: Path
) -> None:
    fay = Person(browsing, site, "fay")
    browsing.set_user_verified(False)
    fay.click("turn-on")
    fay.is_told("No passkey answered", "Try again")
    assert not (site.home("fay") / "keyring.json").exists()

    browsing.use_authenticator({"transport": "internal"})
    fay.click("turn-on")
    fay.is_told("no support for PRF", "another browser or device")

    browsing.use_authenticator(PHONE)
    digits = fay.turns_backup_on(mistyping=True)
    fay.click("back-up")
    fay.sees("A backup was made")
    browsing.set_user_verified(False)
    fay.presses("Restore")
    fay.click("use-passkey")
    fay.is_told("No passkey answered", "recovery key")
    fay.type("recovery-key", digits)
    fay.click("use-key")
    fay.sees("0 notes were restored")

    for content, message in ((b"no backup", "no backup"), (bytes(LARGEST + 1), "larger")):
        (tmp_path / "file.age").write_bytes(content)
        fay.finds("file").send_keys(str(tmp_path / "file.age"))
        fay.is_told(message, "")
    (backup,) = site.backups("fay")
    damaged = bytearray(backup.read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "damaged.age").write_bytes(damaged)
    fay.finds("file").send_keys(str(tmp_path / "damaged.age"))
    fay.sees("The backup is here")
    newest = next(path for path in site.backups("fay") if path != backup)
    browsing.driver.find_element(By.CSS_SELECTOR, f"a[href$='{newest.name}']").find_element(
        By.XPATH, "preceding-sibling::button"
    ).click()
    fay.type("recovery-key", digits)
    fay.click("use-key")
    fay.is_told("", "another copy")


def test_a_backup_of_another_site_is_explained(
    site: Site, browsing: Chromium, quick: Any, tmp_path: Path
) -> None:
    """Its passkey belongs to `passkeep.localhost`, and this page to `localhost`."""
    hal = Person(browsing, site, "hal")
    keyring = passkeep.Keyring.load(quick.write(tmp_path))
    (tmp_path / "notes").mkdir()
    passkeep.backup(tmp_path / "notes", tmp_path / "b.age", to=keyring)
    hal.finds("file").send_keys(str(tmp_path / "b.age"))
    hal.sees("The backup is here")
    hal.presses("Restore")
    hal.click("use-passkey")
    hal.is_told("belong to passkeep.localhost", "recovery key")


class Stranger:
    """A program that sends what no page of the app would."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.cookie = ""

    def send(
        self, method: str, path: str, body: bytes = b"{}", **headers: str
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        sent = {
            "Host": self._site.origin.removeprefix("http://"),
            "Origin": self._site.origin,
            "Content-Type": "application/json",
            "Cookie": self.cookie,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        connection = http.client.HTTPConnection("127.0.0.1", self._site.port, timeout=20)
        try:
            connection.request(method, path, body, sent)
            reply = connection.getresponse()
            content = reply.read()
        finally:
            connection.close()
        got = {name.lower(): value for name, value in reply.getheaders()}
        self.cookie = got.get("set-cookie", self.cookie).partition(";")[0]
        told = json.loads(content) if got.get("content-type") == "application/json" else None
        return reply.status, told or {}, got


def test_the_page_is_accessible(site: Site, browsing: Chromium) -> None:
    """Each card of it, light and dark: axe sees what is shown, so all of them are."""
    lea = Person(browsing, site, "lea")
    lea.adds("Buy ink")
    browsing.driver.execute_script(
        "for (const each of document.querySelectorAll('[hidden]')) each.hidden = false;"
    )
    assert_accessible(browsing)


def test_who_is_not_the_page_is_refused(site: Site) -> None:
    stranger = Stranger(site)
    status, _, headers = stranger.send("POST", "/api/sign-in", b'{"name": "ida"}')
    assert status == 200
    assert "httponly" in headers["set-cookie"].lower()
    assert "samesite=strict" in headers["set-cookie"].lower()
    add = ("POST", "/api/notes", b'{"text": "x"}')
    for headers in (
        {"Origin": "http://localhost:1"},
        {"Origin": site.origin + ".example.org"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Host": "evil.example"},
    ):
        status, content, replied = stranger.send(*add, **headers)
        assert status in {403, 421}, headers
        assert content["hint"].startswith(f"Open {site.origin}")
        assert "default-src 'none'" in replied["content-security-policy"]
    assert site.notes("ida") == []
    assert stranger.send(*add)[0] == 200
    assert site.notes("ida") == ["x"]


def test_what_makes_no_sense_is_refused(site: Site) -> None:
    stranger = Stranger(site)
    assert stranger.send("GET", "/api/everything")[0] == 401
    for body in (b"", b"[]", b"{", b'{"name": 1}', b'{"name": "../x"}', b"[" * 9000):
        assert stranger.send("POST", "/api/sign-in", body)[0] == 400
    assert stranger.send("POST", "/api/sign-in", b"x" * 100_000)[0] == 413
    assert stranger.send("POST", "/api/sign-in", b'{"name": "kim"}')[0] == 200
    for path in ("/api/backups", "/api/turn-on/answer", "/api/turn-on/confirm", "/api/open/answer"):
        status, content, _ = stranger.send("POST", path, b'{"answer": {}, "typed": "x"}')
        assert status == 409
        assert content["hint"]
    assert stranger.send("POST", "/api/backups/..%2Fkeyring.json/open")[0] in {404, 405}
    assert stranger.send("POST", "/api/backups/keyring.json/open")[0] == 404
    status, content, _ = stranger.send("POST", "/api/upload", bytes(LARGEST + 1))
    assert (status, "larger" in content["error"]) == (413, True)
    assert site.backups("kim") == []
    assert [path.name for path in site.home("kim").iterdir() if path.is_file()] == []
    # A step's state serves once, whatever came with it.
    status, content, _ = stranger.send("POST", "/api/turn-on")
    assert content["options"]["publicKey"]["rp"]["id"] == "localhost"
    first = stranger.send("POST", "/api/turn-on/answer", b'{"answer": {"id": []}}')
    again = stranger.send("POST", "/api/turn-on/answer", b'{"answer": {"id": []}}')
    assert (first[0], again[0]) == (400, 409)

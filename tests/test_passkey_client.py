"""The browser client without a browser: openers, time-outs, Ctrl-C, what is left behind."""

from __future__ import annotations

import errno
import http.client
import os
import re
import resource
import signal
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from passkeep.age.fido2prf import Credential
from passkeep.errors import CeremonyError, InvalidInputError, OtherSiteError
from passkeep.passkey import Browser, Question, loopback, opening
from support.waiting import wait_until

NONCE = bytes(range(16))


def question(rp_id: str = "passkeep.localhost") -> Question:
    return Question(Credential(b"credential", rp_id, ()), NONCE)


def threads() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.is_alive()}


@pytest.fixture(autouse=True)
def nothing_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # A folder of one's own: other tests run beside this one.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(Path(tempfile.gettempdir()).glob("passkeep-*.html")), threads()
    yield
    wait_until(lambda: threads() <= before[1])
    assert set(Path(tempfile.gettempdir()).glob("passkeep-*.html")) <= before[0]


def no(_: str) -> bool:
    return False


def broken(_: str) -> None:
    raise OSError("no such program")


@pytest.mark.parametrize("opener", [no, broken])
def test_no_browser(opener: Callable[[str], object]) -> None:
    with pytest.raises(CeremonyError, match="No web browser") as caught:
        Browser(open_url=opener).evaluate([question(), question("localhost")])
    assert "recovery key" in caught.value.hint


def test_no_display_means_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """And in particular no text browser that takes the terminal over."""
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("webbrowser.open", lambda _: pytest.fail("opened"))
    with pytest.raises(CeremonyError, match="No web browser"):
        Browser().evaluate([question()])


def test_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(*_: Any) -> None:
        raise OSError(errno.EADDRINUSE, "taken")

    monkeypatch.setattr(loopback, "_listen", taken)
    with pytest.raises(CeremonyError, match="no port is free") as caught:
        Browser(open_url=no).evaluate([question()])
    assert caught.value.hint


def test_time_out() -> None:
    started = time.monotonic()
    with pytest.raises(CeremonyError, match=r"within 0 seconds|no answer") as caught:
        Browser(open_url=lambda _: None, timeout=0.3).enroll(label="Phone", nonce=NONCE)
    assert 0.3 <= time.monotonic() - started < 2
    assert "password" in caught.value.hint


def test_ctrl_c_ends_the_wait_at_once() -> None:
    pressed = []

    def press(_: str) -> None:
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        Browser(open_url=press).evaluate([question()])
    assert time.monotonic() - pressed[0] < 0.5


def test_a_browser_that_does_not_return_is_not_waited_for() -> None:
    closed = threading.Event()
    try:
        with pytest.raises(CeremonyError):
            Browser(open_url=lambda _: closed.wait(10), timeout=0.2).evaluate([question()])
    finally:
        closed.set()


def test_the_address_is_not_in_the_list_of_processes() -> None:
    seen: dict[str, Any] = {}

    def look(url: str) -> bool:
        path = Path(unquote(urlsplit(url).path))
        seen.update(url=url, mode=stat.S_IMODE(path.stat().st_mode), page=path.read_text())
        return False

    with pytest.raises(CeremonyError):
        Browser(open_url=look).evaluate([question()])
    assert seen["url"].startswith("file://")
    assert seen["mode"] == 0o600
    address = re.search(r'url=(http://passkeep\.localhost:\d+/#[^"]+)', seen["page"])
    assert address
    assert address[1] not in seen["url"]


def test_without_a_temporary_file_the_address_itself_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "mkstemp", lambda **_: broken(""))
    with opening.discreet("http://passkeep.localhost:1/#t") as url:
        assert url == "http://passkeep.localhost:1/#t"


def test_a_full_disk_keeps_no_part_of_the_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))  # the file has 200 bytes
    try:
        with opening.discreet("http://passkeep.localhost:1/#t") as url:
            assert url == "http://passkeep.localhost:1/#t"
            assert list(tmp_path.iterdir()) == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_in_wsl_the_address_itself_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.release", lambda: "6.6.87.2-microsoft-standard-WSL2")
    with opening.discreet("http://passkeep.localhost:1/#t") as url:
        assert url == "http://passkeep.localhost:1/#t"


def test_the_address_is_shown_when_no_page_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passkeep.passkey.showing._PATIENCE", 0.1)
    said: list[str] = []
    browser = Browser(open_url=lambda _: None, announce=said.append, timeout=0.5)
    with pytest.raises(CeremonyError):
        browser.evaluate([question()])
    assert re.search(r"the code [A-Z2-9]{3}-[A-Z2-9]{3}\.$", said[0])
    assert "http://passkeep.localhost:" in said[1]
    assert len(said) == 2


def test_foreign_rp_ids_are_explained() -> None:
    with pytest.raises(OtherSiteError, match=r"belong to example\.org, and no other") as caught:
        Browser(open_url=lambda _: pytest.fail("opened")).evaluate([question("example.org")])
    assert caught.value.rp_ids == ("example.org",)
    assert "Open it on example.org" in caught.value.hint
    assert "recovery key" in caught.value.hint
    assert "--with security-key" in caught.value.hint


def test_without_any_passkey_there_is_nothing_to_ask() -> None:
    with pytest.raises(CeremonyError, match="no passkey to ask for"):
        Browser(open_url=lambda _: pytest.fail("opened")).evaluate([])


@pytest.mark.parametrize(
    "arguments", [{"rp_id": "example.org"}, {"rp_id": ""}, {"timeout": 0}, {"timeout": -1.0}]
)
def test_impossible_arguments(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        Browser(**arguments)


@pytest.mark.parametrize(("label", "nonce"), [("", NONCE), ("Phone", bytes(5))])
def test_bad_arguments_leave_nothing_open(label: str, nonce: bytes) -> None:
    """A socket that was left open would be a warning here, and warnings are errors."""
    with pytest.raises(InvalidInputError):
        Browser(open_url=lambda _: pytest.fail("opened")).enroll(label=label, nonce=nonce)


def test_a_defect_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """And does not leave them waiting for the time-out."""

    def defect(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("passkeep.passkey.ceremony.complete_evaluation", defect)
    site_url: list[str] = []

    def open_url(url: str) -> None:
        site_url.append(url)
        page = Path(unquote(urlsplit(url).path)).read_text()
        origin, token = re.search(r"url=(http://[^/]+)/#([^.]+)\.", page).groups()  # type: ignore[union-attr]
        client = http.client.HTTPConnection("127.0.0.1", int(origin.rpartition(":")[2]))
        headers = {
            "Host": origin.removeprefix("http://"),
            "Origin": origin,
            "Sec-Fetch-Site": "same-origin",
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
        }
        client.request("POST", "/api/answer", '{"step": 1}', headers)
        client.getresponse().read()
        client.close()

    with pytest.raises(ZeroDivisionError):
        Browser(open_url=open_url, timeout=5).evaluate([question()])

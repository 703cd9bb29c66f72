"""The settings page over HTTP: what keeps strangers out, and what no message can do."""

from __future__ import annotations

import json
import logging
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fido2.utils import websafe_encode

import passkeep
from passkeep.passkey import loopback
from passkeep.passkey.site import BODY_LIMIT, CONNECTION_LIMIT
from passkeep.settings import serving as settings_serving
from support.cli import assert_fails, run
from support.loopback import Client, sealed
from support.settings import Page, RefusedError, serving
from support.trees import slow_tree
from support.waiting import wait_until


@pytest.fixture
def path(quick, tmp_path) -> Path:
    return quick.write(tmp_path)


@pytest.fixture
def page(path) -> Iterator[Page]:
    with serving(path, path.parent) as site:
        yield Page(site.url)


def refused(page: Page, action: str, **message: Any) -> RefusedError:
    """What the process says to something that it must refuse."""
    with pytest.raises(RefusedError) as caught:
        page.ask(action, **message)
    return caught.value


# Strangers


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Host": "localhost:1"}, 421),
        ({"Host": "127.0.0.1"}, 421),
        ({"Host": None}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://passkeep.localhost:1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": None}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": None}, 403),
        ({"Authorization": None}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": "Bearer AAAA"}, 401),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": None}, 415),
        ({"Content_Length": None}, 411),
        ({"Transfer_Encoding": "chunked"}, 411),
        ({"Content_Length": str(BODY_LIMIT + 1)}, 413),
    ],
)
def test_each_protection_holds_for_each_kind_of_action(page, path, changes, status):
    before = path.read_bytes()
    for action in ("state", "quit", "rename", "setup/begin", "open/recovery-key"):
        assert page.request("POST", f"/api/{action}", **changes)[0] == status
    assert path.read_bytes() == before
    page.ask("state")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_actions_are_posted(page, method):
    assert page.request(method, "/api/state")[0] in {404, 501}


@pytest.mark.parametrize(
    "name", ["/api", "/api/", "/api/State", "/api/state/", "/api/state?x", "/state", "/api/../api"]
)
def test_there_are_no_other_actions(page, name):
    assert page.request("POST", name)[0] == 404


def test_the_shared_files_are_served_and_nothing_beside_them(page):
    for name, kind in (("page.css", "css"), ("sealing.js", "javascript"), ("webauthn.js", "java")):
        status, headers, body = page.request("GET", f"/{name}")
        assert (status, kind in headers["Content-Type"]) == (200, True)
        assert body
    for name in ("answer.js", "page.js", "../keyring.json", "keyring.json", "__init__.py", "%2e"):
        assert page.request("GET", f"/{name}")[0] == 404


def test_every_reply_is_locked_down(page):
    for request in (("GET", "/page.css"), ("POST", "/api/state"), ("POST", "/api/lock")):
        _, headers, _ = page.request(*request)
        policy = headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'none'", "require-trusted-types-for 'script'"} <= set(policy)
        assert headers["Cache-Control"] == "no-store"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "Set-Cookie" not in headers


def test_both_address_families_answer(page):
    for address in ("127.0.0.1", "::1"):
        assert page.request("POST", "/api/state", address=address)[0] == 200


def test_another_user_is_not_even_heard(page, monkeypatch):
    monkeypatch.setattr(loopback.os, "getuid", lambda: 12345)
    monkeypatch.setattr(loopback, "_ROOT", 54321)
    with pytest.raises(ConnectionError):
        page.request("POST", "/api/state")


def test_slow_connections_do_not_pile_up(path):
    with serving(path) as site:
        page = Page(site.url)
        crowd = [
            socket.create_connection(("127.0.0.1", page.port)) for _ in range(CONNECTION_LIMIT)
        ]
        try:
            wait_until(lambda: site.slots._value == 0)
            with pytest.raises(ConnectionError):
                page.request("POST", "/api/state")
        finally:
            for each in crowd:
                each.close()
        wait_until(lambda: site.slots._value == CONNECTION_LIMIT)
        page.ask("state")


# Messages


HOSTILE = [
    None, True, 7, -1, 1e999, "", " ", "\0", "a\0b", "\ud800", "/x" * 2500, "../\0", "a\nb",
    [], ["a"], [[]], {}, {"key": "AAAA", "box": "AAAA"}, {"key": 7, "box": None}, "💥" * 100,
]  # fmt: skip
MEMBERS = (
    *("ceremony", "step", "response", "sealed", "name", "intent", "password", "recovery_key"),
    *("label", "slot", "travels", "offer", "typed", "path", "source", "target", "compress"),
    *("exclude", "work"),
)
TAKES_NOTHING = {
    *("quit", "state", "use", "lock", "password/suggest", "backups", "recovery/begin"),
}
"""Actions that do what they do, whatever is in the message."""


@pytest.mark.parametrize("unlocked", [False, True], ids=["locked", "unlocked"])
def test_no_malformed_message_does_anything(path, quick, unlocked):
    with serving(path, path.parent) as site:
        page, application = Page(site.url), site.application
        if unlocked:
            page.unlock(quick.digits)
        before, names = path.read_bytes(), sorted(one.name for one in path.parent.iterdir())
        for action in sorted(set(application.actions) - TAKES_NOTHING):
            for value in HOSTILE:
                message = json.loads(dumps(dict.fromkeys(MEMBERS, value)))
                status, told = application.answer(action, message)
                assert status == 422, (action, value)
                assert told["error"]["code"] != "internal", (action, value, told["error"])
                assert told["error"]["message"]
                json.dumps(told)
            with pytest.raises(RefusedError):
                page.ask(action)
        assert path.read_bytes() == before
        assert sorted(one.name for one in path.parent.iterdir()) == names
        page.ask("state")
        assert page.keyring["status"] == ("unlocked" if unlocked else "locked")


def dumps(message: object) -> bytes:
    return json.dumps(message).encode()


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"null", b"{", b"\xff", b"[" * 60_000])
def test_what_is_no_object_is_no_message(page, body):
    assert page.request("POST", "/api/rename", body)[0] == 400


def test_a_box_opens_once_and_for_this_process_only(page, path, quick):
    box = page.box(quick.digits)
    page.ask("open/recovery-key", intent="unlock", recovery_key=box)
    page.ask("lock")
    again = refused(page, "open/recovery-key", intent="unlock", recovery_key=box)
    assert (again.code, list(again.error["fields"])) == ("invalid", ["recovery_key"])
    with serving(path) as other:
        theirs = Page(other.url)
        foreign = sealed(quick.digits.encode(), theirs.key, theirs.state["challenge"])
    old = sealed(quick.digits.encode(), page.key, websafe_encode(bytes(32)))
    for bad in (
        foreign,
        old,
        quick.digits,
        None,
        page.box(b"\xff"),
        page.box(b""),
        page.box(b"x" * 5000),
    ):
        error = refused(page, "open/recovery-key", intent="unlock", recovery_key=bad)
        assert error.code == "invalid"
        assert quick.digits[:9] not in str(error.error)
    assert page.keyring["status"] == "locked"


def test_wrong_order(page, quick):
    for action in ("ceremony/step", "ceremony/answer", "ceremony/failure", "ceremony/cancel"):
        assert refused(page, action, ceremony="0" * 16).code == "stale"
    typed = page.box(quick.digits)
    assert refused(page, "setup/confirm", offer="x", typed=typed).code == "exists"
    assert refused(page, "recovery/cancel", offer="x").code == "stale"
    assert refused(page, "work/cancel", work="x").code == "stale"
    for action in ("recovery/begin", "recovery/confirm", "add/passkey", "add/password", "remove"):
        error = refused(page, action, label="x", slot="x", password=page.box("x"))
        assert error.code == "locked", action
    page.unlock(quick.digits)
    assert refused(page, "recovery/confirm", offer="x", typed=page.box("x")).code == "stale"


def test_no_secret_is_in_replies_logs_or_repr(path, quick, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    with serving(path, tmp_path) as site:
        page = Page(site.url)
        application = site.application
        page.unlock(quick.digits)
        passkey = page.add_passkey()
        page.ask("lock")
        page.perform(page.ask("open/passkey", intent="check"), passkey)
        wrong = "0123 " * 16
        refused(page, "open/recovery-key", intent="unlock", recovery_key=page.box(wrong))
        refused(page, "open/recovery-key", intent="unlock", recovery_key=page.box("7" * 63))
        page.unlock(quick.digits)
        shown = page.ask("recovery/begin")
        new = page.replies.pop()
        page.ask("recovery/confirm", offer=shown["offer"], typed=page.box(shown["digits"]))
        said = b"".join(page.replies).decode().lower() + caplog.text.lower()
        said += repr(vars(application)).lower() + "".join(capfd.readouterr()).lower()
    assert shown["digits"] in new.decode()
    secrets = (quick.digits, shown["digits"], wrong)
    for secret in (page.token, "age-secret-key", *secrets, *(s.replace(" ", "") for s in secrets)):
        assert secret.lower() not in said
    assert "the page asks for open/passkey" in said


# The process


class Running:
    """The command itself, and the address that it said."""

    def __init__(self, *arguments: object) -> None:
        words = [sys.executable, "-m", "passkeep", "settings", "--no-browser", *map(str, arguments)]
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        self.said = ""
        for line in self.process.stderr:
            self.said += line
            if "#" in line:
                break
        self.page = Page(self.said.split()[-1])

    def end(self, number: int | None = None) -> int:
        if number is not None:
            self.process.send_signal(number)
        _, rest = self.process.communicate(timeout=60)
        self.said += rest
        assert "Traceback" not in self.said
        return self.process.returncode


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (None, 0)]
)
def test_the_command_ends_cleanly(path, number, code):
    running = Running("--keyring", path, "--folder", path.parent)
    page = running.page
    assert page.state["code"] in running.said
    assert page.state["folder"] == str(path.parent)
    assert page.state["keyring"]["path"] == str(path)
    if number is None:
        page.ask("quit")
    assert running.end(number) == code
    with pytest.raises(OSError):
        page.request("POST", "/api/state")


def test_ctrl_c_stops_the_work_and_leaves_nothing_of_it(path, tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    with slow_tree(tmp_path / "slow") as source:
        running = Running("--keyring", path, "--folder", folder)
        running.page.ask("backup", source=str(source), name=None, compress=False)
        wait_until(lambda: list(folder.iterdir()))
        assert running.end(signal.SIGINT) == 130
    assert list(folder.iterdir()) == []


def test_the_page_can_be_on_localhost(path):
    running = Running("--keyring", path, "--rp-id", "localhost")
    assert running.page.origin.startswith("http://localhost:")
    assert running.page.state["rp_id"] == "localhost"
    assert running.page.keyring["ways"]["passkey"] is False
    assert refused(running.page, "open/passkey", intent="unlock").code == "ceremony"
    assert running.end(signal.SIGINT) == 130


@pytest.mark.parametrize(
    "arguments", [("--rp-id", "example.org"), ("--folder", "/nowhere"), ("--timeout", "0")]
)
def test_bad_arguments_are_refused_before_anything_is_served(arguments):
    assert_fails(run("settings", "--no-browser", *arguments), 2, hint=False)


def test_a_browser_is_opened_with_a_file_that_nobody_else_can_read(path):
    opened: list[str] = []
    files: list[Path] = []
    said: list[str] = []
    seen = threading.Event()

    def open_url(address: str) -> None:
        file = Path(address.removeprefix("file://"))
        assert file.stat().st_mode & 0o777 == 0o600
        files.append(file)
        opened.append(file.read_text().partition("url=")[2].partition('"')[0])
        seen.set()

    serve = threading.Thread(
        target=settings_serving.serve,
        args=(path,),
        kwargs={"open_url": open_url, "announce": said.append},
    )
    serve.start()
    assert seen.wait(10)
    page = Page(opened[0])
    wait_until(lambda: not files[0].exists())
    assert page.token not in "".join(said)
    page.ask("quit")
    serve.join(10)
    assert not serve.is_alive()


def test_where_no_browser_opens_the_address_is_shown(path, monkeypatch):
    monkeypatch.setattr("passkeep.passkey.showing._PATIENCE", 0.1)
    said: list[str] = []
    options: dict[str, Any] = {"open_url": lambda _: False, "announce": said.append}
    serve = threading.Thread(target=settings_serving.serve, args=(path,), kwargs=options)
    serve.start()
    wait_until(lambda: any("#" in line for line in said))
    Page(said[-1].split()[-1]).ask("quit")
    serve.join(10)
    assert not serve.is_alive()


def test_it_ends_by_itself_when_no_page_is_open(path, monkeypatch):
    monkeypatch.setattr(settings_serving, "_ALONE_AFTER", 0.3)
    said: list[str] = []
    settings_serving.serve(path, browser=False, announce=said.append)
    assert "No page" in said[-1]


def test_a_machine_without_a_free_port(path, monkeypatch):
    def none(port: int = 0) -> Any:
        raise OSError(98, "in use")

    monkeypatch.setattr(loopback, "bind_both", none)
    with pytest.raises(passkeep.OutputError, match="no port is free"):
        settings_serving.serve(path, announce=print)


def test_nothing_is_answered_after_the_end(path):
    with serving(path) as site:
        page = Page(site.url)
        page.ask("quit")
        assert site.application.ended.wait(5)
        assert Client(site.url).request("POST", "/api/state")[0] == 410

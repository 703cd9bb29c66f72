"""The loopback server: one test for each thing that keeps strangers out."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from fido2.utils import websafe_decode, websafe_encode

from passkeep.age.fido2prf import Credential, prf_inputs
from passkeep.errors import CeremonyError
from passkeep.passkey import (
    Answer,
    Question,
    begin_evaluation,
    complete_evaluation,
    loopback,
)
from passkeep.passkey.exchange import Exchange
from passkeep.passkey.sealing import BoxError, BoxKey
from passkeep.passkey.server import LoopbackServer
from passkeep.passkey.site import BODY_LIMIT, CONNECTION_LIMIT, origin_of
from support.authenticator import SoftPasskey
from support.loopback import Client, sealed
from support.waiting import wait_until

HOST = "passkeep.localhost"
NONCE = bytes(range(16))


class Site(Client):
    """A running server, and a client of it."""

    def __init__(self) -> None:
        self.sockets = loopback.bind_both()
        self.origin = origin_of(self.sockets, HOST)
        self.passkey = SoftPasskey(self.origin)
        question = Question(Credential(self.passkey.id, HOST, ()), NONCE)
        step = begin_evaluation(rp_id=HOST, origin=self.origin, questions=[question])
        self.exchange: Exchange[Answer] = Exchange(
            "unlock", step, complete_evaluation, {"code": "ABC-DEF", "more": False}
        )
        self.server = LoopbackServer(self.sockets, HOST, self.exchange)
        super().__init__(self.server.url)

    def post(self, action: str, **message: Any) -> Any:
        status, _, body = self.request("POST", f"/api/{action}", json.dumps(message).encode())
        assert status == 200
        return json.loads(body)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    with site.server:
        yield site


def answer_of(site: Site, view: dict[str, Any]) -> dict[str, Any]:
    response = site.passkey.respond(view["options"])
    del response["clientExtensionResults"]["prf"]
    secret = site.passkey.output(prf_inputs(NONCE))
    challenge = view["options"]["publicKey"]["challenge"]
    return {
        "step": view["step"],
        "response": response,
        "sealed": sealed(secret, site.key, challenge),
    }


def test_the_rightful_page_is_served_on_both_families(site: Site) -> None:
    for address in ("127.0.0.1", "::1"):
        status, _, body = site.request("GET", "/", address=address)
        assert (status, b"<main" in body) == (200, True)
        assert site.status(address=address) == 200


def test_a_ceremony_from_question_to_answer(site: Site) -> None:
    view = site.post("step")
    assert (view["code"], view["kind"], view["step"]) == ("ABC-DEF", "get", 1)
    assert site.post("answer", **answer_of(site, view)) == {"outcome": "done"}
    assert site.server.ended.wait(1)
    answer = site.exchange.result()
    assert answer.prf_output == site.passkey.output(prf_inputs(NONCE))


@pytest.mark.parametrize(
    "host",
    [
        "localhost:{}",
        "127.0.0.1:{}",
        "passkeep.localhost",
        "PASSKEEP.localhost:{}",
        "evil:{}",
        None,
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/api/step")])
def test_foreign_host(site: Site, method: str, path: str, host: str | None) -> None:
    changed = host.format(site.port) if host else host
    assert site.status(method, path, Host=changed) == 421


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:{}", "https://passkeep.localhost:{}", "http://passkeep.localhost:1", "null"],
)
def test_foreign_origin(site: Site, origin: str) -> None:
    assert site.status(Origin=origin.format(site.port)) == 403


def test_missing_origin(site: Site) -> None:
    assert site.status(Origin=None) == 403


@pytest.mark.parametrize("fetch_site", ["same-site", "cross-site", "none", None])
def test_another_site(site: Site, fetch_site: str | None) -> None:
    assert site.status(Sec_Fetch_Site=fetch_site) == 403


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "", None]
)
def test_only_json(site: Site, content_type: str | None) -> None:
    assert site.status(Content_Type=content_type) == 415


@pytest.mark.parametrize("authorization", [None, "", "Bearer ", "Bearer {}x", "Basic {}", "é"])
def test_wrong_token(site: Site, authorization: str | None) -> None:
    changed = authorization.format(site.token) if authorization else authorization
    assert site.status(Authorization=changed) == 401
    assert not site.exchange.arrived.is_set()


def test_large_bodies_are_not_read(site: Site) -> None:
    assert site.status(body=b" " * (BODY_LIMIT - 2) + b"{}") == 200
    assert site.status(body=b"", Content_Length=str(BODY_LIMIT + 1)) == 413
    assert site.status(body=b"", Content_Length="9" * 5000) == 413


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Content_Length": None}, 411),
        ({"Transfer_Encoding": "chunked"}, 411),
        ({"Content_Length": "-1"}, 400),
        ({"Content_Length": "²"}, 400),
    ],
)
def test_bodies_of_unknown_length(site: Site, changes: dict[str, Any], status: int) -> None:
    assert site.status(**changes) == status


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b"\xff", b"[" * 60_000])
def test_malformed_messages(site: Site, body: bytes) -> None:
    assert site.status(body=body) == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/step", 404),
        ("GET", "/../errors.py", 404),
        ("GET", "/page.js/", 404),
        ("POST", "/", 404),
        ("POST", "/api/", 404),
        ("PUT", "/api/step", 501),
        ("OPTIONS", "/api/step", 501),
    ],
)
def test_nothing_else_is_there(site: Site, method: str, path: str, status: int) -> None:
    assert site.status(method, path) == status


def test_nothing_is_taken_after_the_end(site: Site) -> None:
    message = json.dumps(answer_of(site, site.post("step"))).encode()
    assert site.status("POST", "/api/answer", message) == 200
    for action in ("answer", "step", "cancel", "failure"):
        assert site.status("POST", f"/api/{action}", message) == 410


def test_a_box_opens_for_its_own_step_only(site: Site) -> None:
    view = site.post("step")
    message = answer_of(site, view)
    message["sealed"] = sealed(bytes(64), site.key, websafe_encode(bytes(32)))
    assert site.post("answer", **message)["outcome"] == "refused"
    with pytest.raises(CeremonyError, match="sealed"):
        site.exchange.result()


def test_outputs_that_were_not_sealed_are_not_taken(site: Site) -> None:
    view = site.post("step")
    message = {"step": view["step"], "response": site.passkey.respond(view["options"])}
    assert message["response"]["clientExtensionResults"]["prf"]["results"]
    assert site.post("answer", **message)["outcome"] == "refused"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("QuotaExceededError", "QuotaExceededError"),
        ("\x1b[2J", "(Error)"),
        ("A" * 41, "(Error)"),
        (7, "(Error)"),
        (None, "(Error)"),
    ],
)
def test_only_the_name_of_a_failure_reaches_the_terminal(
    site: Site, name: object, shown: str
) -> None:
    assert "outcome" not in site.post("failure", name=name)
    assert site.post("cancel")["outcome"] == "refused"
    with pytest.raises(CeremonyError) as caught:
        site.exchange.result()
    assert shown in str(caught.value)
    assert "recovery key" in caught.value.hint


def test_boxes_that_do_not_open() -> None:
    key = BoxKey()
    good = sealed(b"secret", key.public, "AAAA")
    assert key.open(good, bytes(3)) == b"secret"
    flipped = bytes([websafe_decode(good["box"])[0] ^ 1]) + websafe_decode(good["box"])[1:]
    for bad in (
        None,
        {},
        {**good, "key": "AAAA"},
        {**good, "key": websafe_encode(b"\x04" + bytes(64))},  # not on the curve
        {**good, "box": ""},
        {**good, "box": websafe_encode(flipped)},
        {**good, "box": None},
        {**good, "key": "é"},
    ):
        with pytest.raises(BoxError) as caught:
            key.open(bad, bytes(3))
        assert not isinstance(caught.value, InvalidTag)


def test_an_answer_to_a_step_that_is_over_changes_nothing(site: Site) -> None:
    view = site.post("step")
    message = answer_of(site, view) | {"step": view["step"] - 1}
    assert site.post("answer", **message) == view
    assert not site.exchange.over


def test_every_reply_is_locked_down(site: Site) -> None:
    for request in (("GET", "/"), ("GET", "/page.js"), ("POST", "/api/step"), ("GET", "/none")):
        _, headers, _ = site.request(*request)
        policy = headers["Content-Security-Policy"]
        for rule in (
            "default-src 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ):
            assert rule in policy.split("; ")
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Server"] == "passkeep"
        assert "Set-Cookie" not in headers
        assert not [name for name in headers if name.startswith("Access-Control")]


def test_the_token_is_in_the_fragment_only(site: Site) -> None:
    before, _, fragment = site.server.url.partition("#")
    assert before == f"http://{HOST}:{site.port}/"
    assert site.token in fragment
    assert len(websafe_decode(site.token)) == 32
    other = Site()
    with other.server:
        assert other.token != site.token


def test_another_user_is_not_even_heard(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    monkeypatch.setattr(loopback, "_ROOT", 54321)
    for address in ("127.0.0.1", "::1"):
        with pytest.raises(ConnectionError):
            site.request(address=address)


def test_slow_connections_do_not_pile_up(site: Site) -> None:
    crowd = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(CONNECTION_LIMIT)]
    try:
        wait_until(lambda: site.server.slots._value == 0)
        with pytest.raises(ConnectionError):
            site.request()
    finally:
        for each in crowd:
            each.close()
    wait_until(lambda: site.server.slots._value == CONNECTION_LIMIT)
    assert site.status() == 200

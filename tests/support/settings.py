"""The settings page without a browser: what it asks, and a person with passkeys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fido2.utils import websafe_decode

from passkeep.passkey import loopback
from passkeep.passkey.site import Site, origin_of
from passkeep.settings.application import Settings
from passkeep.settings.serving import LOCK_AFTER, pages
from support.authenticator import SoftPasskey
from support.loopback import Client, sealed
from support.waiting import wait_until

HOST = "passkeep.localhost"


class RefusedError(Exception):
    """The process refused what the page asked for.

    Attributes:
        error: What it said.
        state: What it gave the page to draw.
    """

    def __init__(self, reply: Mapping[str, Any]) -> None:
        super().__init__(reply["error"])
        self.error = reply["error"]
        self.state = reply["state"]

    @property
    def code(self) -> str:
        return self.error["code"]


class Page(Client):
    """One tab. Every reply is kept, to look for secrets in.

    Attributes:
        state: The last state it got.
        replies: The bytes of all replies.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.replies: list[bytes] = []
        self.state: dict[str, Any] = {}
        self.ask("state")

    def ask(self, action: str, **message: Any) -> dict[str, Any]:
        """Asks for something; returns the result, or raises RefusedError."""
        body = json.dumps(message).encode()
        status, _, reply = self.request("POST", f"/api/{action}", body)
        assert status in {200, 422}, status
        self.replies.append(reply)
        told = json.loads(reply)
        self.state = told["state"]
        if status == 422:
            raise RefusedError(told)
        return told["result"]

    @property
    def keyring(self) -> dict[str, Any]:
        return self.state["keyring"]

    def slot(self, kind: str) -> dict[str, Any]:
        (found,) = (slot for slot in self.keyring["slots"] if slot["kind"] == kind)
        return found

    def box(self, typed: str | bytes) -> dict[str, str]:
        """Seals what was typed."""
        data = typed.encode() if isinstance(typed, str) else typed
        return sealed(data, self.key, self.state["challenge"])

    def unlock(self, digits: str, intent: str = "unlock") -> dict[str, Any]:
        return self.ask("open/recovery-key", intent=intent, recovery_key=self.box(digits))

    def answer(self, view: Mapping[str, Any], passkey: SoftPasskey) -> dict[str, Any]:
        """What the page posts for one step."""
        passkey.origin = self.origin
        response = passkey.respond(view["options"])
        results = response["clientExtensionResults"]["prf"].pop("results", {})
        message = {"ceremony": view["ceremony"], "step": view["step"], "response": response}
        if results:
            secret = b"".join(websafe_decode(results[half]) for half in ("first", "second"))
            challenge = view["options"]["publicKey"]["challenge"]
            message["sealed"] = sealed(secret, self.key, challenge)
        return message

    def perform(self, view: dict[str, Any], passkey: SoftPasskey) -> dict[str, Any]:
        """Runs a ceremony to its end."""
        while view["outcome"] is None:
            view = self.ask("ceremony/answer", **self.answer(view, passkey))
        return view

    def add_passkey(self, label: str = "Laptop") -> SoftPasskey:
        passkey = SoftPasskey(self.origin)
        assert self.perform(self.ask("add/passkey", label=label), passkey)["outcome"] == "done"
        return passkey

    def finish(self) -> dict[str, Any]:
        """Waits until the running work is over; returns it."""

        def over() -> bool:
            self.ask("state")
            return self.state["work"]["status"] not in {"running", "cancelling"}

        wait_until(over, seconds=60)
        return self.state["work"]


@contextmanager
def serving(
    path: Path, folder: Path | None = None, *, lock_after: float = LOCK_AFTER, rp_id: str = HOST
) -> Iterator[Site]:
    """Serves the settings of a keyring."""
    sockets = loopback.bind_both()
    settings = Settings(
        path,
        folder=folder,
        rp_id=rp_id,
        origin=origin_of(sockets, rp_id),
        code="ABC-DEF",
        lock_after=lock_after,
    )
    with Site(sockets, rp_id, pages(), settings) as site:
        try:
            yield site
        finally:
            settings.close()

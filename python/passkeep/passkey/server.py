"""The site of one ceremony: its page, and the exchange that answers it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from importlib import resources
from typing import Any

from passkeep.passkey.exchange import Exchange, OverError
from passkeep.passkey.sealing import BoxKey
from passkeep.passkey.site import ClosedError, Page, Site

_SCRIPTS = (
    *("page.js", "process.js", "screen.js", "sealing.js", "tabs.js", "texts.js", "webauthn.js"),
)

TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


class LoopbackServer(Site):
    """A site for exactly one ceremony.

    Args:
        sockets: What :func:`passkeep.passkey.loopback.bind_both` returned.
        host: The host name that the page has: the RP ID.
        exchange: The ceremony.

    Attributes:
        ended: Set after the page has been told how the ceremony ended.
    """

    def __init__(self, sockets: list[socket.socket], host: str, exchange: Exchange[Any]) -> None:
        self.exchange = exchange
        self.ended = threading.Event()
        pages = read_pages("passkeep.passkey", ("index.html", "page.css", *_SCRIPTS))
        super().__init__(sockets, host, pages, _Ceremony(exchange, self.ended))


class _Ceremony:
    """A ceremony as a site's application."""

    actions = frozenset({"step", "watch", "answer", "failure", "cancel", "told"})

    def __init__(self, exchange: Exchange[Any], ended: threading.Event) -> None:
        self._exchange = exchange
        self._ended = ended
        self._answering = threading.local()

    @property
    def key(self) -> BoxKey:
        return self._exchange.key

    def answer(self, action: str, message: dict[str, Any]) -> tuple[HTTPStatus, object]:
        try:
            view = self._exchange.handle(action, message)
        except OverError:
            raise ClosedError from None
        self._answering.tells = "outcome" in view
        return HTTPStatus.OK, view

    def answered(self) -> None:
        # In the same thread: another one may just be telling the page how it ended.
        if self._answering.tells:
            self._ended.set()


def read_pages(package: str, names: Iterable[str]) -> Mapping[str, Page]:
    """Reads static files from the folder ``page`` of a package, by the paths they get."""
    folder = resources.files(package).joinpath("page")
    return {
        "/" if name == "index.html" else f"/{name}": Page(
            folder.joinpath(name).read_bytes(), TYPES[name.rpartition(".")[2]]
        )
        for name in names
    }

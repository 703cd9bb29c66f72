"""A site on loopback: every request has to prove where it comes from.

Other users, other programs, other pages in the same browser and other servers on
localhost are all strangers here. The static page is harmless and open to whoever asks
under the right name; everything else takes the bearer token from the page's address.
What is asked and answered is the application's affair.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import socket
import socketserver
import threading
from collections.abc import Collection, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

from passkeep.passkey import loopback
from passkeep.passkey.sealing import BoxKey

BODY_LIMIT = 64 * 1024
"""Bytes of one message. A registration without attestation takes about one kilobyte."""

CONNECTION_LIMIT = 32
"""Connections served at once; a browser opens six."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "publickey-credentials-create=(self), publickey-credentials-get=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_API = "/api/"

_logger = logging.getLogger(__name__)


class ClosedError(Exception):
    """The application has ended; nothing more is taken."""


class Page(NamedTuple):
    """One static file of a site."""

    content: bytes
    content_type: str


class Application(Protocol):
    """What answers the messages of a page. It is called from several threads."""

    @property
    def key(self) -> BoxKey:
        """What the page seals secrets to. Its public half stands in the page's address."""

    @property
    def actions(self) -> Collection[str]:
        """The names that messages can have: what stands behind ``/api/``."""

    def answer(self, action: str, message: dict[str, Any]) -> tuple[HTTPStatus, object]:
        """Answers one message.

        Args:
            action: One of :attr:`actions`.
            message: The message, parsed and otherwise unchecked.

        Returns:
            The status and what the page gets as JSON.

        Raises:
            ClosedError: Nothing more is taken.
        """

    def answered(self) -> None:
        """Is called when an answer is on its way, or got lost on it."""


class Site:
    """A page and what answers it, on sockets that are bound already.

    Use it as a context manager: leaving it closes the sockets.

    Args:
        sockets: What :func:`passkeep.passkey.loopback.bind_both` returned.
        host: The host name that the page has: the RP ID.
        pages: The static files by their paths.
        application: What answers messages.
    """

    def __init__(
        self,
        sockets: list[socket.socket],
        host: str,
        pages: Mapping[str, Page],
        application: Application,
    ) -> None:
        self.origin = origin_of(sockets, host)
        self.host = self.origin.removeprefix("http://")
        self.pages = dict(pages)
        self.application = application
        self.slots = threading.BoundedSemaphore(CONNECTION_LIMIT)
        self._token = secrets.token_urlsafe(32)
        self._listeners = [_Listener(each, self) for each in sockets]

    @property
    def url(self) -> str:
        """The address of the page. The fragment is a secret: it never reaches a server."""
        return f"{self.origin}/#{self._token}.{self.application.key.public}"

    def knows(self, authorization: str) -> bool:
        """Say whether this is the right ``Authorization`` header, in constant time."""
        return hmac.compare_digest(authorization.encode(), f"Bearer {self._token}".encode())

    def __enter__(self) -> Self:
        for listener in self._listeners:
            # The interval bounds how long leaving takes; waiting costs nothing else.
            threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for listener in self._listeners:
            listener.shutdown()
            listener.server_close()


def origin_of(sockets: list[socket.socket], host: str) -> str:
    """Return the origin of a page under ``host`` on these sockets."""
    return f"http://{host}:{sockets[0].getsockname()[1]}"


class _Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """One listening socket; both families share one :class:`Site`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, listening: socket.socket, site: Site) -> None:
        super().__init__(listening.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.site = site

    def verify_request(self, request: Any, client_address: Any) -> bool:
        return loopback.peer_is_trusted(client_address[:2], request.getsockname()[:2])

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self.site.slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread was started that would give the slot back
            self.site.slots.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.site.slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A browser hung up. A traceback on the user's terminal would help nobody.
        del request, client_address
        _logger.debug("a connection to the loopback page ended early")


class _Refused(Exception):  # noqa: N818 - not an error of the program
    """This request is answered with a status and nothing else."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    timeout = 10  # seconds for one request to arrive

    def do_GET(self) -> None:
        try:
            self._check_host()
        except _Refused as refusal:
            self._reply(refusal.status)
            return
        page = self.server.site.pages.get(self.path)
        if page is None:
            self._reply(HTTPStatus.NOT_FOUND)
            return
        self._reply(HTTPStatus.OK, *page)

    def do_POST(self) -> None:
        application = self.server.site.application
        try:
            action = self._check_post()
            status, answer = application.answer(action, self._message())
        except _Refused as refusal:
            self._reply(refusal.status)
            return
        except ClosedError:
            self._reply(HTTPStatus.GONE)
            return
        try:
            self._reply(status, json.dumps(answer).encode(), "application/json")
        finally:
            application.answered()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what ``http.server`` itself refuses like everything else: without a body."""
        del message, explain
        self.close_connection = True
        self._reply(HTTPStatus(code))

    def version_string(self) -> str:
        """Name no version to strangers."""
        return "passkeep"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Log nothing: requests are made by strangers, and the terminal is the user's."""

    def _check_host(self) -> None:
        # Exact, so that no name that was pointed at 127.0.0.1 can reach this server.
        if self.headers.get_all("Host") != [self.server.site.host]:
            raise _Refused(HTTPStatus.MISDIRECTED_REQUEST)

    def _check_post(self) -> str:
        """Check everything but the body and return the action."""
        self._check_host()
        if (
            self.headers.get_all("Origin") != [self.server.site.origin]
            # "same-site" is what a page on another port of localhost would have.
            or self.headers.get_all("Sec-Fetch-Site") != ["same-origin"]
        ):
            raise _Refused(HTTPStatus.FORBIDDEN)
        tokens = self.headers.get_all("Authorization") or []
        if len(tokens) != 1 or not self.server.site.knows(tokens[0]):
            raise _Refused(HTTPStatus.UNAUTHORIZED)
        action = self.path.removeprefix(_API)
        if action == self.path or action not in self.server.site.application.actions:
            raise _Refused(HTTPStatus.NOT_FOUND)
        if self.headers.get_all("Content-Type") != ["application/json"]:
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        return action

    def _message(self) -> dict[str, Any]:
        lengths = self.headers.get_all("Content-Length") or []
        if len(lengths) != 1 or "Transfer-Encoding" in self.headers:
            raise _Refused(HTTPStatus.LENGTH_REQUIRED)
        if not (lengths[0].isascii() and lengths[0].isdigit()):
            raise _Refused(HTTPStatus.BAD_REQUEST)
        # Digits are counted before they are converted: a number may be long, too.
        if len(lengths[0]) > len(str(BODY_LIMIT)) or int(lengths[0]) > BODY_LIMIT:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            message = json.loads(self.rfile.read(int(lengths[0])))
        except (ValueError, RecursionError):
            raise _Refused(HTTPStatus.BAD_REQUEST) from None
        if not isinstance(message, dict):
            raise _Refused(HTTPStatus.BAD_REQUEST)
        return message

    def _reply(
        self, status: HTTPStatus, body: bytes = b"", content_type: str = "text/plain"
    ) -> None:
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

"""What every request is held to, and what every reply says to the browser."""

from __future__ import annotations

from http import HTTPStatus

from common.problems import Refused
from common.settings import Settings

COOKIE = "notes_session"
LARGEST_MESSAGE = 64 * 1024  # bytes of JSON

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer", under which some browsers hide the Origin of what a page sends.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def check(settings: Settings, method: str, host: str | None, origin: str | None) -> None:
    """Refuse what another site, or another page of this machine, sends.

    The origin is compared exactly: a SameSite cookie alone would let every port of
    ``localhost``, and every sister of a domain, send requests in the person's name.

    Raises:
        Refused: The request is not one of this app's own page.
    """
    if host != settings.host:
        raise Refused(
            HTTPStatus.MISDIRECTED_REQUEST,
            "This app is not served under this name.",
            f"Open {settings.origin} instead.",
        )
    if method not in {"GET", "HEAD"} and origin != settings.origin:
        raise Refused(
            HTTPStatus.FORBIDDEN,
            "This request did not come from the app's own page.",
            f"Open {settings.origin} and try there.",
        )

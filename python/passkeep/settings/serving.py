"""Serving the settings page until somebody ends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from importlib import resources
from pathlib import Path

from passkeep.errors import InvalidInputError, OutputError
from passkeep.passkey import loopback
from passkeep.passkey.browser import RP_IDS
from passkeep.passkey.server import TYPES, read_pages
from passkeep.passkey.showing import OpenUrl, Showing, new_code
from passkeep.passkey.site import Page, Site, origin_of
from passkeep.settings.application import Settings

LOCK_AFTER = 300.0
"""Seconds without use after which the keyring is locked, unless somebody says otherwise."""

_ALONE_AFTER = 1800.0  # seconds without a page that is open
_TICK = 0.1  # seconds; Windows delivers Ctrl-C only between waits
_SHARED = ("page.css", "sealing.js", "webauthn.js")


def serve(
    path: Path,
    *,
    folder: Path | None = None,
    rp_id: str = RP_IDS[0],
    lock_after: float = LOCK_AFTER,
    browser: bool = True,
    open_url: OpenUrl | None = None,
    announce: Callable[[str], object],
) -> None:
    """Serves the settings of one keyring until the page ends it, or is gone.

    Whatever ends it, Ctrl-C included, leaves no server and no file behind, and stops what
    the page has started.

    Args:
        path: The keyring file, which need not exist.
        folder: The folder with backups.
        rp_id: The RP ID of the page, one of :data:`passkeep.passkey.browser.RP_IDS`.
        lock_after: Seconds without use after which the keyring is locked.
        browser: Whether to open a browser, and not only to show the address.
        open_url: Opens an address in a browser; by default what the system does it with.
        announce: Is called with sentences to show to the person.

    Raises:
        InvalidInputError: A page on this machine cannot have this RP ID.
        OutputError: No port is free for the page.
    """
    if rp_id not in RP_IDS:
        raise InvalidInputError(f"a page on this machine has the RP ID {' or '.join(RP_IDS)}")
    with ExitStack() as stack:
        try:
            sockets = loopback.bind_both()
        except OSError:
            raise OutputError(
                "the page could not be served: no port is free on this machine"
            ) from None
        for each in sockets:
            stack.enter_context(each)
        code = new_code()
        settings = Settings(
            path.absolute(),
            folder=None if folder is None else folder.absolute(),
            rp_id=rp_id,
            origin=origin_of(sockets, rp_id),
            code=code,
            lock_after=lock_after,
        )
        stack.callback(settings.close)
        site = stack.enter_context(Site(sockets, rp_id, pages(), settings))
        announce(f"Continue in your web browser. The page shows the code {code}.")
        announce("It works until you end it there, or press Ctrl-C here.")
        showing = Showing(site.url, announce, settings.arrived)
        if browser:
            stack.enter_context(showing.by(open_url, lambda: None))  # the address is shown soon
        else:
            showing.show("Open this address in a browser on this machine")
        _wait(settings, showing, announce)


def pages() -> Mapping[str, Page]:
    """The static files: those of the ceremony page that are shared, and the page's own."""
    own = resources.files("passkeep.settings").joinpath("page")
    names = [
        file.name
        for file in (own.iterdir() if own.is_dir() else ())
        if file.is_file() and file.name.rpartition(".")[2] in TYPES
    ]
    return {**read_pages("passkeep.passkey", _SHARED), **read_pages("passkeep.settings", names)}


def _wait(settings: Settings, showing: Showing, announce: Callable[[str], object]) -> None:
    while not settings.ended.wait(_TICK):
        showing.tick()
        settings.tick()
        if settings.silent_for > _ALONE_AFTER:
            announce("No page has been open for half an hour.")
            return

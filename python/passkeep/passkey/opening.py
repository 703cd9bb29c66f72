"""Showing an address to the user's browser without showing it to the whole machine."""

from __future__ import annotations

import html
import os
import platform
import sys
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_REDIRECT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={url}">
<title>passkeep</title>
<p><a href="{url}">Continue</a></p>
</html>
"""


@contextmanager
def discreet(url: str) -> Iterator[str]:
    """Yield an address that leads to ``url`` and may appear in the list of processes.

    A browser gets its address as an argument, which every user of the machine can read.
    So it gets that of a file only this user can read. Where such a file cannot be made,
    or where the browser lives in another world and cannot read it (WSL), ``url`` itself
    is yielded: a page that opens is worth more, and the address serves one ceremony only.

    The file is removed on leaving.
    """
    path = None if _in_wsl() else _write(_REDIRECT.format(url=html.escape(url)))
    try:
        yield url if path is None else path.as_uri()
    finally:
        if path is not None:
            with suppress(OSError):
                path.unlink()


def open_in_browser(url: str) -> bool:
    """Open ``url`` in the user's browser; False where there is none to be seen."""
    return can_show() and webbrowser.open(url)


def can_show() -> bool:
    """Whether a browser could be seen here.

    Without a display :mod:`webbrowser` would start a text browser in the terminal, which
    cannot do passkeys.
    """
    return (
        sys.platform != "linux"
        or _in_wsl()
        or any(os.environ.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))
    )


def _write(page: str) -> Path | None:
    """Write a file that only this user can read; None where that does not work."""
    try:
        descriptor, name = tempfile.mkstemp(prefix="passkeep-", suffix=".html")  # mode 0600
    except OSError:
        return None
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(page)
    except OSError:
        # Part of the address may be in it.
        with suppress(OSError):
            path.unlink()
        return None
    return path


def _in_wsl() -> bool:
    return sys.platform == "linux" and "microsoft" in platform.release().lower()

"""The files of the page: our own, and passkeep's two modules for passkeys."""

from __future__ import annotations

from importlib import resources

from passkeep import web

_TYPES = {"css": "text/css", "html": "text/html; charset=utf-8", "js": "text/javascript"}


def files() -> dict[str, tuple[bytes, str]]:
    """Return the content and the type of each file, by its path on the site."""
    folder = resources.files("common").joinpath("page")
    found = {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}
    found |= web.scripts()
    paths = {name: "" if name == "index.html" else name for name in found}
    return {paths[name]: (found[name], _TYPES[name.rpartition(".")[2]]) for name in found}

"""What routes ask for: who is signed in, that person's folder, the JSON that was sent."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from common.guard import COOKIE, LARGEST_MESSAGE
from common.home import Home
from common.problems import Refused
from common.sessions import Session, Sessions
from common.settings import Settings

SETTINGS = "notes.settings"
SESSIONS = "notes.sessions"


def settings() -> Settings:
    """Return what the app was made with."""
    found: Settings = current_app.extensions[SETTINGS]
    return found


def session() -> Session:
    """Return the session of the browser that asks.

    Raises:
        Refused: It is not signed in.
    """
    sessions: Sessions = current_app.extensions[SESSIONS]
    return sessions.find(request.cookies.get(COOKIE))


def mine() -> Home:
    """Return the folder of who is signed in.

    Raises:
        Refused: Nobody is.
    """
    return Home(settings().data, session().user)


def sent() -> dict[str, Any]:
    """Return the JSON object that was sent, and read no more bytes than one may have.

    Raises:
        Refused: It is none.
    """
    request.max_content_length = LARGEST_MESSAGE
    try:
        found = request.get_json(silent=True)
    except RequestEntityTooLarge:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "This is too much at once.") from None
    except RecursionError:
        found = None
    if not isinstance(found, dict):
        raise Refused(HTTPStatus.BAD_REQUEST, "This is no JSON object.", "Reload the page.")
    return found


def text(message: dict[str, Any], name: str) -> str:
    """Return a member that must be text.

    Raises:
        Refused: It is not.
    """
    value = message.get(name)
    if not isinstance(value, str):
        raise Refused(HTTPStatus.BAD_REQUEST, f"{name} is missing.", "Reload the page.")
    return value

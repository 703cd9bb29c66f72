"""What routes ask for: who is signed in, that person's folder, the JSON that was sent."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Request

from common.guard import COOKIE, LARGEST_MESSAGE
from common.home import Home
from common.problems import Refused
from common.sessions import Session, Sessions
from common.settings import Settings


def state_of(request: Request) -> tuple[Settings, Sessions]:
    """Return what the app was made with."""
    return request.app.state.settings, request.app.state.sessions


def _session(request: Request) -> Session:
    return state_of(request)[1].find(request.cookies.get(COOKIE))


def _home(request: Request, session: SignedIn) -> Home:
    return Home(state_of(request)[0].data, session.user)


async def _sent(request: Request) -> dict[str, Any]:
    """Read a JSON object, and no more bytes than one may have."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_MESSAGE:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "This is too much at once.")
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        sent = None
    if request.headers.get("content-type") != "application/json" or not isinstance(sent, dict):
        raise Refused(HTTPStatus.BAD_REQUEST, "This is no JSON object.", "Reload the page.")
    return sent


def text(sent: dict[str, Any], name: str) -> str:
    """Return a member that must be text.

    Raises:
        Refused: It is not.
    """
    value = sent.get(name)
    if not isinstance(value, str):
        raise Refused(HTTPStatus.BAD_REQUEST, f"{name} is missing.", "Reload the page.")
    return value


SignedIn = Annotated[Session, Depends(_session)]
Mine = Annotated[Home, Depends(_home)]
Sent = Annotated[dict[str, Any], Depends(_sent)]

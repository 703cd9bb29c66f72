"""The app: its parts put together, signing in, and notes. Backups are in backups.py.

Run it as ``uvicorn --factory fastapi_notes.app:create_app --port 8000``.
"""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

import passkeep
from common import page
from common.guard import COOKIE
from common.home import Home
from common.problems import Refused, explain
from common.sessions import Sessions
from common.settings import Settings
from fastapi_notes import backups
from fastapi_notes.guard import Guard
from fastapi_notes.requests import Mine, Sent, text


def create_app() -> FastAPI:
    """Return the app, with settings from the environment."""
    settings = Settings.from_environment()
    app = FastAPI(openapi_url=None)
    app.state.settings = settings
    app.state.sessions = sessions = Sessions()
    app.add_middleware(Guard, settings=settings)
    app.add_exception_handler(Refused, _explained)
    app.add_exception_handler(passkeep.PasskeepError, _explained)
    app.include_router(backups.router)

    @app.post("/api/sign-in")
    def sign_in(request: Request, sent: Sent, response: Response) -> None:
        # Everybody is believed: an app of yours has its own way to sign in.
        user = text(sent, "name").strip().lower()
        Home(settings.data, user)
        sessions.end(request.cookies.get(COOKIE))
        response.set_cookie(
            COOKIE,
            sessions.begin(user),
            httponly=True,
            samesite="strict",
            secure=settings.secure,
        )

    @app.post("/api/sign-out")
    def sign_out(request: Request, response: Response) -> None:
        sessions.end(request.cookies.get(COOKIE))
        response.delete_cookie(COOKIE)

    @app.get("/api/everything")
    def everything(home: Mine) -> dict[str, object]:
        return {
            "user": home.user,
            "notes": home.notes.all(),
            "on": home.is_on,
            "backups": home.backups(),
            "largest_backup": settings.largest_backup,
        }

    @app.post("/api/notes")
    def add_note(home: Mine, sent: Sent) -> None:
        home.notes.add(text(sent, "text"))

    @app.delete("/api/notes/{note}")
    def delete_note(home: Mine, note: str) -> None:
        home.notes.delete(note)

    files = page.files()

    @app.get("/")
    @app.get("/{path}")
    def file(path: str = "") -> Response:
        if path not in files:
            return Response(status_code=404)
        content, kind = files[path]
        return Response(content, media_type=kind)

    return app


def _explained(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, (Refused, passkeep.PasskeepError))
    content, status = explain(error)
    return JSONResponse(content, status)

"""The app: its parts put together, signing in, and notes. Backups are in backups.py.

Run it as ``flask --app flask_notes.app run --port 8000``.
"""

from __future__ import annotations

from flask import Flask, Response, jsonify, request

import passkeep
from common import guard, page
from common.guard import COOKIE
from common.home import Home
from common.problems import Refused, explain
from common.sessions import Sessions
from common.settings import Settings
from flask_notes import backups
from flask_notes.requests import SESSIONS, SETTINGS, mine, sent, text


def create_app() -> Flask:
    """Return the app, with settings from the environment."""
    settings = Settings.from_environment()
    app = Flask(__name__, static_folder=None)
    app.extensions[SETTINGS] = settings
    app.extensions[SESSIONS] = sessions = Sessions()
    app.register_error_handler(Refused, explain)
    app.register_error_handler(passkeep.PasskeepError, explain)
    app.register_blueprint(backups.blueprint)

    @app.before_request
    def check() -> None:
        guard.check(
            settings, request.method, request.headers.get("Host"), request.headers.get("Origin")
        )

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update(guard.HEADERS)
        return response

    @app.post("/api/sign-in")
    def sign_in() -> Response:
        # Everybody is believed: an app of yours has its own way to sign in.
        user = text(sent(), "name").strip().lower()
        Home(settings.data, user)
        sessions.end(request.cookies.get(COOKIE))
        response = jsonify({})
        response.set_cookie(
            COOKIE,
            sessions.begin(user),
            httponly=True,
            samesite="Strict",
            secure=settings.secure,
        )
        return response

    @app.post("/api/sign-out")
    def sign_out() -> Response:
        sessions.end(request.cookies.get(COOKIE))
        response = jsonify({})
        response.delete_cookie(COOKIE)
        return response

    @app.get("/api/everything")
    def everything() -> dict[str, object]:
        home = mine()
        return {
            "user": home.user,
            "notes": home.notes.all(),
            "on": home.is_on,
            "backups": home.backups(),
            "largest_backup": settings.largest_backup,
        }

    @app.post("/api/notes")
    def add_note() -> dict[str, object]:
        mine().notes.add(text(sent(), "text"))
        return {}

    @app.delete("/api/notes/<note>")
    def delete_note(note: str) -> dict[str, object]:
        mine().notes.delete(note)
        return {}

    files = page.files()

    @app.get("/")
    @app.get("/<path>")
    def file(path: str = "") -> Response:
        if path not in files:
            return Response(status=404)
        content, kind = files[path]
        return Response(content, content_type=kind)

    return app

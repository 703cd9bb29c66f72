"""Backups: turned on with a passkey, made with public parts only, restored with a tap.

Everything about passkeep is here. A ceremony takes several requests; what it needs in
between stays in the session, and its state serves once.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request, send_file

import passkeep
from common.home import Home
from common.nightly import back_up
from common.problems import Refused
from flask_notes.requests import mine, sent, session, settings, text
from passkeep import web
from passkeep.passkey import Step

blueprint = Blueprint("backups", __name__, url_prefix="/api")

_PIECE = 256 << 10  # bytes of an upload that are in memory at a time
_MOST_BYTES = 64 << 20  # of all restored files together


# Turning backups on: a passkey, a recovery key, and the recovery key typed back. Nothing is
# stored before that.


@dataclass(frozen=True)
class _MakingPasskey:
    keyring: passkeep.Keyring
    state: dict[str, Any]


@dataclass(frozen=True)
class _TypingBack:
    keyring: passkeep.Keyring


@blueprint.post("/turn-on")
def turn_on() -> dict[str, object]:
    home = mine()
    if home.is_on:
        raise Refused(HTTPStatus.CONFLICT, "Backups are turned on already.", "Reload the page.")
    step = web.begin_adding(
        rp_id=settings().rp_id, origin=settings().origin, label=f"Notes of {home.user}"
    )
    session().put(_MakingPasskey(passkeep.Keyring.create(), step.state))
    return {"options": step.options}


@blueprint.post("/turn-on/answer")
def turn_on_answer() -> dict[str, object]:
    making = session().take(_MakingPasskey)
    following = web.complete_adding(making.keyring, making.state, sent().get("answer"))
    if isinstance(following, Step):
        session().put(_MakingPasskey(making.keyring, following.state))
        return {"options": following.options}
    digits = making.keyring.new_recovery_key()
    session().put(_TypingBack(making.keyring))
    return {"digits": digits}


@blueprint.post("/turn-on/confirm")
def turn_on_confirm() -> dict[str, object]:
    home = mine()
    typed = text(sent(), "typed")
    typing = session().take(_TypingBack)
    try:
        typing.keyring.confirm_recovery_key(typed)
    except passkeep.InvalidInputError:
        session().put(typing)  # mistyped: the same key may be tried again
        raise
    typing.keyring.save(home.keyring, state=home.state)
    typing.keyring.public().save(home.export)
    return {}


# Making backups, and bringing them in and out.


@blueprint.post("/backups")
def make_backup() -> dict[str, object]:
    home = mine()
    if not home.is_on:
        raise Refused(HTTPStatus.CONFLICT, "Backups are not turned on.", "Turn them on first.")
    back_up(home)
    return {}


@blueprint.get("/backups/<name>")
def download(name: str) -> Response:
    return send_file(
        mine().backup(name),
        as_attachment=True,
        download_name=f"notes-{name}",
        mimetype="application/octet-stream",
    )


@blueprint.delete("/backups/<name>")
def delete(name: str) -> dict[str, object]:
    mine().backup(name).unlink(missing_ok=True)
    return {}


@blueprint.post("/upload")
def upload() -> dict[str, object]:
    with mine().receiving(settings().largest_backup) as receiver:
        while piece := request.stream.read(_PIECE):
            receiver.take(piece)
    return {}


# Restoring. The backup itself says which passkeys open it, so this works on a new server.


@dataclass(frozen=True)
class _Opening:
    backup: Path
    state: dict[str, Any]


@blueprint.post("/backups/<name>/open")
def open_(name: str) -> dict[str, object]:
    backup = mine().backup(name)
    step = web.begin_opening(backup, rp_id=settings().rp_id, origin=settings().origin)
    session().put(_Opening(backup, step.state))
    return {"options": step.options}


@blueprint.post("/open/answer")
def open_answer() -> dict[str, object]:
    opening = session().take(_Opening)
    identity = web.complete_opening(opening.backup, opening.state, sent().get("answer"))
    return _restore(mine(), opening.backup, identity)


@blueprint.post("/backups/<name>/recovery-key")
def open_with_recovery_key(name: str) -> dict[str, object]:
    identity = passkeep.Unlock(recovery_key=text(sent(), "typed"))
    home = mine()
    return _restore(home, home.backup(name), identity)


def _restore(
    home: Home, backup: Path, identity: passkeep.Unlock | passkeep.RootIdentity
) -> dict[str, object]:
    """Restore beside the notes first: they are replaced only when all was verified."""
    with tempfile.TemporaryDirectory(
        prefix="restoring.", dir=home.folder, ignore_cleanup_errors=True
    ) as folder:
        restored = Path(folder) / "restored"
        passkeep.restore(backup, restored, identity, max_bytes=_MOST_BYTES)
        return {"notes": home.notes.replace(restored / "notes")}

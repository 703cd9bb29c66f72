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

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool

import passkeep
from common.home import Home
from common.nightly import back_up
from common.problems import Refused
from fastapi_notes.requests import Mine, Sent, SignedIn, state_of, text
from passkeep import web
from passkeep.passkey import Step

router = APIRouter(prefix="/api")

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


@router.post("/turn-on")
def turn_on(request: Request, session: SignedIn, home: Mine) -> dict[str, object]:
    if home.is_on:
        raise Refused(HTTPStatus.CONFLICT, "Backups are turned on already.", "Reload the page.")
    settings, _ = state_of(request)
    step = web.begin_adding(
        rp_id=settings.rp_id, origin=settings.origin, label=f"Notes of {home.user}"
    )
    session.put(_MakingPasskey(passkeep.Keyring.create(), step.state))
    return {"options": step.options}


@router.post("/turn-on/answer")
def turn_on_answer(session: SignedIn, sent: Sent) -> dict[str, object]:
    making = session.take(_MakingPasskey)
    following = web.complete_adding(making.keyring, making.state, sent.get("answer"))
    if isinstance(following, Step):
        session.put(_MakingPasskey(making.keyring, following.state))
        return {"options": following.options}
    digits = making.keyring.new_recovery_key()
    session.put(_TypingBack(making.keyring))
    return {"digits": digits}


@router.post("/turn-on/confirm")
def turn_on_confirm(session: SignedIn, home: Mine, sent: Sent) -> None:
    typed = text(sent, "typed")
    typing = session.take(_TypingBack)
    try:
        typing.keyring.confirm_recovery_key(typed)
    except passkeep.InvalidInputError:
        session.put(typing)  # mistyped: the same key may be tried again
        raise
    typing.keyring.save(home.keyring, state=home.state)
    typing.keyring.public().save(home.export)


# Making backups, and bringing them in and out.


@router.post("/backups")
def make_backup(home: Mine) -> None:
    if not home.is_on:
        raise Refused(HTTPStatus.CONFLICT, "Backups are not turned on.", "Turn them on first.")
    back_up(home)


@router.get("/backups/{name}")
def download(home: Mine, name: str) -> FileResponse:
    return FileResponse(
        home.backup(name), filename=f"notes-{name}", media_type="application/octet-stream"
    )


@router.delete("/backups/{name}")
def delete(home: Mine, name: str) -> None:
    home.backup(name).unlink(missing_ok=True)


@router.post("/upload")
async def upload(request: Request, home: Mine) -> None:
    settings, _ = state_of(request)
    with home.receiving(settings.largest_backup) as receiver:
        async for piece in request.stream():
            await run_in_threadpool(receiver.take, piece)


# Restoring. The backup itself says which passkeys open it, so this works on a new server.


@dataclass(frozen=True)
class _Opening:
    backup: Path
    state: dict[str, Any]


@router.post("/backups/{name}/open")
def open_(request: Request, session: SignedIn, home: Mine, name: str) -> dict[str, object]:
    settings, _ = state_of(request)
    backup = home.backup(name)
    step = web.begin_opening(backup, rp_id=settings.rp_id, origin=settings.origin)
    session.put(_Opening(backup, step.state))
    return {"options": step.options}


@router.post("/open/answer")
def open_answer(session: SignedIn, home: Mine, sent: Sent) -> dict[str, object]:
    opening = session.take(_Opening)
    identity = web.complete_opening(opening.backup, opening.state, sent.get("answer"))
    return _restore(home, opening.backup, identity)


@router.post("/backups/{name}/recovery-key")
def open_with_recovery_key(home: Mine, name: str, sent: Sent) -> dict[str, object]:
    identity = passkeep.Unlock(recovery_key=text(sent, "typed"))
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

"""Checks each request before anything reads it, and adds headers to each reply."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import guard
from common.problems import Refused, explain
from common.settings import Settings


class Guard:
    """ASGI middleware. It looks at headers only, so that uploads stream through it.

    Args:
        app: What stands behind it.
        settings: Whose origin requests must have.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(guard.HEADERS)
            await send(message)

        headers = Headers(scope=scope)
        reply = self._app
        try:
            guard.check(self._settings, scope["method"], headers.get("host"), headers.get("origin"))
        except Refused as refusal:
            content, status = explain(refusal)
            reply = JSONResponse(content, status)
        await reply(scope, receive, send_guarded)

"""Secrets that are typed into the page travel sealed, as PRF outputs do."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from fido2.utils import websafe_encode

from passkeep.passkey.sealing import BoxError, BoxKey
from passkeep.settings.problems import FieldError

MAX_SECRET = 4096
"""Bytes of a password or a recovery key."""


class Boxes:
    """Opens each box once.

    Attributes:
        key: What the page seals to.
        challenge: What every box is bound to, as base64url.
    """

    def __init__(self) -> None:
        self.key = BoxKey()
        self._challenge = secrets.token_bytes(32)
        self.challenge = websafe_encode(self._challenge)
        self._opened: set[object] = set()

    def open(self, field: str, box: object) -> str:
        """What was typed.

        Args:
            field: The member of the message that holds the box.
            box: The box, unchecked.

        Raises:
            FieldError: It does not open, was opened before, is empty or holds no text.
        """
        try:
            text = self.key.open(box, self._challenge)
        except BoxError:
            raise FieldError(field, "what was typed was not sealed for this process") from None
        assert isinstance(box, Mapping)
        if box["key"] in self._opened:
            raise FieldError(field, "this was sent before", hint="Type it again.")
        self._opened.add(box["key"])
        if len(text) > MAX_SECRET:
            raise FieldError(field, f"this is longer than {MAX_SECRET} bytes")
        try:
            typed = text.decode()
        except UnicodeDecodeError:
            raise FieldError(field, "this is not text") from None
        if not typed:
            raise FieldError(field, "this is empty")
        return typed

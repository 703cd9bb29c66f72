"""Windows: its own dialogue finds the key and asks for PIN and touch.

Since Windows 10 1903 only administrators may talk to a security key themselves, so
there is no other way for everybody else.
"""

from __future__ import annotations

import platform
from types import TracebackType
from typing import Any, Self

from fido2.client import ClientError, DefaultClientDataCollector

from passkeep.passkey import failures
from passkeep.passkey.dialogue import Dialogue
from passkeep.passkey.failures import Purpose
from passkeep.passkey.key_client import send
from passkeep.passkey.step import Step


def available() -> bool:
    """Say whether this is a Windows with a dialogue for security keys."""
    if platform.system() != "Windows":
        return False
    from fido2.client.windows import WindowsClient  # noqa: PLC0415 - exists there only

    return WindowsClient.is_available()


class WindowsDialogue:
    """Answers steps through the dialogue of Windows.

    Args:
        purpose: What the ceremony is for.
        dialogue: Carries the wish to cancel; Windows has prompts of its own.
    """

    def __init__(self, purpose: Purpose, dialogue: Dialogue) -> None:
        self._purpose = purpose
        self._dialogue = dialogue

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._dialogue.forget()

    def respond(self, step: Step, origin: str) -> dict[str, Any]:
        """Answer a step. Windows does not tell one cause of a failure from another."""
        from fido2.client.windows import WindowsClient  # noqa: PLC0415

        client = WindowsClient(DefaultClientDataCollector(origin))
        try:
            return send(client, step, self._dialogue.event)
        except (ClientError, OSError, ValueError, TypeError, LookupError):
            raise failures.given_up(self._purpose, "NotAllowedError") from None
        finally:
            # The client ends its own waiting by setting the event, which would cancel the
            # dialogue of the next step.
            self._dialogue.renew()

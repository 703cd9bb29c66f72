"""Passkey ceremonies: make a passkey for a slot, and let it open the slot again.

:class:`Browser` runs them on this machine, in the user's own browser, and
:class:`SecurityKey` with a security key that is plugged in. An application with a web
page of its own uses the plain-data functions instead: ``begin_…`` gives JSON options for
the page, ``complete_…`` takes the JSON that the page sends back. :class:`PasskeyIdentity`
encrypts single files to a passkey, without a keyring.

Importing this package is cheap: python-fido2, the HTTP server and the page are loaded
when a name from this module is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from passkeep.passkey.browser import Browser
    from passkeep.passkey.ceremony import (
        begin_enrolment,
        begin_evaluation,
        complete_enrolment,
        complete_evaluation,
    )
    from passkeep.passkey.identity import PasskeyIdentity
    from passkeep.passkey.interaction import UserInteraction
    from passkeep.passkey.security_key import SecurityKey
    from passkeep.passkey.step import Step
    from passkeep.prf import Answer, Enrolment, Question

__all__ = [
    "Answer",
    "Browser",
    "Enrolment",
    "PasskeyIdentity",
    "Question",
    "SecurityKey",
    "Step",
    "UserInteraction",
    "begin_enrolment",
    "begin_evaluation",
    "complete_enrolment",
    "complete_evaluation",
]

_MODULES = {
    "Answer": "passkeep.prf",
    "Enrolment": "passkeep.prf",
    "Question": "passkeep.prf",
    "Browser": "passkeep.passkey.browser",
    "PasskeyIdentity": "passkeep.passkey.identity",
    "SecurityKey": "passkeep.passkey.security_key",
    "Step": "passkeep.passkey.step",
    "UserInteraction": "passkeep.passkey.interaction",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES.get(name, "passkeep.passkey.ceremony")), name)

"""Ceremony pages that stand still: in each state that a person can see.

A :class:`Stage` serves the page of a real ceremony from this process; the tests play the
browser's part, and nothing moves on by itself.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any, Self

from passkeep.passkey import Question, ceremony, loopback
from passkeep.passkey.exchange import Exchange
from passkeep.passkey.failures import Purpose
from passkeep.passkey.server import LoopbackServer
from passkeep.passkey.site import origin_of

HOST = "passkeep.localhost"
NONCE = bytes(range(16))
CODE = "ABC-DEF"


class Stage:
    """The page of one ceremony. A context manager; leaving it ends the server.

    Args:
        purpose: What the ceremony is for.
        questions: What is asked, unless a passkey is made.
        more: Whether other passkeys could be asked afterwards.
        label: Of the passkey that is made.
    """

    def __init__(
        self,
        purpose: Purpose,
        questions: list[Question] | None = None,
        *,
        more: bool = False,
        label: str = "Laptop",
    ) -> None:
        sockets = loopback.bind_both()
        origin = origin_of(sockets, HOST)
        display: dict[str, Any] = {"code": CODE}
        complete: Any
        if questions is None:
            step = ceremony.begin_enrolment(
                rp_id=HOST, origin=origin, label=label, nonce=os.urandom(16)
            )
            complete = ceremony.complete_enrolment
            display["label"] = ceremony.passkey_name(label)
        else:
            step = ceremony.begin_evaluation(rp_id=HOST, origin=origin, questions=questions)
            complete = ceremony.complete_evaluation
            display["more"] = more
        self.exchange: Exchange[Any] = Exchange(purpose, step, complete, display)
        self.server = LoopbackServer(sockets, HOST, self.exchange)

    @property
    def url(self) -> str:
        return self.server.url

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.server.__exit__(kind, error, traceback)

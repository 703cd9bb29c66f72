"""What a person is told when something does not work: what happened, and what to do."""

from __future__ import annotations

from http import HTTPStatus

import passkeep


class Refused(Exception):  # noqa: N818 - not an error of the program
    """A request that is answered with a status and an explanation.

    Args:
        status: The HTTP status.
        message: What happened.
        hint: What to do next.
    """

    def __init__(self, status: HTTPStatus, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.hint = hint


# The first class that fits counts.
_STATUS = {
    passkeep.WrongKeyError: HTTPStatus.FORBIDDEN,
    passkeep.DamagedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    passkeep.LimitError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    passkeep.PartialError: HTTPStatus.UNPROCESSABLE_ENTITY,
    passkeep.CeremonyError: HTTPStatus.BAD_REQUEST,
    passkeep.InvalidInputError: HTTPStatus.BAD_REQUEST,
    passkeep.KeyringError: HTTPStatus.CONFLICT,
}


def explain(error: Refused | passkeep.PasskeepError) -> tuple[dict[str, str], int]:
    """Return the JSON and the HTTP status for an error.

    passkeep's own messages and hints are made for people, and hold no secret.
    """
    status = (
        error.status
        if isinstance(error, Refused)
        else next(
            (status for kind, status in _STATUS.items() if isinstance(error, kind)),
            HTTPStatus.INTERNAL_SERVER_ERROR,
        )
    )
    message = str(error)
    return {"error": message[:1].upper() + message[1:], "hint": error.hint}, int(status)
